"""Removes the owned rows of an artifact."""

from __future__ import annotations

from collections.abc import Callable

from replant.api.changed_target import changed_target
from replant.artifact.manifest import Manifest
from replant.changes.change_plan import ChangePlan
from replant.model import Settings
from replant.model.findings import Confirm
from replant.removal.remove_rows import plan_removal, remove_rows


def remove(
    artifact: str,
    settings: Settings,
    *,
    allow_cascade: bool = False,
    dry_run: bool = False,
    rehearse: bool = False,
    opened: Callable[[Manifest], None] = lambda _: None,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    confirm: Confirm = lambda _: False,
) -> ChangePlan:
    """Delete the owned rows of an artifact from the target: all of them, or none.

    A row is deleted only if it is still as it was exported, and no row that stays references it.
    Shared rows stay.

    Args:
        artifact: the path of the artifact.
        settings: say where the target is.
        allow_cascade: whether ON DELETE CASCADE and SET NULL may reach rows that stay; rows are
            deleted only in tables of the artifact.
        dry_run: whether it is only found out what would be deleted, and what prevents it.
        rehearse: whether everything is done, and then undone.
        opened: told of the artifact's manifest, once its digest was found right.
        planned: told of what will be deleted, before the first row is.
        confirm: asked whether to go on; a rehearsal does not ask before it deletes.

    Returns:
        What was deleted.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    with changed_target(artifact, settings, strict=False) as (database, source):
        opened(source.manifest)
        found = plan_removal(database, source, allow_cascade=allow_cascade, asks=not rehearse)
        planned(found)
        if not dry_run:
            found.check(confirm)
            remove_rows(database, found, rehearse=rehearse)
        return found
