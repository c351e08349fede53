"""What becomes of the lines of an input or of a source, each of which is good or rejected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from models.division import DivisionRead
from models.rejections import Rejection
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


class CheckedLines:
    """The lines in their order; one rejected line may keep all of them from being carried out."""

    def __init__(self, lines: Sequence[CheckedLine], on_invalid: OnInvalid) -> None:
        self.lines = lines
        self.rejected = [index for index, line in enumerate(lines) if line.rejections]
        self.is_rejected = bool(self.rejected) and on_invalid is OnInvalid.REJECT

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

    def _outcome(self, index: int) -> LineOutcome:
        line = self.lines[index]
        return LineOutcome(
            index=index,
            status=self._status(line),
            product_remote_id=line.remote_id,
            sku=line.sku,
            division=Division.of(line.division) if line.division else None,
            quantity=line.quantity,
            errors=[UserError.of(rejection) for rejection in line.rejections],
        )

    def _status(self, line: CheckedLine) -> LineStatus:
        if line.rejections:
            return LineStatus.REJECTED
        return LineStatus.UNCHANGED if self.is_rejected else LineStatus.ACCEPTED

    def rejections(self) -> list[Rejection]:
        """Returns the rejections of the listed lines."""
        return [
            rejection
            for index in self.rejected[:MAXIMUM_OUTCOMES]
            for rejection in self.lines[index].rejections
        ]
