"""A file, or a folder of files, that appears only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from replant.errors import OutputError

STANDARD_OUTPUT = "-"


@contextmanager
def whole_file(output: str, *, force: bool) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes its name when the block ends without an error.

    Until then it has another name in the same folder; on an error it is removed. The bytes are on
    the disk before the name is.

    Args:
        output: a path, or `-` for standard output, which is written as it comes.
        force: whether a file that exists is replaced.

    Raises:
        OutputError: the file exists, or cannot be written.

    """
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    check_writable(output, force=force)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    # The name is known before the file is there, so an interruption at any moment removes it.
    try:
        with synced(temporary) as file:
            yield file
        _reveal(temporary, path, force=force)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}; choose another -o"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(output: str, *, mark: str, force: bool) -> Iterator[Path]:
    """A folder to write into, which takes its name when the block ends without an error.

    Until then it has another name beside it; on an error it is removed with all in it.

    Args:
        output: its path.
        mark: the file that every artifact of this kind has; only a folder with it is replaced.
        force: whether an artifact that exists is replaced.

    Raises:
        OutputError: something else exists under the name, or it cannot be written.

    """
    path = Path(output)
    check_writable(output, force=force, mark=mark)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        temporary.mkdir()
        yield temporary
        _sync(temporary)
        _reveal_directory(temporary, path, mark=mark, force=force)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}; choose another -o"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def synced(path: Path) -> Iterator[BinaryIO]:
    """A new file to write to; its bytes are on the disk when the block ends."""
    with path.open("xb", buffering=1 << 20) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def check_writable(output: str, *, force: bool, mark: str | None = None) -> None:
    """Refuse an output that cannot be written, before any work is done.

    Args:
        output: a path, or `-` for standard output.
        force: whether what exists is replaced.
        mark: for a directory, the file that says what it is; None for a file.

    Raises:
        OutputError: it exists and is not to be replaced, or its folder cannot be written to.

    """
    if output == STANDARD_OUTPUT:
        if mark is not None:
            raise OutputError("a directory cannot go to standard output; give its name with -o")
        return
    path = Path(output)
    if path.is_dir() and mark is None:
        raise OutputError(f"{path} is a directory; give the name of a file with -o")
    if force and mark is not None and path.exists() and not (path / mark).is_file():
        raise OutputError(
            f"{path} is no artifact, so --force does not replace it; choose another -o"
        )
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; replace it with --force, or choose another -o")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission to write to {path.parent}")


def _reveal_directory(temporary: Path, path: Path, *, mark: str, force: bool) -> None:
    """Give the folder its name; what had it before is deleted only then."""
    if not path.exists():
        temporary.rename(path)
    elif force and (path / mark).is_file():
        old = path.with_name(f".{path.name}.{secrets.token_hex(4)}.replaced")
        path.rename(old)
        temporary.rename(path)
        shutil.rmtree(old)
    else:
        raise OutputError(f"{path} appeared while it was written; replace it with --force")
    _sync(path.parent)


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
