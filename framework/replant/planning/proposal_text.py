"""A proposal as the text of a `replant.toml`, with its reasons as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replant.config.toml_text import array, comment, key, string
from replant.model import RelationName
from replant.planning.proposal import Proposal
from replant.planning.proposal_notes import Note
from replant.planning.tenancy import ScopeColumn

#: So much of a list is shown in a comment.
_MOST_LINES = 15
_MOST_CHOICES = 3

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def as_toml(proposal: Proposal, source: str, target: str) -> str:
    """The text of the file; `source` and `target` are environment variables."""
    blocks = [
        _head(proposal),
        ["[source]", f"dsn = {string(f'env:{source}')}"],
        ["[target]", f"dsn = {string(f'env:{target}')}"],
        _scope(proposal),
        _plugins(proposal),
        *(_note(note) for note in proposal.notes),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(proposal: Proposal) -> list[str]:
    lines = [
        f"A proposal for the database {proposal.database!r}, from what its {proposal.tables} "
        f"tables look like to the role {proposal.role!r}. Read it, and change what is wrong: "
        f"names and references only suggest what tables are for.",
        "`replant plan` shows what would be exported. What is commented out is a choice.",
    ]
    return [line for text in lines for line in comment(text)]


def _scope(proposal: Proposal) -> list[str]:
    if not proposal.scopes:
        return []
    lines = ["[scope]"]
    for name in proposal.scopes:
        column = proposal.scope_column
        if column is not None:
            lines += comment(_why_scope(column, proposal))
        value = proposal.values.get(name)
        if value is None:
            lines += comment("Whose rows: say it here, or each time with --scope.")
            lines.append(f'# {key(name)} = "…"')
        else:
            lines += comment(
                "Whose rows. This is the first value that is there: say another one here, or each "
                "time with --scope."
            )
            lines.append(f"{key(name)} = {string(value)}")
    return lines


def _why_scope(column: ScopeColumn, proposal: Proposal) -> str:
    kept = proposal.tables - len(proposal.excluded)
    text = f"{column.name} stands in {len(column.holders)} of {kept} tables"
    if column.references is not None:
        text += f", and holds the key of {column.references}"
    if column.nullable:
        listed = ", ".join(map(str, column.nullable))
        text += f". It may be NULL in {listed}: such rows belong to nobody, and stay behind"
    return f"{text}."


def _plugins(proposal: Proposal) -> list[str]:
    if proposal.plugins:
        why = "These plugins were written for these very tables, and choose the rows."
        return ["[plugins]", *comment(why), f"enable = {array(proposal.plugins)}"]
    lines = ["[plugins.schemas]", f"include = {array(_pattern(s) for s in proposal.schemas)}"]
    if proposal.excluded:
        names = [exact(left.table) for left in proposal.excluded]
        whys = [left.why for left in proposal.excluded]
        lines += ["", f"exclude = {array(names, comments=whys)}"]
    return [*lines, "", *_rows(proposal)]


def _rows(proposal: Proposal) -> list[str]:
    """Which rows: those of the scope, or those that belong to a root, or all."""
    roots = _other_roots(proposal)
    if proposal.scope_column is not None:
        why = (
            "The rows with the scope's value in this column, with all that they reference and all "
            "that belongs to them. The rows of a root in its place, with the same, would be:"
        )
        if not roots:
            why = why.partition(" The rows of a root")[0]
        others = [
            text
            for other in proposal.other_scope_columns[:_MOST_CHOICES]
            for text in comment(f"scope_column = {string(other.name)}")
        ]
        name = string(proposal.scope_column.name)
        return [*comment(why), *roots, *others, f"scope_column = {name}"]
    if not proposal.roots:
        return [*comment("All rows of these tables: no table references another.")]
    head = comment(
        "The rows of a root, with all that they reference, and all that references them. Without "
        "a root, all rows of all these tables are exported. Others to begin with:"
    )
    if proposal.root_condition is None:
        return [*head, *roots]
    root = f"{exact(proposal.roots[0].name)}: {proposal.root_condition}"
    return [*head, *roots, f"roots = {array([root])}"]


def _other_roots(proposal: Proposal) -> Iterator[str]:
    raise NotImplementedError


def _note(note: Note) -> list[str]:
    shown = note.lines[:_MOST_LINES]
    more = len(note.lines) - len(shown)
    lines = [*comment(f"{note.title}:")]
    for text in (*shown, *([f"and {more} more"] if more else [])):
        lines += comment(text, indent="").__iter__()
    return lines


def exact(name: RelationName) -> str:
    """A table as configurations name it, and as a pattern that matches it alone."""
    return f"{_part(name.schema)}.{_part(name.name)}"


def _pattern(schema: str) -> str:
    return f"{_part(schema)}.*"


def _part(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
