"""The domain: rows, the rules that keep them true, the reads, the migrations.

It knows no transport and imports nothing of ours.
"""
