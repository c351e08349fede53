"""The benchmark: this server beside the stock one and one written by hand, in one run.

    scripts/bench                               all workloads, three alternating rounds
    scripts/bench run --only R20,W1 --rounds 5 --seconds 10
    scripts/bench run --beside ../before        the server of another checkout in the same rounds
    scripts/bench peers                         Mercurius and PostGraphile beside ours, where Node is
    scripts/bench load --users 200 --items 20   loads the data alone; the tokens are bench-1, bench-2, ...
    scripts/bench grow --baskets 1000000        R20 with so many baskets against R20 with 1,000
    scripts/bench memory --requests 100000      growth of the server's memory after warm-up

It needs `wrk`, and PostgreSQL at BENCH_DATABASE_URL; a database that does not exist is made, and **emptied** before
data is loaded.

- *ours* is `python server.py serve` with the settings of production: one process.
- *stock* is the same schema and tables as the documentation of Strawberry and Tortoise shows them (`bench.stock`).
- *by hand* has no GraphQL: Starlette, asyncpg, orjson, as fast as we could make it (`bench.by_hand`).

Each server is pinned to core 0, one is measured at a time, and the others wait meanwhile. `wrk`, and the PostgreSQL
processes that serve the measured one, are pinned to core 1; the background processes of PostgreSQL are where the system
puts them. Before anything is timed the answers of the three are compared: the `data` of each, written again by one
encoder that keeps the order of the keys, must be the same bytes (`bench.equality`).
"""
