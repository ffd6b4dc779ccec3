"""Every command that works on rows writes reports: as JSON, Markdown and HTML, and as events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from jsonschema import Draft202012Validator

from replant.database.connection_facts import ConnectionFacts
from replant.model import RelationName
from replant.report.recorder import Recorder
from replant.report.report_html import report_as_html
from replant.report.report_json import report_as_json
from replant.report.report_markdown import report_as_markdown
from replant.report.run_report import Outcome, ReportedTable, RunFacts
from tests.report.vendor import RECORD, VENDOR
from tests.support.commands import Replant, assert_one_line
from tests.support.example_reports import HOSTILE, example_report
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (
    id int PRIMARY KEY, name text NOT NULL, referrer int REFERENCES s.customer);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer);
CREATE TABLE s.log (id int);
"""
ROWS = """
INSERT INTO s.customer VALUES (1, 'Ada', NULL), (2, 'Ben', 1), (3, 'Cid', NULL);
INSERT INTO s.orders VALUES (10, 1), (11, 2), (12, 3);
"""
ROOT = ("--root", "s.customer: id = 2")

SCHEMA = json.loads((files("replant.report") / "report.schema.json").read_text(encoding="utf-8"))


def valid(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    return document


@pytest.fixture
def shops(move: Move) -> Move:
    move.on_both(SHOP)
    move.source.execute(ROWS.encode())
    return move


@pytest.fixture
def told(shops: Move, replant: Replant, tmp_path: Path) -> Any:
    """Run a command with reports in every form; return its outcome and the JSON."""

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        names = [tmp_path / f"report{form}" for form in (".json", ".md", ".html")]
        done = replant(*arguments, *(word for name in names for word in ("--report", name)))
        assert done.code == code, done.err
        for name in names:
            assert name.read_text(encoding="utf-8")
        return valid(names[0].read_text(encoding="utf-8"))

    return run


def test_each_command_reports_what_it_did(told: Any, shops: Move, tmp_path: Path) -> None:
    source, target = ("--source", shops.from_.dsn), ("--target", shops.to.dsn)
    artifact = tmp_path / "ben.sql"

    plan = told("plan", *ROOT, *source)
    assert [(table["name"], table["rows"]) for table in plan["tables"]] == [
        ("s.customer", 2),
        ("s.orders", 1),
    ]
    assert plan["tables"][0]["came"][0] == "root s.customer: id = 2: 1 row"
    assert {"what": "s.log", "why": "a table that no reference leads to from the chosen rows"} in (
        plan["left_out"]
    )

    exported = told("export", *ROOT, *source, "-o", artifact)
    assert exported["outcome"] == "done"
    assert [phase["name"] for phase in exported["phases"]] == ["plan", "export"]
    assert exported["phases"][1]["rows"] == 3
    assert exported["artifacts"][0]["size"] == artifact.stat().st_size
    assert len(exported["artifacts"][0]["digest"]) == 64
    assert {connection["side"] for connection in exported["connections"]} == {"source"}

    replayed = told("replay", artifact, *target)
    assert replayed["tables"][0]["counts"]["inserted"] == 2
    assert replayed["tables"][0]["compared"] == "content, before the commit"
    assert [check["result"] for check in replayed["checks"]] == ["passed"] * 3

    assert told("verify", artifact, *target)["outcome"] == "done"
    shops.target.execute(b"UPDATE s.customer SET name = 'Bob' WHERE id = 2")
    verified = told("verify", artifact, *target, code=1)
    assert verified["outcome"] == "different"
    assert verified["tables"][0]["differences"] == [
        {
            "kind": "changed",
            "key": "id = 2",
            "values": [{"column": "name", "before": "Ben", "after": "Bob"}],
        }
    ]

    compared = told("diff", artifact, shops.to.dsn, *ROOT, code=1)
    assert compared["tables"][0]["counts"] == {"left": 2, "right": 2, "changed": 1}
    assert compared["references"]

    changed = told("sync", artifact, *target)
    assert changed["tables"][0]["counts"] == {"inserted": 0, "updated": 1, "deleted": 0}
    removed = told("remove", artifact, *target, "--yes")
    assert removed["tables"][1]["counts"]["deleted"] == 1
    copied = told("copy", *ROOT, *source, *target, "--on-conflict", "same")
    assert copied["tables"][1]["counts"]["inserted"] == 1
    assert [phase["name"] for phase in copied["phases"]][-1] == "compare once more"


def test_a_command_that_fails_reports_why(told: Any, shops: Move, tmp_path: Path) -> None:
    artifact = tmp_path / "ben.sql"
    told("export", *ROOT, "--source", shops.from_.dsn, "-o", artifact)
    shops.target.execute(b"INSERT INTO s.customer VALUES (2, 'Somebody', NULL)")
    failed = told("replay", artifact, "--target", shops.to.dsn, code=4)
    assert failed["outcome"] == "failed"
    assert "already holds 1 of these rows" in failed["error"]
    assert failed["checks"][-1]["result"] == "failed"
    assert "refuses" in {note["severity"] for note in failed["notes"]}


def test_events_are_one_object_a_line(shops: Move, replant: Replant, tmp_path: Path) -> None:
    artifact = tmp_path / "ben.sql"
    done = replant(
        *("export", *ROOT, "--source", shops.from_.dsn, "-o", artifact, "--log-format", "json")
    )
    events = [json.loads(line) for line in done.err.splitlines()]
    assert done.out == ""
    assert [event["event"] for event in events][:2] == ["start", "connection"]
    tables = [event for event in events if event["event"] == "table"]
    assert {(event["table"], event["rows"]) for event in tables} == {
        ("s.customer", 2),
        ("s.orders", 1),
    }
    assert all({"phase", "bytes", "seconds"} <= event.keys() for event in tables)
    assert events[-1]["outcome"] == "done"
    again = replant(
        *("export", *ROOT, "--source", shops.from_.dsn, "-o", artifact, "--log-format", "json")
    )
    last = json.loads(again.err.splitlines()[-1])
    assert (again.code, last["exit_code"], last["outcome"]) == (2, 2, "failed")
    assert "exists already" in last["error"]


def test_a_report_of_an_unknown_form_is_refused_before_anything_is_done(
    replant: Replant, tmp_path: Path
) -> None:
    wrong = replant("plan", "--report", tmp_path / "report.pdf")
    assert_one_line(wrong, 2, "report.pdf", ".json, .md or .html")
    nowhere = replant("plan", "--report", tmp_path / "nowhere" / "report.md")
    assert_one_line(nowhere, 2, "there is no directory")


def test_a_password_is_in_no_report(shops: Move, replant: Replant, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    replant("plan", *ROOT, "--source", f"{shops.from_.dsn} password=sesame", "--report", report)
    assert "sesame" not in report.read_text(encoding="utf-8")


def test_nothing_in_a_report_becomes_markup() -> None:
    report = example_report(5)
    page = report_as_html(evolve(report, error="<script>alert(1)</script>"))
    assert "<script>alert" not in page
    assert page.count("</script>") == page.count("<script") == 4
    assert "<i>Cid" not in page
    assert "http-equiv" in page
    assert not any(f'{word}="http' in page for word in ("src", "href"))
    text = report_as_markdown(report)
    heading = next(line for line in text.splitlines() if line.startswith("| table"))
    row = next(line for line in text.splitlines() if "`x" in line and line.startswith("| "))
    assert row.count("|") - row.count("\\|") == heading.count("|")
    assert HOSTILE in valid(report_as_json(report))["tables"][-1]["name"]


def test_markdown_is_short_for_many_tables() -> None:
    text = report_as_markdown(example_report(500))
    assert len(text.splitlines()) < 120
    assert "tables more" in text


def test_time_counts_for_the_table_whose_rows_were_waited_for() -> None:
    ticks: Iterator[int] = iter([0, 1, 3, 6, 10, 15, 21])
    recorder = Recorder("export", clock=lambda: next(ticks))
    recorder.phase("export")
    progress = recorder.through(lambda *_: None)
    one, two = RelationName("s", "one"), RelationName("s", "two")
    tables = (ReportedTable(str(one)), ReportedTable(str(two)))
    recorder.add(RunFacts, tables=tables)
    progress(one, 5, 50)
    progress(two, 5, 50)
    progress(one, 1, 10)
    report = recorder.finish(Outcome.DONE, 0)
    assert [table.seconds for table in report.facts.tables] == [6, 3]
    assert (report.phases[0].rows, report.phases[0].size) == (11, 110)


def test_a_second_connection_to_the_same_place_is_no_news() -> None:
    recorder = Recorder("verify")
    for user in ("one", "one", "two"):
        recorder.connected(ConnectionFacts("target", "host", 5432, "shop", user, "18.6"))
    users = [place.user for place in recorder.finish(Outcome.DONE, 0).connections]
    assert users == ["one", "two"]


def test_what_draws_the_graph_is_what_was_recorded() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert {entry["file"] for entry in recorded} == {path.name for path in VENDOR.iterdir()} - {
        RECORD.name
    }
    for entry in recorded:
        content = (VENDOR / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]


def test_what_a_row_does_not_have_on_a_side_is_not_shown_as_null(
    shops: Move, replant: Replant, tmp_path: Path
) -> None:
    source = ("--source", shops.from_.dsn)
    replant("export", *ROOT, *source, "-o", tmp_path / "before.sql")
    shops.source.execute(b"INSERT INTO s.orders VALUES (77, 2)")
    shops.source.execute(b"UPDATE s.customer SET name = 'Bob' WHERE id = 2")
    replant("export", *ROOT, *source, "-o", tmp_path / "after.sql")
    for number, sides in enumerate([("before.sql", "after.sql"), ("after.sql", "before.sql")]):
        for form in ("md", "html"):
            file = tmp_path / f"{number}.{form}"
            replant("diff", *(tmp_path / side for side in sides), "--report", file)
            written = file.read_text(encoding="utf-8")
            assert "id = 77" in written
            assert "NULL" not in written.replace('"NOT NULL"', "")
    assert "only right: id = 77; `id`: `77`; `customer`: `2`" in (
        (tmp_path / "0.md").read_text(encoding="utf-8")
    )


def test_an_update_is_shown_with_its_new_values_alone(
    shops: Move, replant: Replant, tmp_path: Path
) -> None:
    artifact, target = tmp_path / "ben.sql", ("--target", shops.to.dsn)
    replant("export", *ROOT, "--source", shops.from_.dsn, "-o", artifact)
    replant("replay", artifact, *target)
    shops.target.execute(b"UPDATE s.customer SET name = 'Bob' WHERE id = 2")
    replant("sync", artifact, *target, "--report", tmp_path / "sync.md")
    assert "updated: id = 2; `name`: `Ben`\n" in (
        (tmp_path / "sync.md").read_text(encoding="utf-8")
    )
