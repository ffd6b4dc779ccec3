"""Prints a closed set as a tree of references, with the rows that came by each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from replant.cli.screen import Screen
from replant.model import Plan, RelationName, readable
from replant.model.closure_rules import ProvenanceCount, Root
from replant.model.numbers import counted


@frozen
class _Guides:
    """What is drawn before a branch, and before what is below it."""

    more: tuple[str, str]
    last: tuple[str, str]


_LINES = _Guides(("├── ", "│   "), ("└── ", "    "))
_ASCII = _Guides(("+-- ", "|   "), ("`-- ", "    "))


@frozen
class _Branch:
    """A line of the tree, with what is below it. A line is as long as it is."""

    text: str
    below: list[_Branch] = field(factory=list)

    def lines(self, guides: _Guides) -> Iterator[str]:
        """Draw it, however deep it is."""
        waiting = [(self, "", "")]
        while waiting:
            branch, first, rest = waiting.pop()
            yield first + branch.text
            kinds = [*[guides.more] * (len(branch.below) - 1), guides.last]
            drawn = zip(branch.below, kinds, strict=False)
            waiting += reversed([(b, rest + own, rest + inner) for b, (own, inner) in drawn])


def print_provenance(screen: Screen, plan: Plan) -> None:
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
        tree = _Branch(_line(root, changed))
        _unfold(tree, root.table, ways, changed, unfolded)
        trees.append(tree)
    lost = _Branch("by other ways")
    for table in [table for table in ways if table not in unfolded]:
        if table not in unfolded:
            _unfold(lost, table, ways, changed, unfolded)
    guides = _LINES if screen.encoding.startswith("utf") else _ASCII
    for tree in [*trees, *([lost] if lost.below else [])]:
        for line in tree.lines(guides):
            screen.print(f"  {line}")


def _unfold(
    tree: _Branch,
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
        for way in ways.get(name, ()):
            branch.below.append(_Branch(_line(way, changed)))
            waiting.append((branch.below[-1], way.table))


def _line(way: ProvenanceCount, changed: Mapping[RelationName, str]) -> str:
    """Say of which table how many rows came, and by what."""
    rows = counted(way.rows, "row")
    if isinstance(way.by, Root):
        sample = f", {way.by.sample}" if way.by.sample else ""
        by = f"where {' '.join(way.by.predicate.split())}{sample}"
    else:
        by = f"{'down' if way.down else 'up'} by {', '.join(map(readable, way.by.columns))}"
    return f"{way.table}: {rows}, {by}{changed.get(way.table, '')}"


def _changed(plan: Plan) -> dict[RelationName, str]:
    """Say of each table with columns that change on their way, which these are."""
    found = {}
    for table in plan.tables:
        names = [readable(column.name) for column in table.columns if column.transforms]
        if names:
            found[table.name] = f"; changed: {', '.join(names)}"
    return found
