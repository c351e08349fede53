"""The one seam to the Commerce API: the client, what it reads, and a demo server that stands in for the real one.

Nothing here imports anything else of ours; the client is told its address, token and limits by whoever makes it.
"""
