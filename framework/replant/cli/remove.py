"""`replant remove`: deletes the owned rows of an artifact from a database."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.changes.change_plan import ChangePlan
from replant.cli import changes, options
from replant.cli.screen import console


@click.command(epilog="Example: replant remove customer.sql --target postgresql://localhost/old")
@options.together(
    options.artifact,
    options.config,
    options.target,
    options.map_schema,
    changes.dry_run,
    changes.rehearse,
    changes.yes,
    options.quiet,
)
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    map_schema: dict[str, str],
    dry_run: bool,
    rehearse: bool,
    yes: bool,
    quiet: bool,
) -> None:
    """Delete the rows of an artifact from a database: all its owned rows, or none.

    It is the last step of a move, with the source as the target, and it takes a replay back. Rows
    that came along only because others reference them stay: they are shared with others.

    Nothing is deleted unless every owned row is still as it was exported, and no row that stays
    references one of them. What is in the way is said all at once. It asks before it deletes.
    """
    changes.check_modes(dry_run=dry_run, rehearse=rehearse)
    screen = console() if dry_run else console(stderr=True)

    def planned(plan: ChangePlan) -> None:
        if not quiet:
            changes.show_plan(screen, plan, dry_run=dry_run)

    done = api.remove(
        artifact,
        options.settings_of(config, target=target, map_schema=map_schema),
        dry_run=dry_run,
        rehearse=rehearse,
        planned=planned,
        confirm=lambda questions: yes or changes.agreed(questions),
    )
    if dry_run:
        done.check(lambda _: True)
    elif not quiet:
        for line in changes.summary_of(done, "removed", rehearsed=rehearse):
            screen.print(line)
