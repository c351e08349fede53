"""The import of all divisions and users: every line is judged, and all are written or none."""

import json
import os
import pty
import subprocess
import sys
import tempfile
import termios
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import ROOT
from tests.support.command_line import CommandLine, Commands
from tests.support.databases import sqlite_database
from tests.support.directory import DIVISIONS, USERS, Directory
from tests.support.service import serve
from tests.support.shop import Shop
from tests.support.thoroughness import examples
from text import trim


@pytest.fixture
def directory(database_url: str, tmp_path: Path) -> Directory:
    """Two files, and an empty database, once of each kind."""
    return Directory(Commands(database_url), tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Directory:
    """A main division with a sub-division and a user in each, on SQLite."""
    directory = Directory(Commands(sqlite_database(tmp_path)), tmp_path)
    directory.load(
        ["A,Main,,yes", "B,Sub,A,yes", "C,Other,,yes"],
        ["ann@x.com,Ann,Ak,A,yes", "ben@x.com,Ben,Bo,B,yes"],
    )
    return directory


def test_an_import_adds_changes_moves_and_deactivates_and_repeats_safely(
    directory: Directory,
) -> None:
    directory.load(
        ["SUB,Below,MAIN,yes", "MAIN,Above,,yes", "OTHER,Other,,yes"],
        ["ann@x.com,Ann,Ak,MAIN,yes", "ben@x.com,Ben,Bo,SUB,yes", "cy@x.com,Cy,Co,SUB,no"],
    )
    lines = directory.load(
        ["MAIN,Above all,,yes", "SUB,Below,OTHER,no", "OTHER,Other,,yes", "NEW,New,,yes"],
        ["ann@x.com,Anna,Ak,NEW,yes", "BEN@x.com,Ben,Bo,SUB,no", "cy@x.com,Cy,Co,SUB,yes"],
    )
    divisions, users = directory.divisions, directory.users
    assert lines == [
        f"{divisions}, line 2: changed MAIN (name Above → Above all)",
        f"{divisions}, line 3: moved and deactivated SUB (parent MAIN → OTHER, "
        "is_active yes → no)",
        f"{divisions}, line 5: added NEW",
        f"{users}, line 2: changed and moved ann@x.com (first_name Ann → Anna, "
        "division MAIN → NEW)",
        f"{users}, line 3: changed and deactivated BEN@x.com (email ben@x.com → BEN@x.com, "
        "is_active yes → no)",
        f"{users}, line 4: activated cy@x.com (is_active no → yes)",
        "Divisions: 1 added, 1 changed, 1 moved, 1 deactivated, 1 unchanged.",
        "Users: 2 changed, 1 moved, 1 activated, 1 deactivated.",
    ]
    assert directory.line.accepted("division", "list").splitlines() == [
        "MAIN  Above all",
        "NEW  New",
        "OTHER  Other",
        "  SUB  Below  (inactive)",
    ]
    assert directory.line.accepted("user", "list").splitlines() == [
        "BEN@x.com  Ben Bo  SUB  (inactive)",
        "ann@x.com  Anna Ak  NEW",
        "cy@x.com  Cy Co  SUB",
    ]
    entries = json.loads(directory.line.accepted("audit", "--json"))
    assert len(entries) == 6 + 6
    assert directory.again() == ["Divisions: 4 unchanged.", "Users: 3 unchanged."]
    assert len(json.loads(directory.line.accepted("audit", "--json"))) == 12


def test_a_dry_run_says_all_and_changes_nothing(small: Directory) -> None:
    before = small.content()
    said = small.load(["A,New,,yes"], ["cy@x.com,Cy,Co,A,yes"], "--dry-run")
    assert said[-1] == "This was a dry run: nothing was changed."
    assert f"{small.users}, line 2: added cy@x.com" in said
    assert small.content() == before


def test_main_and_sub_division_may_change_places(directory: Directory) -> None:
    directory.load(["A,A,,yes", "B,B,A,yes", "C,C,A,yes"], [])
    directory.load(["A,A,B,yes", "B,B,,yes", "C,C,B,yes"], [])
    assert directory.line.accepted("division", "list").splitlines() == [
        *("B  B", "  A  A", "  C  C"),
    ]


@pytest.mark.long
def test_imports_at_the_same_time_take_turns(database_url: str, tmp_path: Path) -> None:
    directory = Directory(CommandLine(database_url), tmp_path)
    mains = [f"M{number},Main,,yes" for number in range(20)]
    users = [f"u{number}@x.com,A,B,M{number % 20},yes" for number in range(300)]
    directory.write(mains, users)
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: directory.again()[-2:], range(3)))
    unchanged = ["Divisions: 20 unchanged.", "Users: 300 unchanged."]
    assert sorted(said) == [
        ["Divisions: 20 added.", "Users: 300 added."],
        unchanged,
        unchanged,
    ]


