"""Writes a report as one HTML file that needs no network: styles, scripts and data are in it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from replant.model import RelationName, readable
from replant.model.numbers import counted
from replant.report.figures import duration, human_size
from replant.report.run_report import (
    CheckResult,
    ReportedTable,
    RunReport,
    TableReference,
)

_HERE = files("replant.report")

#: What draws the graph; `vendor/vendored.json` says of each whose it is, and in which version.
_SCRIPTS = ("vendor/cytoscape.js", "vendor/cytoscape-dagre.js", "graph.js")

_WORDS = {
    CheckResult.PASSED: "equal",
    CheckResult.FAILED: "differs",
    CheckResult.NOT_MADE: "not compared",
}


def report_as_html(report: RunReport) -> str:
    """Write the page."""
    facts = report.facts
    names = {table.name: place for place, table in enumerate(facts.tables)}
    out: defaultdict[str, list[TableReference]] = defaultdict(list)
    for reference in facts.references:
        if reference.references in names and reference.table in names:
            out[reference.table].append(reference)
    compares = any(table.result is not None for table in facts.tables)
    differing = sum(table.differing for table in facts.tables)
    return (
        _environment()
        .from_string(_text("page.html.jinja"))
        .render(
            report=report,
            facts=facts,
            css=Markup(_text("page.css")),  # noqa: S704 - a file of this package
            scripts=[Markup(_text(name)) for name in _SCRIPTS],  # noqa: S704 - likewise
            data=_json(_drawn(report, names)),
            rows=sum(table.rows for table in facts.tables),
            differing=differing if compares else 0,
            changing=0 if compares else differing,
            compares=compares,
            counts=list(dict.fromkeys(name for table in facts.tables for name in table.counts)),
            states={table.name: " ".join(_states(table)) for table in facts.tables},
            words=_WORDS,
            places=names,
            references=out,
            sides=_sides(report.command),
            longest=max([phase.seconds for phase in report.phases] or [0]) or 1,
            sections=_sections(report),
        )
    )


def _sides(command: str) -> tuple[str, str]:
    return ("left", "right") if command == "diff" else ("before", "after")


def _sections(report: RunReport) -> list[tuple[str, str]]:
    """Return the parts that say anything, each with its anchor."""
    facts = report.facts
    parts = [
        ("summary", "Summary", True),
        ("checks", "Checks", facts.checks),
        ("graph", "Graph", facts.tables),
        ("tables", "Tables", facts.tables),
        ("differences", "Differences", any(table.differences for table in facts.tables)),
        ("notes", "Notes", facts.notes),
        ("left-out", "Left out", facts.left_out),
        ("timings", "Timings", report.phases),
    ]
    return [(name, title) for name, title, said in parts if said]


def _states(table: ReportedTable) -> list[str]:
    """Return how a table is drawn."""
    held = table.rows or any(table.counts.values())
    owned = "shared" if table.rows and table.shared == table.rows else "filled"
    found = {CheckResult.PASSED: ["equal"], CheckResult.FAILED: ["differs"]}
    result = found.get(table.result, []) if table.result else []
    return [owned if held else "empty", *result]


def _drawn(report: RunReport, names: dict[str, int]) -> dict[str, Any]:
    """Return what the graph is drawn of; a table is known by its place in the load order."""
    short = _labels(names)
    return {
        "tables": [
            {
                "id": str(names[table.name]),
                "name": table.name,
                "label": short(table.name),
                "rows": table.rows,
                "told": _told(table),
                "states": _states(table),
            }
            for table in report.facts.tables
        ],
        "references": [
            {
                "table": str(names[reference.table]),
                "references": str(names[reference.references]),
                "by": ", ".join(reference.columns),
            }
            for reference in report.facts.references
            if reference.table in names and reference.references in names
        ],
    }


def _labels(names: Iterable[str]) -> Callable[[str], str]:
    """Return how a table is called in the graph: without the schema, where all are in one."""
    parsed = {name: RelationName.parse(name) for name in names}
    one_schema = len({name.schema for name in parsed.values()}) == 1
    return lambda name: readable(parsed[name].name) if one_schema else name


def _told(table: ReportedTable) -> str:
    rows = counted(table.rows, "row")
    return f"{rows}, {table.differing:,} differ" if table.result is CheckResult.FAILED else rows


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=False, lstrip_blocks=False
    )
    environment.filters.update(duration=duration, size=human_size, value=_value)
    return environment


def _value(value: str | None) -> str | Markup:
    return Markup('<span class="null">NULL</span>') if value is None else value


def _json(value: Any) -> Markup:
    """Write JSON that can stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - what could be markup was replaced


def _text(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")
