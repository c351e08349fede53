"""Redis: one reading of its address, one way to connect, one check of what the server may do there.

The broker, the rate limits and the health check all connect through `connection`, so that an address works for all of
them or is rejected at start. Nothing of the domain stands here.
"""
