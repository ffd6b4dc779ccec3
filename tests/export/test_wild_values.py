"""Texts as they come from the wild: any character, any length, whatever they look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from replant.model import Compression, ExportSettings, RelationName
from tests.support.listed_values import WILD_TEXTS
from tests.support.moves import FORMS, Move, Way, in_every_way, in_two_ways
from tests.support.reading import copied

TABLE = RelationName("s", "t")
CREATE = "CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, a text, b json, c text[])"

#: What is compressed has no lines.
LINED = {name: form for name, form in FORMS.items() if form.compress is Compression.NONE}

#: Characters that mean something to SQL, COPY, psql or a line, a megabyte of them.
MEGABYTE = "'\\\n\r\t\"$:;-\x08\\.\n\\N" * 65_536


def fill(move: Move, texts: Sequence[str]) -> None:
    with move.source.cursor() as cursor:
        cursor.executemany("INSERT INTO s.t (id, a) VALUES (%s, %s)", enumerate(texts))


def assert_arrived(move: Move, way: Way) -> None:
    outcome = move.move(way)

    assert outcome.kept, outcome.said
    assert copied(move.target, TABLE, "id") == copied(move.source, TABLE, "id")


@in_two_ways
def test_every_character_but_nul_arrives(way: Way, move: Move) -> None:
    move.on_both(CREATE)
    points = [p for p in range(1, 0x110000) if not 0xD800 <= p < 0xE000]
    texts = ["".join(map(chr, points[i : i + 4096])) for i in range(0, len(points), 4096)]
    fill(move, texts)

    assert_arrived(move, way)


@in_every_way
def test_a_megabyte_of_text_arrives(way: Way, move: Move) -> None:
    move.on_both(CREATE)
    fill(move, [MEGABYTE])

    assert_arrived(move, way)


@pytest.mark.parametrize("form", LINED.values(), ids=LINED)
def test_an_artifact_has_as_many_lines_whatever_the_values_are(
    form: ExportSettings, move: Move
) -> None:
    move.on_both(CREATE)
    found = set()
    for texts in (WILD_TEXTS, [str(number) for number, _ in enumerate(WILD_TEXTS)]):
        move.source.execute("TRUNCATE s.t")
        fill(move, texts)
        move.source.execute("UPDATE s.t SET b = to_json(a), c = ARRAY[a, NULL, a]")
        move.export(form)
        found.add(lines_of(move.artifact))

    assert len(found) == 1


def lines_of(artifact: Path) -> int:
    """How many line ends there are: what `grep` and `diff` take for one."""
    files = [p for p in artifact.rglob("*") if p.is_file()] if artifact.is_dir() else [artifact]
    return sum(path.read_bytes().count(b"\n") for path in files)
