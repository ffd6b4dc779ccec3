"""Writes a proposal as the text of a `replant.toml`, with its reasons as comments."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator

from replant.config.toml_text import array, comment, key, printable, string
from replant.model import RelationName
from replant.proposal.notes import Note
from replant.proposal.personal_columns import PersonalColumn
from replant.proposal.proposal import Proposal
from replant.proposal.scope_column import ScopeColumn

#: This much of a list is shown in a comment, so that the file can be read.
_MOST_LINES = 15
_MOST_CHOICES = 3

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def as_toml(proposal: Proposal, source: str, target: str) -> str:
    """Write the text of the file; `source` and `target` are environment variables."""
    blocks = [
        _head(proposal),
        ["[source]", f"dsn = {string(f'env:{source}')}"],
        ["[target]", f"dsn = {string(f'env:{target}')}"],
        _scope(proposal),
        _plugins(proposal),
        *_likely(proposal),
        *_referenced(proposal),
        _masks(proposal),
        *(_note(note) for note in proposal.notes),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(proposal: Proposal) -> list[str]:
    what = (
        f"A proposal for the database {proposal.database!r}, from what its {proposal.tables} "
        f"tables look like to the role {proposal.role!r}. Read it, and change what is wrong: names "
        f"and references only suggest what tables are for."
    )
    how = "`replant plan` shows what would be exported. What is commented out is a choice."
    return [*comment(what), *comment(how)]


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
        text += f". It may be NULL in {listed}: such rows come where others reference them"
    return f"{text}."


def _plugins(proposal: Proposal) -> list[str]:
    if proposal.plugins:
        why = "These plugins were written for these very tables, and choose the rows."
        return ["[plugins]", *comment(why), f"enable = {array(proposal.plugins)}"]
    lines = ["[plugins.schemas]", f"include = {array(_pattern(s) for s in proposal.schemas)}"]
    if proposal.excluded:
        names = [exact(left.table) for left in proposal.excluded]
        whys = [left.why for left in proposal.excluded]
        lines += ["", f"exclude = {array(names, reasons=whys)}"]
    return [*lines, "", *_rows(proposal)]


def _rows(proposal: Proposal) -> list[str]:
    """Write which rows are exported: those of the scope, those of a root, or all."""
    if proposal.scope_column is not None:
        why = (
            "The rows that hold the scope's value in this column, all that they reference, and all "
            "that belongs to them."
        )
        others = [
            f"# scope_column = {string(other.name)}"
            for other in proposal.other_scope_columns[:_MOST_CHOICES]
        ]
        name = string(proposal.scope_column.name)
        return [*comment(why), f"scope_column = {name}", *others, *_roots(proposal, 0)]
    if not proposal.roots:
        return [*comment("No table stands out to begin with: all rows of these are exported.")]
    if proposal.root_condition is None:
        why = (
            "All rows of these tables are exported, unless it is said with which rows to begin: "
            "then those, all that they reference, and all that belongs to them."
        )
        return [*comment(why), *_roots(proposal, 0)]
    why = (
        "The rows to begin with: they come with all that they reference, and all that belongs to "
        "them. This is the first row that is there; say another condition, or begin elsewhere."
    )
    root = f"{exact(proposal.roots[0].name)}: {proposal.root_condition}"
    explain_in_database = (
        "What belongs to a row that is only referenced stays behind, unless it is to follow:"
    )
    follow = ["", *comment(explain_in_database), '# children = "follow"']
    return [*comment(why), f"roots = {array([root])}", *_roots(proposal, 1), *follow]


def _referenced(proposal: Proposal) -> Iterator[list[str]]:
    why = (
        "Rows of these tables are exported only where others reference them, so the target may "
        "hold them already. A replay skips those that are equal, and refuses those that differ."
    )
    for place, name in enumerate(proposal.referenced):
        yield [
            *(comment(why) if place == 0 else ()),
            "[[tables]]",
            f"name = {string(exact(name))}",
            'on_conflict = "same"',
        ]


def _likely(proposal: Proposal) -> Iterator[list[str]]:
    """Write references that no foreign key declares, as choices in comments."""
    why = (
        "These columns look like references, by name and type, though no foreign key says so. To "
        "follow one, take its marks away."
    )
    for place, likely in enumerate(proposal.likely[:_MOST_LINES]):
        lines = [*(comment(why) if place == 0 else ()), "# [[plugins.schemas.references]]"]
        lines.append(f"# table = {string(exact(likely.table))}")
        if likely.type_column is not None:
            lines.append(f"# columns = {array([likely.column])}")
            lines.append(f"# type_column = {string(likely.type_column)}")
            lines.append('# targets = { "…" = "schema.table" }')
        elif likely.references is not None:
            name = string(exact(likely.references))
            own = string(likely.column) if likely.elements else array([likely.column])
            lines.append(f"# {'array' if likely.elements else 'columns'} = {own}")
            lines.append(f"# references = {name}")
        yield lines
    more = len(proposal.likely) - _MOST_LINES
    if more > 0:
        yield [f"# and {more} more such columns"]


def _masks(proposal: Proposal) -> list[str]:
    """Write masks for what looks personal, as a choice in comments."""
    if not proposal.personal:
        return []
    why = (
        "These columns look personal or secret, by name and type. To mask them, delete the # "
        "in front, and put a secret into this variable."
    )
    if proposal.plugins:
        why += " Add 'mask' to [plugins] enable as well."
    return [
        *comment(why),
        "# [plugins.mask]",
        '# secret = "env:MASK_SECRET"',
        "# [plugins.mask.columns]",
        *(f"# {string(_pattern_of(item))} = {string(item.kind)}" for item in proposal.personal),
    ]


def _pattern_of(item: PersonalColumn) -> str:
    """Write the pattern that matches this column alone."""
    return glob.escape(f"{item.table.schema}.{item.table.name}.{item.name}")


def _roots(proposal: Proposal, first: int) -> list[str]:
    """List tables to begin with, as choices in comments."""
    return [
        f"# roots = {array([f'{exact(root.name)}: {root.key_in_sql} = …'])}"
        for root in proposal.roots[first:]
    ]


def _note(note: Note) -> list[str]:
    shown = list(note.lines[:_MOST_LINES])
    if len(note.lines) > _MOST_LINES:
        shown.append(f"and {len(note.lines) - _MOST_LINES} more")
    return [*comment(f"{note.title}:"), *(f"#   {printable(text)}" for text in shown)]


def exact(name: RelationName) -> str:
    """Write a table as configurations name it, as a pattern that matches it alone."""
    return f"{_part(name.schema)}.{_part(name.name)}"


def _pattern(schema: str) -> str:
    return f"{_part(schema)}.*"


def _part(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
