"""Shows what would be changed in a database, and asks; for the commands that change rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.console import Console

from replant.changes.change_plan import ChangePlan
from replant.cli.screen import grid
from replant.errors import UsageError
from replant.model import Finding, Severity
from replant.report.figures import counted

dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
rehearse = click.option("--rehearse", is_flag=True, help="Do everything, and then undo it.")
yes = click.option("-y", "--yes", is_flag=True, help="Answer yes to every question.")


def check_modes(*, dry_run: bool, rehearse: bool) -> None:
    """Refuse two options that exclude each other.

    Raises:
        UsageError: both were said.

    """
    if dry_run and rehearse:
        raise UsageError("--dry-run changes nothing, and --rehearse undoes what it did: choose one")


def show_plan(screen: Console, plan: ChangePlan, *, dry_run: bool) -> None:
    """Print how many rows of which tables change, and what a person should know."""
    if plan.counts:
        heading = f"To be changed in {plan.database}:"
        table = grid(heading, "table", "insert", "update", "delete", numbers=frozenset({1, 2, 3}))
        for name, counts in plan.counts.items():
            numbers = (counts.inserted, counts.updated, counts.deleted)
            table.add_row(str(name), *map(str, numbers))
        screen.print(table)
    else:
        screen.print(f"nothing is to be changed in {plan.database}")
    for note in plan.of(Severity.NOTE):
        screen.print(f"note: {note}")
    if dry_run:
        for question in plan.of(Severity.ASKS):
            screen.print(f"would ask: {question}")


def agreed(questions: Sequence[Finding]) -> bool:
    """Ask, if there is somebody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for question in questions:
        click.echo(str(question), err=True)
    return click.confirm("Do it all the same?", err=True)


def summary_of(plan: ChangePlan, verb: str, *, rehearsed: bool) -> list[str]:
    """Describe what was done."""
    total, tables = plan.total, counted(len(plan.counts), "table")
    numbers = {"inserted": total.inserted, "updated": total.updated, "deleted": total.deleted}
    told = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    lines = [f"{verb} {counted(total.total, 'row')} of {tables}{f': {told}' if told else ''}"]
    return [*lines, "this was a rehearsal: everything was undone"] if rehearsed else lines
