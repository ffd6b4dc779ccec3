"""Prints a closed set as a tree of references, with the rows that came by each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from replant.cli.screen import printable
from replant.model import Plan, RelationName, readable
from replant.model.closure_rules import ProvenanceCount, Root
from replant.model.numbers import counted

#: A tree cuts off what is longer than the screen is wide. The terminal folds it instead.
_UNLIMITED = 1_000_000


def print_provenance(screen: Console, plan: Plan) -> None:
    """Print a tree for each root; a table whose rows came by several ways is unfolded once.

    What is masked or otherwise changed on its way is said of each table.
    """
    if not plan.provenance:
        return
    screen.print("\nHow the rows of the closed set came:")
    ways: defaultdict[RelationName, list[ProvenanceCount]] = defaultdict(list)
    roots = []
    for way in plan.provenance:
        if isinstance(way.by, Root):
            roots.append(way)
        else:
            ways[way.by.references if way.down else way.by.table].append(way)
    changed = _changed(plan)
    unfolded: set[RelationName] = set()
    trees = []
    for root in roots:
        tree = Tree(_line(root, changed))
        _unfold(tree, root.table, ways, changed, unfolded)
        trees.append(tree)
    lost = Tree("by other ways")
    for table in [table for table in ways if table not in unfolded]:
        if table not in unfolded:
            _unfold(lost, table, ways, changed, unfolded)
    wide = screen.options.update(width=_UNLIMITED)
    for tree in [*trees, *([lost] if lost.children else [])]:
        for segments in screen.render_lines(tree, wide, pad=False):
            screen.print(f"  {''.join(segment.text for segment in segments).rstrip()}")


def _unfold(
    tree: Tree,
    table: RelationName,
    ways: Mapping[RelationName, Sequence[ProvenanceCount]],
    changed: Mapping[RelationName, str],
    unfolded: set[RelationName],
) -> None:
    """Add the tables whose rows came from those of a table, level by level."""
    waiting = [(tree, table)]
    while waiting:
        branch, name = waiting.pop(0)
        if name in unfolded:
            continue
        unfolded.add(name)
        waiting += [(branch.add(_line(way, changed)), way.table) for way in ways.get(name, ())]


def _line(way: ProvenanceCount, changed: Mapping[RelationName, str]) -> Text:
    """Say of which table how many rows came, and by what."""
    rows = counted(way.rows, "row")
    if isinstance(way.by, Root):
        sample = f", {way.by.sample}" if way.by.sample else ""
        by = f"where {' '.join(way.by.predicate.split())}{sample}"
    else:
        by = f"{'down' if way.down else 'up'} by {', '.join(map(readable, way.by.columns))}"
    return Text(printable(f"{way.table}: {rows}, {by}{changed.get(way.table, '')}"))


def _changed(plan: Plan) -> dict[RelationName, str]:
    """Say of each table with columns that change on their way, which these are."""
    found = {}
    for table in plan.tables:
        names = [readable(column.name) for column in table.columns if column.transforms]
        if names:
            found[table.name] = f"; changed: {', '.join(names)}"
    return found
