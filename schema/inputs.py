"""The inputs of the mutations: one type each, never shared."""

from typing import Any

import strawberry
from strawberry import UNSET

# From here, where they are described, so that they are so before the inputs are made.
from schema.basket_export import ExportField, ExportFormat
from schema.line_outcome import OnInvalid
from schema.modes import CopyMode, SetMode
from schema.scalars import Upload, described


def optional(description: str) -> Any:
    """Declares an optional field of an input.

    The declared default keeps `= null` out of the printed schema.
    """
    return strawberry.field(default=UNSET, description=description)


class Input:
    """The base of all inputs: a field left out is None."""

    def __post_init__(self) -> None:
        values = vars(self)
        # Assigning to keys that are there is allowed while the dictionary is read.
        for name, value in values.items():
            if value is UNSET:
                values[name] = None


SEGMENT = "The customer segment of the active basket; none when left out."
EXPECTED_VERSION = (
    "The version of the basket last seen, 0 for no basket; "
    "rejected with VERSION_CONFLICT if it has moved on."
)
IDEMPOTENCY_KEY = (
    "A retry with the same key and the same input changes nothing more: "
    "it gets the first outcome, and the basket as it is now. "
    "Kept for 24 hours. 1 to 255 characters, not blank."
)


@strawberry.input(
    description="One product to add: named by remote id or SKU, "
    "its division by id or ERP code (exactly one of each pair)."
)
class BasketItemInput(Input):
    product_remote_id: int | None = optional("The product's identifier in Commerce.")
    sku: str | None = optional("The product's stock keeping unit.")
    division_id: strawberry.ID | None = optional("The id of the division to buy for.")
    division_erp_code: str | None = optional("The ERP code of the division to buy for.")
    quantity: int = strawberry.field(
        default=1, description="How many pieces to add, 1 to 1,000,000."
    )


ON_INVALID = "What to do when some lines cannot be carried out."
DRY_RUN = "Check and report only."


@strawberry.input(
    description="Products to add to the active basket: all of them, or the good ones."
)
class BasketItemsAddInput(Input):
    items: list[BasketItemInput] = described(
        "The products to add, at least one and at most 1,000."
    )
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT, description=ON_INVALID
    )
    dry_run: bool = strawberry.field(default=False, description=DRY_RUN)
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(
    description="One product and division with its absolute quantity; 0 removes. "
    "The same product and division twice is INVALID_INPUT for both lines."
)
class BasketItemSetInput(Input):
    product_remote_id: int | None = optional("The product's identifier in Commerce.")
    sku: str | None = optional("The product's stock keeping unit.")
    division_id: strawberry.ID | None = optional("The id of the division to buy for.")
    division_erp_code: str | None = optional("The ERP code of the division to buy for.")
    quantity: int = described("The quantity to set, 0 to 1,000,000.")


@strawberry.input(
    description="Quantities to set in the active basket, a grid of products and divisions."
)
class BasketItemsSetInput(Input):
    items: list[BasketItemSetInput] = described(
        "The quantities to set, at least one and at most 1,000."
    )
    mode: SetMode = strawberry.field(
        default=SetMode.MERGE,
        description="What to do with the products and divisions that are not named.",
    )
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT, description=ON_INVALID
    )
    dry_run: bool = strawberry.field(default=False, description=DRY_RUN)
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(
    description="The quantity to set for a product of the active basket and one division."
)
class BasketItemUpdateInput(Input):
    product_remote_id: int = described("The product's identifier in Commerce.")
    division_id: strawberry.ID = described("The division's id.")
    quantity: int = described(
        "The quantity to set, at most 1,000,000; 0 removes the product for this division."
    )
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The product to remove from the active basket.")
class BasketItemRemoveInput(Input):
    product_remote_id: int = described("The product's identifier in Commerce.")
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The active basket to clear.")
class BasketClearInput(Input):
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The active basket to save, and its name.")
class BasketSaveInput(Input):
    name: str = described("The name of the draft, 1 to 255 characters.")
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The draft to load.")
class BasketLoadInput(Input):
    basket_id: strawberry.ID = described("The draft's id.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The draft to delete.")
class BasketDeleteInput(Input):
    basket_id: strawberry.ID = described("The draft's id.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The draft to rename, and its new name.")
class BasketRenameInput(Input):
    basket_id: strawberry.ID = described("The draft's id.")
    name: str = described("The new name of the draft, 1 to 255 characters.")
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The basket to copy into the active one.")
class BasketCopyInput(Input):
    basket_id: strawberry.ID = described("A basket of the caller, in any status.")
    product_remote_ids: list[int] | None = optional(
        "Only these products, at most 10,000, each of which the basket holds; "
        "all when left out."
    )
    mode: CopyMode = strawberry.field(
        default=CopyMode.ADD,
        description="What to do with the items that the active basket holds.",
    )
    on_invalid: OnInvalid = strawberry.field(default=OnInvalid.SKIP, description=ON_INVALID)
    dry_run: bool = strawberry.field(default=False, description=DRY_RUN)
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The active basket to refresh.")
class BasketRefreshInput(Input):
    product_remote_ids: list[int] | None = optional(
        "Only these products, at most 10,000, each of which the basket holds; "
        "all when left out."
    )
    dry_run: bool = strawberry.field(
        default=False,
        description="Ask Commerce and say what would change; change nothing.",
    )
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(
    description="The version that the active basket is to be brought back to."
)
class BasketRevertInput(Input):
    to_version: int = described(
        "The version whose quantities the basket gets; one that its history reaches back to."
    )
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.SKIP,
        description="What to do when some quantities cannot be brought back.",
    )
    dry_run: bool = strawberry.field(default=False, description="Check and report only.")
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(
    description="A spreadsheet with the columns product__sku, quantity, division__erp_code, "
    "or pasted rows: exactly one of `file` and `text`."
)
class BasketImportInput(Input):
    file: Upload | None = optional("An xls, xlsx, ods or csv file, told by its content.")
    text: str | None = optional(
        "Pasted rows, with or without a header: SKU, quantity and, unless "
        "`defaultDivisionErpCode` is given, a division's ERP code; "
        "separated by tabs, semicolons, commas or spaces."
    )
    default_division_erp_code: str | None = optional(
        "The ERP code of the division for rows that name none."
    )
    segment_remote_id: int | None = optional(SEGMENT)
    skip_invalid_rows: bool = strawberry.field(
        default=False,
        description="Import the good rows and report the bad ones, "
        "instead of importing nothing when any row is bad.",
    )
    dry_run: bool = strawberry.field(default=False, description="Check and report only.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(
    description="The basket to write to a file, and what the file is to look like."
)
class BasketExportInput(Input):
    basket_id: strawberry.ID | None = optional(
        "Any of the caller's baskets; the active one of the segment when left out."
    )
    segment_remote_id: int | None = optional(
        "The customer segment of the active basket, none when left out; "
        "not looked at when `basketId` is given."
    )
    fields: list[ExportField] | None = optional(
        "The columns, in this order, each at most once; "
        "all in the order of ExportField when left out."
    )
    format: ExportFormat = strawberry.field(
        default=ExportFormat.XLS, description="The format of the file."
    )
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)


@strawberry.input(description="The active basket to submit, and the quotation's name.")
class QuotationRequestInput(Input):
    name: str = described("The quotation's name, 1 to 255 characters.")
    segment_remote_id: int | None = optional(SEGMENT)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(IDEMPOTENCY_KEY)
