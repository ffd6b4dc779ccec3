"""Writes an artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from replant.api.plan import planned_export
from replant.artifact import directory_writer as directory
from replant.artifact.atomic_output import check_writable
from replant.artifact.stores import is_url
from replant.errors import UsageError
from replant.export.export_rows import export_rows
from replant.export.written_tables import TABLES
from replant.model import OWN_FORMATS, Layout, Plan, Progress, RelationName, Settings
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
    snapshot: str | None = None,
    resume: bool = False,
    planned: Callable[[Plan], None] = lambda _: None,
    progress: Progress = silent,
) -> Exported:
    """Write the chosen rows of the source as an artifact.

    Args:
        settings: `settings.export.output` says where to.
        host: the plugins to ask; None for those that the settings enable.
        force: whether an output that exists is replaced.
        snapshot: the identifier of a snapshot that another session holds and has exported. A
            directory that is not finished is kept then, as `NAME.unfinished`.
        resume: whether such a directory is finished. What it holds is not read again.
        planned: told of the plan, before the first row is read.
        progress: told of the rows as they are written.

    Raises:
        ReplantError: see `replant.errors`. Then nothing has appeared under the output's name.

    """
    output = settings.export.output
    if output is None:
        raise UsageError("where should the artifact go? Give -o FILE, or -o - for standard output")
    folder = settings.export.layout is Layout.DIRECTORY
    own = settings.export.format_name in OWN_FORMATS
    if resume and (snapshot is None or not folder or is_url(output) or not own):
        raise UsageError(
            "only a directory on disk that is read in a snapshot which another session holds can "
            "be resumed: say --snapshot and --layout directory; an export in a snapshot of its own "
            "begins again"
        )
    if snapshot is not None and is_url(output):
        raise UsageError("--snapshot keeps what is finished on disk; give -o a path")
    mark = directory.MANIFEST if own else TABLES
    check_writable(output, force=force, mark=mark if folder else None)
    with planned_export(settings, host, snapshot) as (database, decided):
        planned(decided)
        counts, digest = export_rows(
            database,
            decided,
            output,
            force=force,
            progress=progress,
            run=settings.run,
            dsn=settings.source,
            snapshot=snapshot,
            resume=resume,
        )
    return Exported(decided, output, counts, digest)
