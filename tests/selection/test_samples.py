"""A sample is the same each time, closed, and grown anew in a target by the same hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from replant.model.samples import Sample
from tests.support.commands import Outcome, Replant
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.country (id int PRIMARY KEY);
CREATE TABLE s.customer (id int PRIMARY KEY, country int NOT NULL REFERENCES s.country);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer);
CREATE TABLE s.line (orders int REFERENCES s.orders, n int, PRIMARY KEY (orders, n));
CREATE TABLE s.log (message text);
"""
ROWS = """
INSERT INTO s.country SELECT generate_series(1, 9);
INSERT INTO s.customer SELECT n, 1 + n % 9 FROM generate_series(1, 200) AS n;
INSERT INTO s.orders SELECT n, 1 + n % 200 FROM generate_series(1, 2000) AS n;
INSERT INTO s.line SELECT o, n FROM generate_series(1, 2000) AS o, generate_series(1, 2) AS n;
"""
CUSTOMERS = '[[tables]]\nname = "s.customer"\nsample = {}\n'
ORDERS = '[[plugins.schemas.edges]]\ntable = "s.orders"\ncolumns = ["customer"]\n{}\n'


@pytest.fixture
def folder(tmp_path: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    move.on_both(SCHEMA)
    move.source.execute(ROWS.encode(), prepare=False)
    return tmp_path


def configure(move: Move, text: str = "", *, roots: str = '"s.customer: true"') -> None:
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{move.from_.dsn}"\n[target]\ndsn = "{move.to.dsn}"\n'
        f"[plugins.schemas]\nroots = [{roots}]\n{text}"
    )


def loaded(replant: Replant, move: Move, *options: str) -> list[int]:
    """Move into an empty target; return the customers that arrived."""
    move.target.execute("TRUNCATE s.country, s.customer, s.orders, s.line")
    for command in (("export", "-o", "a", "--force", *options), ("replay", "a"), ("verify", "a")):
        done = replant(*command)
        assert done.code == 0, done
    return move.found("SELECT id FROM s.customer ORDER BY id")


def test_a_share_of_the_roots_is_repeatable_stable_and_closed(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, CUSTOMERS.format('"10%"'))
    first = loaded(replant, move)
    assert 8 <= len(first) <= 40
    assert "a sample of 10% by the seed 1" in replant("plan", "-v").out
    assert move.found("SELECT count(*) FROM s.orders") == [10 * len(first)]
    assert move.found("SELECT count(*) FROM s.line") == [20 * len(first)]
    assert loaded(replant, move, "--format", "copy") == first
    move.source.execute("SET TimeZone = 'Asia/Tokyo'")
    move.source.execute("INSERT INTO s.customer SELECT n, 1 FROM generate_series(201, 400) AS n")
    grown = loaded(replant, move)
    assert [number for number in grown if number <= 200] == first
    assert len(grown) > len(first)
    # A smaller share is a part of a larger one; another seed gives another sample.
    configure(move, CUSTOMERS.format('"5%"'))
    assert {*loaded(replant, move)} < {*grown}
    configure(move, CUSTOMERS.format('"10%"') + '[export]\nseed = "other"\n')
    assert loaded(replant, move) != grown


def test_a_number_of_roots(replant: Replant, move: Move, folder: Path) -> None:
    configure(move, CUSTOMERS.format(7), roots='"s.customer: country = 1"')
    first = loaded(replant, move)
    assert len(first) == 7
    assert move.found("SELECT DISTINCT country FROM s.customer") == [1]
    configure(move, CUSTOMERS.format(6), roots='"s.customer: country = 1"')
    assert {*loaded(replant, move)} < {*first}


def test_a_number_of_children_for_each_parent(replant: Replant, move: Move, folder: Path) -> None:
    configure(move, CUSTOMERS.format(20) + ORDERS.format('sample = 3\nper = "customer"'))
    customers = loaded(replant, move)
    counted = "SELECT count(*) FROM s.orders GROUP BY customer"
    assert move.found(counted) == [3] * len(customers)
    by_key = "SELECT min(id) FROM s.orders GROUP BY customer ORDER BY customer"
    assert move.found(by_key) != [n - 1 for n in customers]  # not the first by their key


