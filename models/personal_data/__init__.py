"""A person's data: shown to them as a whole, and erased when they ask for it."""
