"""Errors of one answer: duplicates merged, at most ten, messages cut."""

import pytest
from graphql import GraphQLError

from tests.support.service import Service
from web.graphql.errors import error_content


async def test_at_most_ten_errors_are_listed_and_the_others_counted(
    service: Service,
) -> None:
    fields = " ".join(f"nothing{number}" for number in range(30))
    content = (await service.main.post(f"{{ {fields} }}")).json()
    assert [error["message"] for error in content["errors"]] == [
        f"Cannot query field 'nothing{number}' on type 'Query'." for number in range(10)
    ]
    assert content["extensions"] == {"errorsLeftOut": 20}


async def test_what_is_said_twice_is_said_once_with_both_places(service: Service) -> None:
    content = (await service.main.post("{ nothing viewer { id } nothing }")).json()
    assert content == {
        "errors": [
            {
                "message": "Cannot query field 'nothing' on type 'Query'.",
                "locations": [{"line": 1, "column": 3}, {"line": 1, "column": 25}],
            }
        ]
    }


def test_errors_of_different_parts_of_the_answer_are_not_merged() -> None:
    errors = [GraphQLError("No.", path=["a", number]) for number in (1, 2, 2)]
    assert [error["path"] for error in error_content(errors)["errors"]] == [
        ["a", 1],
        ["a", 2],
    ]


@pytest.mark.parametrize(("length", "message"), [(300, "x" * 300), (301, "x" * 299 + "…")])
def test_long_messages_are_cut(length: int, message: str) -> None:
    assert error_content([GraphQLError("x" * length)])["errors"][0]["message"] == message
