"""Has what the commands that change rows share: their options, what they show, what they ask."""

from __future__ import annotations

from collections.abc import Sequence

import click
from attrs import frozen

from replant.artifact.manifest import Manifest
from replant.changes.change_plan import ChangePlan
from replant.cli import options
from replant.cli.screen import Screen, agreed, console, grid, print_notes
from replant.errors import UsageError
from replant.model import Finding, Severity
from replant.model.numbers import counted
from replant.report.facts_of_changes import facts_of_changes
from replant.report.facts_of_manifests import facts_of_manifest
from replant.report.recorder import Recorder

dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
rehearse = click.option("--rehearse", is_flag=True, help="Do everything, and then undo it.")
allow_cascade = click.option(
    "--allow-cascade",
    is_flag=True,
    help="Let ON DELETE CASCADE and SET NULL reach rows of others, in tables of the artifact.",
)
yes = click.option("-y", "--yes", is_flag=True, help="Answer yes to every question.")


def changing(function: options.Function) -> options.Function:
    """Add the options that these commands share, behind their own."""
    own = (allow_cascade, dry_run, rehearse, yes, options.quiet, options.verbose)
    return options.together(*own)(function)


def of_artifact(function: options.Function) -> options.Function:
    """Add the options that say which artifact is meant, and which target."""
    said = (options.artifact, options.config, options.target, options.map_schema)
    return options.together(*said)(function)


@frozen
class Dialogue:
    """Shows what will be changed, asks, and tells what was done.

    Attributes:
        artifact: its path or URL.
        recorder: told what is found and done.
        allow_cascade: whether foreign keys may change rows of others.
        dry_run: whether it is only said what would be done.
        rehearse: whether all is undone in the end.
        yes: whether every question is answered with yes.
        quiet: whether nothing is said.
        verbose: whether every note is said, and all that a note is about.

    """

    artifact: str
    recorder: Recorder
    allow_cascade: bool
    dry_run: bool
    rehearse: bool
    yes: bool
    quiet: bool
    verbose: bool

    def __attrs_post_init__(self) -> None:
        """Refuse two options that exclude each other.

        Raises:
            UsageError: both were said.

        """
        if self.dry_run and self.rehearse:
            raise UsageError(
                "--dry-run changes nothing, and --rehearse undoes what it did: choose one"
            )

    def opened(self, manifest: Manifest) -> None:
        """Record what is in the artifact."""
        self.recorder.add(facts_of_manifest, manifest, self.artifact)
        self.recorder.phase("find the changes")

    def planned(self, plan: ChangePlan) -> None:
        """Record and show what will be changed."""
        self.recorder.add(facts_of_changes, plan)
        self.recorder.phase("change, compare, commit")
        if not self.quiet:
            screen = console(stderr=not self.dry_run)
            show_plan(screen, plan, dry_run=self.dry_run, verbose=self.verbose)

    def confirm(self, questions: Sequence[Finding]) -> bool:
        """Ask, unless every question is answered."""
        return self.yes or agreed(questions, "Do it all the same?")

    def end(self, plan: ChangePlan, verb: str, notes: Sequence[Finding] = ()) -> None:
        """Tell what was done; or refuse what could not have been.

        Raises:
            ChangeError: a dry run found what prevents it.

        """
        if self.dry_run:
            plan.check(lambda _: True)
        elif not self.quiet:
            screen = console(stderr=True)
            for line in summary_of(plan, verb, rehearsed=self.rehearse):
                screen.print(line)
            print_notes(screen, notes, verbose=self.verbose)


def show_plan(screen: Screen, plan: ChangePlan, *, dry_run: bool, verbose: bool) -> None:
    """Print how many rows of which tables change, and what a person should know."""
    if plan.counts:
        heading = f"To be changed in {plan.database}:"
        table = grid(heading, "table", "insert", "update", "delete", numbers=frozenset({1, 2, 3}))
        for name, counts in plan.counts.items():
            numbers = (counts.inserted, counts.updated, counts.deleted)
            table.add_row(str(name), *(f"{number:,}" for number in numbers))
        screen.print(table)
    elif not plan.of(Severity.REFUSES):
        screen.print(f"nothing is to be changed in {plan.database}")
    print_notes(screen, plan.of(Severity.NOTE), verbose=verbose)
    if dry_run:
        print_notes(screen, plan.of(Severity.ASKS), verbose=verbose, before="would ask: ")


def summary_of(plan: ChangePlan, verb: str, *, rehearsed: bool) -> list[str]:
    """Describe what was done."""
    total, tables = plan.total, counted(len(plan.counts), "table")
    numbers = {"inserted": total.inserted, "updated": total.updated, "deleted": total.deleted}
    told = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
    lines = [f"{verb} {counted(total.total, 'row')} of {tables}{f': {told}' if told else ''}"]
    return [*lines, "this was a rehearsal: everything was undone"] if rehearsed else lines
