"""Measuring a document: one walk over its selections, after parsing and before validation.

The walk visits every selection set once, however often its fragment is spread, so its time is
linear in the document. It stops at the first limit that is passed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from web.graphql.cost import Cost
from web.graphql.limits import DocumentLimits, Measures, cost_error, limit_error
from web.graphql.position import Position, RepeatedTooOften
from web.graphql.size import (
    EMPTY,
    META_FIELDS,
    NOTHING,
    OTHER_LIST,
    Size,
    find_field,
    parse_int,
    weigh_field,
    wrap_size,
)

FRAGMENTS_PER_FIELD = 3
"""Nested selection sets, fragments included, per allowed field of depth."""


def measure_document(
    schema: GraphQLSchema, document: DocumentNode, limits: DocumentLimits
) -> Measures:
    """Returns the costs of a document, or the errors that make its validation needless."""
    walk = _Walk(schema, document, limits)
    try:
        costs = walk.costs()
    except RepeatedTooOften as repeated:
        message = (
            f"The document asks for {str(repeated)[:100]!r} more than "
            f"{limits.repeated_fields} times in one place."
        )
        error = limit_error(message)
        return Measures(limits.cost, [error], {})
    except GraphQLError as error:
        return Measures(limits.cost, [error], {})
    # A cost that depends on variables is checked per request, by `Measures.rejection`.
    highest = max(
        (cost.amount({}) for cost, _ in costs.values() if cost.is_fixed), default=0
    )
    errors = [cost_error(highest, limits.cost)] if highest > limits.cost else []
    return Measures(
        limits.cost, errors, costs, all(cost.is_fixed for cost, _ in costs.values())
    )


class _Walk:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, limits: DocumentLimits
    ) -> None:
        self.schema = schema
        self.limits = limits
        self.fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self.operations = [
            node
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        ]
        # Each fragment is walked once and its size used at every spread.
        self.fragment_sizes: dict[str, Size] = {}
        self.fragment_positions = {
            name: Position(limits.repeated_fields) for name in self.fragments
        }
        self.aliases = 0
        self.directives = 0

    def costs(self) -> dict[str | None, tuple[Cost, Mapping[str, Any]]]:
        """Walks over all operations and fragments; raises GraphQLError or RepeatedTooOften."""
        costs: dict[str | None, tuple[Cost, Mapping[str, Any]]] = {}
        for operation in self.operations:
            self._count_directives(operation.directives)
            for variable in operation.variable_definitions or ():
                self._count_directives(variable.directives)
            root = self.schema.get_root_type(operation.operation)
            size = self._selections(
                operation.selection_set, root, Position(self.limits.repeated_fields), 0
            )
            self._check_depth(size.depth)
            name = operation.name.value if operation.name else None
            # Lists outside of every page are counted as lists of unknown size.
            costs[name] = (
                size.cost.plus(size.paged.times(OTHER_LIST)),
                _defaults(operation),
            )
        # Fragments that no operation spreads count too: the validation visits them as well.
        for name in self.fragments:
            self._check_depth(self._fragment(name, 0).depth)
        return costs

    def _check_depth(self, depth: int) -> None:
        if depth > self.limits.depth:
            raise _too_deep(self.limits.depth)

    def _count_directives(self, directives: Sequence[Any] | None) -> None:
        self.directives += len(directives or ())
        if self.directives > self.limits.directives:
            raise limit_error(
                f"The document has more than {self.limits.directives} directives."
            )

    def _selections(
        self,
        selections: SelectionSetNode,
        parent: GraphQLNamedType | None,
        position: Position,
        level: int,
    ) -> Size:
        # Checked on the way down, before Python's own recursion limit is met.
        if level > self.limits.depth * FRAGMENTS_PER_FIELD:
            raise _too_deep(self.limits.depth)
        depth, cost, paged = 0, NOTHING, NOTHING
        for node in selections.selections:
            self._count_directives(node.directives)
            if isinstance(node, FieldNode):
                size = self._field(node, parent, position, level)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else parent
                size = self._selections(node.selection_set, inner, position, level + 1)
            elif isinstance(node, FragmentSpreadNode):
                size = self._spread(node.name.value, position, level)
            else:
                continue
            depth = max(depth, size.depth)
            if size.cost.products:
                cost = cost.plus(size.cost)
            if size.paged.products:
                paged = paged.plus(size.paged)
        return Size(depth, cost, paged)

    def _spread(self, name: str, position: Position, level: int) -> Size:
        if name not in self.fragments:
            return EMPTY
        position.merge(self.fragment_positions[name])
        return self._fragment(name, level)

    def _fragment(self, name: str, level: int) -> Size:
        if name not in self.fragment_sizes:
            # A fragment that spreads itself, which the validation rejects, must end here, too.
            self.fragment_sizes[name] = EMPTY
            node = self.fragments[name]
            self._count_directives(node.directives)
            condition = self.schema.get_type(node.type_condition.name.value)
            size = self._selections(
                node.selection_set, condition, self.fragment_positions[name], level + 1
            )
            self.fragment_sizes[name] = size
        return self.fragment_sizes[name]

    def _field(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        position: Position,
        level: int,
    ) -> Size:
        if node.alias:
            self.aliases += 1
            if self.aliases > self.limits.aliases:
                raise limit_error(
                    f"The document has more than {self.limits.aliases} aliases."
                )
        name = node.name.value
        key = node.alias.value if node.alias else name
        position.count(key)
        if name in META_FIELDS and not self.limits.introspection:
            raise GraphQLError(
                "Introspection is switched off.",
                extensions={"code": "INTROSPECTION_DISABLED"},
            )
        field = find_field(parent, name)
        weight = weigh_field(parent, name, is_object=node.selection_set is not None)
        if node.selection_set is None:
            return Size(1, weight, NOTHING)
        named = get_named_type(field.type) if field else None
        inner = self._selections(node.selection_set, named, position.child(key), level + 1)
        return wrap_size(node, parent, field, weight, inner)


def _too_deep(maximum: int) -> GraphQLError:
    return limit_error(f"The document is nested deeper than {maximum} fields.")


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        variable.variable.name.value: parse_int(variable.default_value)
        for variable in operation.variable_definitions or ()
        if isinstance(variable.default_value, IntValueNode)
    }
