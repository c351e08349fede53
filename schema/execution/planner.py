"""Making the plan of an operation: its root fields, their resolvers and their answers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    CollectedFields,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path

from schema.execution.arguments import argument_reader
from schema.execution.item_rows import ItemRows
from schema.execution.plan import Plan, PlannedField, Request
from schema.execution.selection import (
    FieldDetailsList,
    QueryField,
    SelectionWriter,
    Uncompilable,
)
from schema.execution.strawberry_internals import find_definition, make_info

ROW_SOURCES = {"BasketItem": ItemRows}


class Planner:
    """Makes the plan of an operation for one combination of its conditions."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        node: OperationDefinitionNode,
        values: VariableValues,
    ) -> None:
        definitions = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        fragments = {name: FragmentDetails(node) for name, node in definitions.items()}
        self._schema = schema
        self._node = node
        self._collect_root = partial(collect_fields, schema, fragments, values)
        collect = partial(collect_subfields, schema, fragments, values, node)
        self._writer = SelectionWriter(schema, collect, ROW_SOURCES)
        # It only builds the infos of fields; each request puts its own variables and context in.
        self._executor: Executor[Any] = Executor(
            schema,
            definitions,
            fragments,
            None,
            None,
            node,
            VariableValues({}, {}),
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
        )

    @property
    def field_count(self) -> int:
        """The number of fields that have been planned."""
        return self._writer.field_count

    def plan(self) -> Plan:
        """Returns the plan; raises Uncompilable when graphql-core is to execute all of it."""
        root_type = self._schema.get_root_type(self._node.operation)
        if root_type is None:
            raise Uncompilable(str(self._node.operation))
        fields = self._collect_root(root_type, self._node)
        is_serial = self._node.operation is OperationType.MUTATION
        return Plan(self._plan_fields(root_type, fields, None), is_serial)

    def _plan_fields(
        self, root_type: GraphQLObjectType, fields: CollectedFields, path: Path | None
    ) -> list[PlannedField]:
        return [
            self._plan_field(root_type, details, Path(path, key, root_type.name))
            for key, details in self._writer.count(fields).items()
        ]

    def _plan_field(
        self, root_type: GraphQLObjectType, details: FieldDetailsList, path: Path
    ) -> PlannedField:
        name = details[0].node.name.value
        field = self._schema.get_field(root_type, name)
        if field is None:
            raise Uncompilable(str(path.key))
        nodes = [each.node for each in details]
        info = self._executor.build_resolve_info(field, nodes, root_type, path)
        self._writer.coordinates.clear()
        answer, queries = self._writer.compile(field.type, details)
        selected = frozenset(self._writer.coordinates)
        plans = [self._plan_query(query, field, path) for query in queries]
        read = argument_reader(field, nodes[0])
        call = _make_call(field, info, read)
        return PlannedField(
            name,
            str(path.key),
            tuple(path.as_list()),
            read,
            call,
            answer,
            plans,
            selected,
        )

    def _plan_query(
        self, query: QueryField, field: GraphQLField, path: Path
    ) -> tuple[str, Plan]:
        """Plans what is read after a change, of which only a payload itself has a field."""
        key, payload, query_type, details = query
        if not isinstance(field.type, GraphQLNonNull) or field.type.of_type is not payload:
            raise Uncompilable(key)
        fields = self._writer.collect(query_type, details)
        below = Path(path, key, payload.name)
        return key, Plan(self._plan_fields(query_type, fields, below), is_serial=False)


def _make_call(
    field: GraphQLField,
    info: GraphQLResolveInfo[Any],
    read: Callable[[VariableValues], dict[str, Any]],
) -> Callable[[Any, Request], Any]:
    """Returns the function that calls the resolver of a field as graphql-core does."""
    definition = find_definition(field)
    resolver = definition.base_resolver if definition else None
    # `_replace` takes three times as long as this.
    varies = GraphQLResolveInfo._fields.index("variable_values")
    head, tail = info[:varies], info[varies + 2 :]

    def fill(request: Request) -> GraphQLResolveInfo[Any]:
        return GraphQLResolveInfo._make((*head, request.values, request.context, *tail))

    # Strawberry's own wrapper does for these fields what the direct call below leaves out.
    if resolver is None or definition.extensions or resolver.parent_parameter:
        resolve = field.resolve or default_field_resolver
        return lambda source, request: resolve(
            source, fill(request), **read(request.values)
        )
    name = resolver.info_parameter and resolver.info_parameter.name
    has_self = bool(resolver.self_parameter)

    def call(source: Any, request: Request) -> Any:
        arguments = read(request.values)
        if name:
            arguments[name] = make_info(fill(request), definition)
        return resolver(source, **arguments) if has_self else resolver(**arguments)

    return call
