"""Executing operations: graphql-core's executor, which answers plain selections by compiled functions.

What does not depend on the request, such as the operation among its document's fragments and the functions of its
selections, is made once and kept with the document.
"""

from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    default_field_resolver,
    default_type_resolver,
    get_named_type,
    is_object_type,
    visit,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
)
from graphql.execution.values import (
    VariableValues,
    get_argument_values,
    get_variable_values,
)
from graphql.pyutils import AwaitableOrValue, Path

from schema.execution.item_rows import ItemRows
from schema.execution.only_field import OnlyField, Resolver
from schema.execution.selection import (
    Answer,
    FieldDetailsList,
    SelectionWriter,
    Uncompilable,
)

ROW_SOURCES = {"BasketItem": ItemRows}

MAXIMUM_SELECTIONS = 200
"""How many compiled selections are kept with an operation; the stock path executes what is beyond them."""
MAXIMUM_ERRORS = 50
"""How many faults of the variables are listed."""

_NO_VARIABLES = VariableValues({}, {})


AnyExecutor = TypeVar("AnyExecutor", bound=Executor[Any])


class Operation:
    """One operation of a valid document, with all that was found out about it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        node: OperationDefinitionNode,
        *,
        hides_suggestions: bool = False,
    ) -> None:
        self.hides_suggestions = hides_suggestions
        self.schema = schema
        self.node = node
        definitions = [
            each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        ]
        self.fragment_definitions = {each.name.value: each for each in definitions}
        self.fragments = {each.name.value: FragmentDetails(each) for each in definitions}
        self.root_type = _root_type(schema, node)
        self.conditions = _condition_variables(document)
        self._only_field: OnlyField | None = None
        self._root_fields: dict[tuple[object, ...], GroupedFieldSet] = {}
        self._answers: dict[tuple[object, ...], Answer | None] = {}

    async def execute(
        self, variables: dict[str, Any] | None, context: object, *, is_compiled: bool = True
    ) -> ExecutionResult:
        """Executes the operation; when it is not `is_compiled`, by graphql-core's own executor."""
        values = _NO_VARIABLES
        if definitions := self.node.variable_definitions:
            coerced = get_variable_values(
                self.schema,
                definitions,
                variables or {},
                max_errors=MAXIMUM_ERRORS,
                hide_suggestions=self.hides_suggestions,
            )
            if isinstance(coerced, list):
                return ExecutionResult(None, coerced)
            values = coerced
        if not is_compiled:
            return await _answered(self._executor(Executor, values, context))
        if self._only_field is not None:
            return await self._only_field.execute(values, context)
        return await self._executor(CompiledExecutor, values, context).answer(self)

    def _executor(
        self, kind: type[AnyExecutor], values: VariableValues, context: object
    ) -> AnyExecutor:
        return kind(
            self.schema,
            self.fragment_definitions,
            self.fragments,
            None,
            context,
            self.node,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
        )

    async def _continued(
        self, values: VariableValues, context: object, resolve: Resolver
    ) -> ExecutionResult:
        return await self._executor(CompiledExecutor, values, context).answer(self, resolve)

    def note_only_field(
        self, key: str, field: GraphQLField, details: Any, info: GraphQLResolveInfo[Any]
    ) -> None:
        """Keeps the only field of the operation, if it is the same for all variables and its answer is compiled."""
        answers = [
            answer for (kind, *_), answer in self._answers.items() if kind == id(field.type)
        ]
        if not self.conditions and len(answers) == 1 and answers[0] is not None:
            known = info._replace(context=None, variable_values=_NO_VARIABLES)
            self._only_field = OnlyField(
                key, field, details, known, answers[0], self._continued
            )

    def root_fields(self, executor: "CompiledExecutor") -> GroupedFieldSet:
        """Returns the fields of the operation itself."""
        key = executor.condition_values
        if key not in self._root_fields:
            if len(self._root_fields) >= MAXIMUM_SELECTIONS:
                self._root_fields.clear()
            collected = collect_fields(
                self.schema,
                self.fragments,
                executor.variable_values,
                self.root_type,
                self.node,
            )
            self._root_fields[key] = collected.grouped_field_set
        return self._root_fields[key]

    def selection(
        self, executor: "CompiledExecutor", return_type: GraphQLOutputType, details: Any
    ) -> Answer | None:
        """Returns the function that answers a field, made on first use; None when the stock path is to answer it."""
        key = (
            id(return_type),
            *[id(each.node) for each in details],
            *executor.condition_values,
        )
        try:
            return self._answers[key]
        except KeyError:
            if len(self._answers) >= MAXIMUM_SELECTIONS:
                # To forget some would be to compile them again and again where a document has more of them.
                return None
            answer = self._answers[key] = _compiled(executor, return_type, details)
            return answer


