"""The one seam to the Commerce API: the client, the products it reads, and a demo server.

Nothing here imports anything else of ours but the rule for texts; address, token and limits are
arguments of the client.
"""
