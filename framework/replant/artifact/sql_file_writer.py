"""Writes an artifact as a SQL file: a header, one transaction of inserts, a manifest, a digest.

```
-- replant artifact …          what made it, for people
BEGIN; …                       one transaction, settings pinned for its length
INSERT INTO … VALUES           named columns, one row per line; or COPY … FROM stdin
DO …                           checks: the rows are those that were exported
COMMIT;
-- replant manifest            the manifest as JSON, each line a comment
-- sha256 …                    of every byte before this line
```

Writing and reading share the frames of `replant.sql.load_statements`: a reader accepts only what
a writer would have written for the manifest, with rows of literals between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from attrs import frozen

from replant import __version__
from replant.artifact.compressed_streams import Writer
from replant.artifact.manifest import Manifest
from replant.artifact.manifest_json import to_json
from replant.artifact.manifest_of_plan import manifest_of
from replant.database.joined_rows import bytes_in, pieces
from replant.model import (
    LoadTogether,
    Plan,
    PlannedTable,
    RelationName,
    SequencePosition,
    Step,
    readable,
    step_tables,
)
from replant.sql.closing_checks import closing
from replant.sql.load_statements import Frame, filled_tables, opening, step_text
from replant.sql.row_forms import INSERT_ROWS, Rows, listed

FIRST_WORDS = b"-- replant artifact"
MANIFEST_MARK = b"-- replant manifest\n"
DIGEST_MARK = b"-- sha256 "

#: A statement has at most as many rows as a batch, and ends before it has more bytes than this
#: (unless one row has): memory on both sides stays small.
BYTES_PER_STATEMENT = 1 << 20


class Batches(Protocol):
    """Gives the rows of a table in batches, in the form that the frame around them needs."""

    def __call__(self, table: RelationName, step: Step, frame: Frame) -> Iterator[Batch]:
        """Yield the rows of a table for a step, in the order in which they are written."""


@frozen
class Batch:
    """The lines of some rows, in order.

    Attributes:
        together: whether all belong in one statement, whatever its size.
        continued: whether they belong in the statement of the batch before.

    """

    rows: Rows
    together: bool = False
    continued: bool = False


def in_one_statement(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Mark the batches as parts of one statement, so that it is never held in memory as a whole."""
    for place, batch in enumerate(batches):
        yield Batch(batch.rows, together=True, continued=place > 0)


class DigestedFile:
    """A file that knows the SHA-256 of what was written to it."""

    def __init__(self, file: Writer) -> None:
        """Write to `file`, which stays the caller's to close."""
        self._file = file
        self._digest = sha256()
        self.size = 0

    def write(self, *parts: bytes) -> None:
        """Write all of the bytes; parts that are large are never joined."""
        for data in parts:
            self._file.write(data)
            self._digest.update(data)
            self.size += len(data)

    def hexdigest(self) -> str:
        """Return the SHA-256 of all that was written, as 64 hexadecimal digits."""
        return self._digest.hexdigest()


def write_sql_file(
    file: Writer,
    plan: Plan,
    batches: Batches,
    finished: Callable[[Sequence[int | None]], Manifest],
) -> str:
    """Write an artifact.

    Args:
        file: where it goes.
        plan: what is exported.
        batches: gives the rows.
        finished: gives the manifest, once every row was written; it is told where each step of the
            load order begins in the file.

    Returns:
        The SHA-256 of the file but for its last line, which holds it.

    """
    out = DigestedFile(file)
    out.write(header(plan))
    # A reader knows the tables by the manifest alone, so the frames are made from it here too.
    tables = manifest_of(plan).planned
    out.write(opening(plan.order.before, filled_tables(tables)))
    offsets = [_write_step(out, tables, plan.format, s, batches) for s in plan.order.steps]
    manifest = finished(offsets)
    out.write(b"\n", closing(manifest.ending(tables, plan.order.after)))
    out.write(b"\n", MANIFEST_MARK)
    out.write(comment(to_json(manifest)))
    digest = out.hexdigest()
    out.write(DIGEST_MARK + digest.encode() + b"\n")
    return digest


