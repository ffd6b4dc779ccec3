"""Artifacts that somebody changed who knows how digests are made.

What is changed may be the manifest, the rows, or the bytes on disk; the digests are right again
afterwards, so that nothing but the reader's own care stands between the artifact and the target.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from psycopg import Connection

from replant import api
from replant.artifact.artifact import open_artifact, row_texts
from replant.artifact.directory_writer import MANIFEST
from replant.artifact.manifest import Manifest
from replant.artifact.manifest_json import from_json, laid_out, sealed_text
from replant.artifact.sql_file_writer import (
    DIGEST_MARK,
    MANIFEST_MARK,
    Batch,
    comment,
    write_sql_file,
)
from replant.errors import ArtifactError
from replant.model import (
    COPY,
    Catalog,
    Compression,
    ExportSettings,
    Layout,
    LoadTable,
    PatchColumns,
    Plan,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    Step,
)
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.sql.load_statements import Frame
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS
from replant.testing.servers.server import Database, Server
from replant_plugins.strategies import cycles, ordered
from tests.support.artifacts import FORMS, Form, Row

# `parent` and `pet` make a cycle, which is broken by an UPDATE.
DDL = """
CREATE SCHEMA s;
CREATE TABLE s.parent (id integer PRIMARY KEY, name text NOT NULL, pet integer);
CREATE TABLE s.pet (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner integer NOT NULL REFERENCES s.parent, name text);
ALTER TABLE s.parent ADD FOREIGN KEY (pet) REFERENCES s.pet;
CREATE TABLE s.loose (value text);
CREATE TABLE s.empty (id integer PRIMARY KEY);
"""
ROWS = """
INSERT INTO s.parent VALUES (1, 'a'), (2, E'b\\n\\t\\\\''é'), (3, '');
INSERT INTO s.pet (owner, name) SELECT id, nullif(name, 'a') FROM s.parent;
UPDATE s.parent SET pet = id WHERE id < 3;
INSERT INTO s.loose VALUES ('x'), ('x'), (NULL);
"""
#: What the target holds already. Nothing that is replayed may change it.
OWN_ROWS = """
INSERT INTO s.parent VALUES (101, 'own');
INSERT INTO s.pet (id, owner, name) OVERRIDING SYSTEM VALUE VALUES (101, 101, 'own');
UPDATE s.parent SET pet = 101;
INSERT INTO s.loose VALUES ('own');
"""
TABLES = ("parent", "pet", "loose", "empty")


@frozen
class EveryTable:
    @hookimpl
    def register_tables(self, catalog: Catalog) -> list[Registration]:
        return [Registration(name) for name in catalog.tables if name.schema == "s"]


@frozen
class Target:
    """The database that the artifacts are meant for."""

    database: Database
    connection: Connection[Any]

    def contents(self) -> dict[str, list[str]]:
        """All its rows as texts, and where its sequence stands."""
        found = {}
        for table in TABLES:
            query = f"SELECT t::text FROM s.{table} AS t ORDER BY 1"
            found[table] = [row for (row,) in self.connection.execute(query.encode())]
        position = self.connection.execute("SELECT last_value::text FROM s.pet_id_seq").fetchone()
        assert position is not None
        return {**found, "sequence": [position[0]]}

    def reset(self) -> None:
        self.connection.execute("TRUNCATE s.parent, s.pet, s.loose, s.empty RESTART IDENTITY")
        self.connection.execute(OWN_ROWS.encode())


@contextmanager
def hostile_source(server: Server) -> Iterator[Database]:
    """A database with the tables, and the rows that are exported."""
    database = server.create_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute((DDL + ROWS).encode())
    yield database
    server.drop_database(database)


@contextmanager
def hostile_target(server: Server) -> Iterator[Target]:
    """A database with the tables, and rows of its own."""
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute((DDL + OWN_ROWS).encode())
        yield Target(database, connection)
    server.drop_database(database)


def grown(source: Database, folder: Path) -> Genuine:
    """A directory of a closed set, which knows how each row came into it."""
    asked = {"roots": ["s.pet: id = 1", "s.loose: true"], "children": "follow"}
    export = ExportSettings(output=str(folder / "grown"), layout=Layout.DIRECTORY)
    plugins = PluginSettings(("schemas", "ordered"), {"schemas": asked})
    api.export(Settings(source=source.dsn, export=export, plugins=plugins))
    return genuine(folder / "grown", Form(Layout.DIRECTORY, COPY), {})


def exported(source: Database, folder: Path, *, most_rows_together: int = 2) -> list[Genuine]:
    """A genuine artifact of the tables in every form.

    The few rows of the cycle are loaded as many would be, if they are more than so many.
    """
    plugins = {"every": EveryTable(), "ordered": ordered}
    host = Host([LoadedPlugin(Candidate(n, "tests", "1", n), p) for n, p in plugins.items()])
    for form in FORMS:
        export = ExportSettings(
            output=str(folder / str(form)),
            layout=form.layout,
            format=form.format,
            compress=form.compression,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cycles, "MOST_ROWS_TOGETHER", most_rows_together)
            api.export(Settings(source=source.dsn, export=export), host=host)
    with open_artifact(str(folder / str(FORMS[2]))) as directory:
        rows = {
            name: [row for batch in row_texts(directory, name) for row in batch]
            for name in directory.manifest.planned
        }
    return [genuine(folder / str(form), form, rows) for form in FORMS]


#: Links that lead somewhere, and links that do not.
LINKS = (
    {"columns": ["id"], "other": ["s", "parent"], "other_columns": ["id"]},
    {"columns": ["id"], "other": ["s", "loose"], "other_columns": ["value"]},
    {"columns": ["absent"], "other": ["s", "pet"], "other_columns": ["absent"]},
    {"columns": ["id"], "other": ["s", "absent"], "other_columns": ["id"]},
    {"columns": ["id"], "other": ["s", "parent"], "other_columns": ["id", "pet"]},
    {"columns": [], "other": ["s", "parent"], "other_columns": []},
)

#: What may stand in a place of a manifest where something else belongs.
WRONG: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1.0, 1.5),
    *("", "x", "1", "\0", "\ud800", "é", "'; DROP TABLE s.parent; --", "\\", "\n", "$replant$"),
    *("../other", "/etc/passwd", "data/../manifest.json", "none", "update", "skip", "zstd"),
    *(
        [],
        {},
        [[]],
        [None],
        ["s", "parent"],
        ["s", "absent"],
        ["pg_catalog", "pg_class"],
        {"is": 1},
    ),
    # In the order in which they are written, or nobody would look at what they say.
    {"sql": "pg_sleep(9) IS NULL", "is": "Satisfies"},
    {"columns": [], "keys": [[]], "is": "KeyIsNot"},
    {"column": "absent", "value": "1", "is": "ColumnIs"},
    {"column": "id", "value": "no number", "is": "ColumnIs"},
    {"column": "id", "value": "1", "is": "ColumnIs"},
    *({"links": [link], "is": "LinkedTo"} for link in LINKS),
    {"links": [], "is": "LinkedTo"},
    {"is": "AsReplica"},
    {"is": "CheckForeignKeys"},
    {"constraints": [], "is": "DeferConstraints"},
    {"constraints": [["s", "absent"]], "is": "DeferConstraints"},
    {"table": ["s", "parent"], "columns": ["name"], "is": "PatchColumns"},
    {"table": ["s", "pet"], "together": True, "by_depth": None, "patched": [], "is": "LoadTable"},
    {"tables": [], "is": "LoadTogether"},
    {"tables": [["s", "loose"]], "staged": True, "is": "LoadTogether"},
)

Place = tuple[str | int, ...]
Files = dict[str, bytes]


@frozen
class Genuine:
    """An artifact as an export wrote it.

    Attributes:
        files: the bytes of each file by its name in the directory; that of a SQL file is empty.
        raw: its manifest in JSON's own types, without its digest.
        rows: what it holds.

    """

    form: Form
    files: Mapping[str, bytes]
    raw: dict[str, Any]
    rows: Mapping[RelationName, list[Row]]

    @property
    def places(self) -> list[Place]:
        """Every place in the manifest, from the outermost on."""
        return list(_places(self.raw, ()))

    def with_manifest(self, raw: Any) -> Files:
        """The artifact with another manifest, and a digest that is right for it."""
        try:
            text = laid_out(raw)
        except (AttributeError, KeyError, TypeError):
            text = json.dumps(raw)
        if self.form.layout is Layout.DIRECTORY:
            return {**self.files, MANIFEST: sealed_text(text)[0]}
        try:
            return {"": self._composed(from_json(text, ""))}
        except (ArtifactError, KeyError, TypeError, ValueError, OverflowError):
            body = self.files[""].partition(b"\n" + MANIFEST_MARK)[0] + b"\n" + MANIFEST_MARK
            return {"": digested(body + comment(text))}

    def with_text(self, text: bytes) -> Files:
        """A SQL file that says this in front of its manifest."""
        rest = self.files[""].partition(b"\n" + MANIFEST_MARK)[2].rpartition(DIGEST_MARK)[0]
        return {"": digested(text + b"\n" + MANIFEST_MARK + rest)}

    @property
    def text(self) -> bytes:
        """What a SQL file says in front of its manifest."""
        return self.files[""].partition(b"\n" + MANIFEST_MARK)[0]

    def data(self, name: str) -> bytes:
        """What a data file holds."""
        return decompressed(self.files[name], self.form.compression)

    def with_bytes(self, name: str, stored: bytes) -> Files:
        """A directory in one of whose data files there are other bytes on disk."""
        raw = deepcopy(self.raw)
        for table in raw["tables"]:
            if table["file"]["name"] == name:
                table["file"] |= {"size": len(stored), "sha256": sha256(stored).hexdigest()}
        return {**self.files, name: stored, MANIFEST: sealed_text(laid_out(raw))[0]}

    def with_data(self, name: str, data: bytes) -> Files:
        """A directory one of whose data files holds something else."""
        return self.with_bytes(name, compressed(data, self.form.compression))

    @property
    def data_files(self) -> list[str]:
        """The names of its data files."""
        return sorted(self.files.keys() - {MANIFEST, ""})

    def _composed(self, manifest: Manifest) -> bytes:
        """The SQL file that an export would write for this manifest."""
        tables = manifest.planned

        def batches(table: RelationName, step: Step, frame: Frame) -> Iterator[Batch]:
            names = tables[table].column_names
            rows = [dict(zip(names, row, strict=False)) for row in self.rows.get(table, [])]
            later = {s.table: s.patched for s in manifest.order.steps if isinstance(s, LoadTable)}
            null = () if isinstance(step, PatchColumns) else later.get(table, ())
            texts = [[None if c in null else r.get(c) for c in frame.columns] for r in rows]
            yield Batch([(COPY_ROWS if frame.copied else INSERT_ROWS).row(t) for t in texts])

        plan = Plan(
            source_version=manifest.postgresql,
            plugins=manifest.plugins,
            scope=manifest.scope,
            strategy=manifest.strategy,
            format=manifest.format,
            tables=tuple(tables.values()),
            order=manifest.order,
            check=manifest.check,
            seen_as=manifest.seen_as,
            sequences=manifest.sequences,
            omissions=manifest.omissions,
            shapes=manifest.shapes,
        )
        file = io.BytesIO()
        write_sql_file(file, plan, batches, lambda _: manifest)
        return file.getvalue()


def genuine(path: Path, form: Form, rows: Mapping[RelationName, list[Row]]) -> Genuine:
    """The artifact that lies there."""
    if form.layout is Layout.FILE:
        files = {"": path.read_bytes()}
        text = files[""].partition(b"\n" + MANIFEST_MARK)[2].rpartition(DIGEST_MARK)[0].decode()
        raw = json.loads("".join(part.removeprefix("-- ") for part in text.splitlines()))
    else:
        inside = [file for file in path.rglob("*") if file.is_file()]
        files = {file.relative_to(path).as_posix(): file.read_bytes() for file in inside}
        raw = json.loads(files[MANIFEST])
        del raw["digest"]
    return Genuine(form, files, raw, rows)


def put(path: Path, files: Mapping[str, bytes]) -> None:
    """Have these files at a path, and nothing else."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    for name, data in files.items():
        (path / name).parent.mkdir(exist_ok=True, parents=True)
        (path / name).write_bytes(data)


