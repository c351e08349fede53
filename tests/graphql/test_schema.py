"""The schema: what is printed is what is committed, it holds the whole public contract, and everything is described."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)

from application import schema

ROOT = Path(__file__).parents[2]
CONTRACT = build_schema(
    (ROOT / "tests" / "support" / "contract.graphql").read_text(encoding="utf-8")
)
OURS = build_schema(schema.as_str())


def own_types(of: GraphQLSchema) -> list[GraphQLNamedType]:
    """Returns the types that are not GraphQL's own."""
    names = (name for name in of.type_map if not name.startswith("__"))
    return [
        of.type_map[name]
        for name in names
        if not is_specified_scalar_type(of.type_map[name])
    ]


def parts(kind: GraphQLNamedType) -> Iterator[tuple[str, str, str | None]]:
    """Yields the coordinate, the type with its default, and the description of a type and everything in it."""
    yield kind.name, type(kind).__name__, kind.description
    if isinstance(kind, GraphQLEnumType):
        for name, value in kind.values.items():
            yield f"{kind.name}.{name}", "value", value.description
    if isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield (
                f"{kind.name}.{name}",
                f"{field.type}{default_of(field)}",
                field.description,
            )
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for interface in kind.interfaces:
            yield (
                f"{kind.name} implements {interface.name}",
                "interface",
                interface.description,
            )
        for name, output in kind.fields.items():
            yield f"{kind.name}.{name}", str(output.type), output.description
            for key, argument in output.args.items():
                coordinate = f"{kind.name}.{name}({key}:)"
                yield (
                    coordinate,
                    f"{argument.type}{default_of(argument)}",
                    argument.description,
                )


def default_of(declared: GraphQLArgument | GraphQLInputField) -> str:
    """Writes the default of an argument or input field, if it has one."""
    node = declared.ast_node
    return f" = {print_ast(node.default_value)}" if node and node.default_value else ""


def elements(of: GraphQLSchema) -> dict[str, str]:
    """Returns every element by its coordinate, with its type and default."""
    return {
        coordinate: kind for each in own_types(of) for coordinate, kind, _ in parts(each)
    }


def test_the_committed_schema_is_the_printed_one() -> None:
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
    assert committed == schema.as_str() + "\n", (
        "Run `.venv/bin/python server.py schema > schema/schema.graphql`."
    )


def test_the_schema_holds_the_whole_contract_unrenamed() -> None:
    wanted, ours = elements(CONTRACT), elements(OURS)
    differing = {
        coordinate for coordinate, kind in wanted.items() if ours.get(coordinate) != kind
    }
    assert differing == set()
    assert len(wanted) == 557


def test_every_element_is_described_in_a_full_sentence() -> None:
    undescribed = [
        coordinate
        for kind in own_types(OURS)
        for coordinate, _, description in parts(kind)
        if not description or " " not in description or description.rstrip()[-1] != "."
    ]
    assert undescribed == []


def test_every_mutation_takes_exactly_one_required_input_of_its_own() -> None:
    mutations = OURS.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        kind = name[0].upper() + name[1:]
        assert {key: str(argument.type) for key, argument in field.args.items()} == {
            "input": f"{kind}Input!"
        }
        assert str(field.type) == f"{kind}Payload!"


def test_everything_with_an_id_is_a_node() -> None:
    with_ids = {
        kind.name
        for kind in own_types(OURS)
        if isinstance(kind, GraphQLObjectType) and "id" in kind.fields
    }
    node = OURS.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert (
        with_ids
        == {kind.name for kind in OURS.get_possible_types(node)}
        == {
            "Actor",
            "Basket",
            "BasketChange",
            "BasketExport",
            "BasketItem",
            "BasketItemDivision",
            "Division",
            "Product",
            "Quotation",
            "Viewer",
        }
    )


def test_every_scalar_of_ours_says_where_it_is_specified() -> None:
    scalars = [kind for kind in own_types(OURS) if isinstance(kind, GraphQLScalarType)]
    assert {
        kind.name: (kind.specified_by_url or "")[:8] for kind in scalars
    } == dict.fromkeys(("DateTime", "Decimal", "JSON", "Upload"), "https://")


def test_every_payload_offers_the_state_after_the_change() -> None:
    payloads = [kind for kind in own_types(OURS) if kind.name.endswith("Payload")]
    assert len(payloads) == 15
    for kind in payloads:
        assert isinstance(kind, GraphQLObjectType)
        assert (kind.name, str(kind.fields["query"].type)) == (kind.name, "Query!")
