"""Live baskets across processes."""
