"""The limits of the integer columns of both databases."""

LARGEST_INT = 2**31 - 1
"""The highest value of a column of the type `int`, and of a GraphQL Int."""
LARGEST_BIGINT = 2**63 - 1
"""The highest value of a column of the type `bigint`."""
