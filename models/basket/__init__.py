"""The basket: its tables, the ways to read it and the ways to change it."""
