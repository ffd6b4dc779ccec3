"""`replant sync`: makes the owned rows of a database those of an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import changes, options
from replant.cli.reporting import reporting
from replant.report.facts_of_changes import compared_after_changes
from replant.report.recorder import Recorder

max_deletes = click.option(
    "--max-deletes",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    default=0,
    help="Delete up to so many rows without asking. [default: 0]",
)
backup = click.option(
    "--backup",
    metavar="PATH",
    help="Write the rows as they are now to an artifact; replant sync brings them back from it.",
)


@click.command(epilog="Example: replant sync tenant.sql --target postgresql://localhost/staging")
@changes.of_artifact
@options.together(
    max_deletes,
    backup,
)
@changes.changing
@reporting
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    map_schema: dict[str, str],
    max_deletes: int,
    backup: str | None,
    recorder: Recorder,
    **said: bool,
) -> None:
    """Make the owned rows of a database those of an artifact: insert, update and delete.

    The artifact's roots and references are looked up in the database, so rows are found that only
    it has: they are deleted. Rows that the artifact shares with others are inserted where they are
    missing, and left as they are otherwise. What prevents it is said before the first row
    changes, all at once. In the end all rows are compared both ways, and a difference undoes
    everything.

    It asks before it deletes more than --max-deletes rows.
    """
    recorder.phase("check the artifact")
    dialogue = changes.Dialogue(artifact, recorder, **said)
    done = api.sync(
        artifact,
        options.settings_of(config, target=target, map_schema=map_schema),
        max_deletes=max_deletes,
        backup=backup,
        allow_cascade=dialogue.allow_cascade,
        dry_run=dialogue.dry_run,
        rehearse=dialogue.rehearse,
        opened=dialogue.opened,
        planned=dialogue.planned,
        confirm=dialogue.confirm,
    )
    if not dialogue.dry_run:
        recorder.add(compared_after_changes, rehearsed=dialogue.rehearse)
    dialogue.end(done.plan, "changed", done.notes)
