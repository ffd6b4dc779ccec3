"""`replant plan`: shows what an export would do, before any row is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from replant import api
from replant.cli import options
from replant.cli.screen import console, counted, grid
from replant.model import Plan, SequencePosition, readable
from replant.sql.grants import grants, usage_grants


@click.command(
    epilog="Example: replant plan --source postgresql://localhost/design --scope database_id=…"
)
@options.together(options.choosing, options.verbose)
def command(config: Path | None, verbose: bool, **said: Any) -> None:
    """Show what an export would do, before any row is read.

    Tables in load order with their rows, and how many of these are shared with others, as they come
    only because owned rows reference them; what is left out, and why; which values change; how
    cycles of foreign keys are broken; which triggers fire and which sequences move; what the role
    that replays needs.
    """
    settings = options.settings_of(config, **said)
    show(console(), api.plan(settings), verbose=verbose)


#: With more tables than fit on a screen, those without a row are counted, and not listed.
MOST_TABLES = 40


def show(screen: Console, plan: Plan, *, verbose: bool) -> None:
    """Print a plan for people."""
    scope = ", ".join(f"{name} = {value}" for name, value in plan.scope.items())
    total = f"{counted(plan.row_count, 'row')} in {counted(len(plan.tables), 'table')}"
    if plan.expected_rows is not None:
        total += f" (the planner expected about {plan.expected_rows})"
    screen.print(f"{total}, strategy {plan.strategy}{', ' + scope if scope else ''}\n")
    headings = ("table", "rows", "shared", "columns", "key")
    tables = grid("In load order:", *headings, numbers=frozenset({1, 2, 3}))
    for table in plan.tables:
        if not table.row_count and not verbose and len(plan.tables) > MOST_TABLES:
            continue
        key = ", ".join(map(readable, table.key)) or "none: compared by content"
        counts = (table.row_count, table.shared.row_count, len(table.columns))
        tables.add_row(str(table.name), *(f"{count:,}" for count in counts), key)
    screen.print(tables)
    empty = sum(not table.row_count for table in plan.tables)
    if empty and not verbose and len(plan.tables) > MOST_TABLES:
        screen.print(f"and {counted(empty, 'table')} without a row; -v lists them")
    _list(
        screen,
        "Cycles of foreign keys:",
        [f"{', '.join(map(str, cycle.tables))}: {cycle.way}" for cycle in plan.order.cycles],
    )
    _list(screen, "How the rows of the closed set came:", [str(a) for a in plan.provenance])
    _list(
        screen,
        "Triggers and rules that fire, if the target has them too:",
        [str(firing) for firing in plan.triggers],
    )
    _list(
        screen,
        "Sequences that are moved forward, to cover the rows:",
        [_reach(sequence) for sequence in plan.sequences],
    )
    _list(screen, "Values that change on their way, by which plugin:", list(plan.changes))
    _list(screen, "Left out:", [f"{left.what}: {left.why}" for left in plan.omissions])
    _list(screen, "Note:", list(plan.warnings))
    filled = [table.name for table in plan.tables if table.row_count]
    needs = [
        usage_grants({name.schema for name in filled}, "role_name"),
        grants("INSERT", filled, "role_name"),
    ]
    if not verbose:
        schemas = ", ".join(sorted({name.schema for name in filled}))
        needs = [f"USAGE on {schemas}; INSERT on the tables above that have rows"]
    _list(screen, "The role that replays needs:", [*needs, *plan.order.needs] if filled else [])


def _reach(sequence: SequencePosition) -> str:
    column = f"{sequence.table}.{readable(sequence.column)}"
    return f"{column}: {sequence.least} to {sequence.greatest}"


def _list(screen: Console, title: str, lines: list[str]) -> None:
    if lines:
        screen.print(f"\n{title}")
    for line in lines:
        # A line that holds what the database holds, such as a default, stays one line.
        screen.print("  " + line.replace("\n", "\\n"))
