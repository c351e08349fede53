"""The caller, as answered."""

import strawberry

from models.division import DivisionRead
from models.user import Buyer
from schema.division import Division
from schema.node import IdKind, Node, id_of
from schema.scalars import described


@strawberry.type(description="The caller: who they are and which divisions they belong to.")
class Viewer(Node):
    id: strawberry.ID = described("The caller's id.")
    email: str = described("The user's e-mail address.")
    first_name: str = described("The user's first name.")
    last_name: str = described("The user's last name.")
    division: Division = described("The division the user belongs to.")
    divisions: list[Division] = described(
        "Their own division and, for users of a main division, its sub-divisions, "
        "inactive ones included."
    )

    @classmethod
    def of(cls, buyer: Buyer, divisions: list[DivisionRead]) -> "Viewer":
        """Makes the answer from the buyer and the divisions that were read."""
        return cls(
            id=id_of(IdKind.VIEWER, buyer.id),
            email=buyer.email,
            first_name=buyer.first_name,
            last_name=buyer.last_name,
            division=Division.of(buyer.division),
            divisions=[Division.of(division) for division in divisions],
        )
