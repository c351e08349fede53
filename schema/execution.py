"""Executing operations: graphql-core's executor, which answers plain selections by compiled functions."""

from collections.abc import Awaitable, Mapping
from typing import Any, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    VariableNode,
    Visitor,
    get_named_type,
    is_object_type,
    visit,
)
from graphql.execution import Executor
from graphql.pyutils import AwaitableOrValue, Path

from schema.item_rows import ItemRows
from schema.selection import Answer, FieldDetailsList, SelectionWriter, Uncompilable

ROW_SOURCES = {"BasketItem": ItemRows}

MAXIMUM_SELECTIONS = 200
"""How many compiled selections are kept with a document; only combinations of @skip and @include make so many."""


class Selections:
    """The compiled selections of one document, kept for as long as the document itself."""

    def __init__(self, document: DocumentNode) -> None:
        self.conditions = _condition_variables(document)
        self._answers: dict[tuple[object, ...], Answer | None] = {}

    def answer(self, executor: "CompiledExecutor", return_type: GraphQLOutputType, details: Any) -> Answer | None:
        """Returns the function that answers a field, made on first use; None when it cannot be compiled."""
        key = (id(return_type), *[id(each.node) for each in details], *executor.condition_values)
        try:
            return self._answers[key]
        except KeyError:
            if len(self._answers) >= MAXIMUM_SELECTIONS:
                self._answers.clear()
            answer = self._answers[key] = _compiled(executor, return_type, details)
            return answer


def _compiled(executor: "CompiledExecutor", return_type: GraphQLOutputType, details: FieldDetailsList) -> Answer | None:
    if not is_object_type(get_named_type(return_type)):
        return None
    try:
        return SelectionWriter(executor, ROW_SOURCES).compiled(return_type, details)
    except Uncompilable:
        return None


class CompiledExecutor(Executor[Any]):
    """An executor that answers a field by its compiled selection, and by the stock path when there is none."""

    selections: Selections
    condition_values: tuple[object, ...]

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Completes a value, at once where its selection could be compiled and it is as its type expects."""
        answer = self.selections.answer(self, return_type, field_details_list)
        if answer is not None:
            try:
                return answer(result)
            except Exception:
                # Whatever was unusual is found again by the stock path, which says it as the specification wants it.
                return super().complete_value(return_type, field_details_list, info, path, result, position_context)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)


class _ConditionVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        for argument in node.arguments or ():
            if node.name.value in ("skip", "include") and isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


def _condition_variables(document: DocumentNode) -> tuple[str, ...]:
    visitor = _ConditionVariables()
    visit(document, visitor)
    return tuple(sorted(visitor.names))


async def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    selections: Selections | None,
    *,
    variables: dict[str, Any] | None,
    operation_name: str | None,
    context: object,
) -> ExecutionResult:
    """Executes one operation of a valid document; without `selections`, by the stock path alone."""
    kind: type[Executor[Any]] = Executor if selections is None else CompiledExecutor
    executor = kind.build(schema, document, None, context, variables, operation_name)
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    if isinstance(executor, CompiledExecutor) and selections is not None:
        executor.selections = selections
        values: Mapping[str, Any] = executor.variable_values.coerced
        executor.condition_values = tuple(values.get(name) for name in selections.conditions)
    result = executor.execute_operation()
    return cast(ExecutionResult, await result if isinstance(result, Awaitable) else result)
