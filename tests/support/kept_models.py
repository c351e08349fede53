"""What Tortoise works out of all models, kept for the applications that follow in this process.

It does so whenever an application connects, which takes a sixth of the time of starting one; only
the kind of the database makes a difference.
"""

from copy import copy
from typing import Any

import pytest
from tortoise.apps import Apps
from tortoise.models import Model

NAMES = (
    *("basetable", "basequery", "basequery_all_fields", "filters"),
    *("db_native_fields", "db_default_fields", "db_complex_fields"),
)
"""The parts of a model that depend on the kind of the database."""

_kept: dict[tuple[object, ...], list[dict[str, Any]]] = {}
_work_out = Apps._build_initial_querysets


def keep_models(patch: pytest.MonkeyPatch) -> None:
    """Has each kind of database worked out once."""
    patch.setattr(Apps, "_build_initial_querysets", _build_once)


def _build_once(apps: Apps) -> None:
    models = [model for app in apps.apps.values() for model in app.values()]
    key = (*models, *{type(model._meta.db) for model in models})
    if key not in _kept:
        _work_out(apps)
        _kept[key] = [_parts(model) for model in models]
    for model, parts in zip(models, _kept[key], strict=True):
        for name, part in parts.items():
            setattr(model._meta, name, copy(part))


def _parts(model: type[Model]) -> dict[str, Any]:
    return {name: copy(getattr(model._meta, name)) for name in NAMES}
