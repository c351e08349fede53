"""Files of ods: what they show is read."""

from tests.support import ods, sheets
from tests.support.reading import read_here


def ods_rows(*rows: list[str]) -> bytes:
    """Returns an ods file with these rows below its header."""
    return ods.document(ods.table([[ods.text_cell(name) for name in sheets.HEADER], *rows]))


def test_ods_counts_as_it_is_shown() -> None:
    text, number = ods.text_cell, ods.number_cell
    content = read_here(
        ods_rows(
            [number(7, "00007"), number(1000, "1.000"), text("E")],
            [text("A"), number(3, "3,00"), text("E")],
            [text("A"), number(3, "300%", "percentage"), text("E")],
            [text("A"), number(3, "€ 3", "currency"), text("E")],
            [text("A"), number(3000, "3"), text("E")],
            [text("A"), number(2.5, "3"), text("E")],
            [ods.cell('office:value-type="float" office:value="7"'), text("1"), text("E")],
            [
                ods.cell('office:value-type="boolean" office:boolean-value="true"'),
                text("1"),
                text("E"),
            ],
            [
                ods.cell('office:value-type="string" calcext:value-type="error"'),
                text("1"),
                text("E"),
            ],
            [
                ods.cell('office:value-type="date"', "<text:p>1.2.26</text:p>"),
                text("1"),
                text("E"),
            ],
        )
    )
    assert content["rows"] == [(2, "00007", 1000, "E"), (3, "A", 3, "E")]
    assert [error[:2] for error in content["errors"]] == [
        *[(number, "quantity") for number in (4, 5, 6, 7)],
        *[(number, "product__sku") for number in (8, 9, 10, 11)],
    ]


def test_a_text_of_ods_has_its_spaces_and_no_notes() -> None:
    note = "<office:annotation><text:p>note</text:p></office:annotation>"
    ruby = "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby>"
    texts = {
        f"{note}<text:p>A</text:p>": "A",
        "<text:p>A<text:s text:c='2'/>B \n C</text:p>": "A  B C",
        "<text:p><text:span>A</text:span><text:a>B</text:a></text:p>": "AB",
        f"<text:p>{ruby}</text:p>": "漢",
    }
    cells = [ods.cell('office:value-type="string"', content) for content in texts]
    content = read_here(
        ods_rows(*[[cell, ods.text_cell("1"), ods.text_cell("E")] for cell in cells])
    )
    assert [row[1] for row in content["rows"]] == list(texts.values())


def test_the_first_visible_sheet_of_ods_counts_and_covered_cells_do_not() -> None:
    header = [ods.text_cell(name) for name in sheets.HEADER]
    hidden = ods.table(
        [header, [ods.text_cell("H"), ods.text_cell("1"), ods.text_cell("E")]], style="ta2"
    )
    covered = ods.cell('office:value-type="string"', "<text:p>C</text:p>").replace(
        "table-cell", "covered-table-cell"
    )
    shown = ods.table([header, [covered, ods.text_cell("1"), ods.text_cell("E")]])
    content = read_here(ods.document(hidden + shown))
    assert content["errors"] == [
        (2, "product__sku", None, "INVALID_INPUT", "The product__sku is missing.")
    ]


def test_repeated_rows_and_cells_of_ods_count_as_often_as_they_are_repeated() -> None:
    empty = '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
    content = read_here(ods.book([["A", "1", "B"]], before=empty))
    assert content["rows"] == [(5, "A", 1, "B")]
    repeated = ods.document(
        ods.table([[ods.text_cell(name) for name in sheets.HEADER]]).replace(
            "</table:table>",
            '<table:table-row table:number-rows-repeated="2">'
            + ods.text_cell("2", 'table:number-columns-repeated="3"')
            + "</table:table-row></table:table>",
        )
    )
    assert read_here(repeated)["rows"] == [(2, "2", 2, "2"), (3, "2", 2, "2")]


def test_a_number_that_is_shown_with_thousands_of_digits_rejects_its_row_alone() -> None:
    text, number = ods.text_cell, ods.number_cell
    content = read_here(
        ods_rows(
            [text("A"), number(3, "0" * 9_000 + "3"), text("E")],
            [text("B"), number(3, "3"), text("E")],
        )
    )
    assert content["rows"] == [(3, "B", 3, "E")]
    ((row, column, _, code, message),) = content["errors"]
    assert (row, column, code) == (2, "quantity", "INVALID_QUANTITY")
    assert message == ("Quantity 3 is shown as another text; format it as a whole number.")
