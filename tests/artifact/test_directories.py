"""The directory: what lies in it, that it arrives, and that nothing else ever does.

What is wrong is refused in one line that names the file, before the first row.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from attrs import evolve

from replant import api
from replant.artifact import row_batches
from replant.artifact.artifact import open_artifact
from replant.artifact.directory_writer import file_name
from replant.artifact.manifest_json import laid_out, sealed_text
from replant.errors import ArtifactError
from replant.model import Compression, ExportSettings, Layout, RelationName, Settings
from replant.testing.servers.server import Database, Server
from replant_plugins.demonstration import PLATFORM
from tests.conftest import MakeDatabase
from tests.support.artifacts import FORMS, Form
from tests.support.commands import Replant, assert_one_line
from tests.support.hostile_artifacts import (
    Files,
    Genuine,
    Target,
    at,
    exported,
    hostile_source,
    hostile_target,
    put,
)
from tests.support.manifest_schema import problems

PARENT = "data/s.parent.copy"
ONE = RelationName("s", "parent")

DIRECTORIES = [form for form in FORMS if form.layout is Layout.DIRECTORY]


@pytest.fixture(scope="module")
def artifacts(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Form, Genuine]]:
    """A genuine artifact in every form, of a few small tables."""
    with hostile_source(server) as source:
        made = exported(source, tmp_path_factory.mktemp("genuine"))
        yield {artifact.form: artifact for artifact in made}


@pytest.fixture(scope="module")
def plain(artifacts: dict[Form, Genuine]) -> Genuine:
    """The directory that is not compressed."""
    return artifacts[DIRECTORIES[0]]


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Target]:
    with hostile_target(server) as target:
        yield target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "artifact"


@pytest.fixture
def refused(replant: Replant, target: Target, path: Path) -> Callable[..., None]:
    """The artifact at the path is refused by a replay and a verification, and nothing changes."""

    def check(*words: str, code: int = 5) -> None:
        before = target.contents()
        for command in ("replay", "verify"):
            outcome = replant(command, path, "--target", target.database.dsn)
            assert_one_line(outcome, code, *words)
            assert target.contents() == before

    return check


class TestATenant:
    """The tenant of the demonstration, by way of a directory."""

    def through(self, settings: Settings, form: Form, path: Path) -> Settings:
        export = ExportSettings(str(path), layout=form.layout, compress=form.compression)
        return evolve(settings, export=export)

    @pytest.mark.parametrize("form", DIRECTORIES, ids=str)
    def test_arrives_as_it_was(self, settings: Settings, form: Form, path: Path) -> None:
        artifact = api.export(self.through(settings, form, path)).output

        api.replay(artifact, settings)

        assert all(result.equal for result in api.verify(artifact, settings))

    def test_is_the_same_bytes_every_time(self, filled: Database, path: Path) -> None:
        settings = Settings(source=filled.dsn, scope=PLATFORM.scope)
        other = path.with_name("again")
        first, again = (
            api.export(self.through(settings, DIRECTORIES[2], place)) for place in (path, other)
        )

        assert first.digest == again.digest
        assert contents(path) == contents(other)

    def test_is_described_by_a_manifest_that_fits_its_schema(
        self, filled: Database, path: Path
    ) -> None:
        settings = Settings(source=filled.dsn, scope=PLATFORM.scope)
        api.export(self.through(settings, DIRECTORIES[2], path))

        assert problems(json.loads((path / "manifest.json").read_text("ascii"))) == []


class TestWhatLiesInIt:
    """Names and rows."""

    def test_a_data_file_for_each_table_and_a_manifest(self, plain: Genuine) -> None:
        names = ("empty", "loose", "parent", "pet")
        assert sorted(plain.files) == [*(f"data/s.{name}.copy" for name in names), "manifest.json"]

    def test_the_rows_as_the_server_writes_them(self, plain: Genuine) -> None:
        assert plain.files[PARENT] == "1\ta\t1\n2\tb\\n\\t\\\\'é\t2\n3\t\t\\N\n".encode()

    @pytest.mark.parametrize(
        ("one", "other"), [("a b", "a/b"), ("ä", "ö"), ("A", "a"), ("x" * 63, "x" * 62), ("", ".")]
    )
    def test_no_two_tables_share_a_file(self, one: str, other: str) -> None:
        names = {file_name(RelationName("s", name), Compression.NONE) for name in (one, other)}
        assert len(names) == 2

    @pytest.mark.parametrize("name", ["../../etc/passwd", "a\nb", "con.", "", "ü" * 63, ".", "a\0"])
    def test_a_file_name_is_plain_whatever_the_table_is_called(self, name: str) -> None:
        made = file_name(RelationName(name, name), Compression.ZSTD)
        assert made.isascii()
        assert made.removeprefix("data/").replace("_", "").replace(".", "").isalnum()
        assert len(made) < 120

    def test_tables_of_awkward_names_arrive(
        self, make_database: MakeDatabase, path: Path, replant: Replant
    ) -> None:
        names = ['"../up"', '"two\nlines"', '"MIXED"', "mixed", '"é"', '"a b"', '"a/b"', '"\\."']
        source, target = make_database(), make_database()
        for database in (source, target):
            with psycopg.connect(database.dsn) as connection:
                connection.execute("CREATE SCHEMA s")
                for name in names:
                    connection.execute(f"CREATE TABLE s.{name} (id int PRIMARY KEY)".encode())
        with psycopg.connect(source.dsn) as connection:
            for number, name in enumerate(names):
                connection.execute(f"INSERT INTO s.{name} VALUES ({number})".encode())
        exported(source, path.parent)
        artifact = path.parent / str(DIRECTORIES[0])

        assert replant("replay", artifact, "--target", target.dsn).code == 0
        assert replant("verify", artifact, "--target", target.dsn).code == 0


class TestTheOutput:
    """Where it goes, and what is asked for with it."""

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--layout", "directory", "-o", "-"), "a directory cannot go to standard output"),
            (("--layout", "directory", "--format", "insert", "-o", "x"), "leave the format out"),
            (("--compress", "zstd", "-o", "x"), "a file is not compressed"),
        ],
    )
    def test_what_does_not_go_together(
        self,
        replant: Replant,
        filled: Database,
        settings: Settings,
        options: tuple[str, ...],
        words: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        scope = f"database_id={settings.scope['database_id']}"
        assert_one_line(
            replant("export", "--source", filled.dsn, "--scope", scope, *options), 2, words
        )
        assert list(tmp_path.iterdir()) == []

    def directory(self, settings: Settings, path: Path) -> Settings:
        export = evolve(settings.export, layout=Layout.DIRECTORY, output=str(path))
        return evolve(settings, export=export)

    @pytest.mark.parametrize("form", DIRECTORIES[:1], ids=str)
    def test_an_artifact_is_replaced_by_force_with_all_that_lay_in_it(
        self, settings: Settings, path: Path, plain: Genuine, form: Form
    ) -> None:
        put(path, {**plain.files, "more": b""})
        api.export(self.directory(settings, path), force=True)
        with open_artifact(str(path)) as artifact:
            assert artifact.manifest.row_count == 1862
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("force", [False, True])
    def test_a_folder_that_is_no_artifact_is_never_replaced(
        self, replant: Replant, settings: Settings, path: Path, force: bool
    ) -> None:
        put(path, {"precious": b"1"})
        scope = f"database_id={settings.scope['database_id']}"
        options = ("--layout", "directory", "-o", path, *(["--force"] if force else []))
        outcome = replant("export", "--source", settings.source, "--scope", scope, *options)
        assert_one_line(outcome, 2, str(path), "choose another -o")
        assert contents(path) == {Path("precious"): b"1"}

    def test_a_link_to_an_artifact_is_never_replaced(
        self, replant: Replant, settings: Settings, path: Path, plain: Genuine
    ) -> None:
        put(path.with_name("real"), plain.files)
        path.symlink_to("real")
        scope = f"database_id={settings.scope['database_id']}"
        options = ("--layout", "directory", "-o", path, "--force")
        outcome = replant("export", "--source", settings.source, "--scope", scope, *options)
        assert_one_line(outcome, 2, "is not an artifact")
        assert path.is_symlink()


class TestDamage:
    """What befalls files: found before the first row, and named."""

    @pytest.mark.parametrize("form", DIRECTORIES, ids=str)
    def test_a_flipped_byte(
        self, artifacts: dict[Form, Genuine], form: Form, path: Path, refused: Callable[..., None]
    ) -> None:
        for name, data in artifacts[form].files.items():
            middle = len(data) // 2
            changed = (
                data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b""
            )
            if changed:
                put(path, {**artifacts[form].files, name: changed})
                refused(f"{path / name}: was changed since it was written")

    @pytest.mark.parametrize("kept", [0, 1, -1])
    def test_a_truncated_data_file(
        self, plain: Genuine, path: Path, refused: Callable[..., None], kept: int
    ) -> None:
        put(path, {**plain.files, PARENT: plain.files[PARENT][:kept]})
        refused(f"{path / PARENT}: is truncated")

    def test_a_data_file_that_is_missing(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        put(path, {name: data for name, data in plain.files.items() if name != PARENT})
        refused(f"{path / PARENT}: is missing")

    def test_a_data_file_that_grew(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        put(path, {**plain.files, PARENT: plain.files[PARENT] + b"4\tx\t\\N\n"})
        refused(f"{path / PARENT}: was changed")

    @pytest.mark.parametrize("name", ["more", ".more", "data/more", "data/s.parent.copy.gz", "a/b"])
    def test_a_file_that_is_additional(
        self, plain: Genuine, path: Path, refused: Callable[..., None], name: str
    ) -> None:
        put(path, {**plain.files, name: b""})
        refused(f"{path / name.split('/b', maxsplit=1)[0]}: is not part of the artifact")

    def test_a_manifest_that_is_missing(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        put(path, {PARENT: plain.files[PARENT]})
        refused(f"{path}: is not a replant artifact", "manifest.json")

    @pytest.mark.parametrize("kept", [0, 1, -1, -80])
    def test_a_truncated_manifest(
        self, plain: Genuine, path: Path, refused: Callable[..., None], kept: int
    ) -> None:
        put(path, {**plain.files, "manifest.json": plain.files["manifest.json"][:kept]})
        refused(f"{path / 'manifest.json'}: is truncated or no manifest")

    @pytest.mark.parametrize("name", ["manifest.json", PARENT, "data"])
    def test_a_link_in_place_of_a_file(
        self, plain: Genuine, path: Path, refused: Callable[..., None], name: str
    ) -> None:
        put(path, plain.files)
        (path / name).rename(path.parent / "elsewhere")
        (path / name).symlink_to(path.parent / "elsewhere")
        refused(str(path))

    @pytest.mark.parametrize("name", ["manifest.json", PARENT])
    def test_a_folder_in_place_of_a_file(
        self, plain: Genuine, path: Path, refused: Callable[..., None], name: str
    ) -> None:
        put(path, plain.files)
        (path / name).unlink()
        (path / name).mkdir()
        refused(str(path))


class TestADataFileWithItsDigest:
    """What somebody wrote who knows how digests are made: found by the rows' own form."""

    @pytest.mark.parametrize(
        ("data", "line", "words"),
        [
            (b"1\ta\t1\n2\tb\t2\n", "", "holds 2 rows, and the manifest tells of 3"),
            (b"1\ta\t1\n2\tb\t2\n3\t\t\\N\n4\t\t\\N\n", ", line 4", "one row more"),
            (b"1\ta\t1\n2\tb\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\tb\t2\t3\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n\\.\n2\tb\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\t\\.\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\t\\x41\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\r\n2\tb\t2\n3\t\t\\N\n", ", line 1", "is not a row of s.parent"),
            (b"1\ta\t1\n2\t\0\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\t\xff\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\t\xed\xa0\x80\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
            (b"1\ta\t1\n2\tb\t2\n3\t\t\\N", ", line 3", "is not a row of s.parent"),
            (b"1\ta\t1\n\n2\tb\t2\n3\t\t\\N\n", ", line 2", "is not a row of s.parent"),
        ],
    )
    def test_that_holds_other_rows(
        self,
        replant: Replant,
        target: Target,
        plain: Genuine,
        path: Path,
        data: bytes,
        line: str,
        words: str,
    ) -> None:
        before = target.contents()
        put(path, plain.with_data(PARENT, data))
        outcome = replant("replay", path, "--target", target.database.dsn)
        assert_one_line(outcome, 5, f"{path / PARENT}{line}: ", words)
        assert target.contents() == before

    def test_that_holds_rows_of_a_table_that_should_have_none(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        put(path, plain.with_data("data/s.empty.copy", b"1\n"))
        refused(f"{path / 'data/s.empty.copy'}, line 1: is one row more")

    def test_that_holds_other_values(
        self, replant: Replant, target: Target, plain: Genuine, path: Path
    ) -> None:
        before = target.contents()
        put(path, plain.with_data(PARENT, b"1\ta\t1\n2\tb\t2\n3\tevil\t\\N\n"))
        outcome = replant("replay", path, "--target", target.database.dsn)
        assert_one_line(outcome, 4, "s.parent: the rows differ from those that were exported")
        assert target.contents() == before

    @pytest.mark.parametrize(
        "data", [b"1\ta\n2\tb\t2\n3\t\t\\N\n", b"1\ta\t1\n2\tb\t2\n3\t\\q\t\\N\n"]
    )
    def test_that_holds_what_is_no_row_where_the_target_differs(
        self, replant: Replant, target: Target, plain: Genuine, path: Path, data: bytes
    ) -> None:
        put(path, plain.with_data(PARENT, data))
        outcome = replant("verify", path, "--target", target.database.dsn)
        assert_one_line(outcome, 5, f"{path}: holds a row of s.parent that is not as replant")

    @pytest.mark.parametrize("form", DIRECTORIES[1:], ids=str)
    @pytest.mark.parametrize("damage", ["plain", "empty", "cut", "garbage", "behind", "twice"])
    def test_that_lies_about_its_compression(
        self,
        replant: Replant,
        target: Target,
        artifacts: dict[Form, Genuine],
        path: Path,
        form: Form,
        damage: str,
    ) -> None:
        artifact, before = artifacts[form], target.contents()
        name = file_name(ONE, form.compression)
        whole = artifact.files[name]
        stored = {
            "plain": artifact.data(name),
            "empty": b"",
            "cut": whole[:-9],
            "garbage": b"\x1f\x8b\x08" + 40 * b"\xff",
            "behind": whole + b"more",
            "twice": whole + whole,
        }
        put(path, artifact.with_bytes(name, stored[damage]))
        outcome = replant("replay", path, "--target", target.database.dsn)
        assert_one_line(outcome, 5, str(path / name))
        assert target.contents() == before

    def test_that_needs_more_memory_than_it_should(
        self, replant: Replant, target: Target, artifacts: dict[Form, Genuine], path: Path
    ) -> None:
        artifact = artifacts[DIRECTORIES[2]]
        name = file_name(ONE, Compression.ZSTD)
        parameters = zstandard.ZstdCompressionParameters(window_log=30)
        compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        stored = compressor.compress(artifact.data(name)) + compressor.flush()
        put(path, artifact.with_bytes(name, stored))
        outcome = replant("replay", path, "--target", target.database.dsn)
        assert_one_line(outcome, 5, str(path / name), "cannot be decompressed")

    def test_that_holds_a_row_without_end(
        self, artifacts: dict[Form, Genuine], path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(row_batches, "LONGEST_LINE", 1 << 20)
        artifact = artifacts[DIRECTORIES[2]]
        put(path, artifact.with_data(file_name(ONE, Compression.ZSTD), bytes(1 << 26)))
        with open_artifact(str(path)) as opened:
            tracemalloc.start()
            with pytest.raises(ArtifactError, match=r"line 1: is not a row of s\.parent"):
                list(opened.rows(ONE))
            assert tracemalloc.get_traced_memory()[1] < 1 << 23
            tracemalloc.stop()


def changed(plain: Genuine, *places: tuple[tuple[str | int, ...], Any]) -> Files:
    """The directory with other values in some places of its manifest."""
    raw = deepcopy(plain.raw)
    for place, value in places:
        at(raw, place[:-1])[place[-1]] = value
    return plain.with_manifest(raw)


#: Places in the manifest of the small tables. In load order: empty, loose, parent, pet.
EMPTY, LOOSE, PET = ("tables", 0), ("tables", 1), ("tables", 3)
LINK = {"columns": ["id"], "other": ["s", "parent"], "other_columns": ["id"]}


def linked(**changes: Any) -> list[Any]:
    return [{"links": [LINK | changes], "is": "LinkedTo"}]


class TestAManifestWithItsDigest:
    """What somebody wrote who knows how digests are made: found by what does not fit together."""

    @pytest.mark.parametrize(
        ("place", "value", "words"),
        [
            (("version",), 2, "version 2, and replant"),
            (("version",), True, "line 2 of its manifest is not as replant writes it"),
            (("version",), "x" * 999, 'version "xxxxxxxxxxxxxxxxxxx, and'),
            (("scope",), [], "manifest.scope"),
            (("scope",), {"a\0b": "c"}, "manifest.scope"),
            (("strategy",), "\ud800", "manifest.strategy"),
            (("strategy",), 5, "manifest.strategy"),
            (("layout",), "file", "s.empty has a data file"),
            (("format",), "insert", "layout, format and compression do not go together"),
            (("compression",), "gzip", "the file of s.empty is not its own"),
            (("compression",), "lzma", "manifest.compression"),
            ((*EMPTY, "name"), ["s", "loose"], "the table s.loose stands twice"),
            ((*EMPTY, "name"), ["s", "none"], "must load every table exactly once"),
            ((*EMPTY, "name"), "s.empty", "cannot be read"),
            ((*EMPTY, "row_count"), -1, "s.empty has an impossible number of rows"),
            ((*EMPTY, "row_count"), 2**63, "s.empty has an impossible number of rows"),
            ((*EMPTY, "row_count"), "0", "of its manifest is not as replant writes it"),
            ((*EMPTY, "fingerprint"), "-1", "the fingerprint of s.empty is not 16"),
            ((*EMPTY, "fingerprint"), "f" * 4999, "the fingerprint of s.empty is not 16"),
            ((*EMPTY, "key"), ["none"], "the key of s.empty is not made of its columns"),
            ((*EMPTY, "columns"), 2 * [{"name": "id", "type": "x"}], "a column of s.empty stands"),
            ((*EMPTY, "file"), None, "of its manifest is not as replant writes it"),
            ((*EMPTY, "file", "name"), "../data/s.empty.copy", "s.empty is not its own"),
            ((*EMPTY, "file", "name"), "/dev/null", "the file of s.empty is not its own"),
            ((*EMPTY, "file", "name"), "data/s.loose.copy", "the file of s.empty is not its own"),
            ((*EMPTY, "file", "size"), -1, "the size or SHA-256 of the file of s.empty is none"),
            ((*EMPTY, "file", "sha256"), "0", "the size or SHA-256 of the file of s.empty is none"),
            ((*LOOSE, "on_conflict"), "update", "s.loose should be found by a key"),
            ((*EMPTY, "rows"), [{"sql": "true", "is": "Satisfies"}], "cannot be read"),
            ((*EMPTY, "rows"), [{"columns": [], "keys": [], "is": "KeyIsNot"}], "cannot be read"),
            ((*PET, "rows"), linked(other=["s", "none"]), "leads to s.none, not exported"),
            ((*PET, "rows"), linked(other_columns=[]), "does not join columns to columns"),
            ((*PET, "rows"), linked(columns=[], other_columns=[]), "does not join columns"),
            ((*PET, "rows"), linked(other=["s", "pet"]), "s.pet are chosen by their own"),
            (("order", "steps"), [], "must load every table exactly once"),
            (("order", "before"), [{"is": "AsReplica"}], "switches foreign keys off"),
            (("order", "before"), [{"constraints": [], "is": "DeferConstraints"}], "none is named"),
            (("order", "steps", 4, "columns"), ["name"], "it sets other columns of s.parent than"),
            (("sequences", 0, "column"), "none", "a sequence is that of s.pet.none, not exported"),
            (("sequences", 0, "greatest"), 2**63, "the sequence of s.pet has impossible values"),
            ((*EMPTY, "shape"), ["other text"], "the shape of s.empty does not have its columns"),
            ((*EMPTY, "shape"), ["id"], "cannot be read"),
            (("sequences", 0, "least"), 99, "the sequence of s.pet has impossible values"),
        ],
    )
    def test_that_does_not_fit_together(
        self,
        plain: Genuine,
        path: Path,
        refused: Callable[..., None],
        place: tuple[str | int, ...],
        value: object,
        words: str,
    ) -> None:
        put(path, changed(plain, (place, value)))
        refused(f"{path / 'manifest.json'}: ", words)

    @pytest.mark.parametrize(
        ("places", "words"),
        [
            (
                [
                    ((*EMPTY, "columns", 0, "name"), "no"),
                    ((*EMPTY, "key"), ["no"]),
                    ((*EMPTY, "shape"), ['"no" integer not null']),
                ],
                "no column no",
            ),
            (
                [
                    ((*EMPTY, "columns"), [{"name": "'; --", "type": "x"}]),
                    ((*EMPTY, "key"), []),
                    ((*EMPTY, "shape"), ['"\'; --" x']),
                ],
                "",
            ),
        ],
    )
    def test_that_does_not_fit_the_target(
        self,
        plain: Genuine,
        path: Path,
        refused: Callable[..., None],
        places: list[tuple[tuple[str | int, ...], Any]],
        words: str,
    ) -> None:
        put(path, changed(plain, *places))
        refused("s.empty has no column", words, code=4)

    def test_of_a_table_that_the_target_lacks(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        text = json.dumps(plain.raw).replace('["s", "loose"]', '["s", "none"]')
        files = plain.with_manifest(
            json.loads(text.replace("data/s.loose.copy", "data/s.none.copy"))
        )
        files["data/s.none.copy"] = files.pop("data/s.loose.copy")
        put(path, files)
        refused("there is no table s.none", code=4)

    def test_of_a_condition_on_a_column_that_is_not_there(
        self, replant: Replant, target: Target, plain: Genuine, path: Path
    ) -> None:
        before = target.contents()
        value = [{"column": "none", "value": "1", "is": "ColumnIs"}]
        put(path, changed(plain, ((*EMPTY, "rows"), value)))
        for command in ("replay", "verify"):
            outcome = replant(command, path, "--target", target.database.dsn)
            assert_one_line(outcome, 4, "none")
            assert target.contents() == before

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"null",
            b"{",
            b"[]",
            b"{}",
            b"[" * 99_999,
            b"1" * 9999,
            b'"\\ud800"',
            b"\xff",
            b"NaN",
        ],
    )
    def test_that_is_none(
        self, plain: Genuine, path: Path, refused: Callable[..., None], text: bytes
    ) -> None:
        manifest, _ = sealed_text(text.decode("latin-1").removesuffix("}") + "\n}")
        put(path, {**plain.files, "manifest.json": manifest})
        refused(f"{path / 'manifest.json'}: its manifest cannot be read")

    def test_that_says_a_thing_twice(
        self, plain: Genuine, path: Path, refused: Callable[..., None]
    ) -> None:
        text = plain.files["manifest.json"].decode().rpartition(',\n  "digest"')[0] + "\n}"
        twice, _ = sealed_text(text.replace("{\n", '{\n  "check": "none",\n', 1))
        put(path, {**plain.files, "manifest.json": twice})
        refused(f"{path / 'manifest.json'}: line 2 of its manifest is not as replant writes it")

    @pytest.mark.parametrize(("links", "tables"), [(1, 120), (2, 30)], ids=["too deep", "too many"])
    def test_whose_conditions_would_be_a_query_without_end(
        self, plain: Genuine, path: Path, refused: Callable[..., None], links: int, tables: int
    ) -> None:
        raw = deepcopy(plain.raw)
        raw["tables"], raw["order"]["steps"], raw["sequences"] = [], [], []
        files = {}
        for number in range(tables):
            table = deepcopy(plain.raw["tables"][0]) | {"name": ["s", f"t{number}"]}
            name = file_name(RelationName("s", f"t{number}"), Compression.NONE)
            table["file"] |= {"name": name}
            if number:
                before = ["s", f"t{number - 1}"]
                table["rows"] = [{"links": links * [LINK | {"other": before}], "is": "LinkedTo"}]
            raw["tables"].append(table)
            step = deepcopy(plain.raw["order"]["steps"][0]) | {"table": table["name"]}
            raw["order"]["steps"].append(step)
            files[name] = b""
        put(path, {**files, "manifest.json": plain.with_manifest(raw)["manifest.json"]})
        refused("are chosen by those of too many tables")

    def test_every_wrong_place_is_found_by_its_schema(self, artifacts: dict[Form, Genuine]) -> None:
        for artifact in (artifacts[FORMS[0]], artifacts[FORMS[-1]]):
            raw = deepcopy(artifact.raw)
            if artifact.form.layout is Layout.DIRECTORY:
                raw["digest"] = 64 * "0"
            assert problems(raw) == []
            for place in artifact.places[1:]:
                wrong = deepcopy(raw)
                at(wrong, place[:-1])[place[-1]] = {"surely": ["wrong"]}
                assert problems(wrong), place


def test_memory_does_not_grow_with_the_rows(plain: Genuine, path: Path) -> None:
    peaks = []
    for rows in (20_000, 200_000):
        data = b"".join(b"%d\t%s\t\\N\n" % (number, 80 * b"x") for number in range(rows))
        files = plain.with_data(PARENT, data)
        raw = json.loads(files["manifest.json"])
        del raw["digest"]
        raw["tables"][2]["row_count"] = rows
        put(path, {**files, "manifest.json": sealed_text(laid_out(raw))[0]})
        del data, files
        tracemalloc.start()
        with open_artifact(str(path)) as artifact:
            assert sum(len(lines) for lines in artifact.rows(ONE)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (1 << 18)
    assert peaks[1] < 4 << 20


def contents(path: Path) -> dict[Path, bytes]:
    """The bytes of each file in a folder, by its place there."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path): file.read_bytes() for file in files}
