"""The base of all tables."""

from typing import Any

from tortoise.models import Model, ModelMeta


class TableMeta(ModelMeta):
    """Makes the class of a table without reading its source, as Tortoise does for comments.

    That would be a tenth of the time of a short command.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> Any:
        """Returns the class, for which the source need not be parsed."""
        return super().__new__(cls, name, bases, {**attributes, "_no_comments": True})


class Table(Model, metaclass=TableMeta):
    """A table of the database."""

    class Meta:
        abstract = True
