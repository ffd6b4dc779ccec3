"""`replant remove`: deletes the owned rows of an artifact from a database."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import changes, options
from replant.cli.reporting import reporting
from replant.report.recorder import Recorder


@click.command(epilog="Example: replant remove customer.sql --target postgresql://localhost/old")
@changes.of_artifact
@changes.changing
@reporting
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    map_schema: dict[str, str],
    recorder: Recorder,
    **said: bool,
) -> None:
    """Delete the rows of an artifact from a database: all its owned rows, or none.

    It is the last step of a move, with the source as the target, and it takes a replay back. Rows
    that were included only because others reference them stay: they are shared with others.

    Nothing is deleted unless every owned row is still as it was exported, and no row that stays
    references one of them. What prevents it is said all at once. It asks before it deletes.
    """
    recorder.phase("check the artifact")
    dialogue = changes.Dialogue(artifact, recorder, **said)
    done = api.remove(
        artifact,
        options.settings_of(config, target=target, map_schema=map_schema),
        allow_cascade=dialogue.allow_cascade,
        dry_run=dialogue.dry_run,
        rehearse=dialogue.rehearse,
        opened=dialogue.opened,
        planned=dialogue.planned,
        confirm=dialogue.confirm,
    )
    dialogue.end(done, "removed")
