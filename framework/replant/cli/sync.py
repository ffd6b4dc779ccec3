"""`replant sync`: makes the owned rows of a database those of an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.artifact.manifest import Manifest
from replant.changes.change_plan import ChangePlan
from replant.cli import changes, options
from replant.cli.reporting import reporting
from replant.cli.screen import console
from replant.report.facts_of_changes import compared_after_changes, facts_of_changes
from replant.report.facts_of_plans import facts_of_manifest
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
@options.together(
    options.artifact,
    options.config,
    options.target,
    max_deletes,
    backup,
    changes.dry_run,
    changes.rehearse,
    changes.yes,
    options.quiet,
)
@reporting
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    max_deletes: int,
    backup: str | None,
    dry_run: bool,
    rehearse: bool,
    yes: bool,
    quiet: bool,
    recorder: Recorder,
) -> None:
    """Make the owned rows of a database those of an artifact: insert, update and delete.

    The artifact's roots and references are looked up in the database, so rows are found that only
    it has: they are deleted. Rows that the artifact shares with others are inserted where they are
    missing, and left as they are otherwise. What is in the way is said before the first row
    changes, all at once. In the end all rows are compared both ways, and a difference undoes
    everything.

    It asks before it deletes more than --max-deletes rows.
    """
    changes.check_modes(dry_run=dry_run, rehearse=rehearse)
    screen = console() if dry_run else console(stderr=True)

    recorder.phase("check the artifact")

    def opened(manifest: Manifest) -> None:
        recorder.add(facts_of_manifest(manifest, artifact))
        recorder.phase("find the changes")

    def planned(plan: ChangePlan) -> None:
        recorder.add(facts_of_changes(plan))
        recorder.phase("change, compare, commit")
        if not quiet:
            changes.show_plan(screen, plan, dry_run=dry_run)

    done = api.sync(
        artifact,
        options.settings_of(config, target=target),
        max_deletes=max_deletes,
        backup=backup,
        dry_run=dry_run,
        rehearse=rehearse,
        opened=opened,
        planned=planned,
        confirm=lambda questions: yes or changes.agreed(questions),
    )
    if not dry_run:
        recorder.add(compared_after_changes(rehearsed=rehearse))
    if dry_run:
        done.plan.check(lambda _: True)
    elif not quiet:
        for line in changes.summary_of(done.plan, "changed", rehearsed=rehearse):
            screen.print(line)
        for note in done.notes:
            screen.print(f"note: {note}")