def _root_type(schema: GraphQLSchema, node: OperationDefinitionNode) -> GraphQLObjectType:
    root_type = schema.get_root_type(node.operation)
    if root_type is None:
        raise ValueError(f"A valid document has no {node.operation.value} here.")
    return root_type


def _compiled(
    executor: "CompiledExecutor", return_type: GraphQLOutputType, details: FieldDetailsList
) -> Answer | None:
    if not is_object_type(get_named_type(return_type)):
        return None
    try:
        return SelectionWriter(executor, ROW_SOURCES).compiled(return_type, details)
    except (Uncompilable, GraphQLError, RecursionError):
        # A null for @skip, or too deep a nesting, is an error only where the stock path comes to it.
        return None


class CompiledExecutor(Executor[Any]):
    """An executor that answers a field by its compiled selection, and by the stock path when there is none."""

    compiled_operation: Operation
    condition_values: tuple[object, ...]

    async def answer(
        self, operation: Operation, resolve: Resolver | None = None
    ) -> ExecutionResult:
        """Executes the operation: the only field of most at once, several fields as the stock path orders them.

        A resolver that is given takes the place of the only field's own.
        """
        self.compiled_operation = operation
        coerced = self.variable_values.coerced
        # Of what is not true or false, null is an error everywhere, and anything else another operation's condition.
        values = [coerced.get(name) for name in operation.conditions]
        self.condition_values = tuple(
            [value if value.__class__ is bool else None for value in values]
        )
        try:
            fields = operation.root_fields(self)
        except (GraphQLError, RecursionError):
            return await _answered(self)
        if len(fields) == 1:
            ((key, details),) = fields.items()
            field = self.schema.get_field(operation.root_type, details[0].node.name.value)
            if field is not None and field.resolve is not None:
                return await self._answer_only(key, field, details, resolve)
        return await _answered(self)

    async def _answer_only(
        self,
        key: str,
        field: GraphQLField,
        details: FieldDetailsList,
        resolve: Resolver | None,
    ) -> ExecutionResult:
        root_type = self.compiled_operation.root_type
        path = Path(None, key, root_type.name)
        info = self.build_resolve_info(
            field, [each.node for each in details], root_type, path
        )
        data: dict[str, Any] | None = {key: None}
        try:
            value = resolve(info) if resolve else self._resolved(field, details, info)
            if self.is_awaitable(value):
                value = await value
            answer = self.complete_value(field.type, details, info, path, value, None)
            data = {key: await answer if self.is_awaitable(answer) else answer}
            if resolve is None:
                self.compiled_operation.note_only_field(key, field, details, info)
        except Exception as raw_error:
            try:
                self.handle_field_error(raw_error, field.type, details, path)
            except GraphQLError as error:
                self.collected_errors.add(error, None)
                data = None
        return cast(ExecutionResult, self.build_response(data))

    def _resolved(
        self, field: GraphQLField, details: FieldDetailsList, info: GraphQLResolveInfo[Any]
    ) -> Any:
        arguments = (
            get_argument_values(field, details[0].node, self.variable_values)
            if field.args
            else {}
        )
        return field.resolve(None, info, **arguments)  # type: ignore[misc]

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
        answer = self.compiled_operation.selection(self, return_type, field_details_list)
        if answer is not None:
            try:
                return answer(result)
            except Exception:
                # Whatever was unusual is found again by the stock path, which says it as the specification wants it.
                return super().complete_value(
                    return_type, field_details_list, info, path, result, position_context
                )
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )


async def _answered(executor: Executor[Any]) -> ExecutionResult:
    result = executor.execute_operation()
    return cast(ExecutionResult, await result if isinstance(result, Awaitable) else result)


class _ConditionVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        for argument in node.arguments or ():
            if node.name.value in ("skip", "include") and isinstance(
                argument.value, VariableNode
            ):
                self.names.add(argument.value.name.value)


def _condition_variables(document: DocumentNode) -> tuple[str, ...]:
    visitor = _ConditionVariables()
    visit(document, visitor)
    return tuple(sorted(visitor.names))
