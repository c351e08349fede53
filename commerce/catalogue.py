"""The catalogue of the demo Commerce server: examples, edge cases, a thousand ordinary products.

All values derive from the product's number, so the catalogue is the same on every machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import product

DEPARTMENTS = {
    "OFC": (
        "office",
        "stapler",
        "desk lamp",
        "lever arch file",
        "whiteboard",
        "paper shredder",
        "monitor arm",
    ),
    "WRK": (
        "workshop",
        "claw hammer",
        "torque wrench",
        "tool trolley",
        "bench vise",
        "socket set",
        "work lamp",
    ),
    "KTC": (
        "kitchen",
        "stock pot",
        "cutting board",
        "chef knife",
        "food container",
        "serving tray",
        "ladle",
    ),
    "SFT": (
        "safety",
        "safety helmet",
        "ear defenders",
        "work gloves",
        "high-visibility vest",
        "goggles",
        "knee pads",
    ),
}
RANGES = ("Basic", "Classic", "Professional", "Heavy Duty", "Compact")
COLORS = ("red", "blue", "black", "white", "yellow")
SIZES = ("small", "large")
MATERIALS = ("steel", "plastic", "wood", "aluminium")

CHANGING_REMOTE_ID = 4
"""The product whose price moves with every minute of the clock."""
PARENT_REMOTE_ID = 20
"""The product that its variants redirect to."""
REDIRECTED_REMOTE_IDS = (21, 22, 23)
UNREADY_REMOTE_IDS = (24, 25, 26)
OUT_OF_STOCK_REMOTE_IDS = (27, 28, 29)
FIRST_ORDINARY_REMOTE_ID = 101

_ODD_NAMES = {
    5: ("SKU05", "=1+1"),
    6: ("SKU06", "+90 212 555 01 01 order line card"),
    7: ("SKU07", "-10% outlet box"),
    8: ("SKU08", "@desk cable tidy"),
    9: ("=2+5", "label roll whose SKU a spreadsheet would run"),
    10: ("SKU10", 'Cutter, 18 mm; "snap-off", 10 blades'),
    11: ("RAF-0011", "Çelik raf ünitesi"),
    12: ("RAF-0012", "İş güvenliği gözlüğü, şeffaf"),
    13: ("RAF-0013", "Ağır hizmet tipi taşıma arabası"),
    14: ("KÖŞE-0014", "Köşe koruyucu, ısıya dayanıklı"),
    20: ("VST-0020", "Softshell vest"),
    21: ("VST-0020-S", "Softshell vest, S"),
    22: ("VST-0020-M", "Softshell vest, M"),
    23: ("VST-0020-L", "Softshell vest, L"),
    24: ("NEW-0024", "Standing desk, announced for autumn"),
    25: ("NEW-0025", "Cordless drill, announced for autumn"),
    26: ("NEW-0026", None),
    27: ("OUT-0027", "Copper sauté pan"),
    28: ("OUT-0028", "Folding ladder"),
    29: ("OUT-0029", None),
}


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A product of the demo."""

    remote_id: int
    sku: str
    price: Decimal
    name: str | None = None
    currency: str = "try"
    attributes: dict[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    stock: int = 50
    sibling_in_stock: bool = False
    is_ready: bool = True
    parent_remote_id: int | None = None
    department: str = "simple"


@cache
def catalogue() -> dict[int, CatalogueEntry]:
    """Returns all products by remote id; they are made at the first call."""
    return {entry.remote_id: entry for entry in (*_examples(), *_oddities(), *_ordinary())}


def _examples() -> Iterator[CatalogueEntry]:
    yield CatalogueEntry(1, "SKU01", Decimal("10.55"), name="Ballpoint pen, blue")
    yield CatalogueEntry(2, "SKU02", Decimal("20.00"))
    yield CatalogueEntry(
        3,
        "SKU03",
        Decimal("10.00"),
        name="product name",
        attributes={"color": "red"},
        images=("http://example.com/image.jpg",),
    )
    yield CatalogueEntry(
        CHANGING_REMOTE_ID,
        "SKU04",
        Decimal("40.00"),
        name="Copper wire, at the price of the minute",
    )


def _oddities() -> Iterator[CatalogueEntry]:
    for remote_id, (sku, name) in _ODD_NAMES.items():
        yield CatalogueEntry(
            remote_id,
            sku,
            _price(remote_id),
            name=name,
            stock=0
            if remote_id in OUT_OF_STOCK_REMOTE_IDS or remote_id == PARENT_REMOTE_ID
            else 25,
            sibling_in_stock=remote_id == PARENT_REMOTE_ID,
            is_ready=remote_id not in UNREADY_REMOTE_IDS,
            parent_remote_id=PARENT_REMOTE_ID
            if remote_id in REDIRECTED_REMOTE_IDS
            else None,
        )


def _ordinary() -> Iterator[CatalogueEntry]:
    kinds = [
        (code, names[0], kind) for code, names in DEPARTMENTS.items() for kind in names[1:]
    ]
    choices = product(kinds, RANGES, COLORS, SIZES)
    for remote_id, ((code, department, kind), range_name, color, size) in enumerate(
        choices, FIRST_ORDINARY_REMOTE_ID
    ):
        sku = f"{code}-{remote_id:05d}"
        yield CatalogueEntry(
            remote_id,
            sku,
            _price(remote_id),
            name=None if remote_id % 41 == 0 else f"{range_name} {kind}, {color}, {size}",
            currency="eur" if remote_id % 6 == 0 else "try",
            attributes=_attributes(remote_id, color, size),
            images=() if remote_id % 13 == 0 else _images(sku, remote_id % 3 + 1),
            stock=0 if remote_id % 97 == 0 else remote_id * 7 % 400 + 1,
            is_ready=remote_id % 211 != 0,
            department=department,
        )


def _price(remote_id: int) -> Decimal:
    # A large step without a common factor spreads the prices over the range, 4.90 to 2,499.89.
    return Decimal(490 + remote_id * 104_729 % 249_500) / 100


def _attributes(remote_id: int, color: str, size: str) -> dict[str, str]:
    if remote_id % 17 == 0:
        return {}
    return {"color": color, "size": size} | (
        {"material": MATERIALS[remote_id % 4]} if remote_id % 2 else {}
    )


def _images(sku: str, count: int) -> tuple[str, ...]:
    return tuple(
        f"https://images.example.com/{sku.lower()}-{number}.jpg"
        for number in range(1, count + 1)
    )
