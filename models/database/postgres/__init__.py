"""PostgreSQL: its address, its connections and the pool of them."""
