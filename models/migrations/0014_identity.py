from typing import ClassVar

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.database.added_column import AddColumn


class Migration(migrations.Migration):
    """Lets tokens expire, and binds users to an identity provider; locks both for an instant.

    Servers of the release before write tokens without the new columns, and do not see them expire.
    """

    dependencies = [("models", "0013_audit")]

    locks: ClassVar[dict[str, str]] = {
        "token": "AccessExclusiveLock",
        "user_account": "ShareRowExclusiveLock",
    }

    initial = False

    operations = [
        AddColumn(
            model_name="Token",
            name="name",
            field=fields.CharField(null=True, max_length=255),
        ),
        AddColumn(
            model_name="Token",
            name="expires_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        AddColumn(
            model_name="Token",
            name="last_used_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.CreateModel(
            name="Identity",
            fields=[
                (
                    "id",
                    fields.IntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.OneToOneField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="identity",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("issuer", fields.CharField(max_length=255)),
                ("subject", fields.CharField(max_length=255)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("bound_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "identity",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The one account at an identity provider that a user logs in with.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ErasedPerson",
            fields=[
                (
                    "digest",
                    fields.CharField(
                        primary_key=True, unique=True, db_index=True, max_length=64
                    ),
                ),
            ],
            options={
                "table": "erased_person",
                "app": "models",
                "pk_attr": "digest",
                "table_description": "The digest of an e-mail address, or of an account, of someone erased.",
            },
            bases=["Model"],
        ),
    ]
