"""Executing operations by their plans, and by graphql-core when there is anything unusual.

graphql-core takes over in one place, for the whole operation: its executor gets the values
and the errors of the resolvers that have run, and calls only the others. So no resolver
runs twice, and every error is worded and placed by graphql-core.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from inspect import isawaitable
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    execute,
    print_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

from schema.execution.plan import Outcomes, Plan, Request, settle
from schema.execution.planner import Planner
from schema.execution.selection import Uncompilable
from schema.execution.variables import VariableReader

MAXIMUM_PLANS = 200
"""How many plans an operation keeps, one per combination of its conditions."""
MAXIMUM_ERRORS = 50
"""How many errors of the variables are listed."""

_NO_VARIABLES = VariableValues({}, {})


class Bound(NamedTuple):
    """The values of an operation's variables, or their errors; and its plan, if there is one."""

    values: VariableValues | list[GraphQLError]
    plan: Plan | None


class Operation:
    """One operation of a valid document. `fallbacks` counts executions by graphql-core.

    `note_plan` is called with the number of fields of each plan that is kept.
    `is_unversioned` once its only plan was found to depend on more than the states of baskets.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        node: OperationDefinitionNode,
        *,
        hides_suggestions: bool = False,
        note_plan: Callable[[int], None] = lambda field_count: None,
    ) -> None:
        self.node = node
        self.is_subscription = node.operation is OperationType.SUBSCRIPTION
        self.fallbacks = 0
        self.is_unversioned = False
        self._schema = schema
        self._document = document
        self._hides_suggestions = hides_suggestions
        self._note_plan = note_plan
        definitions = node.variable_definitions or ()
        # Only Boolean variables can be conditions of @skip and @include.
        self._conditions = [
            definition.variable.name.value
            for definition in definitions
            if print_ast(definition.type) in ("Boolean", "Boolean!")
        ]
        self._plans: dict[tuple[object, ...], Plan | None] = {}
        self._reader = _make_reader(schema, definitions)

    @property
    def has_conditions(self) -> bool:
        """Whether it may have several plans."""
        return bool(self._conditions)

    def select_declared(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Returns those of the variables that the operation declares."""
        definitions = self.node.variable_definitions or ()
        names = [definition.variable.name.value for definition in definitions]
        return {name: variables[name] for name in names if name in variables}

    def bind(self, variables: dict[str, Any] | None) -> Bound:
        """Returns the values of the variables, and the plan for them."""
        values = self._coerce(variables)
        if isinstance(values, list):
            return Bound(values, None)
        return Bound(values, self._find_plan(values))

    async def execute(
        self,
        variables: dict[str, Any] | None,
        context: object,
        *,
        is_compiled: bool = True,
        bound: Bound | None = None,
    ) -> ExecutionResult:
        """Executes the operation; when it is not `is_compiled`, by graphql-core alone.

        `bound` saves binding the variables once more.
        """
        if not is_compiled:
            return await self._fall_back(variables, context, {})
        values, plan = bound or self.bind(variables)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        outcomes: Outcomes = {}
        if plan:
            request = Request(values, context, outcomes)
            try:
                return ExecutionResult(await plan.execute(None, request), None)
            except Exception:  # noqa: S110 - graphql-core finds again what was unusual
                pass
        return await self._fall_back(variables, context, outcomes)

    def _coerce(
        self, variables: dict[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        definitions = self.node.variable_definitions
        if not definitions:
            return _NO_VARIABLES
        if self._reader:
            # Only graphql-core words what is wrong with a value.
            with suppress(Exception):
                return self._reader.read(variables or {})
        return get_variable_values(
            self._schema,
            definitions,
            variables or {},
            max_errors=MAXIMUM_ERRORS,
            hide_suggestions=self._hides_suggestions,
        )

    def _find_plan(self, values: VariableValues) -> Plan | None:
        key = tuple([values.coerced.get(name) for name in self._conditions])
        try:
            return self._plans[key]
        except KeyError:
            if len(self._plans) >= MAXIMUM_PLANS:
                # To forget one would be to make it anew where an operation has more.
                return None
            plan = self._plans[key] = self._make_plan(values)
            return plan

    def _make_plan(self, values: VariableValues) -> Plan | None:
        try:
            planner = Planner(self._schema, self._document, self.node, values)
            plan = planner.plan()
        except (Uncompilable, GraphQLError, RecursionError):
            # A null for @skip is an error where graphql-core comes to it.
            return None
        self._note_plan(planner.field_count)
        return plan

    async def _fall_back(
        self, variables: dict[str, Any] | None, context: object, outcomes: Outcomes
    ) -> ExecutionResult:
        """Has graphql-core execute the operation, from the outcomes that there are."""
        self.fallbacks += 1
        try:
            result = execute(
                self._schema,
                self._document,
                context_value=context,
                variable_values=variables,
                operation_name=self.node.name.value if self.node.name else None,
                max_coercion_errors=MAXIMUM_ERRORS,
                middleware=[_replay(outcomes)] if outcomes else None,
                hide_suggestions=self._hides_suggestions,
            )
            return await result if isawaitable(result) else result
        finally:
            # After an error graphql-core may end before all the tasks that it was given.
            await settle(outcomes.values())


def _make_reader(
    schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]
) -> VariableReader | None:
    try:
        return VariableReader(schema, definitions)
    except (Uncompilable, RecursionError):
        return None


def _replay(outcomes: Outcomes) -> Callable[..., Any]:
    """Makes a middleware that returns outcomes in place of the resolvers that have run."""
    keys = {path[-1] for path in outcomes}

    def resolve(
        following: Callable[..., Any],
        source: Any,
        info: GraphQLResolveInfo[Any],
        **arguments: Any,
    ) -> Any:
        if info.path.key in keys:
            path = tuple(info.path.as_list())
            if path in outcomes:
                # An error that is returned is for graphql-core one that was raised.
                return outcomes[path]
        return following(source, info, **arguments)

    return resolve