DIVISION_FAULTS = [
    ("C,Other,NONE,yes", "parent_erp_code 'NONE': there is no such division, neither"),
    ("C,Other,C,yes", "parent_erp_code 'C': a division is not its own parent."),
    (
        "C,Other,B,yes",
        "parent_erp_code 'B': it is a sub-division, below which there are no",
    ),
    ("A,Main,C,yes", "erp_code 'A': it has the sub-division B, and would be one itself."),
    (",Main,,yes", "erp_code '': The ERP code is blank."),
    ("A,,,yes", "name '': The name is blank."),
    ("A,Main,,maybe", "active 'maybe': is one of yes, true, 1, no, false, 0."),
    ("A,Main,,", "active '': is one of yes, true, 1, no, false, 0."),
    ('A,"Ma\nin",,yes', "name 'Ma\\u000ain': The name has the character U+000A, which is"),
    (f"A,{'x' * 256},,yes", f"name '{'x' * 100}…': The name has 256 characters; at most"),
]


def test_a_division_that_cannot_be_is_named_with_its_line_and_reason(
    small: Directory,
) -> None:
    for line, reason in DIVISION_FAULTS:
        (fault,) = small.rejected([line], [])
        assert fault.startswith(f"{small.divisions}, line 2, {reason}"), line


USER_FAULTS = [
    ("nobody,N,N,A,yes", "email 'nobody': 'nobody' is not an e-mail address."),
    ("a b@x.com,N,N,A,yes", "email 'a b@x.com': 'a b@x.com' is not an e-mail address."),
    ("n@x.com,,N,A,yes", "first_name '': The first name is blank."),
    ("n@x.com,N,\u200b,A,yes", "last_name '\\u200b': The last name is blank."),
    ("n@x.com,N,N,NONE,yes", "division_erp_code 'NONE': there is no such division, nei"),
    ("n@x.com,N,N,a,yes", "division_erp_code 'a': there is no such division, neither"),
]


def test_a_user_that_cannot_be_is_named_with_their_line_and_reason(
    small: Directory,
) -> None:
    for line, reason in USER_FAULTS:
        (fault,) = small.rejected([], ["ann@x.com,Changed,Ak,A,yes", line])
        assert fault.startswith(f"{small.users}, line 3, {reason}"), line


def test_all_faults_of_all_lines_are_said_at_once(small: Directory) -> None:
    faults = small.rejected(
        ["X,X,Y,yes", "Y,Y,X,yes", "Z,Z,,yes", "Z,Z again,,", "V,V, Ltd,,yes,,z"],
        ["n@x.com,,,A,yes", "m@x.com,M,M,A,yes", "M@X.com,M,M,A,yes"],
    )
    divisions, users = small.divisions, small.users
    below = "it is a sub-division, below which there are no divisions."
    assert faults == [
        f"{divisions}, line 2, parent_erp_code 'Y': {below}",
        f"{divisions}, line 3, parent_erp_code 'X': {below}",
        f"{divisions}, line 5, active '': is one of yes, true, 1, no, false, 0.",
        f"{divisions}, line 5, erp_code 'Z': is in line 4 already.",
        f"{divisions}, line 6, 'yes': it is in no column; put cells that hold the delimiter "
        "into quotation marks.",
        f"{divisions}, line 6, active '': is one of yes, true, 1, no, false, 0.",
        f"{users}, line 2, first_name '': The first name is blank.",
        f"{users}, line 2, last_name '': The last name is blank.",
        f"{users}, line 4, email 'M@X.com': is in line 3 already.",
    ]


