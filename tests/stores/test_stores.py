"""Artifacts go to stores and come from them, whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path
from typing import Any

import fsspec
import pytest
from attrs import evolve
from moto.server import ThreadedMotoServer

from replant import api
from replant.artifact import stores
from replant.artifact.store_input import fetched
from replant.artifact.store_output import whole_directory_in_store, whole_file_in_store
from replant.errors import ArtifactError, OutputError
from replant.model import ExportSettings, Layout
from tests.support.commands import Replant, assert_one_line
from tests.support.moves import Move, in_every_format

BUCKET = "tenants"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server that speaks S3, on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The file system of an empty bucket, which replant reaches by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stores, "PAUSES", (0.0, 0.0))
    files = fsspec.filesystem("s3", use_listings_cache=False)
    if files.exists(BUCKET):
        files.rm(BUCKET, recursive=True)
    files.mkdir(BUCKET)
    return files


@pytest.fixture
def filled(move: Move) -> Move:
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, name text)")
    move.source.execute(b"INSERT INTO s.t SELECT n, 'row ' || n FROM generate_series(1, 9) AS n")
    return move


def arguments(filled: Move, form: ExportSettings) -> list[str]:
    layout = ["--layout", form.layout.value, "--format", form.format_name]
    return ["--include", "s.*", "--source", filled.from_.dsn, *layout]


def export_to(filled: Move, url: str, form: ExportSettings) -> None:
    settings = filled.settings(form)
    api.export(evolve(settings, export=evolve(settings.export, output=url)), host=filled.host)


@in_every_format
def test_an_artifact_goes_to_s3_and_comes_back(
    filled: Move, form: ExportSettings, replant: Replant, bucket: Any
) -> None:
    url = f"s3://{BUCKET}/shop/today"
    written = replant("export", *arguments(filled, form), "-o", url)
    assert written.code == 0, written.err
    assert written.err.startswith(f"exported 9 rows of 1 table to {url}")
    assert replant("replay", url, "--target", filled.to.dsn).code == 0
    assert replant("verify", url, "--target", filled.to.dsn).code == 0
    shown = replant("show", url)
    assert shown.out.startswith(f"{url}: ")
    again = replant("export", *arguments(filled, form), "-o", url)
    assert_one_line(again, 2, url, "exists already", "--force")
    assert replant("export", *arguments(filled, form), "-o", url, "--force").code == 0
    assert replant("diff", url, url).code == 0
    names = [path.rpartition("/")[2] for path in bucket.find(BUCKET)]
    wanted = ["s.t.copy", "manifest.json"] if form.layout is Layout.DIRECTORY else ["today"]
    assert names == wanted


def test_what_was_changed_in_the_store_is_found(
    filled: Move, replant: Replant, bucket: Any
) -> None:
    url = f"s3://{BUCKET}/today"
    replant("export", *arguments(filled, ExportSettings(layout=Layout.DIRECTORY)), "-o", url)
    bucket.pipe_file(f"{BUCKET}/today/data/s.t.copy", b"1\tanother\n")
    assert_one_line(replant("verify", url, "--target", filled.to.dsn), 5, f"{url}/data/s.t.copy")
    bucket.rm(f"{BUCKET}/today/manifest.json")
    assert_one_line(replant("show", url), 5, url, "manifest.json")
    assert_one_line(replant("show", f"s3://{BUCKET}/nothing"), 5, "nothing is there")


class Failing:
    """A file system whose uploads fail so many times, or whose n-th file always does."""

    def __init__(self, files: Any, times: int, *, name: str = "") -> None:
        self._files, self._left, self._name = files, times, name
        self.attempts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def put_file(self, lpath: str, rpath: str) -> None:
        if self._name in rpath:
            self.attempts += 1
            if self.attempts <= self._left:
                # Some bytes arrive before the connection breaks.
                self._files.pipe_file(rpath, Path(lpath).read_bytes()[:5])
                raise OSError("the connection broke")
        self._files.put_file(lpath, rpath)


def failing(monkeypatch: pytest.MonkeyPatch, times: int, *, name: str = "") -> Failing:
    """Let the file system of every store fail."""
    found = fsspec.core.url_to_fs
    wrapped = Failing(found("memory://x")[0], times, name=name)
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url, **_: (wrapped, found(url)[1]))
    monkeypatch.setattr(stores, "PAUSES", (0.0, 0.0))
    return wrapped


@in_every_format
def test_an_upload_that_breaks_is_tried_again(
    filled: Move, form: ExportSettings, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, 2)
    export_to(filled, "memory://shop/today", form)
    assert not [path for path in memory.find("/") if path.endswith(".partial")]
    assert api.show("memory://shop/today", check=True).manifest.row_count == 9


def test_an_upload_that_keeps_breaking_leaves_no_artifact(
    filled: Move, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, 99, name="manifest.json")
    with pytest.raises(OutputError, match=r"after 3 attempts: the connection broke"):
        export_to(filled, "memory://shop/today", ExportSettings(layout=Layout.DIRECTORY))
    assert memory.find("/") == []


def test_a_store_that_keeps_other_bytes_is_found_out(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = failing(monkeypatch, 0)
    monkeypatch.setattr(
        wrapped, "put_file", lambda _, path: memory.pipe_file(path, b"other"), raising=False
    )
    with (
        pytest.raises(OutputError, match="other bytes than were uploaded"),
        whole_file_in_store("memory://shop/file", force=False) as file,
    ):
        file.write(b"content")
    assert memory.find("/") == []


class Killed(BaseException):
    """What ends a process at once: nothing after it reaches the store."""


class Dying:
    """A file system that changes only so many things before its process is killed."""

    def __init__(self, files: Any, changes: int) -> None:
        self._files, self._left = files, changes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._files, name)
        return self._counted(found) if name in {"put_file", "mv", "rm"} else found

    def _counted(self, change: Any) -> Any:
        def changed(*values: Any, **named: Any) -> None:
            self._left -= 1
            if self._left < 0:
                raise Killed
            change(*values, **named)

        return changed


def written_to(store: Any, names: list[str], *, force: bool) -> None:
    """Write a directory that holds these files, each with all names in it."""
    with whole_directory_in_store(store, mark="manifest.json", force=force) as folder:
        (folder / "data").mkdir()
        for name in ("manifest.json", *(f"data/{name}" for name in names)):
            (folder / name).write_text(" ".join(names))


def read_from(store: str) -> list[str]:
    """Return the names of the whole directory there; refuse one that is not whole."""
    with fetched(store) as folder:
        names = (folder / "manifest.json").read_text().split()
        assert [path.name for path in sorted((folder / "data").iterdir())] == sorted(names)
        assert {path.read_text() for path in (folder / "data").iterdir()} == {" ".join(names)}
    return names


@pytest.mark.parametrize("whole", [True, False], ids=["objects", "files"])
@pytest.mark.parametrize("old", [[], ["a", "b"]], ids=["new", "replaced"])
def test_whenever_an_upload_is_killed_the_old_or_the_new_or_no_artifact_is_there(
    whole: bool, old: list[str], memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, new = "memory://shop/today", ["b", "c"]
    monkeypatch.setattr(stores, "_OBJECT_STORES", frozenset({"memory"} if whole else ()))
    url_to_fs = fsspec.core.url_to_fs
    outcomes: list[list[str]] = []
    for changes in count():
        memory.store.clear()
        monkeypatch.setattr(fsspec.core, "url_to_fs", url_to_fs)
        if old:
            written_to(url, old, force=False)
        opened = Dying(memory, changes), "/shop/today"
        with monkeypatch.context() as patched:
            patched.setattr(fsspec.core, "url_to_fs", lambda *_, opened=opened, **__: opened)
            with suppress(Killed):
                written_to(url, new, force=True)
                break
        try:
            outcomes.append(read_from(url))
        except (ArtifactError, FileNotFoundError):
            outcomes.append([])
        written_to(url, new, force=True)
        assert read_from(url) == new
        assert not [path for path in memory.find("/") if "partial" in path]
    assert read_from(url) == new
    # What comes after the last name is only to tidy up.
    ordered = [old, [], new] if old else [[], new]
    assert [key for key, _ in groupby(outcomes)] in (ordered, ordered[:-1])


def test_an_upload_that_fails_keeps_the_artifact_that_it_should_replace(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_to("memory://shop/today", ["a"], force=False)
    failing(monkeypatch, 99, name="data/")
    with pytest.raises(OutputError, match="the connection broke"):
        written_to("memory://shop/today", ["b"], force=True)
    assert read_from("memory://shop/today") == ["a"]


def test_nothing_is_uploaded_of_an_export_that_fails(memory: Any) -> None:
    with (
        suppress(ZeroDivisionError),
        whole_file_in_store("memory://shop/file", force=False) as file,
    ):
        file.write(b"content")
        raise ZeroDivisionError
    assert memory.find("/") == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("gs://bucket/x", ["needs the package gcsfs", "pip install 'replant[stores]' gcsfs"]),
        ("az://bucket/x", ["needs the package adlfs"]),
        ("sftp://host/x", ["needs the package paramiko"]),
        ("nosuch://host/x", ["no file system is known for nosuch://", "s3://", "sftp://"]),
        ("sftp://me:sesame@host/x", ["sftp://me@host/x held a password"]),
    ],
)
def test_what_a_scheme_needs_is_named(
    url: str, words: list[str], replant: Replant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("gcsfs", "adlfs", "paramiko"):
        monkeypatch.setitem(sys.modules, package, None)
    shown = replant("show", url)
    assert_one_line(shown, 2, *words)
    assert "sesame" not in shown.err


def test_without_fsspec_the_extra_is_named(
    replant: Replant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert_one_line(replant("show", "s3://bucket/x"), 2, "pip install 'replant[stores]'")
