"""Labels of operations for metrics, logs and traces.

Clients choose the names of their operations; labels consist of the schema's words.
"""

from collections.abc import Collection

from graphql import FieldNode, GraphQLError, OperationDefinitionNode

from web.graphql.errors import is_expected


def label_operation(operation: OperationDefinitionNode) -> str:
    """Returns the kind of an operation and its root field, or `several`; only for a valid one."""
    selections = operation.selection_set.selections
    fields = [node for node in selections if isinstance(node, FieldNode)]
    is_one = len(fields) == len(selections) == 1
    return f"{operation.operation.value} {fields[0].name.value if is_one else 'several'}"


def label_outcome(
    errors: Collection[GraphQLError] | None, rejections: Collection[str]
) -> str:
    """Returns `ok`, `rejected` (user errors), `error` (expected errors) or `failed` (bugs)."""
    if errors:
        return "error" if all(is_expected(error) for error in errors) else "failed"
    return "rejected" if rejections else "ok"
