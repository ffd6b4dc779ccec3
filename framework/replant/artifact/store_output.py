"""Puts an artifact into a store, whole or not at all.

It is written on disk first. Then the bytes are uploaded, read back, and compared by SHA-256. A file
appears under its name only then: an object store shows an object once its last byte is there, and
elsewhere it has another name until then. Of a directory the manifest is uploaded last, without
which it is not an artifact.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from replant.artifact.stores import Store, open_store
from replant.errors import OutputError

_WRITE = "cannot be written"


def check_store(url: str, *, force: bool, mark: str | None) -> None:
    """Refuse a URL under which there is something, unless it is to be replaced.

    Args:
        url: where the artifact goes.
        force: whether what exists is replaced.
        mark: for a directory, the file that says what it is; None for a file.

    Raises:
        OutputError: it exists and is not to be replaced, or the store does not answer.
        UsageError: the store is not known, or a package is missing.

    """
    store = open_store(url)
    there = store.again(lambda: store.files.find(store.path), OutputError, "cannot be listed")
    if not there:
        return
    is_artifact = store.under(mark) in there if mark else there == [store.path]
    if force and not is_artifact:
        raise OutputError(
            f"{url} is not an artifact, so --force does not replace it; choose another -o"
        )
    if not force:
        raise OutputError(f"{url} exists already; replace it with --force, or choose another -o")


@contextmanager
def whole_file_in_store(url: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a binary file that is uploaded when the block ends without an error.

    Raises:
        OutputError: something is there already, or the store takes it not.

    """
    check_store(url, force=force, mark=None)
    store = open_store(url)
    with TemporaryDirectory(prefix="replant-") as folder:
        local = Path(folder) / "file"
        with local.open("xb", buffering=1 << 20) as file:
            yield file
        check_store(url, force=force, mark=None)
        _upload(store, local, store.path)


@contextmanager
def whole_directory_in_store(url: str, *, mark: str, force: bool) -> Iterator[Path]:
    """Make a folder on disk that is uploaded when the block ends without an error.

    Raises:
        OutputError: something is there already, or the store takes it not. Then no artifact is
            there.

    """
    check_store(url, force=force, mark=mark)
    store = open_store(url)
    with TemporaryDirectory(prefix="replant-") as name:
        folder = Path(name) / "artifact"
        folder.mkdir()
        yield folder
        check_store(url, force=force, mark=mark)
        _remove(store, first=store.under(mark))
        names = [
            file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
        ]
        try:
            for each in sorted(names, key=lambda each: (each == mark, each)):
                _upload(store, folder / each, store.under(each))
        except BaseException:
            with suppress(Exception):
                _remove(store, first=store.under(mark))
            raise


def _upload(store: Store, local: Path, path: str) -> None:
    """Upload a file, read it back, and give it its name."""
    parent, _, name = path.rpartition("/")
    direct = store.appears_whole
    uploaded = path if direct else f"{parent}/.{name}.{secrets.token_hex(4)}.partial"

    def put() -> None:
        if parent and not direct:
            store.files.makedirs(parent, exist_ok=True)
        store.files.put_file(str(local), uploaded)
        _compare(store, local, uploaded)

    try:
        store.again(put, OutputError, _WRITE)
        if not direct:
            store.again(lambda: store.files.mv(uploaded, path), OutputError, _WRITE)
    except BaseException:
        with suppress(Exception):
            store.files.rm(uploaded, recursive=False)
        raise


def _compare(store: Store, local: Path, path: str) -> None:
    """Read back what was uploaded, and compare.

    Raises:
        OSError: the store has other bytes.

    """
    with TemporaryDirectory(prefix="replant-") as folder:
        back = Path(folder) / "file"
        store.files.get_file(path, str(back))
        with local.open("rb") as mine, back.open("rb") as theirs:
            if file_digest(mine, "sha256").digest() != file_digest(theirs, "sha256").digest():
                raise OSError("the store holds other bytes than were uploaded")


def _remove(store: Store, *, first: str) -> None:
    """Delete all files below, the manifest first: what is left is not an artifact."""
    there = store.again(lambda: store.files.find(store.path), OutputError, _WRITE)
    for path in sorted(there, key=lambda path: path != first):
        remove = partial(store.files.rm, path, recursive=False)
        store.again(remove, OutputError, _WRITE)
