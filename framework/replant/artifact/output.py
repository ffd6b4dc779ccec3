"""A file that appears only when it is whole."""

from __future__ import annotations

import os
import secrets
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
        with temporary.open("xb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _reveal(temporary, path, force=force)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}; choose another -o"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(output: str, *, force: bool) -> None:
    """Refuse an output that cannot be written, before any work is done.

    Raises:
        OutputError: it exists and is not to be replaced, or its folder cannot be written to.

    """
    if output == STANDARD_OUTPUT:
        return
    path = Path(output)
    if path.is_dir():
        raise OutputError(f"{path} is a directory; give the name of a file with -o")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; replace it with --force, or choose another -o")
    if not path.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission to write to {path.parent}")


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
