"""A plugin's function or SQL that fails is one line: plugin, table, column, key, and no value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from attrs import evolve, frozen

from replant import api
from replant.errors import ConfigurationError, PluginError
from replant.model import (
    ArtifactFormat,
    ArtifactWriter,
    Column,
    Layout,
    PythonFunction,
    PythonRow,
    RowFormat,
    Settings,
    SqlExpression,
    Table,
    Transform,
)
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant_plugins.strategies import ordered
from tests.support.moves import Move, Registering


@frozen(eq=False)
class Changing:
    """A plugin that changes the column `v`, and renders rows."""

    FORMATS = ("own",)

    transform: Transform | None = None
    row: RowFormat | None = None

    @hookimpl
    def transform_value(self, table: Table, column: Column) -> Transform | None:
        return self.transform if column.name == "v" else None

    @hookimpl
    def render_row(self) -> RowFormat | None:
        return self.row


def failure(move: Move, plugin: Changing | Writing, *, form: str = "insert") -> str:
    """What is said of an export by a plugin, of two rows whose values are secret."""
    move.source.execute(
        "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text);"
        "INSERT INTO s.t VALUES (7, 'fine'), (8, 'secret')"
    )
    plugins: dict[str, Any] = {"all": Registering(()), "faulty": plugin, "ordered": ordered}
    host = Host([LoadedPlugin(Candidate(n, "faults", "1.2", n), p) for n, p in plugins.items()])
    settings = move.settings()
    settings = evolve(settings, export=evolve(settings.export, format=form))
    with pytest.raises(PluginError) as caught:
        api.export(settings, host=host)
    said = str(caught.value)
    assert "\n" not in said
    assert "secret" not in said
    assert "faulty" in said
    assert not move.artifact.exists()
    return said


def fails(text: str | None) -> str:
    if text == "secret":
        raise ValueError(text)
    return "x"


def ends(text: str | None) -> str:
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (fails, "raised ValueError (test_guarded.py, line"),
        (ends, "raised SystemExit"),
        (lambda text: 5 if text == "secret" else text, "gave int, not str or None"),
        (lambda text: f"{text}\0" if text == "secret" else text, "has a NUL character"),
        (lambda text: "\ud800" if text == "secret" else text, "has a lone surrogate"),
    ],
)
def test_a_function_that_fails_is_told_by_column_and_key(
    move: Move, function: Callable[[str | None], Any], said: str
) -> None:
    message = failure(move, Changing(PythonFunction(function)))
    assert said in message
    assert "plugin 'faulty' (distribution faults 1.2): the function that changes s.t.v" in message
    assert ("id = 7" if function is ends else "id = 8") in message


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda row: fails(row[1]).encode(), "raised ValueError"),
        (lambda row: row[1], "gave str, not bytes"),
        (lambda row: b"\xff", "its line is not UTF-8"),
        (lambda row: b"a\0b", "has a NUL character"),
    ],
)
def test_a_row_that_cannot_be_rendered_is_told_by_key(
    move: Move, function: Callable[[Any], Any], said: str
) -> None:
    message = failure(move, Changing(row=PythonRow(function)), form="own")
    assert said in message
    assert "renders rows of s.t" in message
    assert ", for the row id = " in message


@pytest.mark.parametrize("sql", ["md6(value)", "value ||", "no_such_column", "1/0"])
def test_sql_that_the_source_refuses_is_found_while_planning(move: Move, sql: str) -> None:
    message = failure(move, Changing(SqlExpression(sql)))
    assert "plugin 'faulty' (distribution faults 1.2) changes s.t.v by SQL" in message


def test_sql_that_fails_over_a_value_names_the_plugin_and_the_column(move: Move) -> None:
    message = failure(move, Changing(SqlExpression("(value::int)::text")))
    assert "InvalidTextRepresentation (SQLSTATE 22P02)" in message
    assert (
        "the plugin 'faulty' (distribution faults 1.2) changes s.t.v, for the row id = " in message
    )


@pytest.mark.parametrize("form", ["insert", "copy"])
def test_sql_that_fails_over_one_value_names_the_row(move: Move, form: str) -> None:
    sql = "CASE value WHEN 'secret' THEN (value::int)::text ELSE value END"
    message = failure(move, Changing(SqlExpression(sql)), form=form)
    assert message.endswith("changes s.t.v, for the row id = 8; correct the plugin")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("CASE row_.v WHEN 'secret' THEN (1 / (row_.id - 8))::text ELSE row_.v END", "SQLSTATE"),
        ("nullif(row_.v, 'secret')", "renders rows of s.t as NULL"),
    ],
)
def test_a_row_format_that_fails_over_a_row_names_it(move: Move, sql: str, said: str) -> None:
    message = failure(move, Changing(row=SqlExpression(sql)), form="own")
    assert said in message
    assert "the plugin 'faulty' (distribution faults 1.2) renders rows of s.t" in message
    assert message.endswith("for the row id = 8; correct the plugin")


@pytest.mark.parametrize(
    ("sql", "said"),
    [("to_jsonb(row_)", "as jsonb, not as text"), ("no_such(row_)", "that the source refuses")],
)
def test_a_row_format_yields_text(move: Move, sql: str, said: str) -> None:
    message = failure(move, Changing(row=SqlExpression(sql)), form="own")
    assert said in message
    assert "renders rows of s.t in the format 'own'" in message


class Framed(ArtifactWriter):
    """Puts a frame around all rows, and fails where it is told to."""

    fault: ClassVar[str] = ""

    def begin(self) -> bytes:
        return self._written("begin", b"<")

    def table(self, table: Table, columns: Sequence[Column]) -> bytes:
        return self._written("table", f"[{table.name}:{len(columns)}".encode())

    def rows(self, rows: Sequence[tuple[str | None, ...]]) -> bytes:
        return self._written("rows", repr(rows).encode())

    def end_table(self) -> bytes:
        return self._written("end_table", b"]")

    def end(self) -> bytes:
        return self._written("end", b">")

    def _written(self, method: str, written: bytes) -> bytes:
        if method == self.fault:
            raise ValueError("secret")
        faulty: dict[bool, Any] = {True: "text", False: written}
        answer: bytes = faulty[method == self.fault.removeprefix("text of ")]
        return answer


@frozen(eq=False)
class Writing:
    """A plugin that writes whole artifacts."""

    FORMATS = ("own",)

    open: Callable[[], Any] = Framed
    suffix: str = ""

    @hookimpl
    def write_artifact(self) -> ArtifactFormat:
        return ArtifactFormat(self.open, self.suffix)


def test_a_writer_writes_one_file_byte_by_byte(move: Move) -> None:
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute("CREATE TABLE s.u (id int PRIMARY KEY)")
    move.source.execute("INSERT INTO s.t VALUES (1, NULL), (2, 'x')")
    done = api.export(own_format(move), host=writing_host(Writing()))
    assert move.artifact.read_bytes() == b"<[s.t:2[('1', None), ('2', 'x')]][s.u:1]>"
    assert sum(done.rows.values()) == 2


@pytest.mark.parametrize("method", ["begin", "table", "rows", "end_table", "end"])
def test_a_writer_that_fails_is_told_by_plugin_method_and_table(
    move: Move, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fault, said in ((method, "raised ValueError"), (f"text of {method}", "gave str, not")):
        monkeypatch.setattr(Framed, "fault", fault)
        move.empty()
        message = failure(move, Writing(), form="own")
        assert f"(distribution faults 1.2): the method {method} of its writer {said}" in message
        assert (" for s.t" in message) == (method not in {"begin", "end"})


def test_what_is_no_writer_is_told(move: Move) -> None:
    assert "gave a dict as writer" in failure(move, Writing(dict), form="own")


@pytest.mark.parametrize(("suffix", "layout"), [("", Layout.DIRECTORY), (".x", Layout.FILE)])
def test_the_layout_is_that_of_the_format(move: Move, suffix: str, layout: Layout) -> None:
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY)")
    settings = own_format(move, layout)
    with pytest.raises(ConfigurationError, match=r"export\.(layout|format): .* choose\s+layout"):
        api.plan(settings, writing_host(Writing(suffix=suffix)))


def own_format(move: Move, layout: Layout = Layout.FILE) -> Settings:
    settings = move.settings()
    return evolve(settings, export=evolve(settings.export, format="own", layout=layout))


def writing_host(plugin: Writing) -> Host:
    plugins: dict[str, Any] = {"all": Registering(()), "writing": plugin, "ordered": ordered}
    return Host([LoadedPlugin(Candidate(n, "tests", "1", n), p) for n, p in plugins.items()])
