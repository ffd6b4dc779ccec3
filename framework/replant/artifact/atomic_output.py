"""Writes a file, or a folder of files, that appears only when it is complete."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from replant.artifact.store_output import (
    check_store,
    is_in_store,
    whole_directory_in_store,
    whole_file_in_store,
)
from replant.artifact.stores import is_url
from replant.errors import OutputError

STANDARD_OUTPUT = "-"

_PARTIAL = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.partial")


@contextmanager
def whole_file(output: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open a binary file that gets its name when the block ends without an error.

    Until then it has another name in the same folder; on an error it is removed. The bytes are on
    the disk before the name is.

    Args:
        output: a path, a URL, or `-` for standard output, which is written as it comes.
        force: whether a file that exists is replaced.

    Raises:
        OutputError: the file exists, or cannot be written.

    """
    if output == STANDARD_OUTPUT:
        with _standard_output() as file:
            yield file
        return
    if is_url(output):
        with whole_file_in_store(output, force=force) as file:
            yield file
        return
    check_writable(output, force=force)
    path = Path(output)
    temporary = _beside(path, "partial")
    # The name is known before the file is there, so an interruption at any moment removes it.
    try:
        with synced(temporary) as file:
            yield file
        _reveal(temporary, path, force=force)
        _sync(path.parent)
    except OSError as error:
        raise _unwritten(output, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(output: str, *, mark: str, force: bool) -> Iterator[Path]:
    """Make a folder that gets its name when the block ends without an error.

    Until then it has another name beside it; on an error it is removed with all in it.

    Args:
        output: its path or URL.
        mark: the file that every artifact of this kind has; only a folder with it is replaced.
        force: whether an artifact that exists is replaced.

    Raises:
        OutputError: something else exists under the name, or it cannot be written.

    """
    if is_url(output):
        with whole_directory_in_store(output, mark=mark, force=force) as staged:
            yield staged
        return
    check_writable(output, force=force, mark=mark)
    path = Path(output)
    temporary = _beside(path, "partial")
    try:
        temporary.mkdir()
        yield temporary
        for folder, _, _ in os.walk(temporary):
            _sync(Path(folder))
        reveal_directory(temporary, path, mark=mark, force=force)
        _sync(path.parent)
    except OSError as error:
        raise _unwritten(output, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """Open a new file whose bytes are on the disk when the block ends."""
    with path.open("xb", buffering=1 << 20) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def is_there(output: str) -> bool:
    """Tell whether there is something where an artifact went.

    Raises:
        OutputError: the store of a URL does not answer.

    """
    return is_in_store(output) if is_url(output) else os.path.lexists(output)


def check_writable(output: str, *, force: bool, mark: str | None = None) -> None:
    """Refuse an output that cannot be written, before any work is done.

    Args:
        output: a path, a URL, or `-` for standard output.
        force: whether what exists is replaced.
        mark: for a directory, the file that says what it is; None for a file.

    Raises:
        OutputError: it exists and is not to be replaced, or its folder cannot be written to.

    """
    if output == STANDARD_OUTPUT:
        if mark is not None:
            raise OutputError("a directory cannot go to standard output; give its name with -o")
        return
    if is_url(output):
        check_store(output, force=force, mark=mark)
        return
    path = Path(output)
    if path.is_dir() and mark is None:
        raise OutputError(f"{path} is a directory; give the name of a file with -o")
    exists = os.path.lexists(path)
    replaceable = mark is None or ((path / mark).is_file() and not path.is_symlink())
    if force and exists and not replaceable:
        raise OutputError(
            f"{path} is not an artifact, so --force does not replace it; choose another -o"
        )
    if exists and not force:
        raise OutputError(f"{path} exists already; replace it with --force, or choose another -o")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission to write to {path.parent}")


def remove_unfinished(outputs: Iterable[str]) -> None:
    """Delete what processes left behind that were killed while they wrote these outputs.

    Nobody else may be writing them. What cannot be deleted stays.

    Args:
        outputs: paths; URLs are left out.

    """
    names: dict[Path, set[str]] = {}
    for output in outputs:
        if not is_url(output):
            path = Path(output).absolute()
            names.setdefault(path.parent, set()).add(path.name)
    for folder, known in names.items():
        for path in folder.glob(".*.partial"):
            match = _PARTIAL.fullmatch(path.name)
            if match is None or match["name"] not in known:
                continue
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Open standard output with a buffer of its own, so that nothing is left to write at exit."""
    try:
        sys.stdout.flush()
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as file:
            yield file
    except BrokenPipeError:
        raise  # whoever read it has seen enough
    except OSError as error:
        raise _unwritten("standard output", error) from error


def _beside(path: Path, what: str) -> Path:
    """Return a name in the same folder that nobody else uses."""
    return path.absolute().with_name(f".{path.absolute().name}.{secrets.token_hex(4)}.{what}")


def _unwritten(output: str, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{output} cannot be written: {reason}; choose another -o")


def reveal_directory(temporary: Path, path: Path, *, mark: str, force: bool) -> None:
    """Give the folder its name; what had it before is deleted only then."""
    if not os.path.lexists(path):
        temporary.rename(path)
        return
    if not force or path.is_symlink() or not (path / mark).is_file():
        raise OutputError(f"{path} appeared while it was written; replace it with --force")
    old = _beside(path, "replaced")
    try:
        path.rename(old)
        temporary.rename(path)
    finally:
        if not temporary.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif not os.path.lexists(path):
            old.rename(path)


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    if os.name == "nt":
        return  # Windows syncs no folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reveal(temporary: Path, path: Path, *, force: bool) -> None:
    """Give the file its name."""
    if force:
        temporary.replace(path)
        return
    try:
        # A link, unlike a rename, never replaces what somebody else wrote in the meantime.
        path.hardlink_to(temporary)
    except FileExistsError:
        raise OutputError(
            f"{path} appeared while it was written; replace it with --force"
        ) from None
