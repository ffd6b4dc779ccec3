"""Fetches an artifact from a store to disk, where its digests are compared as any other's are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from replant.artifact.stores import Store, open_store
from replant.errors import ArtifactError

_READ = "cannot be read"


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Download the file or the directory under a URL; it is deleted when the block ends.

    Raises:
        ArtifactError: nothing is there, or the store does not give it.
        UsageError: the store is not known, or a package is missing.

    """
    store = open_store(url)
    found = store.again(lambda: store.files.find(store.path), ArtifactError, _READ)
    there = [path for path in found if not store.is_partial(path)]
    if not there:
        raise ArtifactError(f"{url} {_READ}: nothing is there")
    with TemporaryDirectory(prefix="replant-") as folder:
        place = Path(folder) / PurePosixPath(store.path).name
        if there == [store.path]:
            _download(store, store.path, place)
        else:
            for path in there:
                _download(store, path, _below(store, place, path))
        yield place


def _below(store: Store, folder: Path, path: str) -> Path:
    """Return where a file goes; refuse a name that would lead elsewhere."""
    parts = PurePosixPath(path).relative_to(PurePosixPath(store.path)).parts
    if ".." in parts:
        raise ArtifactError(f"{store.url} holds {path!r}, which is not part of an artifact")
    return folder.joinpath(*parts)


def _download(store: Store, path: str, local: Path) -> None:
    local.parent.mkdir(parents=True, exist_ok=True)
    store.again(lambda: store.files.get_file(path, str(local)), ArtifactError, _READ)
