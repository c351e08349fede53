"""Executing GraphQL requests, the same on every transport."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, ParamSpec, Protocol, Self, TypeVar

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType

from request_record import current_record
from resolvers.context import Context
from resolvers.time_limit import TimeLimits
from schema.execution.operation import Bound, Operation
from settings.options import Options
from web.documents.library import DocumentLibrary
from web.documents.rejection import STATUSES, DocumentRejected
from web.graphql.document import Document, Documents
from web.graphql.errors import count_rejected
from web.graphql.labels import label_outcome
from web.graphql.limits import DocumentLimits
from web.graphql.request import GraphQLRequest

TIMEOUT_CODE = "OPERATION_TIMEOUT"
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Instrument(Protocol):
    """Wraps the execution of every operation, for example in a span of its trace."""

    def __call__(
        self, execute: Callable[Parameters, Awaitable[Result]], /
    ) -> Callable[Parameters, Awaitable[Result]]:
        """Returns the wrapped execution."""


def uninstrumented(
    execute: Callable[Parameters, Awaitable[Result]],
) -> Callable[Parameters, Awaitable[Result]]:
    """Returns the execution as it is."""
    return execute


class RequestErrors(Exception):
    """Raised with the errors of a request that cannot be executed.

    `status` is that of the response; None where the media type decides.
    """

    def __init__(self, errors: list[GraphQLError], status: int | None = None) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
        self.status = status


class Prepared(NamedTuple):
    """An operation of a valid document within the limits, with the values of its variables."""

    document: Document
    operation: Operation
    name: str | None
    variables: dict[str, Any] | None

    @property
    def is_query(self) -> bool:
        """Whether it neither changes nor watches anything."""
        return self.operation.node.operation is OperationType.QUERY

    def cost(self) -> dict[str, Any]:
        """Returns the cost for the extensions of a response."""
        return self.document.measures.extensions(self.name, self.variables)

    def without_unused_variables(self) -> "Prepared":
        """Returns the operation with those variables alone that it declares."""
        variables = self.operation.select_declared(self.variables or {})
        return self._replace(variables=variables)


class GraphQLExecutor:
    """Prepares and executes the operations of requests."""

    def __init__(
        self,
        *,
        library: DocumentLibrary,
        documents: Documents,
        seconds: float,
        is_compiled: bool,
        instrument: Instrument = uninstrumented,
    ) -> None:
        self.library = library
        self.instrument = instrument
        self.time_limits = TimeLimits(seconds)
        self._documents = documents
        self._is_compiled = is_compiled

    @classmethod
    def from_options(
        cls,
        schema: GraphQLSchema,
        options: Options,
        instrument: Instrument = uninstrumented,
        documents: Documents | None = None,
    ) -> Self:
        """Returns the executor of an application."""
        return cls(
            library=DocumentLibrary.from_options(options),
            documents=documents or Documents(schema, DocumentLimits.from_options(options)),
            seconds=options.operation_seconds,
            is_compiled=options.is_compiled,
            instrument=instrument,
        )

    def find_errors(self, text: str) -> list[GraphQLError]:
        """Returns the errors of a document that do not depend on its variables."""
        return self._documents.find(text).errors

    async def prepare(self, request: GraphQLRequest) -> Prepared:
        """Returns the operation of a request, on every transport; raises RequestErrors.

        A request that only names its document gets the text of it.
        """
        # A text alone, where all are allowed, as in nearly every request, takes no further step.
        reference, text, is_new = request.reference, request.query, False
        if reference is not None or not self.library.accepts_any:
            is_new = bool(text)
            known = self.library.find_known(text, reference)
            text = known or await self._find_text(request)
        is_named = reference is not None and not is_new
        prepared = self._prepare_text(text, request, is_named=is_named)
        # Only what may be executed: others fill no memory.
        if is_new:
            await self.library.store(text)
        return prepared

    async def _find_text(self, request: GraphQLRequest) -> str:
        try:
            return await self.library.find_text(request.query, request.reference)
        except DocumentRejected as rejection:
            error = GraphQLError(str(rejection), extensions={"code": rejection.code})
            raise RequestErrors([error], STATUSES.get(rejection.code)) from None

    def _prepare_text(
        self, text: str, request: GraphQLRequest, *, is_named: bool
    ) -> Prepared:
        document = self._documents.find(text, is_named=is_named)
        if document.errors:
            raise RequestErrors(document.errors)
        name, variables = request.operation_name, request.variables
        operation = document.operation(name)
        if operation is None:
            raise RequestErrors([_no_operation(name)])
        # The cost with the variables of this request; the rest was checked with the document.
        if too_costly := document.measures.rejection(name, variables):
            raise RequestErrors([too_costly])
        current_record().operation = document.label(name)
        return Prepared(document, operation, name, variables)

    def bind(self, prepared: Prepared) -> Bound | None:
        """Returns the operation with its variables; None where graphql-core executes everything."""
        return prepared.operation.bind(prepared.variables) if self._is_compiled else None

    async def execute(
        self, prepared: Prepared, context: Context, bound: Bound | None = None
    ) -> ExecutionResult:
        """Executes an operation once; raises TookTooLong at the time limit."""
        with self.time_limits.limit():
            result = await prepared.operation.execute(
                prepared.variables, context, is_compiled=self._is_compiled, bound=bound
            )
        # Here, and not where they are written: watchers share a result, and one may be rewritten.
        if result.errors:
            count_rejected(result.errors)
        current_record().outcome = label_outcome(result.errors, context.rejections)
        return result

    def timeout_error(self) -> GraphQLError:
        """Returns the error of an operation that was given up at the time limit."""
        seconds = self.time_limits.seconds
        message = f"The operation took longer than {seconds:g} seconds and was given up."
        return GraphQLError(message, extensions={"code": TIMEOUT_CODE})


def _no_operation(name: str | None) -> GraphQLError:
    if name is None:
        message = "The document has several operations, or none; send `operationName`."
    else:
        message = f"The document has no operation called {name[:100]!r}."
    return GraphQLError(message, extensions={"code": "BAD_REQUEST"})
