"""Markdown in, its fenced blocks, links and tables out.

A comment on the line before a block says what the tests do with it:

- `<!-- file: NAME -->`: the block is written to this file before what follows is run;
- `<!-- run -->`: the Python block is run;
- `<!-- background -->`: the console block's command keeps running while what follows is run;
- `<!-- install -->`: the console block installs the project in the current folder;
- `<!-- not executed: WHY -->`: the console block is only parsed;
- `<!-- refused -->`: the TOML block is a mistake on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"(?P<indent> *)```(?P<language>[a-z]*)")
_COMMENT = re.compile(r"<!-- (?P<word>[a-z ]+?)(?:: (?P<argument>.+))? -->")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"#+ +(?P<title>.+)")
_CELL = re.compile(r"(?<!\\)\|")


@frozen
class Block:
    """A fenced block.

    Attributes:
        line: the number of its first line inside the fence, counted from 1.
        word: what the comment before it says, or nothing.
        argument: what stands behind the colon of the comment.

    """

    document: Document
    language: str
    text: str
    line: int
    word: str = ""
    argument: str = ""

    def __str__(self) -> str:
        """Where it stands, as pytest names a test."""
        return f"{self.document}:{self.line}"


@frozen
class Document:
    """One Markdown file; `path` is relative to the root of the project."""

    path: str

    def __str__(self) -> str:
        """The path."""
        return self.path

    @property
    def file(self) -> Path:
        """Where it lies."""
        return ROOT / self.path

    @property
    def text(self) -> str:
        """What it says."""
        return self.file.read_text(encoding="utf-8")

    def blocks(self, *languages: str) -> Iterator[Block]:
        """The fenced blocks in one of these languages, or all."""
        lines = self.text.split("\n")
        at = 0
        while at < len(lines):
            fence = _FENCE.fullmatch(lines[at])
            if fence is None:
                at += 1
                continue
            indent, start = fence["indent"], at + 1
            end = lines.index(f"{indent}```", start)
            comment = _COMMENT.fullmatch(lines[at - 1].strip()) if at else None
            text = "".join(line.removeprefix(indent) + "\n" for line in lines[start:end])
            word, argument = (comment["word"], comment["argument"] or "") if comment else ("", "")
            if not languages or fence["language"] in languages:
                yield Block(self, fence["language"], text, start + 1, word, argument)
            at = end + 1

    def prose(self) -> Iterator[str]:
        """The lines outside fenced blocks."""
        inside = False
        for line in self.text.split("\n"):
            if line.lstrip().startswith("```"):
                inside = not inside
            elif not inside:
                yield line

    def links(self) -> Iterator[str]:
        """The targets of all links outside fenced blocks."""
        for line in self.prose():
            for match in _LINK.finditer(line):
                yield match["target"]

    def anchors(self) -> set[str]:
        """The anchors that headings make."""
        headings = (_HEADING.fullmatch(line) for line in self.prose())
        return {_anchor(match["title"]) for match in headings if match}

    def rows(self, heading: str) -> list[tuple[str, ...]]:
        """The rows of all tables whose first column has this heading, without the heading."""
        rows: list[tuple[str, ...]] = []
        inside = False
        for line in self.prose():
            cells = tuple(cell.strip() for cell in _CELL.split(line)[1:-1])
            if not cells:
                inside = False
            elif cells[0] == heading:
                inside = True
            elif inside and not set(cells[0]) <= {"-", ":"}:
                rows.append(cells)
        return rows


def _anchor(title: str) -> str:
    words = re.sub(r"[^\w\- ]", "", title.lower())
    return words.replace(" ", "-")


#: Everything that is kept true here; the examples have tests of their own.
DOCUMENTS = tuple(
    Document(path.relative_to(ROOT).as_posix())
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "examples" not in path.relative_to(ROOT).parts
)


def blocks(*languages: str) -> list[Block]:
    """The blocks of all documents in one of these languages."""
    return [block for document in DOCUMENTS for block in document.blocks(*languages)]


def commands(block: Block) -> list[str]:
    """The commands of a console block: what follows `$ `, with its continuation lines."""
    found: list[str] = []
    continued = False
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif continued:
            found[-1] += "\n" + line
        continued = line.endswith("\\") and (line.startswith("$ ") or continued)
    return found
