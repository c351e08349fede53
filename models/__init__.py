"""The domain: rows, the rules that keep them true, the reads, the migrations.

It knows no transport and imports nothing of ours.

A statement is written with Tortoise, unless it is hot or Tortoise cannot say it; such statements
stand in a `.sql` file beside their module, where editors know them and psql runs them.
- Hot, because most requests wait for them: the reads of baskets, the fast path of adding, the
  look-up of a token, the look-up and the storing of products.
- Beyond Tortoise: a row that one statement makes or changes, and returns (locking an active basket,
  claiming a key or a job); many rows, or a list of ids, as one parameter; comparisons of a basket's
  items with each other; the catalogue of PostgreSQL.
Tortoise adds some 0.2 ms to a statement on an idle server: saving, loading, exports and quotations
do not notice it.
"""
