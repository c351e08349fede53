"""The commands that administer trusted documents."""

import argparse
from collections.abc import Mapping

from graphql import OperationDefinitionNode, parse
from tortoise.transactions import in_transaction

import logs
from application import create_executor
from commands.administration import AdministrationRejected, record
from commands.database import on_database, run_on_database
from commands.manifest import read_manifests
from commands.output import show
from commands.status import FAILED, REJECTED
from models.audit.record import Entry
from models.audit.tables import AuditAction
from models.document import (
    AdditionRejected,
    add_documents,
    list_documents,
    remove_documents,
)
from settings.options import OPTIONS


@on_database
async def documents_add(arguments: argparse.Namespace) -> None:
    """Adds the documents of manifests, all or none."""
    texts = read_manifests(arguments.manifest)
    if broken := find_broken(texts):
        lines = [f"{name}: {message}" for name, message in broken.items()]
        lines.append(f"Nothing was added: {len(broken)} are not valid.")
        raise AdministrationRejected("\n".join(lines))
    try:
        async with in_transaction():
            # In one transaction with its entry, so that no document is there without one.
            added = await add_documents(texts)
            if added:
                await record(Entry(AuditAction.DOCUMENTS_ADDED, after={"ids": added}))
    except AdditionRejected as rejection:
        raise AdministrationRejected(f"{rejection} Nothing was added.") from None
    known = len(texts) - len(added)
    text = f"Added {len(added)} documents; {known} were there already."
    show(arguments, {"added": added, "known": known}, text)


def documents_check(arguments: argparse.Namespace) -> int:
    """Reports the documents that this schema rejects: those of manifests, or all stored ones."""
    texts: dict[str, str] = {}

    async def read_stored() -> None:
        texts.update({each.name: each.text for each in await list_documents()})

    if arguments.manifest:
        # Without the database, which a client's build cannot reach.
        try:
            texts = read_manifests(arguments.manifest)
        except AdministrationRejected as rejection:
            logs.report(str(rejection))
            return REJECTED
    elif status := run_on_database(read_stored):
        return status
    broken = find_broken(texts)
    lines = [f"{name}: {message}" for name, message in broken.items()]
    lines.append(f"Checked {len(texts)} documents: {len(broken)} are not valid.")
    show(arguments, {"checked": len(texts), "broken": broken}, lines)
    return FAILED if broken else 0


@on_database
async def documents_list(arguments: argparse.Namespace) -> None:
    """Lists all documents."""
    rows = [
        (each.name, name_operations(each.text), each.created_at)
        for each in await list_documents()
    ]
    columns = ("id", "operations", "created_at")
    lines = (f"{id}  {', '.join(names)}  {added:%Y-%m-%d}" for id, names, added in rows)
    show(arguments, [dict(zip(columns, row, strict=True)) for row in rows], lines)


@on_database
async def documents_remove(arguments: argparse.Namespace) -> None:
    """Removes the documents of manifests that no manifest to keep has."""
    kept = read_manifests(arguments.keep)
    names = [name for name in read_manifests(arguments.manifest) if name not in kept]
    async with in_transaction():
        removed = await remove_documents(names)
        if removed:
            await record(Entry(AuditAction.DOCUMENTS_REMOVED, before={"ids": removed}))
    show(arguments, {"removed": removed}, f"Removed {len(removed)} documents.")


def find_broken(texts: Mapping[str, str]) -> dict[str, str]:
    """Returns the first error of each document that a server would reject."""
    # By the executor of servers, so that its limits are theirs, too.
    executor = create_executor(OPTIONS)
    return {
        name: errors[0].message
        for name, text in texts.items()
        if (errors := executor.find_errors(text))
    }


def name_operations(text: str) -> list[str]:
    """Returns the kinds and names of the operations of a valid document."""
    return [
        f"{node.operation.value} {node.name.value if node.name else ''}".strip()
        for node in parse(text, no_location=True).definitions
        if isinstance(node, OperationDefinitionNode)
    ]
