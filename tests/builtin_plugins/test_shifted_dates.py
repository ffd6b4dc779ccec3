"""The mask `date`: all dates of one owner move alike, so that what lies between them stays."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replant_plugins.transforms.mask_values import shifted_date
from tests.support.commands import Replant
from tests.support.masking import configure, moved, prepare, refused
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE TABLE s.clinic (id int PRIMARY KEY, opened date);
CREATE TABLE s.patient (id int PRIMARY KEY, clinic_id int NOT NULL REFERENCES s.clinic,
    born date, seen timestamptz);
CREATE TABLE s.visit (patient_id int REFERENCES s.patient, day date, ward int, log jsonb,
    PRIMARY KEY (patient_id, day));
CREATE TABLE s.note (id int PRIMARY KEY, patient_id int, day date,
    FOREIGN KEY (patient_id, day) REFERENCES s.visit, written date, days date[]);
CREATE TABLE s.holiday (day date, value int);
INSERT INTO s.clinic SELECT n, '2000-01-01' FROM generate_series(1, 2) AS n;
INSERT INTO s.patient SELECT n, 1 + n % 2, '1980-01-01', '2020-03-01 10:00+00'
    FROM generate_series(1, 6) AS n;
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with two databases of one schema; the source has the rows."""
    prepare(tmp_path, move, SCHEMA, monkeypatch)
    move.target.execute("TRUNCATE s.clinic, s.patient CASCADE")


#: Three tables whose dates are masked; those of `visit` and `note` are keys, and stay.
MASKS = """
[[tables]]
name = "s.clinic"
mask = { opened = "date:300" }
[[tables]]
name = "s.patient"
mask = { born = "date:300", seen = "date:300" }
[[tables]]
name = "s.note"
mask = { written = "date:300", days = "date:300" }
"""


def shifts(move: Move) -> dict[int, set[int]]:
    """Return by how many days the dates of each clinic moved."""
    found: dict[int, set[int]] = {}
    rows = move.target.execute(
        "SELECT c.id, opened - '2000-01-01'::date, born - '1980-01-01'::date,"
        " (seen AT TIME ZONE 'UTC')::date - '2020-03-01'::date, n.written - '2020-03-02'::date,"
        " n.days[1] - '2020-03-03'::date FROM s.clinic c JOIN s.patient p ON p.clinic_id = c.id"
        " LEFT JOIN s.note n ON n.patient_id = p.id"
    )
    for clinic, *distances in rows:
        found.setdefault(clinic, set()).update(d for d in distances if d is not None)
    return found


def test_all_dates_below_one_row_move_by_the_same_distance(replant: Replant, move: Move) -> None:
    move.source.execute("INSERT INTO s.visit SELECT n, '2020-03-01' FROM generate_series(1, 6) n")
    move.source.execute(
        "INSERT INTO s.note SELECT n, n, '2020-03-01', '2020-03-02', '{2020-03-03}'"
        " FROM generate_series(1, 6) AS n"
    )
    move.source.execute("INSERT INTO s.note VALUES (9, NULL, NULL, '2020-03-02')")
    configure(move, MASKS)
    moved(replant)
    found = shifts(move)
    assert {clinic: len(distances) for clinic, distances in found.items()} == {1: 1, 2: 1}
    distances = [next(iter(one)) for one in found.values()]
    assert distances[0] != distances[1]
    assert all(1 <= abs(distance) <= 300 for distance in distances)
    # A row that belongs to no other has a distance of its own.
    (alone,) = move.found("SELECT written - '2020-03-02'::date FROM s.note WHERE id = 9")
    assert 1 <= abs(alone) <= 300


def test_a_scope_column_says_whose_a_date_is(replant: Replant, move: Move) -> None:
    configure(move, MASKS)
    moved(replant, "--scope-column", "clinic_id", "--scope", "clinic_id=1")
    assert {clinic: len(distances) for clinic, distances in shifts(move).items()} == {1: 1}


