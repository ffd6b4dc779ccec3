"""Keeps what is finished of a directory whose export ended early, so that it can be resumed.

The folder is called `NAME.unfinished` until it is whole. A file in it says what is exported, in
which snapshot, and of each data file that is finished its size and digest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Any

from attrs import asdict, define

from replant.artifact.atomic_output import check_writable, reveal_directory
from replant.artifact.manifest import DataFile
from replant.errors import OutputError, UsageError

_RECORD = "finished.jsonl"


@define
class Unfinished:
    """A directory that is being written.

    Attributes:
        folder: where it is meanwhile.
        finished: the data files that an earlier run has finished, by name.

    """

    folder: Path
    finished: Mapping[str, DataFile]

    def note(self, file: DataFile) -> None:
        """Note that a data file is finished."""
        _append(self.folder / _RECORD, asdict(file))


@contextmanager
def resumable_directory(
    output: str, asked: dict[str, Any], *, mark: str, force: bool, resume: bool
) -> Iterator[Unfinished]:
    """Make a folder that gets its name when the block ends without an error, and else is kept.

    Args:
        output: its path.
        asked: what is exported, and in which snapshot; a run that is resumed was asked the same.
        mark: the file that every artifact of this kind has; only a folder with it is replaced.
        force: whether an artifact that exists is replaced.
        resume: whether an earlier run goes on.

    Raises:
        UsageError: there is nothing to be resumed, it was another, or there is an unfinished one.
        OutputError: something else exists under the name, or it cannot be written.

    """
    check_writable(output, force=force, mark=mark)
    path = Path(output)
    folder = path.with_name(f"{path.name}.unfinished")
    try:
        if resume:
            finished = _finished(folder, asked)
        else:
            finished = {}
            _begin(folder, asked)
        yield Unfinished(folder, finished)
        (folder / _RECORD).unlink()
        reveal_directory(folder, path, mark=mark, force=force)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _begin(folder: Path, asked: dict[str, Any]) -> None:
    if folder.exists():
        raise UsageError(
            f"{folder} is left of an export that ended early: go on with --resume, or delete it"
        )
    folder.mkdir()
    _append(folder / _RECORD, asked)


def _finished(folder: Path, asked: dict[str, Any]) -> dict[str, DataFile]:
    """Return the finished files; a file that is not as it was noted is not among them."""
    record = folder / _RECORD
    if not record.is_file():
        raise UsageError(f"--resume: there is no {folder} to go on with; leave --resume out")
    known, *files = _lines(record)
    different = [name for name in asked if known.get(name) != asked[name]]
    if different:
        raise UsageError(
            f"--resume: {folder} was begun with another {' and '.join(different)}, and rows of "
            f"two snapshots or plans do not go together; delete it, and begin again"
        )
    return {line["name"]: DataFile(**line) for line in files if _is_whole(folder, DataFile(**line))}


def _is_whole(folder: Path, file: DataFile) -> bool:
    path = folder / file.name
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest() == file.sha256


def _append(record: Path, line: dict[str, Any]) -> None:
    with record.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(record: Path) -> Iterator[dict[str, Any]]:
    """Read the record, but for a line that was cut off."""
    for text in record.read_bytes().splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            return
