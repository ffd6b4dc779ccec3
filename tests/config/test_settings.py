"""TOML becomes settings, or a list of all that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli

from replant.config.connection_strings import connection_string, known_connection_string
from replant.config.read_settings import read_settings, settings_from, with_options
from replant.errors import ConfigurationError
from replant.model import (
    Check,
    Compression,
    Dangling,
    ExportSettings,
    Layout,
    OnConflict,
    PluginSettings,
    RelationName,
    RowSecurity,
    Settings,
    TableSettings,
)

WHOLE = """
[source]
dsn = "env:FROM"
[target]
dsn = "postgresql:///to"
[scope]
database_id = "5b7"
account = 42
[plugins]
enable = ["notes", "ordered"]
[plugins.notes]
archived = true
[export]
output = "out.sql"
strategy = "superuser"
layout = "directory"
format = "jsonl"
compress = "zstd"
check = "count"
on_conflict = "skip"
row_security = "as-role"
dangling = "leave-out"
allow_empty = true
[[tables]]
name = 'notes."No.te"'
where = "id > 3"
omit = ["created"]
dangling = "export"
on_conflict = "update"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        settings_from(tomli.loads(text), "f")
    return str(caught.value).splitlines()


def test_every_key_arrives() -> None:
    assert settings_from(tomli.loads(WHOLE), "f") == Settings(
        source="env:FROM",
        target="postgresql:///to",
        scope={"database_id": "5b7", "account": "42"},
        export=ExportSettings(
            output="out.sql",
            strategy="superuser",
            layout=Layout.DIRECTORY,
            format="jsonl",
            compress=Compression.ZSTD,
            check=Check.COUNT,
            on_conflict=OnConflict.SKIP,
            dangling=Dangling.LEAVE_OUT,
            row_security=RowSecurity.AS_ROLE,
            allow_empty=True,
        ),
        plugins=PluginSettings(("notes", "ordered"), {"notes": {"archived": True}}),
        tables=(
            TableSettings(
                name=RelationName("notes", "No.te"),
                where="id > 3",
                omit=("created",),
                dangling=Dangling.EXPORT,
                on_conflict=OnConflict.UPDATE,
            ),
        ),
    )


def test_an_empty_file_is_the_default() -> None:
    assert settings_from({}, "f") == Settings()


def test_no_file_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings(None) == Settings()


def test_the_file_of_the_current_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "replant.toml").write_text("[scope]\nx = 'y'\n")
    assert read_settings(None).scope == {"x": "y"}


def test_all_mistakes_are_reported_each_with_its_path() -> None:
    text = "[export]\nstrategy = 1\nallow_empty = 'no'\n[[tables]]\nname='a.b'\n[[tables]]\nwhere=2"
    assert problems(text) == [
        "f: export.strategy: must be a string, not an integer",
        "f: export.allow_empty: must be true or false, not a string",
        "f: tables[1].name: is missing",
        "f: tables[1].where: must be a string, not an integer",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sorce]", "sorce: is unknown; did you mean 'source'?"),
        ("[source]\nurl='x'", "source.url: is unknown; known here are: dsn"),
        ("[plugins]\nenabled=['x']", "plugins.enabled: did you mean 'enable'?"),
        ("[plugins]\nnotes=1", "plugins.notes: must be a table of the plugin's settings"),
        ("[plugins]\nenable='x'", "plugins.enable: must be an array of strings"),
        ("[export]\ndangling='omit'", "export.dangling: must be one of 'fail'"),
        ("[export]\ndangling=1", "export.dangling: must be one of 'fail'"),
        ("[scope]\nx=1.5", "scope: x must be a string or an integer"),
        ("scope=1", "scope: must be a table, not an integer"),
        ("tables=1", "tables: must be an array of tables, not an integer"),
        ("[[tables]]\nname='a'", "tables[0].name: 'a' is not schema.table"),
        ("[[tables]]\nname='a.b'\nomit='x'", "tables[0].omit: must be an array of strings"),
        ("source='x'", "source: must be a table, not a string"),
    ],
)
def test_a_mistake_has_its_path_and_the_nearest_right_name(text: str, said: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"f: {said}")


def test_the_command_line_lies_over_the_file() -> None:
    file = settings_from(tomli.loads(WHOLE), "f")
    said = with_options(file, source="other", scope={"account": "7"}, strategy="ordered")
    assert said.source == "other"
    assert said.target == file.target
    assert said.scope == {"database_id": "5b7", "account": "7"}
    assert said.export.strategy == "ordered"
    assert said.export.output == "out.sql"


@pytest.mark.parametrize(
    ("dsn", "environment", "expected"),
    [
        ("host=x", {"REPLANT_SOURCE": "host=y"}, "host=x"),
        (None, {"REPLANT_SOURCE": "host=y"}, "host=y"),
        ("env:MINE", {"MINE": "host=z"}, "host=z"),
        (None, {}, ""),
    ],
)
def test_where_a_connection_string_comes_from(
    dsn: str | None, environment: dict[str, Any], expected: str
) -> None:
    assert connection_string(dsn, "REPLANT_SOURCE", environment) == expected


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'MINE', which is not set"):
        connection_string("env:MINE", "REPLANT_SOURCE", {})


@pytest.mark.parametrize(
    ("dsn", "known"), [("env:MINE", None), ("env:FROM", "dbname=a"), ("dbname=b", "dbname=b")]
)
def test_a_replay_does_not_need_the_variable_of_the_source(dsn: str, known: str | None) -> None:
    assert known_connection_string(dsn, "REPLANT_SOURCE", {"FROM": "dbname=a"}) == known