def test_columns_can_be_named_that_say_whose_a_date_is(replant: Replant, move: Move) -> None:
    configure(
        move,
        '[[tables]]\nname = "s.patient"\nmask = { born = "date:300 per id", seen = "date:300" }',
    )
    written = moved(replant)
    assert "s.patient.born: mask: date:300 per id" in written
    born = move.found("SELECT DISTINCT born FROM s.patient")
    assert len(born) == 6
    assert len(move.found("SELECT DISTINCT seen FROM s.patient")) == 2


def test_dates_of_a_key_stay_unique(replant: Replant, move: Move) -> None:
    move.on_both("DROP TABLE s.note")
    move.source.execute(
        "INSERT INTO s.visit SELECT p, '2020-01-01'::date + n"
        " FROM generate_series(1, 6) AS p, generate_series(1, 40) AS n"
    )
    configure(move, '[[tables]]\nname = "s.visit"\nmask = { day = "date:20 per patient_id" }')
    moved(replant)
    assert move.found("SELECT DISTINCT max(day) - min(day) FROM s.visit GROUP BY patient_id") == [
        39
    ]


def test_dates_inside_json_move_with_those_beside_it(replant: Replant, move: Move) -> None:
    move.source.execute(
        "INSERT INTO s.visit VALUES (1, '2020-03-01', 1, '{\"at\": \"2020-03-05T10:00:00Z\"}')"
    )
    configure(
        move,
        '[[tables]]\nname = "s.visit"\nmask = { "log.$.at" = "date:300" }\n'
        '[[tables]]\nname = "s.patient"\nmask = { born = "date:300" }',
    )
    moved(replant)
    (log,) = move.found("SELECT log::text FROM s.visit")
    (born,) = move.found("SELECT born FROM s.patient WHERE id = 1")
    at = json.loads(log)["at"]
    assert at.endswith("T10:00:00Z")
    assert date.fromisoformat(at[:10]) - date(2020, 3, 5) == born - date(1980, 1, 1)


@pytest.mark.parametrize(
    ("table", "mask", "words"),
    [
        ("s.holiday", 'day = "date:3"', ["s.holiday.day", "nothing says whose a row is"]),
        ("s.holiday", 'day = "date:3 per dya"', ["it has no column dya"]),
        ("s.holiday", 'day = "date:3 per value"', ["the column value cannot say whose a row is"]),
        ("s.patient", 'born = "date:3 per"', ["per one or more columns"]),
        ("s.patient", 'born = "date:x per id"', ["the days of 'date' must be a number from 1 to"]),
        ("s.visit", '"log.$.at" = "date:3", "log.$.b" = "date:3 per ward"', ["the same columns"]),
    ],
)
def test_what_cannot_be_is_refused(
    replant: Replant, move: Move, table: str, mask: str, words: list[str]
) -> None:
    configure(move, f'[[tables]]\nname = "{table}"\nmask = {{ {mask} }}')
    refused(replant("plan"), *words)


@pytest.mark.parametrize(
    ("text", "days", "moved"),
    [
        ("2020-02-29", 1, "2020-03-01"),
        ("0001-01-01", -1, "0001-12-31 BC"),
        ("0001-12-31 BC", 1, "0001-01-01"),
        ("12345-03-01 10:00:00+00", -1, "12345-02-28 10:00:00+00"),
        ("4714-11-24 BC", -3, "4714-11-27 BC"),
        ("5874897-12-31", 1, "5874897-12-30"),
        ("294276-12-31 23:00:00", 2, "294276-12-29 23:00:00"),
        ("-infinity", 5, "-infinity"),
    ],
)
def test_dates_that_python_does_not_have_move_too(text: str, days: int, moved: str) -> None:
    assert shifted_date(text, days) == moved


@given(st.dates(), st.integers(1, 36500), st.sampled_from(["", " BC"]), st.integers(0, 300))
def test_a_date_moves_by_its_distance(day: date, days: int, before: str, cycles: int) -> None:
    text = f"{day.year + 400 * cycles * (not before):04}-{day:%m-%d}{before}"
    try:
        back = shifted_date(shifted_date(text, days), -days)
    except ValueError:  # 29 February of a year before Christ that had none
        assert before
        return
    assert back == text or before
