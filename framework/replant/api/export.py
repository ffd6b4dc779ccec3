"""Writes an artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from replant.api.plan import planned_export
from replant.artifact import directory_writer as directory
from replant.artifact.atomic_output import check_writable
from replant.errors import UsageError
from replant.export.export_rows import export_rows
from replant.model import Layout, Plan, Progress, RelationName, Settings
from replant.model.progress import silent
from replant.plugins.manager import Host


@frozen
class Exported:
    """What an export did.

    Attributes:
        plan: what was decided.
        output: where the artifact lies; `-` for standard output.
        rows: how many rows of each table were written.
        digest: the SHA-256 over the whole artifact; None for a format of a plugin's.

    """

    plan: Plan
    output: str
    rows: Mapping[RelationName, int]
    digest: str | None = None


def export(
    settings: Settings,
    *,
    host: Host | None = None,
    force: bool = False,
    planned: Callable[[Plan], None] = lambda _: None,
    progress: Progress = silent,
) -> Exported:
    """Write the chosen rows of the source as an artifact.

    Args:
        settings: `settings.export.output` says where to.
        host: the plugins to ask; None for those that the settings enable.
        force: whether an output that exists is replaced.
        planned: told of the plan, before the first row is read.
        progress: told of the rows as they are written.

    Raises:
        ReplantError: see `replant.errors`. Then nothing has appeared under the output's name.

    """
    output = settings.export.output
    if output is None:
        raise UsageError("where should the artifact go? Give -o FILE, or -o - for standard output")
    folder = settings.export.layout is Layout.DIRECTORY
    check_writable(output, force=force, mark=directory.MANIFEST if folder else None)
    with planned_export(settings, host) as (database, decided):
        planned(decided)
        counts, digest = export_rows(
            database,
            decided,
            output,
            force=force,
            progress=progress,
            run=settings.run,
            dsn=settings.source,
        )
    return Exported(decided, output, counts, digest)
