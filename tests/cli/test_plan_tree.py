"""`replant plan` shows a closed set as a tree, and says once what is so of many things."""

from __future__ import annotations

import sys
from io import BytesIO, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from replant.cli.provenance_tree import print_provenance
from replant.cli.screen import console
from replant.model import Finding, Plan, RelationName, Root, Severity, Subject
from replant.model.closure_rules import ProvenanceCount
from replant.model.findings import grouped
from replant.model.references import Pair, Reference
from tests.support.commands import Replant
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (id int PRIMARY KEY, name text, referrer int REFERENCES s.customer);
CREATE TABLE s.product (id int PRIMARY KEY);
CREATE TABLE s.orders (
    id int PRIMARY KEY, customer int REFERENCES s.customer, product int REFERENCES s.product);
INSERT INTO s.customer VALUES (1, 'Ada', NULL), (2, 'Ben', 1);
INSERT INTO s.product VALUES (5);
INSERT INTO s.orders VALUES (10, 2, 5), (11, 2, 5);
"""


@pytest.fixture
def planned(move: Move, replant: Replant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move.source.execute(SHOP.encode(), prepare=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "replant.toml"
    file.write_text(
        f"""
[source]
dsn = "{move.from_.dsn}"

[plugins]
enable = ["schemas", "mask"]

[plugins.schemas]
roots = ["s.customer: id = 2"]

[[tables]]
name = "s.customer"
mask = {{ name = "null" }}
"""
    )
    return file


def test_rows_are_shown_below_those_that_brought_them(planned: Path, replant: Replant) -> None:
    shown = replant("plan", "-c", planned)
    assert shown.code == 0, shown.err
    tree = shown.out.partition("How the rows of the closed set came:\n")[2].partition("\n\n")[0]
    assert tree.splitlines() == [
        "  s.customer: 1 row, where id = 2; changed: name",
        "  ├── s.customer: 1 row, up by referrer; changed: name",
        "  └── s.orders: 2 rows, down by customer",
        "      └── s.product: 1 row, up by product",
    ]


def test_a_long_line_of_the_tree_is_not_cut_off(planned: Path, replant: Replant) -> None:
    condition = f"id IN ({', '.join(map(str, range(2, 300)))})"
    planned.write_text(planned.read_text().replace("id = 2", condition))
    shown = replant("plan", "-c", planned)
    assert f"  s.customer: 1 row, where {condition}; changed: name\n" in shown.out


def test_what_is_so_of_many_things_is_said_once(planned: Path, replant: Replant) -> None:
    short, long = replant("plan", "-c", planned).out, replant("plan", "-c", planned, "-v").out
    assert "2 references are served by no index, so that tables are read as a whole: " in short
    assert "no index serves s.orders(customer)" not in short
    assert "no index serves s.orders(customer) → s.customer(id): s.orders is read as a whole" in (
        long
    )


def test_only_notes_that_say_the_same_are_joined() -> None:
    def note(place: str, together: str = "sequences stay") -> Finding:
        return Finding(Subject.SEQUENCE, Severity.NOTE, place, f"{place} stays", together=together)

    other = note("other", "")
    joined = grouped([note("a"), other, note("b"), note("c"), note("d"), note("alone", "x")])
    assert [finding.told(verbose=False) for finding in joined] == [
        "4 sequences stay: a; b; c; and 1 more (-v lists them)",
        "other stays",
        "alone stays",
    ]


def chain(length: int) -> Plan:
    """A plan whose rows came down from table to table."""
    names = [RelationName("s", f"t{number}") for number in range(length)]
    keys = [Reference(name, "k", other, (Pair("a", "id"),)) for other, name in pairwise(names)]
    root = ProvenanceCount(Root(names[0], "true"), down=True, rows=1)
    came = [root, *(ProvenanceCount(key, down=True, rows=1) for key in keys)]
    return cast("Plan", SimpleNamespace(provenance=came, tables=()))


def test_a_tree_may_be_deeper_than_python_recurses(capsys: pytest.CaptureFixture[str]) -> None:
    length = 2 * sys.getrecursionlimit()
    print_provenance(console(), chain(length))
    *_, last = capsys.readouterr().out.splitlines()
    assert last == f"  {'    ' * (length - 2)}└── s.t{length - 1}: 1 row, down by a"


def test_a_tree_is_drawn_in_what_the_stream_can_encode(monkeypatch: pytest.MonkeyPatch) -> None:
    out = TextIOWrapper(BytesIO(), "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    print_provenance(console(), chain(3))
    assert out.buffer.getvalue().decode("ascii").splitlines()[2:] == [
        "  s.t0: 1 row, where true",
        "  `-- s.t1: 1 row, down by a",
        "      `-- s.t2: 1 row, down by a",
    ]
