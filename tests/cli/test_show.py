"""`replant show` tells what is in an artifact, and finds what was changed, without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from replant import api
from replant.artifact.directory_reader import Directory
from replant.errors import ArtifactError
from replant.model import ExportSettings, PluginSettings, RelationName, TableSettings
from tests.support.commands import Replant
from tests.support.moves import FORMATS, Move, in_every_format


@pytest.fixture
def filled(move: Move) -> Move:
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, name text)")
    move.on_both("CREATE TABLE s.u (id integer PRIMARY KEY)")
    move.source.execute(b"INSERT INTO s.t SELECT n, 'row ' || n FROM generate_series(1, 9) AS n")
    return move


@in_every_format
def test_it_tells_what_is_in_it(filled: Move, form: ExportSettings, replant: Replant) -> None:
    filled.export(form)
    done = replant("show", filled.artifact, "--check")
    assert done.code == 0
    assert "9 rows in 2 tables, strategy ordered; a replay compares: content" in done.out
    assert "s.t" in done.out
    assert "and 1 table without a row; -v lists them" in done.out
    assert done.out.endswith("\nevery row was read, and its fingerprint is right\n")


@in_every_format
def test_json_has_the_manifest(filled: Move, form: ExportSettings, replant: Replant) -> None:
    filled.export(form)
    document = json.loads(replant("show", filled.artifact, "--json").out)
    files = [filled.artifact] if filled.artifact.is_file() else filled.artifact.rglob("*")
    assert document["size"] == sum(file.stat().st_size for file in files if file.is_file())
    assert document["rows_checked"] is False
    assert [table["row_count"] for table in document["manifest"]["tables"]] == [9, 0]


@in_every_format
def test_it_tells_which_values_changed_and_how(
    filled: Move, form: ExportSettings, replant: Replant
) -> None:
    masks = (TableSettings(RelationName("s", "t"), mask={"name": "null"}),)
    plugins = PluginSettings(("schemas", "mask"), {"schemas": {"include": ["s.*"]}})
    settings = evolve(filled.settings(), tables=masks, plugins=plugins, export=form)
    api.export(evolve(settings, export=evolve(form, output=str(filled.artifact))))
    done = replant("show", filled.artifact)
    assert (
        "Values that changed on their way, by which plugin:\n  s.t.name: mask: null\n" in done.out
    )


def test_a_changed_byte_is_found_without_reading_the_rows(filled: Move, replant: Replant) -> None:
    filled.export(FORMATS["file-copy"])
    path = Path(filled.artifact)
    path.write_bytes(path.read_bytes().replace(b"row 5", b"row 6"))
    done = replant("show", path)
    assert done.code != 0
    assert str(path) in done.err


def test_rows_that_do_not_fit_the_fingerprint_are_found(
    filled: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of an artifact that somebody put together, with digests that are right."""
    filled.export(FORMATS["directory"])
    rows = Directory.rows
    monkeypatch.setattr(Directory, "rows", lambda self, name: ([*b] * 2 for b in rows(self, name)))
    assert api.show(str(filled.artifact)).manifest.row_count == 9
    with pytest.raises(ArtifactError, match="are not those that its fingerprint"):
        api.show(str(filled.artifact), check=True)
