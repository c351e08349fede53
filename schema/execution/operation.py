"""Executing operations by their plans, and by graphql-core when there is anything unusual.

graphql-core takes over in one place, for the whole operation: its executor gets the values
and the errors of the resolvers that have run, and calls only the others. So no resolver
runs twice, and every error is worded and placed by graphql-core.
"""

from collections.abc import Callable
from functools import partial
from inspect import isawaitable
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    print_ast,
)
from graphql.execution import Executor, VariableValues, execute_root_selection_set

from schema.execution.inputs import VariableReader
from schema.execution.plan import Execution, Outcomes, Plan, Planner
from schema.execution.selection import Uncompilable

MAXIMUM_PLANS = 200
"""How many plans an operation keeps, one per combination of its conditions."""


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
        self._note_plan = note_plan
        self._build = partial(
            Executor.build,
            schema,
            document,
            operation_name=node.name.value if node.name else None,
            hide_suggestions=hides_suggestions,
        )
        definitions = node.variable_definitions or ()
        # Only Boolean variables can be conditions of @skip and @include.
        self._conditions = [
            definition.variable.name.value
            for definition in definitions
            if print_ast(definition.type) in ("Boolean", "Boolean!")
        ]
        self._plans: dict[tuple[object, ...], Plan | None] = {}
        self._reader = VariableReader(schema, definitions)

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
        try:
            values = self._reader.read(variables or {})
        except Exception:
            # Only graphql-core words what is wrong with a value.
            executor = self._build(raw_variable_values=variables)
            if isinstance(executor, list):
                return Bound(executor, None)
            values = executor.variable_values
        key = tuple([values.coerced.get(name) for name in self._conditions])
        # To forget a plan would be to make it anew where an operation has more.
        if key not in self._plans and len(self._plans) < MAXIMUM_PLANS:
            self._plans[key] = self._make_plan(variables)
        return Bound(values, self._plans.get(key))

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
        outcomes = Outcomes()
        if is_compiled:
            values, plan = bound or self.bind(variables)
            if isinstance(values, list):
                return ExecutionResult(None, values)
            if plan:
                try:
                    data = await plan.execute(None, Execution(values, context, outcomes))
                    return ExecutionResult(data, None)
                except Exception:  # noqa: S110 - graphql-core finds again what was unusual
                    pass
        return await self._fall_back(variables, context, outcomes)

    def _make_plan(self, variables: dict[str, Any] | None) -> Plan | None:
        executor = self._build(raw_variable_values=variables)
        if isinstance(executor, list):
            return None
        try:
            planner = Planner(executor)
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
        executor = self._build(
            context_value=context,
            raw_variable_values=variables,
            middleware=[outcomes] if outcomes else None,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        result = execute_root_selection_set(executor)
        return await result if isawaitable(result) else result
