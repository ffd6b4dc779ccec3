"""Reaches places that a URL names, such as `s3://bucket/path`, through fsspec.

Credentials and endpoints are those of the environment, as each package for a scheme reads them.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from replant.errors import ReplantError, UsageError

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://.")

#: They lead to a database.
_DATABASES = frozenset({"postgresql", "postgres"})

#: What `replant[stores]` does not bring: each scheme's own package.
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
}

#: Where an object appears with its last byte, and a new name is a copy.
_OBJECT_STORES = frozenset(_PACKAGES) - {"sftp", "ssh"}

#: The folder in a directory for what is uploaded before the directory is an artifact.
PARTIAL = ".replant-partial"

#: Seconds to wait before each further attempt.
PAUSES = (0.5, 1.0, 2.0, 4.0)

Result = TypeVar("Result")


class FileSystem(Protocol):
    """What is used of a file system of fsspec."""

    def exists(self, path: str) -> bool:
        """Tell whether there is something."""

    def find(self, path: str) -> list[str]:
        """List all files below a path."""

    def size(self, path: str) -> int:
        """Return how many bytes a file has."""

    def put_file(self, lpath: str, rpath: str) -> None:
        """Upload a file."""

    def get_file(self, rpath: str, lpath: str) -> None:
        """Download a file."""

    def mv(self, path1: str, path2: str) -> None:
        """Give a file another name."""

    def rm(self, path: str, recursive: bool) -> None:
        """Delete a file, or all below a path."""

    def makedirs(self, path: str, exist_ok: bool) -> None:
        """Make a folder, where the file system has folders."""


@frozen
class Store:
    """A place in a store.

    Attributes:
        url: as a person gave it, without a password.
        files: the file system.
        path: where it is in the file system.
        appears_whole: whether a file appears only once its last byte was uploaded.

    """

    url: str
    files: FileSystem
    path: str
    appears_whole: bool

    def under(self, name: str) -> str:
        """Return the path of a file below."""
        return f"{self.path}/{name}"

    def partial(self, name: str) -> str:
        """Return where a file lies until its directory is an artifact."""
        return self.under(f"{PARTIAL}/{name}")

    def is_partial(self, path: str) -> bool:
        """Tell whether a file lies where it is until its directory is an artifact."""
        return path.startswith(self.partial(""))

    def again(
        self, action: Callable[[], Result], failure: type[ReplantError], doing: str
    ) -> Result:
        """Try until it works; wait longer before each further attempt.

        Raises:
            ReplantError: of the given class; it did not work, or cannot work.

        """
        for pause in (*PAUSES, None):
            try:
                return action()
            except (FileNotFoundError, PermissionError) as error:
                raise failure(f"{self.url} {doing}: {said(error)}") from error
            except Exception as error:  # each package has errors of its own
                if pause is None:
                    attempts = len(PAUSES) + 1
                    raise failure(
                        f"{self.url} {doing}, after {attempts} attempts: {said(error)}"
                    ) from error
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def is_url(place: str) -> bool:
    """Tell whether a place is in a store, and neither a path nor a database."""
    match = _URL.match(place)
    return match is not None and match["scheme"] not in _DATABASES


def open_store(url: str) -> Store:
    """Find the file system of a URL.

    Raises:
        UsageError: the URL holds a password, nothing knows its scheme, or a package is missing.

    """
    parts = urlsplit(url)
    if parts.password is not None:
        place = url.replace(f"{parts.username}:{parts.password}@", f"{parts.username}@")
        raise UsageError(
            f"{place} held a password, which would be seen in every log; give it by a file or a "
            f"variable that the package for {parts.scheme}:// reads"
        )
    fsspec = _import_fsspec(url)
    try:
        files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        package = _PACKAGES.get(parts.scheme)
        needs = f"needs the package {package}" if package else f"needs a package: {said(error)}"
        install = f": pip install 'replant[stores]' {package}" if package else ""
        raise UsageError(f"{url} {needs}{install}") from error
    except ValueError as error:
        known = ", ".join(f"{scheme}://" for scheme in _PACKAGES)
        raise UsageError(
            f"{url}: no file system is known for {parts.scheme}://; known are {known} and all "
            f"others of fsspec"
        ) from error
    except Exception as error:  # what a package says of a URL that it does not like
        raise UsageError(f"{url} cannot be opened: {said(error)}") from error
    return Store(url, files, path.rstrip("/"), parts.scheme in _OBJECT_STORES)


def said(error: BaseException) -> str:
    """Return an error's words on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def size_in_store(url: str) -> int | None:
    """Return how many bytes lie under a URL; None where nothing does."""
    store = open_store(url)
    found = [path for path in store.files.find(store.path) if not store.is_partial(path)]
    return sum(store.files.size(path) for path in found) if found else None


def _import_fsspec(url: str) -> Any:
    try:
        return importlib.import_module("fsspec")
    except ImportError as error:
        raise UsageError(f"{url} needs fsspec: pip install 'replant[stores]'") from error
