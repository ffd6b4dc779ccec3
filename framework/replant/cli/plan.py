"""`replant plan`: shows what an export would do, before any row is read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from replant import api
from replant.cli import options
from replant.cli.provenance_tree import print_provenance
from replant.cli.reporting import reporting
from replant.cli.screen import Screen, console, grid, print_list, printable
from replant.errors import UsageError
from replant.export.shown_rows import ShownRow
from replant.model import (
    FiringTrigger,
    Plan,
    RelationName,
    SequencePosition,
    name_a_few,
    readable,
)
from replant.model.findings import grouped
from replant.model.numbers import counted
from replant.report.facts_of_plans import facts_of_plan
from replant.report.recorder import Recorder
from replant.sql.grants import grants, sequence_grants, usage_grants


@click.command(
    epilog="Example: replant plan --source postgresql://localhost/design --scope database_id=…"
)
@options.together(options.choosing, options.jobs, options.verbose)
@click.option(
    "--sample",
    "count",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Show so many rows of each table before and after its values change; on a terminal only.",
)
@reporting
def command(
    config: Path | None, verbose: bool, recorder: Recorder, count: int | None, **said: Any
) -> None:
    """Show what an export would do, before any row is read.

    Tables in load order with their rows, and how many of these are shared with others, as they come
    only because owned rows reference them; what is left out, and why; which values change; how
    cycles of foreign keys are broken; which triggers fire and which sequences move; what the role
    that replays needs.
    """
    settings = options.settings_of(config, **said)
    if count is not None and not sys.stdout.isatty():
        raise UsageError(
            "--sample shows values as they are in the source, and so only on a terminal; leave it "
            "out where the output goes to a file or a pipe"
        )
    recorder.phase("plan")
    plan, rows = (api.plan(settings), {}) if count is None else api.plan_with_rows(settings, count)
    recorder.add(facts_of_plan, plan)
    show(console(), plan, verbose=verbose)
    show_rows(console(), rows)


def show_rows(screen: Screen, rows: Mapping[RelationName, Sequence[ShownRow]]) -> None:
    """Print rows before and after their values change, a line for each value."""
    for name, shown in rows.items():
        table = grid(f"\n{name}, before and after:", "row", "column", "before", "after")
        for row in shown:
            key = ", ".join(f"{readable(column)} = {_value(text)}" for column, text in row.key)
            for place, (column, before, after) in enumerate(row.values):
                table.add_row("" if place else key, column, _value(before), _value(after))
        screen.print(table)


def _value(text: str | None) -> str:
    return "NULL" if text is None else printable(text).replace("\n", "\\n")


#: Stands in a GRANT for the role, which nobody knows yet.
_ROLE = "role_name"

#: With more tables than fit on a screen, those without a row are counted, and not listed.
MOST_TABLES = 40


def show(screen: Screen, plan: Plan, *, verbose: bool) -> None:
    """Print a plan for people."""
    screen.print(f"{_summary(plan)}\n")
    _show_tables(screen, plan, every=verbose or len(plan.tables) <= MOST_TABLES)
    print_list(
        screen,
        "Cycles of foreign keys:",
        [f"{', '.join(map(str, cycle.tables))}: {cycle.way}" for cycle in plan.order.cycles],
    )
    print_provenance(screen, plan)
    print_list(
        screen,
        "Triggers and rules that fire, if the target has them too:",
        _triggers(plan, verbose=verbose),
    )
    print_list(
        screen,
        "Sequences that are moved forward, to cover the rows:",
        [_range_of(sequence) for sequence in plan.sequences],
    )
    print_list(screen, "Values that change on their way, by which plugin:", list(plan.changes))
    print_list(screen, "Left out:", [f"{left.what}: {left.why}" for left in plan.omissions])
    notes = plan.warnings if verbose else grouped(plan.warnings)
    print_list(screen, "Note:", [note.told(verbose=verbose) for note in notes])
    filled = [table.name for table in plan.tables if table.row_count]
    needs = list(_grants(plan, filled)) if verbose else list(_needs(plan, filled))
    print_list(
        screen, "The role that replays needs:", [*needs, *plan.order.needs] if filled else []
    )


def _summary(plan: Plan) -> str:
    """Say on one line how many rows there are, and what chose and orders them."""
    total = f"{counted(plan.row_count, 'row')} in {counted(len(plan.tables), 'table')}"
    if plan.expected_rows is not None:
        total += f" (the planner expected about {plan.expected_rows:,})"
    scope = (f"{name} = {value}" for name, value in plan.scope.items())
    return ", ".join([total, f"strategy {plan.strategy}", *scope])


def _show_tables(screen: Screen, plan: Plan, *, every: bool) -> None:
    """Print the tables; unless every one is wanted, those without a row are counted."""
    headings = ("table", "rows", "shared", "columns", "key")
    tables = grid("In load order:", *headings, numbers=frozenset({1, 2, 3}))
    shown = [table for table in plan.tables if table.row_count or every]
    for table in shown:
        key = ", ".join(map(readable, table.key)) or "none: compared by content"
        counts = (table.row_count, table.shared.row_count, len(table.columns))
        tables.add_row(str(table.name), *(f"{count:,}" for count in counts), key)
    screen.print(tables)
    empty = len(plan.tables) - len(shown)
    if empty:
        screen.print(f"and {counted(empty, 'table')} without a row; -v lists them")


def _triggers(plan: Plan, *, verbose: bool) -> list[str]:
    """List the triggers; those that are more than fit on a screen are counted."""
    listed = [str(firing) for firing in plan.triggers]
    if verbose or len(listed) <= MOST_TABLES:
        return listed
    return [*listed[:MOST_TABLES], f"and {len(listed) - MOST_TABLES} more; -v lists them"]


def _needs(plan: Plan, filled: list[RelationName]) -> Iterator[str]:
    """Yield in few words what the role needs."""
    schemas = ", ".join(sorted({readable(name.schema) for name in filled}))
    yield f"USAGE on {schemas}; INSERT on the tables above that have rows"
    if plan.sequences:
        yield "UPDATE on the sequences above"
    written = _written_by_triggers(plan)
    if written:
        listed = name_a_few(f"{privilege} on {name}" for privilege, name in sorted(written))
        yield f"{listed}, for functions of triggers"


def _grants(plan: Plan, filled: list[RelationName]) -> Iterator[str]:
    """Yield the statements that give the role what it needs."""
    yield usage_grants({name.schema for name in filled}, _ROLE)
    yield grants("INSERT", filled, _ROLE)
    if plan.sequence_names:
        yield sequence_grants(plan.sequence_names, _ROLE)
    for (privilege, name), firing in sorted(
        _written_by_triggers(plan).items(), key=lambda item: item[0]
    ):
        yield f"{grants(privilege, [name], _ROLE)} (the {firing}, calls {firing.trigger.function})"


def _written_by_triggers(plan: Plan) -> dict[tuple[str, RelationName], FiringTrigger]:
    """Return the privileges that functions of triggers need by their text, each with a trigger."""
    found: dict[tuple[str, RelationName], FiringTrigger] = {}
    for firing in plan.triggers:
        for need in firing.trigger.writes:
            found.setdefault(need, firing)
    return found


def _range_of(sequence: SequencePosition) -> str:
    column = f"{sequence.table}.{readable(sequence.column)}"
    return f"{column}: {sequence.least} to {sequence.greatest}"
