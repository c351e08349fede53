"""Requesting a basket as a file."""

from collections.abc import Sequence
from functools import partial

from models.basket.lock import lock_active, lock_own
from models.export.export import ExportField, ask_export
from models.rejections import Rejection, RejectionCode
from resolvers.context import parse_segment
from resolvers.outcome import Outcome
from resolvers.unit_of_work import Change
from schema.inputs import BasketExportInput
from schema.node import IdKind, number_of


class BasketExportChange(Change[BasketExportInput]):
    """Records the job of an export, and has its message sent once that is committed."""

    async def apply(self) -> Outcome:
        """Writes the job's row.

        Raises BASKET_NOT_FOUND, BASKET_EMPTY, BASKET_LIMIT_EXCEEDED or INVALID_INPUT.
        """
        segment = parse_segment(self.input.segment_remote_id)
        columns = check_fields(self.input.fields)
        field = "segmentRemoteId" if self.input.basket_id is None else "basketId"
        if self.input.basket_id is None:
            basket_id = (await lock_active(self.buyer.id, segment, None)).id
        else:
            number = number_of(IdKind.BASKET, self.input.basket_id)
            basket_id = (await lock_own(self.buyer.id, number)).id
        export = await ask_export(
            self.buyer.id,
            basket_id,
            self.input.format,
            columns,
            field,
            self.context.policy.exports_waiting,
        )
        self.after_commit.append(partial(self.context.exports.send, [export.id]))
        return Outcome(export=export)


def check_fields(requested: Sequence[ExportField] | None) -> Sequence[ExportField]:
    """Returns the columns to write; raises INVALID_INPUT for an empty list, or one twice."""
    if requested is None:
        return list(ExportField)
    if not requested:
        raise Rejection(
            RejectionCode.INVALID_INPUT,
            "The list of fields is empty; leave it out for all fields.",
            "fields",
        )
    for index, field in enumerate(requested):
        if field in requested[:index]:
            raise Rejection(
                RejectionCode.INVALID_INPUT,
                f"The field {field.name} is asked for twice.",
                "fields",
                str(index),
            )
    return requested
