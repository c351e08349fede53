"""Plans: for each root field of an operation, what calls its resolver and what answers its value.

A plan is made once per operation and combination of its conditions. Its queries run
together, its mutations one after the other. It raises as soon as anything is unusual, and
leaves what resolvers have returned in the outcomes, from which graphql-core goes on.
"""

from asyncio import TaskGroup
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationType,
    default_field_resolver,
)
from graphql.execution import VariableValues
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path, is_awaitable

from schema.execution.inputs import NO_VARIABLES, ArgumentReader, argument_reader
from schema.execution.item_rows import ItemRowsWriter
from schema.execution.selection import FieldDetailsList, QueryField, ToJson, Uncompilable


class Outcomes(dict[Path, Any]):
    """By response path: the value of a resolver, or the error that it raised."""

    def resolve(
        self,
        following: Callable[..., Any],
        source: Any,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,
    ) -> Any:
        """Returns the outcomes to graphql-core, as a middleware, and calls other resolvers."""
        if info.path in self:
            # An error that is returned is for graphql-core one that was raised.
            return self[info.path]
        return following(source, info, **arguments)


class Execution(NamedTuple):
    """The difference between two executions of a plan."""

    values: VariableValues
    context: object
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A root field.

    `info` is that of graphql-core, before the variables and after the context. `read` makes the
    arguments of the variables, `queries` are the plans below a payload's fields of type Query,
    by key, and `selected` are the fields below it, as `Type.field`.
    """

    name: str
    path: Path
    resolver: Callable[..., Any]
    info: tuple[tuple[Any, ...], tuple[Any, ...]]
    read: ArgumentReader
    to_json: ToJson
    queries: Sequence[tuple[str, "Plan"]]
    selected: frozenset[str]

    async def resolve(self, source: Any, execution: Execution) -> None:
        """Notes what the resolver returns, or the error that it raises."""
        try:
            before, after = self.info
            # A copy of an info with these replaced takes three times as long.
            parts = (*before, execution.values, execution.context, *after)
            info: GraphQLResolveInfo[Any] = GraphQLResolveInfo._make(parts)
            value = self.resolver(source, info, **self.read(execution.values))
            execution.outcomes[self.path] = await value if is_awaitable(value) else value
        except Exception as error:
            execution.outcomes[self.path] = error

    async def complete(self, execution: Execution) -> Any:
        """Answers the value of the resolver; raises when it is not as the type expects."""
        data = self.to_json(execution.outcomes[self.path], execution.values)
        for key, plan in self.queries:
            data[key] = await plan.execute(data[key], execution)
        return data


@dataclass(frozen=True, slots=True)
class Plan:
    """The root fields of an operation, or those below a payload's `query`."""

    fields: Sequence[PlannedField]
    is_serial: bool

    async def execute(self, source: Any, execution: Execution) -> dict[str, Any]:
        """Returns the data; raises when graphql-core is to go on from the outcomes."""
        # A single query needs no task of its own.
        is_together = not self.is_serial and len(self.fields) > 1
        if is_together:
            async with TaskGroup() as group:
                for field in self.fields:
                    group.create_task(field.resolve(source, execution))
        data = {}
        for field in self.fields:
            if not is_together:
                await field.resolve(source, execution)
            data[str(field.path.key)] = await field.complete(execution)
        return data


class Planner(ItemRowsWriter):
    """Makes the plan of an operation for the conditions of one executor of graphql-core."""

    def plan(self) -> Plan:
        """Returns the plan; raises Uncompilable when graphql-core is to execute all of it."""
        operation = self.executor.operation
        # An operation selects its fields as a field does.
        root = [FieldDetails(cast(FieldNode, operation), None)]
        root_type = self.executor.schema.get_root_type(operation.operation)
        is_serial = operation.operation is OperationType.MUTATION
        plan = self._plan(root_type, root, None, is_serial=is_serial)
        # The infos of fields keep the executor, and so would be kept what one request has sent.
        self.executor.variable_values = NO_VARIABLES
        return plan

    def _plan(
        self,
        root_type: Any,
        details: FieldDetailsList,
        path: Path | None,
        *,
        is_serial: bool = False,
    ) -> Plan:
        fields = [
            self._plan_field(root_type, below, Path(path, key, root_type.name))
            for key, below in self.collect(root_type, details).items()
        ]
        return Plan(fields, is_serial)

    def _plan_field(
        self, root_type: GraphQLObjectType, details: FieldDetailsList, path: Path
    ) -> PlannedField:
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        field: Any = self.executor.schema.get_field(root_type, name)
        info = self.executor.build_resolve_info(field, nodes, root_type, path)
        varies = info._fields.index("variable_values")
        to_json = self.compile(field.type, details)
        queries, selected = self.queries, frozenset(self.selected)
        return PlannedField(
            name,
            path,
            field.resolve or default_field_resolver,
            (info[:varies], info[varies + 2 :]),
            argument_reader(field, nodes[0]),
            to_json,
            [self._plan_query(query, field, path) for query in queries],
            selected,
        )

    def _plan_query(
        self, query: QueryField, field: GraphQLField, path: Path
    ) -> tuple[str, Plan]:
        """Plans what is read after a change, of which only a payload itself has a field."""
        key, payload, details = query
        if not isinstance(field.type, GraphQLNonNull) or field.type.of_type is not payload:
            raise Uncompilable(key)
        query_type = self.executor.schema.query_type
        return key, self._plan(query_type, details, Path(path, key, payload.name))
