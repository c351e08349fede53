"""Products and divisions as baskets show them, read once per revision and process.

A revision stands for contents that never change: the database draws a new one with every change.
So a basket's row that names a revision can be completed from memory, however old that is, and
nothing here can be stale. Only rows of rolled back transactions may lie unused until evicted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from models.basket.contents_cache import ContentsCache
from models.database.row_cache import CachedRow, Key, RowCache
from models.division import DIVISION, divisions_shown
from models.product.tables import PRODUCT, products_shown

CACHE_BYTES = 64 * 2**20
"""The size of the cached products; divisions have an eighth of it."""


class Catalogue:
    """The caches of one process; without a bound of their own, no contents of baskets are kept."""

    def __init__(self, maximum_bytes: int = CACHE_BYTES, contents_bytes: int = 0) -> None:
        self.products = RowCache(maximum_bytes)
        self.divisions = RowCache(maximum_bytes // 8)
        self.contents = ContentsCache(contents_bytes)


class LookUp:
    """One read's use of the caches; rows that it has read serve it even if they are not cached."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._products: dict[Key, CachedRow] = {}
        self._divisions: dict[Key, CachedRow] = {}
        self._missing_products = set[Key]()
        self._missing_divisions = set[Key]()

    def is_complete(self) -> bool:
        """Whether all rows that were asked for have been found."""
        return not (self._missing_products or self._missing_divisions)

    def begin_again(self) -> None:
        """Forgets which rows were missing."""
        self._missing_products.clear()
        self._missing_divisions.clear()

    def find_products(
        self, ids: Sequence[int], revisions: Sequence[int]
    ) -> Sequence[CachedRow]:
        """Returns the products with these revisions; notes those that are missing."""
        keys = list(zip(ids, revisions, strict=True))
        products = self._catalogue.products.get_all(keys)
        if not all(products):
            products = [
                product or self._products.get(key)
                for product, key in zip(products, keys, strict=True)
            ]
            self._missing_products.update(
                key for product, key in zip(products, keys, strict=True) if product is None
            )
        return cast(Sequence[CachedRow], products)

    def find_divisions(
        self, ids: Collection[int], revision: int | None
    ) -> Mapping[int, CachedRow]:
        """Returns the divisions of this revision by id; notes those that are missing."""
        divisions: dict[int, CachedRow] = {}
        for division_id in ids:
            key = (division_id, revision)
            division = self._catalogue.divisions.get(key) or self._divisions.get(key)
            if division is None:
                self._missing_divisions.add(key)
            else:
                divisions[division_id] = division
        return divisions

    async def read_missing(self) -> None:
        """Reads the missing rows as they are now, which may be at other revisions."""
        if self._missing_products:
            for row in await products_shown([key[0] for key in self._missing_products]):
                # The revision that was read, not the one that was missed: a basket whose product
                # changed in between stays incomplete, and is read again.
                key = (row["id"], row["revision"])
                columns = {name: row[name] for name in PRODUCT.names}
                self._products[key] = self._catalogue.products.add(key, columns)
        if self._missing_divisions:
            for row in await divisions_shown([key[0] for key in self._missing_divisions]):
                key = (row["division_id"], row["revision"])
                names = (
                    f"{of}_{name}"
                    for of in ("division", "parent")
                    for name in DIVISION.names
                )
                columns = {name: row[name] for name in names}
                self._divisions[key] = self._catalogue.divisions.add(key, columns)
        self.begin_again()