def test_a_fault_that_follows_from_the_line_of_a_division_says_so(small: Directory) -> None:
    faults = small.rejected(
        ["A,Main,C,yes", "B,Sub,,maybe", "N,,,yes", "M,Below,N,yes", "O,Of sub,B,yes"],
        ["new@x.com,N,N,N,yes", "odd@x.com,O,O,NONE,yes", "ben@x.com,Ben,Bo,B,yes"],
    )
    divisions, users = small.divisions, small.users
    of_b = "unless line 3 of the divisions, which has faults of its own, says otherwise."
    of_n = "unless line 4 of the divisions, which has faults of its own, says otherwise."
    assert faults == [
        f"{divisions}, line 2, erp_code 'A': it has the sub-division B, and would be one "
        f"itself, {of_b}",
        f"{divisions}, line 3, active 'maybe': is one of yes, true, 1, no, false, 0.",
        f"{divisions}, line 4, name '': The name is blank.",
        f"{divisions}, line 5, parent_erp_code 'N': there is no such division, {of_n}",
        f"{divisions}, line 6, parent_erp_code 'B': it is a sub-division, below which there "
        f"are no divisions, {of_b}",
        f"{users}, line 2, division_erp_code 'N': there is no such division, {of_n}",
        f"{users}, line 3, division_erp_code 'NONE': there is no such division, neither in "
        "the files nor in the database.",
    ]
    _, output, errors = small.line.run(*small.command("--json"))
    assert errors == "Nothing was changed: 7 faults, 4 of which follow from others."
    traced = [(each["line"], each["follows_from"]) for each in json.loads(output)["faults"]]
    assert sorted(traced, key=str) == [
        (2, 3),
        (2, 4),
        (3, None),
        (3, None),
        (4, None),
        (5, 4),
        (6, 3),
    ]


def test_lines_with_faults_are_not_missing(small: Directory) -> None:
    faults = small.rejected(
        ["A,Main,,yes", "B,Sub,A,maybe", "C,Other,,perhaps"],
        ["ann@x.com,,Ak,A,yes", "Ben@x.com,Ben,Bo,NONE,yes"],
        "--deactivate-missing",
    )
    assert [fault.partition(": ")[0] for fault in faults] == [
        f"{small.divisions}, line 3, active 'maybe'",
        f"{small.divisions}, line 4, active 'perhaps'",
        f"{small.users}, line 2, first_name ''",
        f"{small.users}, line 3, division_erp_code 'NONE'",
    ]


def test_causes_are_shown_before_the_faults_that_follow(small: Directory) -> None:
    lines = [f"u{number}@x.com,U,U,N,yes" for number in range(1_200)]
    small.write(["N,New,,"], lines)
    _, _, errors = small.line.run(*small.command())
    cause, *_, count = errors.splitlines()
    assert cause == (
        f"{small.divisions}, line 2, active '': is one of yes, true, 1, no, false, 0."
    )
    assert count == (
        "Nothing was changed: 1201 faults, 1200 of which follow from others; "
        "1000 are shown."
    )


def test_an_address_that_two_users_fold_into_must_be_written_as_one_of_them(
    small: Directory,
) -> None:
    small.load([], ["straße@x.com,A,B,A,yes"])
    add = ["user", "add", "--email", "strasse@x.com", "--division", "A"]
    small.line.accepted(*add, "--first-name", "C", "--last-name", "D")
    (fault,) = small.rejected([], ["\u017ftrasse@x.com,A,B,A,no"])
    assert fault == (
        f"{small.users}, line 2, email '\u017ftrasse@x.com': it may be strasse@x.com "
        "and straße@x.com; write it as one of them."
    )
    small.load([], ["STRASSE@x.com,C,D,A,no", "straße@x.com,A,B,A,yes"])
    assert small.line.accepted("user", "list").splitlines()[0] == (
        "STRASSE@x.com  C D  A  (inactive)"
    )


def test_two_lines_of_one_user_are_rejected(small: Directory) -> None:
    small.load([], ["strasse@x.com,S,S,A,yes"])
    twice = ["strasse@x.com,S,S,A,yes", "\u017ftrasse@x.com,S,S,A,no"]
    (fault,) = small.rejected([], twice)
    assert fault == (
        f"{small.users}, line 3, email '\u017ftrasse@x.com': it is that of line 2."
    )


BROKEN_FILES = [
    (b"", "the column erp_code is missing; the column name is missing; the column parent"),
    (b"erp_code,name,active\n", "the column parent_erp_code is missing. The columns are"),
    (b"erp_code,name,parent_erp_code,aktive\n", "'aktive' is no column. The columns are"),
    (b"erp_code,name,name,parent_erp_code\n", "the column name occurs twice."),
    (b'erp_code,name,parent_erp_code\nA,"B\n', "Row 2 of the file cannot be read: the quo"),
    (b"erp_code,name,parent_erp_code\n\x81\n", "The file is neither a spreadsheet nor tex"),
    (b"PK\x03\x04" + b"\0" * 50, "the column erp_code is missing;"),
    (b"a" * 50_000_001, "has more than 50000000 bytes; that is the limit."),
    (b"erp_code,name,parent_erp_code\n" + b"A,B,\n" * 200_001, "has more than 200000 li"),
]