def test_a_share_of_the_children_is_grown_anew_in_the_target(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, CUSTOMERS.format(20) + ORDERS.format('sample = "30%"'))
    customers = loaded(replant, move)
    assert 30 <= move.found("SELECT count(*) FROM s.orders")[0] <= 90
    compared = replant("diff", "a", move.from_.dsn)
    assert compared.code == 0, compared
    # Of further orders in the target some are in the share, and these only the target has.
    one = customers[0]
    move.target.execute(f"INSERT INTO s.orders SELECT n, {one} FROM generate_series(9001, 9050) n")
    found = replant("verify", "a")
    assert found.code == 1
    (number,) = (int(word) for word in found.out.split("s.orders: ")[1].split()[:1])
    assert 3 <= number <= 30
    synced = replant("sync", "a", "--yes")
    assert synced.code == 0, synced
    assert replant("verify", "a").code == 0
    assert move.found("SELECT count(*) FROM s.orders WHERE id > 9000") == [50 - number]


def test_a_share_of_a_table_holds_for_rows_that_come_downward(
    replant: Replant, move: Move, folder: Path
) -> None:
    whole = CUSTOMERS.format(20)
    configure(move, whole + '[[tables]]\nname = "s.line"\nsample = "25%"\n')
    loaded(replant, move)
    assert 50 <= move.found("SELECT count(*) FROM s.line")[0] <= 150
    assert move.found("SELECT count(*) FROM s.orders") == [200]
    (row,) = move.source.execute(
        "SELECT orders, n FROM s.line JOIN s.orders ON id = orders"
        f" WHERE customer IN (SELECT customer FROM s.orders WHERE id = {first_order(move)})"
        f" AND (orders, n) NOT IN ({lines(move)}) LIMIT 1"
    ).fetchall()
    why = replant("why", f"s.line: orders = {row[0]} AND n = {row[1]}")
    assert "the sample of this reference left it out" in why.out, why


def first_order(move: Move) -> int:
    return int(move.found("SELECT min(id) FROM s.orders")[0])


def lines(move: Move) -> str:
    return ", ".join(f"({o}, {n})" for o, n in move.target.execute("SELECT orders, n FROM s.line"))


def test_tables_without_a_closed_set_say_where_the_target_is_seen_one_way(
    replant: Replant, move: Move, folder: Path
) -> None:
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{move.from_.dsn}"\n[target]\ndsn = "{move.to.dsn}"\n'
        f'[plugins.schemas]\ninclude = ["s.country", "s.customer"]\n{CUSTOMERS.format(30)}'
    )
    assert len(loaded(replant, move)) == 30
    assert "s.customer" in replant("verify", "a").out.split("only", 1)[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CUSTOMERS.format('"0%"'), "tables[0].sample: must be a share such as '5%', or a number"),
        (CUSTOMERS.format("0"), "tables[0].sample: must be a share"),
        (CUSTOMERS.format("true"), "tables[0].sample: must be a share"),
        ('[[tables]]\nname = "s.line"\nsample = 9\n', "a number is meant for each of these; give"),
        (ORDERS.format("sample = 3"), "edges[0].sample: a number of rows is meant for each row"),
        (ORDERS.format('per = "customer"'), "edges[0].per: goes with a number as sample"),
        (ORDERS.format('sample = 2\nper = "custmer"'), "per: 'custmer' is not a column of"),
    ],
)
def test_what_cannot_be_is_told_with_its_setting(
    replant: Replant, move: Move, folder: Path, text: str, said: str
) -> None:
    configure(move, text)
    refused(replant("plan"), said)


def test_rows_without_a_key_are_no_sample(replant: Replant, move: Move, folder: Path) -> None:
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{move.from_.dsn}"\n[plugins.schemas]\ninclude = ["s.*"]\n'
        '[[tables]]\nname = "s.log"\nsample = "5%"\n'
    )
    refused(replant("plan"), "tables[0].sample: s.log has no primary key")


def refused(outcome: Outcome, said: str) -> None:
    assert outcome.code == 2, outcome
    assert said in outcome.err


@pytest.mark.parametrize(
    ("given", "amount"), [("5%", "5%"), ("0.10%", "0.1%"), (500, "500"), ("12", "12")]
)
def test_amounts_have_one_form(given: str | int, amount: str) -> None:
    assert Sample.of(given).amount == amount
