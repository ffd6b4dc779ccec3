"""Writes a comparison for other programs, as JSON; `diff.schema.json` describes it."""

from __future__ import annotations

import json
from typing import Any

from replant.difference.result import ComparedTable, DifferingRow, Presence, SideComparison

#: The version of the JSON.
VERSION = 1


def comparison_as_json(comparison: SideComparison) -> str:
    """Write JSON: both sides, and of every table what differs."""
    report = {
        "version": VERSION,
        "left": comparison.left,
        "right": comparison.right,
        "equal": comparison.equal,
        "tables": [_table(table) for table in comparison.tables],
    }
    return json.dumps(report, indent=2)


def _table(table: ComparedTable) -> dict[str, Any]:
    return {
        "schema": table.name.schema,
        "name": table.name.name,
        "equal": table.equal,
        "key": list(table.key),
        "left_rows": table.left_rows,
        "right_rows": table.right_rows,
        "columns_only_left": list(table.only_left),
        "columns_only_right": list(table.only_right),
        **{presence.value: table.counts.get(presence, 0) for presence in Presence},
        "one_way": table.one_way,
        "rows": [_row(row) for row in table.rows],
    }


def _row(row: DifferingRow) -> dict[str, Any]:
    sides = {"left": row.left, "right": row.right}
    held = {side: dict(values) for side, values in sides.items() if values is not None}
    return {"is": row.presence.value, "key": dict(row.key), **held}
