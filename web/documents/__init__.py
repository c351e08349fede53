"""Documents that requests name instead of sending: persisted queries, and trusted documents."""