def digested(body: bytes) -> bytes:
    """A SQL file with the digest that is right for it."""
    return body + DIGEST_MARK + sha256(body).hexdigest().encode() + b"\n"


def compressed(data: bytes, compression: Compression) -> bytes:
    match compression:
        case Compression.NONE:
            return data
        case Compression.GZIP:
            return gzip.compress(data, mtime=0)
        case Compression.ZSTD:
            return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def decompressed(data: bytes, compression: Compression) -> bytes:
    match compression:
        case Compression.NONE:
            return data
        case Compression.GZIP:
            return gzip.decompress(data)
        case Compression.ZSTD:
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()


@st.composite
def changed_manifests(draw: DrawFn, artifact: Genuine) -> Any:
    """The manifest with something else in some of its places, or something less or twice."""
    raw: Any = deepcopy(artifact.raw)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(raw, ()))
        place = draw(st.sampled_from(places))
        if not place:
            continue
        holder = at(raw, place[:-1])
        match draw(st.sampled_from(["wrong", "other", "gone", "twice"])):
            case "wrong":
                holder[place[-1]] = deepcopy(draw(st.sampled_from(WRONG)))
            case "other":
                holder[place[-1]] = deepcopy(at(raw, draw(st.sampled_from(places))))
            case "gone":
                del holder[place[-1]]
            case "twice" if isinstance(holder, list):
                holder.append(deepcopy(holder[int(place[-1])]))
            case _:
                holder["more"] = None
    return raw


#: Pieces of rows, of SQL and of compressed files, and what none of them may hold.
PIECES = st.binary(max_size=3) | st.sampled_from(
    [
        *(b"\\.\n", b"\\N", b"\t", b"\n", b"\n\n", b"\r\n", b"\0", b"\xff", b"\xed\xa0\x80", b"\\"),
        *(
            b"1\t",
            b"\\x41",
            b"'",
            b"''",
            b"');\nDROP TABLE s.parent;\n",
            b"-- ",
            b"COMMIT;\n",
            b",",
        ),
    ]
)


@st.composite
def changed_bytes(draw: DrawFn, data: bytes) -> bytes:
    """Bytes of which some are others, are missing or are additional."""
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 4, len(data))) | st.just(len(data)))
        data = data[:start] + draw(PIECES) + data[end:]
    return data


def at(raw: Any, place: Sequence[str | int]) -> Any:
    """What stands in a place."""
    for part in place:
        raw = raw[part]
    return raw


def _places(raw: Any, place: Place) -> Iterator[Place]:
    yield place
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from _places(value, (*place, key))
    elif isinstance(raw, list):
        for number, value in enumerate(raw):
            yield from _places(value, (*place, number))
