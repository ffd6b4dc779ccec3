"""Names the policies of the target that decide which of the rows it takes."""

from __future__ import annotations

from collections.abc import Iterator

from replant.model import Catalog, Finding, Severity, Subject
from replant.replay.load_plan import Load, updated_tables


def find_policies(catalog: Catalog, load: Load) -> Iterator[Finding]:
    """Yield one note with every policy that is asked when the rows are written."""
    updated = {*updated_tables(load)}
    places = []
    for name, table in load.tables.items():
        written = {"INSERT"} | ({"UPDATE"} if name in updated else set())
        for policy in catalog.tables[name].policies if table.row_count else ():
            commands = " and ".join(sorted(written & policy.commands))
            if commands:
                places.append((name, f"the policy {policy} of {name}, on {commands}"))
    if len(places) == 1:
        ((name, told),) = places
        yield Finding(Subject.PRIVILEGE, Severity.NOTE, str(name), f"{told}, applies")
    elif places:
        what = f"{len(places)} policies apply"
        each = tuple(told for _, told in places)
        yield Finding(Subject.PRIVILEGE, Severity.NOTE, str(places[0][0]), what, each=each)
