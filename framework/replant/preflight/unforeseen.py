"""Says what of the target a dry run does not ask, and what does ask it."""

from __future__ import annotations

from collections.abc import Iterator

from replant.model import Catalog, Finding, Severity, Subject, name_a_few
from replant.preflight.target_rules import TargetRules
from replant.replay.load_plan import Load


def unforeseen(catalog: Catalog, load: Load, rules: TargetRules) -> Iterator[Finding]:
    """Yield a note where triggers, policies, constraints or indexes may refuse or change rows.

    None of them can be asked without a row that is written.
    """
    filled = [catalog.tables[name] for name, table in load.tables.items() if table.row_count]
    fires = {name for name, found in load.firing.items() if {*found} - {*load.disabled}}
    parts = {
        "triggers and rules": fires,
        "row-level security": {t.name for t in filled if t.rows_are_hidden},
        "CHECK constraints": {t.name for t in filled if t.checks},
    }
    asked = [f"{what} of {name_a_few(map(str, sorted(of)))}" for what, of in parts.items() if of]
    asked += [f"{kind.value}: {name_a_few(found)}" for kind, found in rules.by_kind.items()]
    if asked:
        yield Finding(
            Subject.UNSEEN,
            Severity.NOTE,
            catalog.database,
            f"a dry run does not ask what may still refuse or change a row: {'; '.join(asked)}",
            "replay with --rehearse does, and undoes everything",
        )
