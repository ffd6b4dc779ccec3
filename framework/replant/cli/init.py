"""`replant init`: proposes a `replant.toml` for a database."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from replant import api
from replant.artifact.atomic_output import STANDARD_OUTPUT, check_writable, whole_file
from replant.cli import options
from replant.cli.screen import console
from replant.config.connection_strings import SOURCE_VARIABLE, TARGET_VARIABLE
from replant.model import Settings
from replant.model.numbers import counted
from replant.proposal.proposal import Proposal
from replant.proposal.proposal_toml import as_toml

_ENVIRONMENT = "env:"


@click.command(epilog="Example: replant init --source postgresql://localhost/shop")
@options.together(
    options.source,
    click.option(
        "--schema",
        "schemas",
        metavar="NAME",
        multiple=True,
        help="Look at this schema and at no other. Repeatable. [default: all]",
    ),
    click.option(
        "-o",
        "--output",
        metavar="FILE",
        default="replant.toml",
        help="Where the proposal goes; - is standard output. [default: replant.toml]",
    ),
    click.option("--force", is_flag=True, help="Replace a file that exists."),
    options.quiet,
)
def command(
    source: str | None, schemas: tuple[str, ...], output: str, force: bool, quiet: bool
) -> None:
    """Look at a database, and propose a configuration for it.

    The file says which tables and rows to export, with the reason for each choice: a column that
    says whose a row is, if one stands out, or else rows to begin with; tables to leave out, such
    as logs and sessions; and what else there is to know, such as foreign keys without an index.
    It holds no password, and no data but one number or uuid as an example.
    """
    check_writable(output, force=force)
    proposal = api.propose(Settings(source=source), schemas)
    variable = SOURCE_VARIABLE
    if source is not None and source.startswith(_ENVIRONMENT):
        variable = source.removeprefix(_ENVIRONMENT)
    with whole_file(output, force=force) as file:
        file.write(as_toml(proposal, variable, TARGET_VARIABLE).encode())
    if not quiet:
        screen = console(stderr=True)
        for line in _summary(proposal, output, variable):
            screen.print(line)


def _summary(proposal: Proposal, output: str, variable: str) -> Iterator[str]:
    where = "standard output" if output == STANDARD_OUTPUT else output
    yield f"proposed for {counted(proposal.tables, 'table')} of {proposal.database}: {where}"
    yield f"  {_rows(proposal)}"
    if proposal.excluded:
        yield f"  left out: {', '.join(str(left.table) for left in proposal.excluded)}"
    config = "" if output == "replant.toml" else f" -c {shlex.quote(output)}"
    missing = [name for name in proposal.scopes if name not in proposal.values]
    scope = "".join(f" --scope {shlex.quote(name)}=…" for name in missing)
    yield f"next: read it, set {variable} to where the database is, and see what it would export:"
    yield f"  replant plan{'' if output == STANDARD_OUTPUT else config}{scope}"


def _rows(proposal: Proposal) -> str:
    if proposal.plugins:
        return f"rows: as the plugins {', '.join(proposal.plugins)} choose them"
    if proposal.scope_column is not None:
        return f"rows: those of one {proposal.scope_column.name}, with what belongs to them"
    if proposal.root_condition is not None:
        root = f"{proposal.roots[0].name}: {proposal.root_condition}"
        return f"rows: those of the root {root}, with what belongs to them"
    return "rows: all"
