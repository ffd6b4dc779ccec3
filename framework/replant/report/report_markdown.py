"""Writes a report as Markdown, short enough for the description of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from replant.report.figures import duration, human_size
from replant.report.run_report import (
    CheckResult,
    ReportedRow,
    ReportedTable,
    ReportedValue,
    RunReport,
)

#: Rows of a table of Markdown; a longer one is cut, and says so.
_MOST = 40


def report_as_markdown(report: RunReport) -> str:
    """Write the parts of a report that say anything."""
    facts = report.facts
    parts = [
        [f"## replant {report.command}: {report.ending}"],
        [_bullets(_escaped(line) for line in facts.summary)],
        _error(report),
        _section("Tables", _tables(facts.tables)),
        _section("Differences", list(_differences(facts.tables))),
        _section("Checks", [_bullets(_checks(report))]),
        _section("Notes", [_bullets(_escaped(note.text) for note in facts.notes)]),
        _section("Left out", [_bullets(_escaped(f"{o.what}: {o.why}") for o in facts.left_out)]),
        _section("Run", [_bullets(_run(report))]),
    ]
    return "\n\n".join(text for part in parts for text in part if text) + "\n"


def _section(title: str, texts: Sequence[str]) -> list[str]:
    said = [text for text in texts if text]
    return [f"### {title}", *said] if said else []


def _error(report: RunReport) -> list[str]:
    return [f"```text\n{report.error.replace('```', '` ` `')}\n```"] if report.error else []


def _tables(tables: Sequence[ReportedTable]) -> list[str]:
    shown = [table for table in tables if table.rows or any(table.counts.values())]
    names = list(dict.fromkeys(name for table in shown for name in table.counts))
    rows = [
        (
            _code(table.name),
            f"{table.rows:,}",
            *(f"{table.counts.get(name, 0):,}" for name in names),
            "" if table.result is None else _MARKS[table.result],
        )
        for table in shown
    ]
    more = [f"and {len(rows) - _MOST} tables more"] if len(rows) > _MOST else []
    return [_grid(("table", "rows", *names, "compared"), rows[:_MOST]), *more] if rows else []


_MARKS = {
    CheckResult.PASSED: "equal",
    CheckResult.FAILED: "**differs**",
    CheckResult.NOT_MADE: "not compared",
}


def _differences(tables: Iterable[ReportedTable]) -> Iterator[str]:
    for table in tables:
        if not table.differences:
            continue
        lines = [
            f"{row.kind}: {_escaped(row.key)}"
            + "".join(f"; {_code(value.column)}: {_sides(row, value)}" for value in row.values)
            for row in table.differences
        ]
        more = table.differing - len(table.differences)
        lines += [f"and {more:,} more"] if more > 0 else []
        yield f"{_code(table.name)}\n\n{_bullets(lines)}"


def _sides(row: ReportedRow, value: ReportedValue) -> str:
    before = [_value(value.before)] if row.has_before else []
    after = [_value(value.after)] if row.has_after else []
    return " → ".join(before + after)


def _checks(report: RunReport) -> Iterator[str]:
    for check in report.facts.checks:
        detail = f" ({_escaped(check.detail)})" if check.detail else ""
        yield f"{check.result.value}: {_escaped(check.name)}{detail}"


def _run(report: RunReport) -> Iterator[str]:
    facts = report.facts
    yield f"replant {report.replant}, {report.started}, {duration(report.seconds)}"
    for place in report.connections:
        where = f"{place.user}@{place.host}:{place.port}/{place.database}"
        yield f"{place.side}: {_code(where)}, PostgreSQL {place.version}"
    for artifact in facts.artifacts:
        size = "" if artifact.size is None else f", {human_size(artifact.size)}"
        digest = f", SHA-256 {_code(artifact.digest)}" if artifact.digest else ""
        yield f"artifact: {_code(artifact.path)}, {artifact.format}{size}{digest}"
    if facts.scope:
        scope = [_code(f"{name} = {value}") for name, value in facts.scope.items()]
        yield f"scope: {', '.join(scope)}"
    for phase in report.phases:
        passed = f", {phase.rows:,} rows, {human_size(phase.size)}" if phase.rows else ""
        yield f"{phase.name}: {duration(phase.seconds)}{passed}"


def _grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines if line)


def _value(value: str | None) -> str:
    return "NULL" if value is None else _code(value)


def _code(text: str) -> str:
    """Write text as code on one line, whatever it holds."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text).replace("|", "\\|")
    fence = "`"
    while fence in shown:
        fence += "`"
    return f"{fence} {shown} {fence}" if "`" in shown or not shown.strip() else f"`{shown}`"


def _escaped(text: str) -> str:
    """Write text that is not markup, on one line."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return "".join(f"\\{c}" if c in _MARKUP else c for c in shown)


#: What would begin markup inside a line.
_MARKUP = frozenset("\\`*_[]<>|#~@")
