"""The text that an embedded server shows when it is up is true of its settings."""

import pytest

import settings
from commands.listening import write_welcome


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a server without any in its environment."""
    for name, value in (
        ("LOCAL_URL", "http://127.0.0.1:8000"),
        ("DOCUMENTS", "any"),
        ("GRAPHIQL", True),
        ("COMMERCE_URL", ""),
    ):
        monkeypatch.setattr(settings, name, value)


def test_the_demo_has_a_catalogue_and_graphiql() -> None:
    lines = write_welcome().splitlines()
    assert lines[1] == "The basket server is up, with a demo catalogue and demo users."
    assert lines[3] == "  GraphiQL   http://127.0.0.1:8000/graphql"


def test_products_of_another_commerce_are_no_demo_catalogue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "COMMERCE_URL", "https://user:secret@commerce.example")
    text = write_welcome()
    assert "up, with the products of COMMERCE_URL and demo users." in text
    assert "secret" not in text


def test_graphiql_is_named_only_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GRAPHIQL", False)
    assert write_welcome().splitlines()[3] == "  GraphiQL   switched off"
    monkeypatch.setattr(settings, "DOCUMENTS", "trusted")
    assert "executes trusted documents only" in write_welcome()
