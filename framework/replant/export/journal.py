"""Keeps on disk which tenants were exported, so that a run that ended early can be resumed.

A file of JSON lines: first what is exported, then a line when a tenant begins and one when it ends,
last that all have ended. A line that was cut off by a crash counts as not written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from attrs import define, field

from replant.errors import OutputError, UsageError

_BEGUN, _DONE, _FAILED, _END = "begun", "done", "failed", "end"


@define
class Journal:
    """What is known of a run.

    Attributes:
        done: the outputs that are whole.
        begun: the outputs of which it is not known.

    """

    _file: BinaryIO
    done: set[str] = field(factory=set)
    begun: set[str] = field(factory=set)

    def begin(self, output: str) -> None:
        """Note that an artifact is being written."""
        self._write(state=_BEGUN, output=output)

    def finish(self, output: str, rows: int, digest: str | None) -> None:
        """Note that an artifact is whole."""
        self._write(state=_DONE, output=output, rows=rows, sha256=digest)

    def fail(self, output: str, error: str) -> None:
        """Note that an artifact could not be written."""
        self._write(state=_FAILED, output=output, error=error)

    def end(self) -> None:
        """Note that every tenant had its turn, and none failed."""
        self._write(state=_END)

    def _write(self, **line: Any) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def open_journal(path: Path, asked: dict[str, Any], *, resume: bool) -> Iterator[Journal]:
    """Open the journal of a run; one that has ended is replaced.

    Args:
        path: where it is.
        asked: what is exported; a run that is resumed must have been asked the same.
        resume: whether the run of the journal goes on.

    Raises:
        UsageError: there is a run that has not ended, and it is not to be resumed; or there is
            none to be resumed, or it is another.
        OutputError: it cannot be written.

    """
    lines = list(_lines(path)) if path.exists() else []
    if resume:
        _check_same(path, lines, asked)
    elif lines and not any(line.get("state") == _END for line in lines):
        raise UsageError(
            f"{path} tells of a run that has not ended: go on with --resume, or delete it to "
            f"begin again"
        )
    try:
        with path.open("ab" if resume else "wb") as file:
            journal = Journal(file)
            if resume:
                # What a crash cut off is ended, so that the next line is one of its own.
                file.write(b"\n")
                _fill(journal, lines)
            else:
                journal._write(asked=asked)
            yield journal
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _fill(journal: Journal, lines: list[dict[str, Any]]) -> None:
    for line in lines:
        output = line.get("output", "")
        if line.get("state") == _BEGUN:
            journal.begun.add(output)
        if line.get("state") in {_DONE, _FAILED}:
            journal.begun.discard(output)
        if line.get("state") == _DONE:
            journal.done.add(output)


def _check_same(path: Path, lines: list[dict[str, Any]], asked: dict[str, Any]) -> None:
    if not lines:
        raise UsageError(f"--resume: there is no run in {path}; leave it out to begin one")
    known = lines[0].get("asked")
    if known != asked:
        different = ", ".join(name for name in asked if (known or {}).get(name) != asked[name])
        raise UsageError(
            f"--resume: the run in {path} was another: {different} differ; say the same again, or "
            f"begin a run with another --journal"
        )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_bytes().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line
