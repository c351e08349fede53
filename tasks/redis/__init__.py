"""Redis: one reading of its address, one maker of its clients, one check of the rights there.

The broker, the rate limits and the health checks all connect through `connection`, so an address
works for all of them or is rejected at start. This room knows nothing of the domain.
"""