def test_a_file_of_another_kind_is_rejected(small: Directory) -> None:
    before = small.content()
    small.users.write_text(USERS)
    for content, reason in BROKEN_FILES:
        small.divisions.write_bytes(content)
        assert reason in small.line.rejected(*small.command())
        assert small.content() == before, content[:80]


def test_a_file_that_is_not_there_is_named(small: Directory) -> None:
    small.divisions.unlink()
    assert small.line.rejected(*small.command()) == (
        f"{small.divisions} cannot be read: No such file or directory."
    )


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8-sig", ";"), ("utf-16", "\t"), ("windows-1254", ","), ("utf-8", ";")],
)
def test_encodings_delimiters_empty_lines_and_orders_of_columns_are_found_out(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    small = Directory(Commands(sqlite_database(tmp_path)), tmp_path)

    def encoded(*lines: str) -> bytes:
        text = "\r\n".join(line.replace("|", delimiter) for line in lines)
        return text.encode(encoding)

    small.divisions.write_bytes(
        encoded("Name|ERP_Code|parent_erp_code", "", "Şube|A|", delimiter * 2, "")
    )
    small.users.write_bytes(
        encoded("email|first_name|last_name|division_erp_code", '"ş@x.com"|"A ""B"""|İ|A')
    )
    small.again()
    assert small.line.accepted("division", "list") == "A  Şube"
    assert small.line.accepted("user", "list") == 'ş@x.com  A "B" İ  A'


def test_who_is_in_no_line_is_deactivated_only_if_that_is_asked_for(
    small: Directory,
) -> None:
    both = ["ann@x.com,Ann,Ak,A,yes", "ben@x.com,Ben,Bo,B,yes"]
    divisions = ["A,Main,,yes", "B,Sub,A,yes"]
    assert small.load(divisions, both[:1])[-1] == "Users: 1 unchanged."
    said = small.load(divisions, both[:1], "--deactivate-missing")
    assert f"{small.divisions}, missing: deactivated C (is_active yes → no)" in said
    assert f"{small.users}, missing: deactivated ben@x.com (is_active yes → no)" in said
    assert "ben@x.com  Ben Bo  B  (inactive)" in small.line.accepted("user", "list")
    # Once more there is nobody to deactivate, so that the guard has nothing against it.
    repeated = small.again("--deactivate-missing")
    assert repeated == ["Divisions: 2 unchanged.", "Users: 1 unchanged."]


def test_a_file_that_would_deactivate_too_many_is_rejected_unless_forced(
    small: Directory,
) -> None:
    faults = small.rejected([], [], "--deactivate-missing")
    rest = "more than 20%; if that is right, add --force."
    assert faults == [
        f"{small.divisions}: 3 of the 3 active divisions are missing in the file and would "
        f"be deactivated, {rest}",
        f"{small.users}: 2 of the 2 active users are missing in the file and would be "
        f"deactivated, {rest}",
    ]
    small.load([], [], "--deactivate-missing", "--force")
    assert small.line.accepted("user", "list").count("(inactive)") == 2


def test_lines_without_activity_leave_it_as_it_is(small: Directory) -> None:
    small.line.accepted("user", "deactivate", "ben@x.com")
    small.divisions.write_text(DIVISIONS)
    small.users.write_text(
        "email,first_name,last_name,division_erp_code\nben@x.com,Ben,Bo,B\nn@x.com,N,N,A\n"
    )
    small.again()
    assert small.line.accepted("user", "list").splitlines()[1:] == [
        "ben@x.com  Ben Bo  B  (inactive)",
        "n@x.com  N N  A",
    ]


async def test_a_user_who_moves_keeps_baskets_whose_items_are_then_problems(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve(database_url, shop) as service:
        items = [{"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 1}]
        await service.sub.accepted("basketItemsAdd", items=items)
    directory = Directory(Commands(database_url), tmp_path)
    said = directory.load([], ["sub@example.invalid,Sub,Buyer,ERP05,yes"])
    assert said[0] == (
        f"{directory.users}, line 2: moved sub@example.invalid (division ERP02 → ERP05); "
        "1 open basket has items for divisions not theirs any more"
    )


def test_the_report_as_json_has_each_line(small: Directory) -> None:
    small.write(["A,Main,,yes", "D,New,,yes"], ["ann@x.com,Ann,Ak,A,yes"])
    report: dict[str, Any] = json.loads(small.line.accepted(*small.command("--json")))
    assert report["counts"] == {
        "divisions": {"added": 1, "unchanged": 1},
        "users": {"unchanged": 1},
    }
    assert report["is_changed"] is True
    again: dict[str, Any] = json.loads(small.line.accepted(*small.command("--json")))
    assert again["is_changed"] is False
    assert again["counts"] == {"divisions": {"unchanged": 2}, "users": {"unchanged": 1}}
    assert [(each["line"], each["outcome"]) for each in report["lines"]] == [
        (2, ["unchanged"]),
        (3, ["added"]),
        (2, ["unchanged"]),
    ]
    small.write(["A,,,yes"], [])
    status, output, errors = small.line.run(*small.command("--json"))
    assert (status, errors) == (2, "Nothing was changed: 1 fault.")
    (fault,) = json.loads(output)["faults"]
    assert fault == {
        "file": "divisions",
        "line": 2,
        "column": "name",
        "value": "",
        "reason": "The name is blank.",
        "follows_from": None,
    }


_SEEDS = st.text(st.sampled_from("aZ'=+-@;, \"\t1İßé"), min_size=1, max_size=6)


@given(st.lists(_SEEDS, min_size=1, max_size=4), st.data())
@settings(max_examples=examples(10), deadline=None)
def test_an_export_imports_as_the_same_directory(
    names: list[str], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_empty(Path(folder), name) for name in ("first", "second"))
        mains = [f"M{name}" for name in dict.fromkeys(map(_clean, names))]
        divisions = [[main, f"{main}'s", "", _draw_activity(data)] for main in mains]
        divisions += [[f"S{main}", main, main, _draw_activity(data)] for main in mains]
        users = [
            [f"u{index}@x.com", f"'{name}", f"={name}", name, _draw_activity(data)]
            for index, (name, *_) in enumerate(divisions)
        ]
        first.write_rows(divisions, users)
        first.again()
        first.line.accepted("directory", "export", str(first.divisions), str(first.users))
        exported = first.divisions.read_bytes(), first.users.read_bytes()
        assert first.again() == [
            f"Divisions: {len(divisions)} unchanged.",
            f"Users: {len(users)} unchanged.",
        ]
        second.line.accepted(*first.command())
        second.line.accepted(
            "directory", "export", str(second.divisions), str(second.users)
        )
        assert (second.divisions.read_bytes(), second.users.read_bytes()) == exported


def _clean(name: str) -> str:
    return trim(name.replace("\t", ""))


def _draw_activity(data: st.DataObject) -> str:
    return data.draw(st.sampled_from(["yes", "no"]))


def _empty(folder: Path, name: str) -> Directory:
    own = folder / name
    own.mkdir()
    return Directory(Commands(sqlite_database(own)), own)


def test_an_export_has_no_formulas(small: Directory) -> None:
    small.load(["A,=1+1,,yes"], ["ann@x.com,@SUM(1),+1,A,yes"])
    small.line.accepted("directory", "export", str(small.divisions), str(small.users))
    assert "A,'=1+1,,yes" in small.divisions.read_text("utf-8-sig")
    assert "ann@x.com,'@SUM(1),'+1,A,yes" in small.users.read_text("utf-8-sig")
    assert os.stat(small.users).st_mode & 0o077 == 0


def test_an_export_that_cannot_be_written_is_rejected(small: Directory) -> None:
    nowhere = small.users.parent / "none" / "users.csv"
    said = small.line.rejected("directory", "export", str(small.divisions), str(nowhere))
    assert said == f"{nowhere} cannot be written: No such file or directory."


def test_a_terminal_gets_a_progress_bar_and_a_pipe_none(small: Directory) -> None:
    small.write(["A,Main,,yes"], [])
    line = CommandLine(small.line.environment["DATABASE_URL"])
    assert line.run(*small.command())[2] == ""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 80))
    subprocess.run(
        [sys.executable, "server.py", *small.command()],
        cwd=ROOT,
        env=line.environment,
        stdout=subprocess.DEVNULL,
        stderr=writer,
        check=True,
    )
    # Before the terminal is closed: what nobody has read is lost with it.
    os.set_blocking(reader, False)
    assert "lines/s" in os.read(reader, 10_000).decode()
    for end in (reader, writer):
        os.close(end)
