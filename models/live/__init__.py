"""Live baskets: the topics that are watched, and the checks that find changes."""
