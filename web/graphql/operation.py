"""What an operation is called, and how it ended, in words that metrics, logs and traces can bear.

Clients choose the names of their operations; the schema chooses these.
"""

from collections.abc import Collection

from graphql import FieldNode, GraphQLError, OperationDefinitionNode

from web.http.errors import is_expected


def label_of(operation: OperationDefinitionNode) -> str:
    """Returns the kind of an operation and its root field, or `several`; for a valid document only."""
    fields = [
        node for node in operation.selection_set.selections if isinstance(node, FieldNode)
    ]
    is_one = len(fields) == len(operation.selection_set.selections) == 1
    return f"{operation.operation.value} {fields[0].name.value if is_one else 'several'}"


def outcome_of(errors: Collection[GraphQLError] | None, rejections: Collection[str]) -> str:
    """Returns `ok`, `rejected` (user errors), `error` (expected GraphQL errors) or `failed` (a fault of ours)."""
    if errors:
        return "error" if all(is_expected(error) for error in errors) else "failed"
    return "rejected" if rejections else "ok"
