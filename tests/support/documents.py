"""Documents for the executors alone: valid by the schema, whatever the limits of the view say."""

from web.graphql.limits import DocumentLimits

_MANY = 10**9
UNLIMITED = DocumentLimits(
    length=_MANY,
    tokens=_MANY,
    depth=_MANY,
    aliases=_MANY,
    directives=_MANY,
    repeated_fields=_MANY,
    cost=_MANY**3,
    introspection=True,
)
"""Limits that nothing meets."""
