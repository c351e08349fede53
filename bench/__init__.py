"""The benchmark: this server beside others, measured in the same rounds.

    scripts/bench                               all workloads, three alternating rounds
    scripts/bench run --only R20,W1 --rounds 5 --seconds 10
    scripts/bench run --beside ../before        the server of another checkout in the same rounds
    scripts/bench peers                         Mercurius and PostGraphile beside ours (needs npm)
    scripts/bench load --users 200 --items 20   loads the data; the tokens are bench-1, bench-2, ...
    scripts/bench grow --baskets 1000000        R20 with so many baskets against R20 with 1,000
    scripts/bench memory --requests 100000      growth of the server's memory after warm-up
    scripts/bench run --only R20,W1 --half      latencies at half of each server's rate, too
    scripts/bench storage --additions 20000     bytes of history and key per addition
    scripts/bench day                           bytes of a day's use, by the ways of asking
    scripts/bench bulk --rounds 5               changes of many lines beside bare inserts

It needs `wrk`, and PostgreSQL at BENCH_DATABASE_URL; a missing database is created, and the
tables are **emptied** before data is loaded.

- *ours* is `python server.py serve` with the settings of production: one process.
- *stock* is the same schema and tables as the documentation of Strawberry and Tortoise shows them.
- *by hand* has no GraphQL: Starlette, asyncpg and orjson, as fast as we could make it. It keeps the
  totals of a basket in its columns, as ours does, but neither a history nor idempotency keys.
- *beside* is ours of another checkout, on a database of its own with the same rows.

Each server is pinned to core 0; one is measured at a time while the others are idle. `wrk` and
the backends of PostgreSQL are pinned to core 1; PostgreSQL's background processes are not pinned.
Before anything is timed, the answers of all servers are compared: the `data` of each, encoded
again by one encoder that keeps the order of the keys, must be the same bytes (`bench.equality`).
"""
