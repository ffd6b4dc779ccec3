"""Copies rows from one database to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from replant.api.export import Exported, export
from replant.api.replay import Replayed, replay
from replant.api.sync import Synchronized, sync
from replant.api.verify import verify
from replant.changes.change_plan import ChangePlan
from replant.errors import PrivilegeError
from replant.model import Compression, Layout, Progress, Settings
from replant.model.findings import Confirm
from replant.model.progress import silent
from replant.plugins.manager import Host
from replant.preflight.preflight import Preflight
from replant.verification.differences import TableResult


@frozen
class Copied:
    """What a copy did.

    Attributes:
        exported: the export of the source.
        replayed: the replay into the target; None if it was synchronized.
        synchronized: the synchronization of the target; None if there was none.
        verified: the comparison of each table after a replay. A synchronization and a rehearsal
            have compared the rows before they ended.

    """

    exported: Exported
    replayed: Replayed | None = None
    synchronized: Synchronized | None = None
    verified: tuple[TableResult, ...] = ()


def copy(
    settings: Settings,
    *,
    host: Host | None = None,
    keep: str | None = None,
    synchronize: bool = False,
    max_deletes: int = 0,
    allow_cascade: bool = False,
    backup: str | None = None,
    rehearse: bool = False,
    exported: Callable[[Exported], None] = lambda _: None,
    preflighted: Callable[[Preflight], None] = lambda _: None,
    planned: Callable[[ChangePlan], None] = lambda _: None,
    loaded: Callable[[Replayed], None] = lambda _: None,
    confirm: Confirm = lambda _: False,
    exporting: Progress = silent,
    loading: Progress = silent,
) -> Copied:
    """Export the chosen rows of the source, load them into the target, and compare them.

    The rows pass through an artifact: a directory that is compressed with zstd, and deleted at the
    end.

    Args:
        settings: say which rows, and where both databases are.
        host: the plugins to ask; None for those that the settings enable.
        keep: where the artifact is kept; None for nowhere.
        synchronize: whether the target's owned rows become those of the source, in place of a
            replay.
        max_deletes: as for `sync`.
        allow_cascade: as for `sync`.
        backup: as for `sync`.
        rehearse: whether the target is left as it was in the end.
        exported: told of the export.
        preflighted: told of what was found before the first row is replayed.
        planned: told of what a synchronization will change.
        loaded: told of the replay, before its rows are compared once more.
        confirm: asked whether to go on; see `replay` and `sync`.
        exporting: told of the rows as they are exported.
        loading: told of the rows as they are replayed.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.
        PrivilegeError: likewise, or the role may load rows and not read them: then the text says
            that they were loaded.

    """
    with TemporaryDirectory(prefix="replant-") as folder:
        form = _form(settings, keep or str(Path(folder) / "artifact"))
        done = export(form, host=host, progress=exporting)
        exported(done)
        if synchronize:
            changed = sync(
                done.output,
                settings,
                max_deletes=max_deletes,
                allow_cascade=allow_cascade,
                backup=backup,
                rehearse=rehearse,
                planned=planned,
                confirm=confirm,
            )
            return Copied(done, synchronized=changed)
        replayed = replay(
            done.output,
            settings,
            host=host,
            rehearse=rehearse,
            preflighted=preflighted,
            confirm=confirm,
            progress=loading,
        )
        loaded(replayed)
        return Copied(done, replayed, verified=() if rehearse else _verified(done, settings))


def _form(settings: Settings, output: str) -> Settings:
    """Let the export write a directory."""
    form = evolve(
        settings.export,
        output=output,
        layout=Layout.DIRECTORY,
        format=None,
        compress=Compression.ZSTD,
    )
    return evolve(settings, export=form)


def _verified(done: Exported, settings: Settings) -> tuple[TableResult, ...]:
    """Compare the rows that were loaded."""
    try:
        return verify(done.output, settings)
    except PrivilegeError as error:
        raise PrivilegeError(
            f"the rows were loaded, but not compared once more afterwards: {error}"
        ) from error
