"""The history of baskets: a row per version, with who made it, how, and the lines it changed."""
