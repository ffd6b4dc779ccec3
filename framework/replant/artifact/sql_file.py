"""The SQL file: a readable header, one transaction of inserts, a manifest and a digest.

```
-- replant artifact …          what made it, for people
BEGIN; …                       one transaction, settings pinned for its length
INSERT INTO … VALUES           named columns, one row per line
COMMIT;
-- replant manifest            the manifest as JSON, each line a comment
-- sha256 …                    of every byte before this line
```

Writing and reading share the frames of `replant.rendering.statements`: a reader accepts only what
a writer would have written for the manifest, with rows of literals between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import BinaryIO, Protocol

from attrs import frozen

from replant import __version__
from replant.artifact.manifest import Manifest, to_json
from replant.model import (
    LoadTable,
    LoadTogether,
    PatchColumns,
    Plan,
    RelationName,
    Step,
)
from replant.rendering.statements import InsertFrame, closing, frames, opening

FIRST_WORDS = b"-- replant artifact"
MANIFEST_MARK = b"-- replant manifest\n"
DIGEST_MARK = b"-- sha256 "

#: A statement has at most as many rows as a batch, and ends before it has more bytes than this
#: (unless one row has): memory on both sides stays small.
BYTES_PER_STATEMENT = 1 << 20


class Batches(Protocol):
    """Where rows come from: batches of lines on one line each.

    A batch whose `together` is set belongs in one statement; the others may be split.
    """

    def __call__(self, table: RelationName, step: Step) -> Iterator[Batch]:
        """The rows of a table for a step, in the order in which they are written."""


@frozen
class Batch:
    """Some rows' lines, in order."""

    lines: list[bytes]
    together: bool = False


class DigestedFile:
    """A file that knows the SHA-256 of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to `file`, which stays the caller's to close."""
        self._file = file
        self._digest = sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Write all of the bytes."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def hexdigest(self) -> str:
        """The SHA-256 of all that was written, as 64 hexadecimal digits."""
        return self._digest.hexdigest()


def write_sql_file(
    file: BinaryIO, plan: Plan, batches: Batches, manifest: Callable[[], Manifest]
) -> None:
    """Write an artifact.

    Args:
        file: where it goes.
        plan: what is exported.
        batches: gives the rows.
        manifest: gives the manifest, once every row was written.

    """
    out = DigestedFile(file)
    names = [table.name for table in plan.tables]
    out.write(header(plan))
    out.write(opening(plan.order.before, names))
    for step in plan.order.steps:
        _write_step(out, plan, step, batches)
    out.write(b"\n" + closing(plan.order.after, names))
    out.write(b"\n" + MANIFEST_MARK)
    out.write(comment(to_json(manifest())))
    out.write(DIGEST_MARK + out.hexdigest().encode() + b"\n")


def header(plan: Plan) -> bytes:
    """What a person reads first. No clock, no host, no password: the same input, the same bytes."""
    width = max((len(_ascii(str(table.name))) for table in plan.tables), default=0)
    plugins = ", ".join(f"{name} ({version})" for name, version in sorted(plan.plugins.items()))
    scope = ", ".join(f"{name} = {value}" for name, value in sorted(plan.scope.items()))
    lines = [
        f"replant artifact, written by replant {__version__} from PostgreSQL {plan.source_version}",
        f"plugins: {plugins}",
        f"scope: {scope or 'none'}",
        f"strategy: {plan.strategy}",
        "",
        f"{plan.row_count} rows in {len(plan.tables)} tables, in the order of their load:",
        *(f"  {_ascii(str(t.name)):<{width}}  {t.row_count:>9}" for t in plan.tables),
    ]
    if plan.order.cycles:
        lines += ["", "cycles of foreign keys:"]
        lines += [f"  {', '.join(map(str, c.tables))}: {c.way}" for c in plan.order.cycles]
    if plan.omissions:
        lines += ["", "left out:", *(f"  {o.what}: {o.why}" for o in plan.omissions)]
    return comment("\n".join(lines)) + b"\n"


def comment(text: str) -> bytes:
    """Lines of SQL comment in ASCII: no character of a name or value can end one early."""
    return b"".join(f"-- {_ascii(line)}".rstrip().encode() + b"\n" for line in text.split("\n"))


def _ascii(text: str) -> str:
    """The text with everything but printable ASCII as Python escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)


def _write_step(out: DigestedFile, plan: Plan, step: Step, batches: Batches) -> None:
    present = {table.name: table for table in plan.tables if table.row_count}
    match step:
        case LoadTogether(names):
            filled = LoadTogether(tuple(name for name in names if name in present))
            if filled.tables:
                out.write(b"\n")
            for frame in frames(filled, present):
                lines = [line for batch in batches(frame.name, filled) for line in batch.lines]
                _write_statement(out, frame, lines)
        case LoadTable(name) | PatchColumns(name):
            if name in present:
                out.write(b"\n")
                (frame,) = frames(step, present)
                for lines in statements(batches(name, step)):
                    _write_statement(out, frame, lines)


def _write_statement(out: DigestedFile, frame: InsertFrame, lines: list[bytes]) -> None:
    out.write(frame.head + b",\n".join(lines) + frame.tail)


def statements(batches: Iterable[Batch]) -> Iterator[list[bytes]]:
    """The lines of each statement: a batch each, or parts of one whose rows are large."""
    for batch in batches:
        if batch.together or sum(map(len, batch.lines)) <= BYTES_PER_STATEMENT:
            yield batch.lines
        else:
            yield from _parts(batch.lines)


def _parts(lines: list[bytes]) -> Iterator[list[bytes]]:
    pending: list[bytes] = []
    size = 0
    for line in lines:
        if pending and size + len(line) > BYTES_PER_STATEMENT:
            yield pending
            pending, size = [], 0
        pending.append(line)
        size += len(line)
    yield pending
