"""What becomes of the lines of an input or of a source, each of which is good or rejected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from models.division import DivisionRead
from models.rejections import Rejection, RejectionCode
from schema.division import Division
from schema.line_outcome import LineOutcome, LineStatus, OnInvalid
from schema.user_error import UserError

MAXIMUM_OUTCOMES = 1_000
"""The highest number of listed lines, where those that are carried out are not listed."""


@dataclass(slots=True)
class CheckedLine:
    """A line and its rejections; the division is None unless the buyer may buy for it."""

    remote_id: int | None
    sku: str | None
    division: DivisionRead | None
    quantity: int | None
    rejections: list[Rejection] = field(default_factory=list)


def outcome_of_line(index: int, line: CheckedLine, status: LineStatus) -> LineOutcome:
    """Returns the outcome of a line, as it is shown."""
    return LineOutcome(
        index=index,
        status=status,
        product_remote_id=line.remote_id,
        sku=line.sku,
        division=Division.of(line.division) if line.division else None,
        quantity=line.quantity,
        errors=[UserError.of(rejection) for rejection in line.rejections],
    )


class CheckedLines:
    """The lines in their order; one rejected line may keep all of them from being carried out."""

    def __init__(
        self,
        lines: Sequence[CheckedLine],
        on_invalid: OnInvalid,
        of_all: Sequence[Rejection] = (),
    ) -> None:
        self.lines = lines
        self.of_all = of_all
        """The rejections of the input that are of no single line."""
        self.rejected = [index for index, line in enumerate(lines) if line.rejections]
        is_strict = on_invalid is OnInvalid.REJECT
        self.is_rejected = bool(of_all) or (bool(self.rejected) and is_strict)

    @property
    def is_unasked(self) -> bool:
        """Whether Commerce could not be asked for a line, so that a retry may fare better."""
        return any(
            rejection.code is RejectionCode.COMMERCE_UNAVAILABLE
            for index in self.rejected
            for rejection in self.lines[index].rejections
        )

    @property
    def accepted(self) -> Sequence[int]:
        """The indexes of the lines that are to be carried out."""
        if self.is_rejected:
            return []
        return [index for index, line in enumerate(self.lines) if not line.rejections]

    def exceptions(self) -> list[LineOutcome]:
        """Returns the outcomes of the lines that are not carried out, at most MAXIMUM_OUTCOMES.

        They are in their order; where there are more, good ones are left out first.
        """
        good = (index for index, line in enumerate(self.lines) if not line.rejections)
        listed = self.rejected[:MAXIMUM_OUTCOMES]
        if self.is_rejected:
            listed += islice(good, MAXIMUM_OUTCOMES - len(listed))
        return [self._outcome(index) for index in sorted(listed)]

    def rejected_outcomes(self) -> list[LineOutcome]:
        """Returns the outcomes of the rejected lines."""
        return [self._outcome(index) for index in self.rejected]

    def outcomes(self) -> list[LineOutcome]:
        """Returns the outcomes of all lines."""
        return [self._outcome(index) for index in range(len(self.lines))]

    def _outcome(self, index: int) -> LineOutcome:
        line = self.lines[index]
        return outcome_of_line(index, line, self._status(line))

    def _status(self, line: CheckedLine) -> LineStatus:
        if line.rejections:
            return LineStatus.REJECTED
        return LineStatus.UNCHANGED if self.is_rejected else LineStatus.ACCEPTED

    def rejections(self) -> list[Rejection]:
        """Returns the rejections of the input and of the listed lines, each path and code once."""
        of_lines = (
            rejection
            for index in self.rejected[:MAXIMUM_OUTCOMES]
            for rejection in self.lines[index].rejections
        )
        of_all = {rejection.code for rejection in self.of_all}
        return [*self.of_all, *(each for each in of_lines if each.code not in of_all)]
