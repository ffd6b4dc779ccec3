"""Makes the owned rows of a target those of an artifact."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from replant.api.changed_target import changed_target
from replant.api.databases import known_source
from replant.artifact import directory_writer as directory
from replant.artifact.atomic_output import check_writable
from replant.artifact.manifest import Manifest
from replant.changes.change_plan import ChangePlan
from replant.model import Finding, Layout, Settings
from replant.model.findings import Confirm
from replant.synchronization.synchronize import Synchronization


@frozen
class Synchronized:
    """What a synchronization did.

    Attributes:
        manifest: what the artifact says of itself.
        plan: what was changed.
        notes: which sequences were not moved, each with the remedy.

    """

    manifest: Manifest
    plan: ChangePlan
    notes: tuple[Finding, ...] = ()


def sync(
    artifact: str,
    settings: Settings,
    *,
    max_deletes: int = 0,
    allow_cascade: bool = False,
    backup: str | None = None,
    dry_run: bool = False,
    rehearse: bool = False,
    opened: Callable[[Manifest], None] = lambda _: None,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    confirm: Confirm = lambda _: False,
) -> Synchronized:
    """Make the owned rows of the target those of an artifact: insert, update and delete.

    Afterwards the rows are compared both ways, in the same transaction. Shared rows are inserted
    where the target lacks them, and otherwise left as they are.

    Args:
        artifact: the path of the artifact.
        settings: say where the target is, and what to do with shared rows that differ.
        max_deletes: beyond this many deleted rows `confirm` is asked. A rehearsal does not ask,
            since it undoes them.
        allow_cascade: whether ON DELETE CASCADE and SET NULL may reach rows outside the set; rows
            are deleted only in tables of the artifact.
        backup: where the target's rows are written as they were: an artifact, from which a
            synchronization brings them back. A rehearsal writes none.
        dry_run: whether it is only found out what would change, and what prevents it.
        rehearse: whether everything is done, compared, and then undone.
        opened: told of the artifact's manifest, once its digest was found right.
        planned: told of what will change, before the first row does.
        confirm: asked whether to go on.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    with changed_target(artifact, settings) as (database, source):
        opened(source.manifest)
        if backup is not None:
            folder = source.manifest.layout is Layout.DIRECTORY
            check_writable(backup, force=False, mark=directory.MANIFEST if folder else None)
        work = Synchronization(database, source, settings, known_source(settings))
        found = work.plan(None if rehearse else max_deletes, allow_cascade=allow_cascade)
        planned(found)
        if dry_run:
            return Synchronized(source.manifest, found)
        found.check(confirm)
        if backup is not None and not rehearse:
            work.back_up(backup)
        return Synchronized(source.manifest, found, work.carry_out(found, rehearse=rehearse))