def header(plan: Plan) -> bytes:
    """Write the header for people, without time, host or password: same input, same bytes."""
    width = max((len(_ascii(str(table.name))) for table in plan.tables), default=0)
    plugins = ", ".join(f"{name} ({version})" for name, version in sorted(plan.plugins.items()))
    scope = ", ".join(f"{name} = {value}" for name, value in sorted(plan.scope.items()))
    lines = [
        f"replant artifact, written by replant {__version__} from PostgreSQL {plan.source_version}",
        f"plugins: {plugins}",
        f"scope: {scope or 'none'}",
        f"strategy: {plan.strategy}",
        "to load it: replant replay FILE, or psql -X -v ON_ERROR_STOP=1 -f FILE",
        *([f"rows as the role {_ascii(plan.seen_as)} sees them"] if plan.seen_as else []),
        "",
        f"{plan.row_count} rows in {len(plan.tables)} tables, in the order of their load:",
        *(f"  {_ascii(str(t.name)):<{width}}  {t.row_count:>9}" for t in plan.tables),
    ]
    if plan.order.cycles:
        lines += ["", "cycles of foreign keys:"]
        lines += [f"  {', '.join(map(str, c.tables))}: {c.way}" for c in plan.order.cycles]
    if plan.sequences:
        lines += ["", "sequences that are moved forward, to cover these rows:"]
        lines += [f"  {s.table}.{readable(s.column)}: {_reach(s)}" for s in plan.sequences]
    if plan.changes:
        lines += ["", "values that changed on their way, by which plugin:"]
        lines += [f"  {change}" for change in plan.changes]
    if plan.omissions:
        lines += ["", "left out:", *(f"  {o.what}: {o.why}" for o in plan.omissions)]
    return comment("\n".join(lines)) + b"\n"


def _reach(position: SequencePosition) -> str:
    return f"{position.least} to {position.greatest}"


def comment(text: str) -> bytes:
    """Write lines of SQL comment in ASCII, so that no name or value can end a comment early."""
    return b"".join(f"-- {_ascii(line)}".rstrip().encode() + b"\n" for line in text.split("\n"))


def _ascii(text: str) -> str:
    """Replace everything but printable ASCII by Python's escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)


def _write_step(
    out: DigestedFile,
    tables: Mapping[RelationName, PlannedTable],
    format_name: str,
    step: Step,
    batches: Batches,
) -> int | None:
    """Write the rows of a step; return where they begin, or None if there are none."""
    filled = with_rows(step, tables)
    if filled is None:
        return None
    out.write(b"\n")
    offset = out.size
    text = step_text(filled, tables, format_name)
    out.write(text.before)
    for frame in text.frames:
        rows = batches(frame.name, filled, frame)
        if frame.copied:
            out.write(frame.head)
            for batch in rows:
                out.write(*pieces(batch.rows))
            out.write(frame.tail)
        else:
            _write_statements(out, frame, rows if text.may_split else in_one_statement(rows))
    out.write(text.after)
    return offset


def with_rows(step: Step, tables: Mapping[RelationName, PlannedTable]) -> Step | None:
    """Return the step with those of its tables that have rows; None if none has."""
    filled = tuple(name for name in step_tables(step) if tables[name].row_count)
    if not filled:
        return None
    return LoadTogether(filled) if isinstance(step, LoadTogether) else step


def _write_statements(out: DigestedFile, frame: Frame, batches: Iterable[Batch]) -> None:
    """Write a statement for each batch, or for several that continue each other."""
    between = b""
    for batch in batches:
        if batch.continued:
            out.write(b",\n", listed(batch.rows))
            continue
        for text in _statement_rows(batch):
            out.write(between, frame.head, text)
            between = frame.tail
    out.write(between)


def _statement_rows(batch: Batch) -> Iterator[bytes]:
    """Yield what each statement of a batch has between its head and its tail."""
    if batch.together or bytes_in(batch.rows) <= BYTES_PER_STATEMENT:
        text = listed(batch.rows)
        if batch.together or len(text) <= BYTES_PER_STATEMENT:
            yield text
            return
    # A list of one line is joined without a copy.
    yield from map(b",\n".join, statements(INSERT_ROWS.written(batch.rows)))


def statements(lines: Rows) -> Iterator[Rows]:
    """Divide lines among statements that are not larger than they need be."""
    pending: list[bytes] = []
    size = 0
    for line in lines if sum(map(len, lines)) > BYTES_PER_STATEMENT else ():
        if pending and size + len(line) > BYTES_PER_STATEMENT:
            yield pending
            pending, size = [], 0
        pending.append(line)
        size += len(line)
    yield pending or lines
