"""Random valid operations over a whole schema, as hypothesis draws them.

What a response key means is decided once a document and type, so repeated fields always merge.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
T = TypeVar("T")

INTROSPECTION = {
    "__schema": "{ __typename queryType { name } types { kind name } directives { name } }",
    "__type": "{ name fields { name type { kind name ofType { name } } } }",
}
SCALARS: Mapping[str, Sequence[Any]] = {
    "Int": [1, 2, 3, 0, 404, -1, 2**31 - 1],
    "String": ["", "SKU01", "a", 'quoted "text" \\ \n', "ş€😀"],
    "ID": ["1", "2", "division_1", "basket_3", "0", "999999", "basket_999999", "x"],
    "Boolean": [True, False],
}
CONDITION = "Boolean!"
CONDITION_WITH_DEFAULT = "Boolean = true"
MAXIMUM_SELECTED = 40
"""How many selections a document has at the most, or nearly so."""


@dataclass(frozen=True)
class Variable:
    """What is declared of a variable, and what is sent for it; Undefined for nothing."""

    declared: str
    value: Any


@dataclass(frozen=True)
class Fragment:
    """A named fragment, with the variables that it and the fragments it spreads use."""

    name: str
    kind: Composite
    text: str
    variables: frozenset[str]


@dataclass
class Drawn:
    """A drawn document, the operation of it that is meant, and its variables."""

    text: str
    name: str | None
    variables: dict[str, Any]

    def __repr__(self) -> str:
        return f"Drawn({self.name!r}, {self.variables!r},\n{self.text})"


@dataclass
class Choices:
    """What is drawn from, all where empty: values of arguments by their names, inputs by mutation."""

    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    inputs: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class DocumentWriter:
    """What the operations of a document share: its fragments, and what its response keys mean."""

    def __init__(self, draw: Any, schema: GraphQLSchema, choices: Choices) -> None:
        self.draw = draw
        self.schema = schema
        self.choices = choices
        self.fragments: list[Fragment] = []
        self.variables: dict[str, Variable] = {}
        self.used: set[str] = set()
        self.meanings: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}
        self.first_declared: dict[str, str] = {}
        self.redeclared: set[str] = set()
        self.room = MAXIMUM_SELECTED

    def chance(self, percent: int) -> bool:
        """Draws whether something is the case; False is the simpler one."""
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def one_of(self, options: Sequence[T]) -> T:
        """Draws one of several things; the first is the simplest."""
        chosen: T = self.draw(st.sampled_from(options))
        return chosen

    def operation(self, name: str | None, is_mutation: bool) -> str:
        """Writes an operation with variables of its own."""
        self.variables, self.used = {}, set()
        kind = OperationType.MUTATION if is_mutation else OperationType.QUERY
        root = self.schema.get_root_type(kind)
        assert root is not None
        body = self.selections(root, 5)
        declared = ", ".join(
            f"${each}: {self.variables[each].declared}" for each in sorted(self.used)
        )
        return f"{kind.value} {name or ''}{f'({declared})' if declared else ''} {body}"

    def selections(self, kind: Composite, depth: int) -> str:
        """Writes a selection set."""
        many = 1 if self.room <= 0 else self.draw(st.integers(1, 5))
        return f"{{ {' '.join(self.selection(kind, depth) for _ in range(many))} }}"

    def selection(self, kind: Composite, depth: int) -> str:
        """Writes a field, a fragment, or __typename."""
        self.room -= 1
        form = (
            self.one_of(["field"] * 11 + ["typename", "inline", "spread"])
            if depth > 0
            else "field"
        )
        if form == "inline":
            below = self.narrowed(kind)
            condition = f"on {below}" if below is not kind or self.chance(60) else ""
            return f"... {condition} {self.condition()} {self.selections(below, depth - 1)}"
        if form == "spread":
            return f"...{self.fragment(self.narrowed(kind), depth).name} {self.condition()}"
        names = self.field_names(kind, depth)
        if form == "typename" or not names:
            return f"{self.one_of(['', 'kind: ', 'typename_3: '])}__typename {self.condition()}"
        return self.field(kind, self.one_of(names), depth)

    def narrowed(self, kind: Composite) -> Composite:
        """Chooses a type that a fragment within another may be on."""
        if isinstance(kind, GraphQLObjectType):
            return kind
        return self.one_of([kind, *self.schema.get_possible_types(kind)])

    def field_names(self, kind: Composite, depth: int) -> list[str]:
        """Names the fields to choose from, without those that have fields below where it is deep enough."""
        if isinstance(kind, GraphQLUnionType):
            return []
        is_root = kind in (self.schema.query_type, self.schema.mutation_type)
        names = [
            name
            for name, each in kind.fields.items()
            if (
                is_leaf_type(get_named_type(each.type))
                or depth > 0
                and (is_root or self.room > 0)
            )
            and (
                kind is not self.schema.mutation_type
                or not self.choices.inputs
                or name in self.choices.inputs
            )
        ]
        if is_root and kind is self.schema.query_type:
            return [*names * 5, *INTROSPECTION]
        # Where there is something below, the more of it the better.
        return (
            names
            + [
                name
                for name in names
                if not is_leaf_type(get_named_type(kind.fields[name].type))
            ]
            * 2
        )

    def field(self, kind: Any, name: str, depth: int) -> str:
        """Writes a field, under a response key that has meant the same so far."""
        if name in INTROSPECTION:
            arguments = '(name: "Basket")' if name == "__type" else ""
            return f"{name}{arguments} {self.condition()} {INTROSPECTION[name]}"
        alias = self.one_of(["", "", f"{name}_2", f"a_{kind}_{name}", f"b_{kind}_{name}"])
        key = (str(kind), alias or name)
        known = self.meanings.get(key)
        if known is None or not self.declare_again(known[1]):
            if known is not None:
                alias = f"c{len(self.meanings)}_{name}"
            known = self.arguments(name, kind.fields[name].args)
            self.meanings[str(kind), alias or name] = known
        result = get_named_type(kind.fields[name].type)
        below = "" if is_leaf_type(result) else self.selections(result, depth - 1)
        return f"{f'{alias}: ' if alias else ''}{name}{known[0]} {self.condition()} {below}"

    def arguments(
        self, field_name: str, args: Mapping[str, GraphQLArgument]
    ) -> tuple[str, frozenset[str]]:
        """Writes the arguments of a field, and names the variables in them."""
        before, self.used = self.used, set()
        if field_name in self.choices.inputs and "input" in args:
            given = self.one_of(self.choices.inputs[field_name])
            kind = args["input"].type
            text = (
                written(given, kind)
                if self.chance(50)
                else f"${self.variable(str(kind), given)}"
            )
            used, self.used = frozenset(self.used), before | self.used
            return f"(input: {text})", used
        pairs = [
            f"{name}: {self.value(name, each.type, has_default=each.default_value is not Undefined)}"
            for name, each in args.items()
            if isinstance(each.type, GraphQLNonNull)
            and each.default_value is Undefined
            or self.chance(60)
        ]
        used, self.used = frozenset(self.used), before | self.used
        return (f"({', '.join(pairs)})" if pairs else ""), used

    def value(self, name: str, kind: GraphQLInputType, *, has_default: bool = False) -> str:
        """Writes a value, as a literal or as a variable."""
        if str(kind) == "Upload!" or self.chance(30):
            return f"${self.variable(str(kind), self.python_value(name, kind), has_default=has_default)}"
        return self.literal(name, kind)

    def literal(self, name: str, kind: GraphQLInputType) -> str:
        """Writes a value as a literal, which may have variables within."""
        if isinstance(kind, GraphQLNonNull):
            inner: GraphQLInputType = kind.of_type
            if (
                isinstance(inner, GraphQLInputObjectType)
                and name not in self.choices.values
            ):
                pairs = [
                    f"{key}: {self.value(key, inner.fields[key].type)}"
                    for key in self.chosen_keys(inner)
                ]
                return f"{{{', '.join(pairs)}}}"
            return written(self.python_value(name, kind), inner)
        return written(self.python_value(name, kind), kind)

    def chosen_keys(self, kind: GraphQLInputObjectType) -> list[str]:
        """Chooses which fields of an input are given."""
        return [
            key
            for key, each in kind.fields.items()
            if (isinstance(each.type, GraphQLNonNull) and each.default_value is Undefined)
            or self.chance(40)
        ]

    def python_value(self, name: str, kind: GraphQLInputType) -> Any:
        """Draws a value of an input type."""
        if isinstance(kind, GraphQLNonNull):
            inner = kind.of_type
            if name in self.choices.values:
                return self.one_of(self.choices.values[name])
            if isinstance(inner, GraphQLList):
                return [
                    self.python_value(name, inner.of_type)
                    for _ in range(self.draw(st.integers(0, 2)))
                ]
            if isinstance(inner, GraphQLInputObjectType):
                return {
                    key: self.python_value(key, inner.fields[key].type)
                    for key in self.chosen_keys(inner)
                }
            if isinstance(inner, GraphQLEnumType):
                return self.one_of(list(inner.values))
            return self.one_of(SCALARS[inner.name])
        return None if self.chance(10) else self.python_value(name, GraphQLNonNull(kind))

    def variable(self, declared: str, value: Any, *, has_default: bool = False) -> str:
        """Declares a variable, or chooses one that is declared alike, and returns its name."""
        alike = [name for name, each in self.variables.items() if each.declared == declared]
        if alike and self.chance(60):
            name = self.one_of(alike)
        else:
            name = f"v{len(self.variables)}"
            if self.chance(2):
                value = self.one_of([None, Undefined, [[]], {"a": 1}, 2**31, "\x00"])
            self.variables[name] = Variable(declared, value)
            if self.first_declared.setdefault(name, declared) != declared:
                self.redeclared.add(name)
        self.used.add(name)
        return name

    def condition(self) -> str:
        """Writes @skip, @include, both or, most often, neither."""
        if not self.chance(25):
            return ""
        form = self.one_of([("include",), ("skip",), ("skip", "include")])
        return " ".join(f"@{name}(if: {self.condition_value()})" for name in form)

    def condition_value(self) -> str:
        declared = self.one_of([CONDITION] * 4 + [CONDITION_WITH_DEFAULT, "true", "false"])
        if declared in ("true", "false"):
            return declared
        value: Any = self.draw(st.booleans())
        if declared == CONDITION_WITH_DEFAULT:
            value = self.one_of([True, False, Undefined, Undefined, None])
        return f"${self.variable(declared, value)}"

    def is_declared(self, names: frozenset[str]) -> bool:
        """Tells whether this operation declares variables, and as the operation did that used them first."""
        return (
            all(
                name in self.variables
                and self.variables[name].declared == self.first_declared[name]
                for name in names
            )
            and not names & self.redeclared
        )

    def declare_again(self, names: frozenset[str]) -> bool:
        """Uses variables that are declared by this operation already; False when they are not."""
        if not self.is_declared(names):
            return False
        self.used |= names
        return True

    def fragment(self, kind: Composite, depth: int) -> Fragment:
        """Chooses a fragment that was written before, or writes another."""
        known = [
            each
            for each in self.fragments
            if each.kind is kind and self.is_declared(each.variables)
        ]
        if known and self.chance(60):
            chosen = self.one_of(known)
            self.used |= chosen.variables
            return chosen
        before, self.used = self.used, set()
        text = self.selections(kind, depth - 1)
        name = f"F{len(self.fragments)}"
        written_now = Fragment(
            name, kind, f"fragment {name} on {kind} {text}", frozenset(self.used)
        )
        self.used |= before
        self.fragments.append(written_now)
        return written_now


def written(value: Any, kind: GraphQLNamedType | GraphQLInputType) -> str:
    """Writes a Python value as a literal of GraphQL."""
    if isinstance(kind, GraphQLNonNull):
        return written(value, kind.of_type)
    if value is None:
        return "null"
    if isinstance(kind, GraphQLList):
        return f"[{', '.join(written(each, kind.of_type) for each in value)}]"
    if isinstance(kind, GraphQLInputObjectType):
        return f"{{{', '.join(f'{key}: {written(each, kind.fields[key].type)}' for key, each in value.items())}}}"
    if isinstance(kind, GraphQLEnumType):
        return value.name if isinstance(value, Enum) else str(value)
    return json.dumps(value)


@st.composite
def operations(
    draw: Any, schema: GraphQLSchema, choices: Choices, *, mutations: int = 25
) -> Drawn:
    """Draws a document of one or two operations; `mutations` is the chance that one is a mutation, in percent."""
    writer = DocumentWriter(draw, schema, choices)
    count = 2 if writer.chance(25) else 1
    names = ["A", "B"] if count == 2 else [writer.one_of([None, "A"])]
    texts, sent = [], []
    for name in names:
        texts.append(
            writer.operation(
                name, schema.mutation_type is not None and writer.chance(mutations)
            )
        )
        used = {each: writer.variables[each].value for each in writer.used}
        sent.append({each: value for each, value in used.items() if value is not Undefined})
    meant = draw(st.integers(0, count - 1))
    text = "\n".join([*texts, *(each.text for each in writer.fragments)])
    return Drawn(text, names[meant], sent[meant])
