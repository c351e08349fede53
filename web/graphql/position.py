"""Positions in the response at which fields of several selection sets meet, counted by name."""


class RepeatedTooOften(Exception):
    """Raised with the name that too many fields have at one position."""


class Position:
    """A position in the response: the number of fields per name, and the positions below it.

    GraphQL's rule that fields of one name must not contradict each other compares them in pairs.
    Fragments merge positions: wherever a fragment is spread, its fields meet the fields selected
    there. Merging positions as they meet (a union-find) keeps the count linear, where following
    every spread would be exponential.
    """

    __slots__ = ("below", "counts", "maximum", "merged_into")

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.counts: dict[str, int] = {}
        self.below: dict[str, Position] = {}
        self.merged_into: Position | None = None

    def resolve(self) -> "Position":
        """Returns the position that this one is merged into, or itself."""
        position = self
        while position.merged_into is not None:
            # Halving the path keeps later look-ups short.
            if position.merged_into.merged_into is not None:
                position.merged_into = position.merged_into.merged_into
            position = position.merged_into
        return position

    def count(self, name: str, count: int = 1) -> None:
        """Counts fields with a name; raises RepeatedTooOften."""
        counts = self.resolve().counts
        counts[name] = total = counts.get(name, 0) + count
        if total > self.maximum:
            raise RepeatedTooOften(name)

    def child(self, name: str) -> "Position":
        """Returns the position below the fields with a name."""
        below = self.resolve().below
        position = below.get(name)
        if position is None:
            position = below[name] = Position(self.maximum)
        return position

    def merge(self, other: "Position") -> None:
        """Merges `other` and its children into this position; raises RepeatedTooOften."""
        pending = [(self, other)]
        while pending:
            larger, smaller = (position.resolve() for position in pending.pop())
            if larger is smaller:
                continue
            if len(larger.counts) < len(smaller.counts):
                larger, smaller = smaller, larger
            smaller.merged_into = larger
            for name, count in smaller.counts.items():
                larger.count(name, count)
            for name, position in smaller.below.items():
                if name in larger.below:
                    pending.append((larger.below[name], position))
                else:
                    larger.below[name] = position
