"""Products as Commerce last described them."""
