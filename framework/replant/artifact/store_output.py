"""Puts an artifact into a store, whole or not at all.

It is written on disk first. Then the bytes are uploaded, read back, and compared by SHA-256. A file
appears under its name only then: an object store shows an object once its last byte is there, and
elsewhere it has another name until then.

A directory is an artifact once it has its manifest. Until then the manifest lies in its folder
`.replant-partial`: by that a later run knows what was left behind by one that was killed. Where an
artifact is replaced, the data files are uploaded to that folder too, so the old artifact stays
until every byte of the new one is in the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from replant.artifact.stores import PARTIAL, Store, open_store
from replant.errors import OutputError

_WRITE, _LIST = "cannot be written", "cannot be listed"


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
    there = _listed(store, _LIST)
    if not there:
        return
    marked = store.under(mark) if mark else store.path
    if force and not any(path == marked or store.is_partial(path) for path in there):
        raise OutputError(
            f"{url} is not an artifact, so --force does not replace it; choose another -o"
        )
    if not force:
        raise OutputError(f"{url} exists already; replace it with --force, or choose another -o")


def is_in_store(url: str) -> bool:
    """Tell whether there is something under a URL.

    Raises:
        OutputError: the store does not answer.
        UsageError: the store is not known, or a package is missing.

    """
    return bool(_listed(open_store(url), _LIST))


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
            there, unless an old one could not be replaced.

    """
    check_store(url, force=force, mark=mark)
    store = open_store(url)
    with TemporaryDirectory(prefix="replant-") as name:
        folder = Path(name) / "artifact"
        folder.mkdir()
        yield folder
        check_store(url, force=force, mark=mark)
        _upload_directory(store, folder, mark)


def _upload_directory(store: Store, folder: Path, mark: str) -> None:
    """Upload the files of a folder; the one that says what it is gets its name last."""
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    data = sorted(name for name in files if name != mark)
    there = _listed(store)
    old = [path for path in there if not store.is_partial(path)]
    staged = [*data, mark] if old else [mark]
    kept = old
    try:
        _remove(store, there.difference(old))
        for name in (mark, *data):
            path = store.partial(name) if name in staged else store.under(name)
            _upload(store, folder / name, path)
        kept = []
        _remove(store, old, first=store.under(mark))
        for name in staged:
            _move(store, store.partial(name), store.under(name))
    except BaseException:
        with suppress(Exception):
            _remove(store, _listed(store).difference(kept), first=store.under(mark))
        raise
    if not store.appears_whole:
        with suppress(Exception):
            store.files.rm(store.under(PARTIAL), recursive=True)


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
            _move(store, uploaded, path)
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


def _move(store: Store, old: str, new: str) -> None:
    """Give a file another name."""
    parent, _, _ = new.rpartition("/")

    def move() -> None:
        if parent and not store.appears_whole:
            store.files.makedirs(parent, exist_ok=True)
        store.files.mv(old, new)

    store.again(move, OutputError, _WRITE)


def _listed(store: Store, failure: str = _WRITE) -> set[str]:
    """List all files below."""
    return set(store.again(lambda: store.files.find(store.path), OutputError, failure))


def _remove(store: Store, paths: Iterable[str], *, first: str = "") -> None:
    """Delete files, the manifest first: what is left is not an artifact."""
    for path in sorted(paths, key=lambda path: (path != first, path)):
        remove = partial(store.files.rm, path, recursive=False)
        store.again(remove, OutputError, _WRITE)
