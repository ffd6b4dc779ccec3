"""A row's texts come in, one line of JSON goes out: `{"table": …, "row": {…}}`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from replant import Column

#: The types whose text JSON has a type for; the text of any other becomes a string.
_READERS: dict[str, Callable[[str], Any]] = {
    "smallint": int,
    "integer": int,
    "bigint": int,
    "boolean": "t".__eq__,
    "json": json.loads,
    "jsonb": json.loads,
}


def renderer(table: str, columns: Sequence[Column]) -> Callable[[tuple[str | None, ...]], bytes]:
    """Make the function that renders the rows of one table."""
    readers = [(column.name, _READERS.get(column.type, str)) for column in columns]

    def render(texts: tuple[str | None, ...]) -> bytes:
        row = {
            name: None if text is None else read(text)
            for (name, read), text in zip(readers, texts, strict=True)
        }
        return json.dumps({"table": table, "row": row}, ensure_ascii=False).encode()

    return render
