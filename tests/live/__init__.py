"""Live baskets: subscriptions, on every transport."""
