"""Says of verifications and comparisons what a report holds."""

from __future__ import annotations

from collections.abc import Iterable

from replant.difference.result import ComparedTable, DifferingRow, Presence, SideComparison
from replant.model import readable
from replant.model.numbers import counted
from replant.report.facts_of_plans import references_between
from replant.report.row_keys import differ, row_key
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    ReportedColumn,
    ReportedRow,
    ReportedTable,
    ReportedValue,
    RunFacts,
)
from replant.verification.differences import TableResult


def facts_of_verification(results: Iterable[TableResult]) -> RunFacts:
    """Say what a verification found."""
    found = tuple(results)
    wrong = [result for result in found if result.count]
    unseen = [result for result in found if result.unseen]
    one_way = [result for result in found if result.one_way]
    right = counted(len(found) - len(wrong) - len(unseen), "table")
    equal = sum(result.exported for result in found if result.equal)
    checks = [
        MadeCheck(
            "the rows of the target are those that were exported",
            CheckResult.FAILED if wrong else CheckResult.PASSED,
            _named(wrong) and f"differ: {_named(wrong)}",
        )
    ]
    if unseen:
        checks.append(
            MadeCheck("the role may see all tables", CheckResult.NOT_MADE, _named(unseen))
        )
    if one_way:
        checks.append(_no_others("the target", (str(result.name) for result in one_way)))
    return RunFacts(
        summary=(f"{counted(equal, 'row')} in {right} are equal", differ(len(wrong), len(found))),
        tables=tuple(map(_verified, found)),
        checks=tuple(checks),
    )


def _named(results: Iterable[TableResult]) -> str:
    return ", ".join(str(result.name) for result in results)


def _one_way(reason: str) -> str:
    return f", one way only: {reason}" if reason else ""


def _verified(result: TableResult) -> ReportedTable:
    found = CheckResult.FAILED if result.count else CheckResult.PASSED
    return ReportedTable(
        str(result.name),
        rows=result.exported,
        counts={
            "found": result.found,
            **{_VERIFIED[kind.name]: number for kind, number in result.counts.items()},
        },
        compared=f"nothing: {result.unseen}"
        if result.unseen
        else f"content{_one_way(result.one_way)}",
        result=CheckResult.NOT_MADE if result.unseen else found,
        differing=result.count,
        differences=tuple(
            ReportedRow(
                _VERIFIED[row.kind.name],
                row.key,
                tuple(ReportedValue(v.column, v.exported, v.found) for v in row.values),
            )
            for row in result.differences
        ),
    )


_VERIFIED = {"MISSING": "missing", "CHANGED": "changed", "ADDITIONAL": "only in the target"}


def facts_of_comparison(found: SideComparison) -> RunFacts:
    """Say how two sides differ."""
    wrong = [str(table.name) for table in found.tables if not table.equal]
    checks = [
        MadeCheck(
            "both sides have the same rows",
            CheckResult.FAILED if wrong else CheckResult.PASSED,
            f"differ: {', '.join(wrong)}" if wrong else "",
        )
    ]
    if one_way := [str(table.name) for table in found.tables if table.one_way]:
        checks.append(_no_others("the database", one_way))
    return RunFacts(
        summary=(
            differ(len(wrong), len(found.tables)),
            f"left is {found.left}, right is {found.right}",
        ),
        tables=tuple(map(_compared, found.tables)),
        references=references_between(found.shapes),
        checks=tuple(checks),
    )


def _no_others(place: str, names: Iterable[str]) -> MadeCheck:
    return MadeCheck(f"{place} has no other rows", CheckResult.NOT_MADE, ", ".join(names))


_SIDES = {Presence.LEFT: "only left", Presence.RIGHT: "only right", Presence.BOTH: "changed"}


def _compared(table: ComparedTable) -> ReportedTable:
    one_sided = [*table.only_left, *table.only_right]
    but = f", but for columns of one side: {', '.join(map(readable, one_sided))}"
    sides = {"left": table.left_rows, "right": table.right_rows}
    return ReportedTable(
        str(table.name),
        rows=table.left_rows or 0,
        key=table.key,
        columns=tuple(ReportedColumn(name, "") for name in table.columns),
        counts={
            **{side: rows for side, rows in sides.items() if rows is not None},
            **{_SIDES[presence]: number for presence, number in table.counts.items()},
        },
        compared=f"content{but if one_sided else ''}{_one_way(table.one_way)}",
        result=CheckResult.PASSED if table.equal else CheckResult.FAILED,
        differing=table.count,
        differences=tuple(map(_differing, table.rows)),
    )


def _differing(row: DifferingRow) -> ReportedRow:
    left, right = row.left or {}, row.right or {}
    names = dict.fromkeys([*left, *right])
    values = tuple(ReportedValue(name, left.get(name), right.get(name)) for name in names)
    return ReportedRow(_SIDES[row.presence], row_key(row.key), values)
