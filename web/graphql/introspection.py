"""Hiding the schema from those who do not know it."""

from importlib import import_module


def hide_suggestions() -> None:
    """Makes errors suggest no names ("Did you mean …?") of fields, types, arguments, enum values or directives.

    It holds for the whole process: graphql-core has a switch for each call too, but Strawberry's calls do not pass it.
    """
    # The package has a function of the module's name, which an import statement would find in its stead.
    module = import_module("graphql.pyutils.did_you_mean")
    module.MAX_LENGTH = 0  # type: ignore[attr-defined]
