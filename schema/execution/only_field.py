"""The only field of an operation, answered without an executor.

Most operations are one root field whose whole selection is compiled. For those an executor would be made to be asked
nothing: what it knows is the same for every request, except for context and variables. As soon as anything is unusual,
an executor is made after all, and goes on from the value, or the error, that the resolver has come to.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import ExecutionResult, GraphQLField, GraphQLResolveInfo
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import is_awaitable
from strawberry.schema import schema_converter
from strawberry.types.field import StrawberryField

from schema.execution.input_reader import arguments_reader
from schema.execution.selection import Answer, FieldDetailsList

Resolver = Callable[[GraphQLResolveInfo[Any]], Any]
Continue = Callable[[VariableValues, object, Resolver], Awaitable[ExecutionResult]]
"""Goes on by an executor, with a resolver that has its outcome already."""


class BareInfo:
    """What our own resolvers ask of an info: the context, and the nodes of the field."""

    __slots__ = ("_raw_info", "context")

    def __init__(self, raw_info: GraphQLResolveInfo[Any], context: object) -> None:
        self._raw_info = raw_info
        self.context = context


class OnlyField:
    """A root field with its compiled answer; `info` is one that knows everything but context and variables."""

    def __init__(
        self,
        key: str,
        field: GraphQLField,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        answer: Answer,
        continued: Continue,
    ) -> None:
        self._key = key
        self._field = field
        self._node = details[0].node
        self._info = info
        self._answer = answer
        self._continued = continued
        self._bare = _bare_resolver(field)
        self._defaults = (
            None
            if self._node.arguments
            else get_argument_values(field, self._node, info.variable_values)
        )

    async def execute(self, values: VariableValues, context: object) -> ExecutionResult:
        """Resolves and answers the field."""
        try:
            value = self._resolved(values, context)
            if is_awaitable(value):
                value = await value
        except Exception as error:
            return await self._continued(values, context, _raising(error))
        try:
            return ExecutionResult({self._key: self._answer(value)}, None)
        except Exception:
            return await self._continued(values, context, lambda info: value)

    def _resolved(self, values: VariableValues, context: object) -> Any:
        arguments = self._defaults
        if arguments is None:
            arguments = get_argument_values(self._field, self._node, values)
        if self._bare is not None:
            return self._bare(BareInfo(self._info, context), arguments)
        info = self._info._replace(context=context, variable_values=values)
        return self._field.resolve(None, info, **arguments)  # type: ignore[misc]


def _raising(error: Exception) -> Resolver:
    def resolve(info: GraphQLResolveInfo[Any]) -> Any:
        raise error

    return resolve


def _bare_resolver(field: GraphQLField) -> Callable[[BareInfo, dict[str, Any]], Any] | None:
    """Returns our own function behind a field; None when Strawberry adds to it, or another resolver stands there."""
    definition = field.extensions.get("strawberry-definition")
    is_strawberrys = getattr(field.resolve, "__module__", "") == schema_converter.__name__
    resolver = (
        definition.base_resolver
        if isinstance(definition, StrawberryField) and is_strawberrys
        else None
    )
    if (
        resolver is None
        or definition is None
        or definition.extensions
        or definition.permission_classes
    ):
        return None
    if (
        resolver.parent_parameter
        or not resolver.info_parameter
        or not callable(resolver.wrapped_func)
    ):
        return None
    name, function, read = (
        resolver.info_parameter.name,
        resolver.wrapped_func,
        arguments_reader(field, definition),
    )
    # A method of a root type has a source of None for its self.
    source = (None,) if resolver.self_parameter else ()
    return lambda info, arguments: function(*source, **{name: info}, **read(arguments))
