"""Measures how the code reads; `scripts/readability` runs it.

    scripts/readability           the server's code, against the limits
    scripts/readability FOLDER…   other folders or files

Tests, the benchmark and migrations are not measured.
"""

import ast
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = (
    *(
        "application.py",
        "resources.py",
        "server.py",
        "logs.py",
        "response_body.py",
        "text.py",
    ),
    *(
        "commands",
        "commerce",
        "identity",
        "models",
        "resolvers",
        "schema",
        "settings",
        "tasks",
        "web",
    ),
)
LONGEST_LINE = 100
WORDS = frozenset({"what", "whatever", "whoever"})
LAYOUT = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
)
TABLES_AND_TYPES = frozenset(
    {
        *("Basket", "BasketChange", "BasketExport", "BasketItem", "BasketItemDivision"),
        *("Division", "Product", "Quotation"),
    }
)
"""The names that a table and its GraphQL type share."""
SHARED_NAMES = TABLES_AND_TYPES | {"find_export", "list_divisions", "main"}
"""The public names that two modules may have: the same thing in two layers."""


@dataclass(frozen=True)
class Limit:
    """The lowest and the highest value of a measure."""

    name: str
    lowest: float
    highest: float


LIMITS = (
    Limit("characters per line of code", 0, 36),
    Limit(f"lines of code over {LONGEST_LINE} characters", 0, 0),
    Limit(f"lines of comments and docstrings over {LONGEST_LINE} characters", 0, 0),
    Limit("nested conditional expressions", 0, 0),
    Limit("what, whatever, whoever per 1,000 words of docstrings", 0, 1),
    Limit("comments in per cent of lines", 2, 4),
    Limit("public names in two modules", 0, 0),
)


@dataclass
class Counts:
    """The counts of all measured files."""

    lines: int = 0
    code_lines: int = 0
    characters: int = 0
    long_code: list[str] = field(default_factory=list)
    long_texts: list[str] = field(default_factory=list)
    nested_conditions: list[str] = field(default_factory=list)
    docstring_words: int = 0
    relative_words: int = 0
    comments: int = 0
    modules: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, path: Path) -> None:
        """Counts a file."""
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        docstrings = list(find_docstrings(tree))
        self._add_lines(path, text, docstrings)
        self._add_words(docstrings)
        self.nested_conditions += [
            f"{path}:{line}" for line in nested_condition_lines(tree)
        ]
        for name in public_names(tree):
            self.modules[name].append(str(path))

    def _add_lines(self, path: Path, text: str, docstrings: list[ast.Expr]) -> None:
        lines = text.splitlines()
        code, comments = code_lines(text)
        self.comments += comments
        self.lines += len(lines)
        for docstring in docstrings:
            code -= line_numbers(docstring)
        for number, line in enumerate(lines, start=1):
            if len(line) > LONGEST_LINE:
                long = self.long_code if number in code else self.long_texts
                long.append(f"{path}:{number}")
            if number in code and line.strip():
                self.code_lines += 1
                self.characters += len(line.strip())

    def _add_words(self, docstrings: list[ast.Expr]) -> None:
        for docstring in docstrings:
            words = ast.literal_eval(docstring.value).lower().split()
            self.docstring_words += len(words)
            self.relative_words += sum(word.strip("`,.;:()") in WORDS for word in words)

    @property
    def names_in_two_modules(self) -> list[str]:
        """The public names of several modules, each with the modules."""
        return [
            f"{name}: {', '.join(modules)}"
            for name, modules in sorted(self.modules.items())
            if len(modules) > 1 and name not in SHARED_NAMES
        ]

    def measures(self) -> list[float]:
        """Returns the values of LIMITS, in their order."""
        return [
            self.characters / max(self.code_lines, 1),
            len(self.long_code),
            len(self.long_texts),
            len(self.nested_conditions),
            1_000 * self.relative_words / max(self.docstring_words, 1),
            100 * self.comments / max(self.lines, 1),
            len(self.names_in_two_modules),
        ]

    def exceeded(self) -> list[str]:
        """Returns a line per limit that is exceeded."""
        return [
            f"{limit.name}: {value:.2f}, not {limit.lowest} to {limit.highest}"
            for limit, value in zip(LIMITS, self.measures(), strict=True)
            if not limit.lowest <= value <= limit.highest
        ]

    def details(self) -> Iterator[str]:
        """Yields the places behind the counts that should be zero."""
        yield from self.long_code
        yield from self.long_texts
        yield from self.nested_conditions
        yield from self.names_in_two_modules


def find_docstrings(tree: ast.AST) -> Iterator[ast.Expr]:
    """Yields the texts that are statements: docstrings, also those below a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield node


def line_numbers(node: ast.stmt) -> set[int]:
    """Returns the numbers of a statement's lines."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def code_lines(text: str) -> tuple[set[int], int]:
    """Returns the lines with code, docstrings included, and the number of comments."""
    lines, comments = set[int](), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        comments += token.type == tokenize.COMMENT
        if token.type not in LAYOUT:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return lines, comments


def nested_condition_lines(tree: ast.AST) -> Iterator[int]:
    """Yields the lines of conditional expressions that contain another one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            inner = [each for each in ast.walk(node) if isinstance(each, ast.IfExp)]
            if len(inner) > 1:
                yield node.lineno


def public_names(tree: ast.Module) -> Iterator[str]:
    """Yields the public functions and classes of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.name.startswith("_"):
                yield node.name


def source_files(names: Iterable[str]) -> Iterator[Path]:
    """Yields the Python files of folders and files, without migrations."""
    for name in names:
        path = Path(name)
        files = [path] if path.is_file() else sorted(path.rglob("*.py"))
        yield from (file for file in files if "migrations" not in file.parts)


def count(names: Iterable[str] = CODE) -> Counts:
    """Counts the files below these names."""
    counts = Counts()
    for file in source_files(names):
        counts.add(file)
    return counts


def main(arguments: list[str]) -> int:
    """Prints all measures, and returns status 1 when a limit is exceeded."""
    counts = count(arguments or CODE)
    for limit, value in zip(LIMITS, counts.measures(), strict=True):
        sys.stdout.write(f"{value:8.2f}  {limit.name}; {limit.lowest} to {limit.highest}\n")
    for line in counts.details():
        sys.stdout.write(f"  {line}\n")
    return 1 if counts.exceeded() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
