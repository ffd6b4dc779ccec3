"""From one database to another, the way the commands do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
from attrs import evolve

from replant import Settings
from replant.api import export, plan, plugins, replay, verify


def exported(settings: Settings) -> str:
    return Path(export(settings).output).read_text(encoding="utf-8")


def moved(settings: Settings) -> None:
    done = export(settings)
    replay(done.output, settings)


def in_target(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    assert settings.target is not None
    with psycopg.connect(settings.target) as connection:
        return connection.execute(query.encode()).fetchall()


def as_json(settings: Settings) -> list[dict[str, Any]]:
    jsonl = evolve(settings, export=evolve(settings.export, format="jsonl"))
    return [json.loads(line) for line in exported(jsonl).splitlines()]


def with_output(settings: Settings, ending: str) -> Settings:
    """The same export, to a file of its own."""
    output = f"{settings.export.output}{ending}"
    return evolve(settings, export=evolve(settings.export, output=output))


def test_the_plugin_is_found_by_its_entry_point(settings: Settings) -> None:
    found = {plugin.candidate.name: plugin for plugin in plugins(settings)}
    assert found["notes"].candidate.distribution == "replant-notes"
    assert found["notes"].hooks == ("register_tables", "transform_value", "render_row")


def test_the_plan_counts_the_rows_of_one_workspace(settings: Settings) -> None:
    counts = {table.name.name: table.row_count for table in plan(settings).tables}
    assert counts == {"workspace": 1, "note": 3, "note_tag": 2, "tag": 2}


def test_a_database_like_the_one_the_plugin_was_written_for_gives_no_warning(
    settings: Settings,
) -> None:
    assert plan(settings).warnings == ()


def test_what_arrives_is_what_was_exported(settings: Settings) -> None:
    done = export(settings)
    replay(done.output, settings)
    results = verify(done.output, settings)
    assert [result.name.name for result in results if not result.equal] == []
    assert sum(result.exported for result in results) == sum(done.rows.values()) == 8


def test_nothing_of_another_workspace_is_in_the_artifact(settings: Settings) -> None:
    artifact = exported(settings)
    assert "Acme" in artifact
    assert "Bolt" not in artifact
    assert "nobody" not in artifact


def test_keys_of_the_database_and_the_tree_of_notes_are_kept(settings: Settings) -> None:
    moved(settings)
    rows = in_target(settings, "SELECT id, parent_id FROM notes.note ORDER BY id")
    assert rows == [(10, 11), (11, None), (12, 11)]


def test_the_target_computes_the_computed_column(settings: Settings) -> None:
    moved(settings)
    rows = in_target(settings, "SELECT words FROM notes.note ORDER BY id")
    assert rows == [(4,), (4,), (None,)]


def test_one_person_has_one_mask_in_every_table(settings: Settings) -> None:
    moved(settings)
    [(owner,)] = in_target(settings, "SELECT owner_email FROM notes.workspace")
    authors = in_target(settings, "SELECT author_email FROM notes.note ORDER BY id")
    [(ada,), (eve,), (nobody,)] = authors
    assert ada == owner
    assert ada.endswith("@example.invalid")
    assert eve not in {ada, None}
    assert nobody is None


def test_no_address_and_no_telephone_number_is_in_either_format(settings: Settings) -> None:
    written = exported(settings) + json.dumps(as_json(with_output(settings, ".jsonl")))
    assert "acme.test" not in written.lower()
    assert "1234567" not in written
    assert written.count("[telephone]") == 2


def test_jsonl_has_a_row_on_each_line_with_json_types(settings: Settings) -> None:
    rows = as_json(settings)
    assert len(rows) == 8
    notes = [item["row"] for item in rows if item["table"] == "notes.note"]
    assert [(note["id"], note["parent_id"], note["pinned"]) for note in notes] == [
        (10, 11, True),
        (11, None, False),
        (12, 11, False),
    ]
    assert notes[1]["body"] == "Two\nlines, in 2 parts"


def test_two_exports_are_the_same_bytes(settings: Settings) -> None:
    first = exported(settings)
    assert exported(with_output(settings, ".again")) == first
