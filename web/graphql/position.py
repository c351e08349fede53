"""Places of the answer at which fields of several selection sets can meet, and how many fields share a name there."""


class RepeatedTooOften(Exception):
    """Raised with the name that too many fields share at one place."""


class Place:
    """A place of the answer: how many fields ask for each name there, and the places below.

    The rule of the specification that such fields must not contradict each other compares them pair by pair. Fragments
    make places one: wherever a fragment is spread, its fields meet what is selected there. Joining places as they turn
    out to be one (a union-find) keeps that linear where following every spread would be exponential.
    """

    __slots__ = ("below", "counts", "joined", "maximum")

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.counts: dict[str, int] = {}
        self.below: dict[str, Place] = {}
        self.joined: Place | None = None

    def itself(self) -> "Place":
        """Returns the place that this one has become."""
        place = self
        while place.joined is not None:
            if place.joined.joined is not None:
                place.joined = place.joined.joined
            place = place.joined
        return place

    def count(self, name: str, count: int = 1) -> None:
        """Counts fields with a name; raises RepeatedTooOften."""
        counts = self.itself().counts
        counts[name] = total = counts.get(name, 0) + count
        if total > self.maximum:
            raise RepeatedTooOften(name)

    def beneath(self, name: str) -> "Place":
        """Returns the place below the fields with a name."""
        below = self.itself().below
        place = below.get(name)
        if place is None:
            place = below[name] = Place(self.maximum)
        return place

    def join(self, other: "Place") -> None:
        """Makes two places one, and what is below them; raises RepeatedTooOften."""
        waiting = [(self, other)]
        while waiting:
            one, two = (place.itself() for place in waiting.pop())
            if one is two:
                continue
            if len(one.counts) < len(two.counts):
                one, two = two, one
            two.joined = one
            for name, count in two.counts.items():
                one.count(name, count)
            for name, place in two.below.items():
                if name in one.below:
                    waiting.append((one.below[name], place))
                else:
                    one.below[name] = place
