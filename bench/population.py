"""The data of the benchmark: populations of users with baskets, as a function of numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PRODUCTS = 10_000
"""The number of products; each has its number as its remote id, and all share one currency."""
COMPANY_USERS = 10
"""Users per company, which is a main division with one sub-division."""
# Prime to the number of products, so that all of them are in baskets.
STRIDE = 37
"""Products between the first ones of two successive baskets."""


@dataclass(frozen=True, slots=True)
class Population:
    """Users with the tokens `prefix-1`, `prefix-2`, ..., and equal numbers of baskets and items."""

    prefix: str
    users: int
    items: int
    status: str = "ACTIVE"
    baskets: int = 1

    def token(self, number: int) -> str:
        """Returns the token of a user, counted from 1."""
        return f"{self.prefix}-{number}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A population with the first ids of its rows; an item i has the quantities 2i - 1 and 2i."""

    population: Population
    first_user: int
    first_basket: int
    first_item: int

    @property
    def basket_count(self) -> int:
        """The number of baskets of all users."""
        return self.population.users * self.population.baskets

    @property
    def item_count(self) -> int:
        """The number of items of all baskets."""
        return self.basket_count * self.population.items

    def main_division(self, number: int) -> int:
        """Returns the id of the own division of a user, counted from 1."""
        return (self.first_user + number - 2) // COMPANY_USERS * 2 + 1

    def held_product(self, number: int) -> int:
        """Returns a product that the first basket of a user holds."""
        basket = self.first_basket + (number - 1) * self.population.baskets
        return basket * STRIDE % PRODUCTS + 1

    def new_product(self, number: int, count: int) -> int:
        """Returns a product that the basket does not hold; each count gives another one."""
        return (
            self.held_product(number) + self.population.items + count - 1
        ) % PRODUCTS + 1


def place_populations(populations: Sequence[Population]) -> Iterator[Placed]:
    """Yields each population with ids that follow those of the one before."""
    user = basket = item = 1
    for population in populations:
        placed = Placed(population, user, basket, item)
        yield placed
        user, basket, item = (
            user + population.users,
            basket + placed.basket_count,
            item + placed.item_count,
        )


def populations(
    users: int = 200, items: int = 20, *, new_users: int = 4_000, large_users: int = 32
) -> list[Placed]:
    """Returns the populations of the workloads; `users` with one basket of `items` come first.

    There are twice as many large baskets as connections, so that additions wait for no other.
    """
    return list(
        place_populations(
            [
                Population("bench", users, items),
                Population("bench-r100", 20, 100),
                Population("bench-r500", 10, 500),
                Population("bench-draft", 20, 20, "DRAFT", 20),
                Population("bench-new", new_users, 20),
                Population("bench-large", large_users, 10_000),
                Population("bench-export", 1, 5_000),
                Population("bench-import", 1, 0),
            ]
        )
    )
