"""`replant prove`: moves drawn rows of every table back and forth, in a copy of the structure."""

from __future__ import annotations

import secrets
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replant.cli import options
from replant.cli.screen import Coloured, Screen, console
from replant.config.connection_strings import connection_string
from replant.database.connections import translated
from replant.errors import DIFFERENCE_FOUND, UsageError
from replant.model.numbers import counted
from replant.testing.servers.server import Server, embedded_server, own_server

if TYPE_CHECKING:
    from replant.testing.conformance.round_trip import ReplayMethod
    from replant.testing.prove.proof import Failure, Proof

_ROUNDS = 25
_SEEDS = 2**32
_NO_HYPOTHESIS = "this draws rows with Hypothesis: pip install 'replant[testing]'"

_REGISTRY = "say in a registry which rows it takes"

#: So many tables are named in a line.
_NAMED = 5


@click.command(epilog="Example: replant prove --source postgresql://localhost/design --rounds 50")
@options.choosing_rows
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=_ROUNDS,
    show_default=True,
    help="How many sets of rows are drawn and moved.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Draw the same rows as another time. [default: another number each time]",
)
@click.option(
    "--server",
    metavar="DSN",
    help="A superuser of a server for two scratch databases. [default: one of its own]",
)
@options.quiet
def command(
    config: Path | None,
    rounds: int,
    seed: int | None,
    server: str | None,
    quiet: bool,
    **said: Any,
) -> int:
    """Prove that any rows arrive as they are, on a copy of the source's structure.

    Copies the structure into two scratch databases, fills the one with drawn rows, exports,
    replays with each strategy, and compares. Exit code 1 when something differs; then the
    smallest rows for which it does are printed as SQL. No row of the source is read.
    """
    settings = options.settings_of(config, **said)
    if None in map(find_spec, ("hypothesis", "sqlglot")):
        raise UsageError(_NO_HYPOTHESIS)
    from replant.testing.prove.proof import prove  # noqa: PLC0415 - needs the optional package
    from replant.testing.prove.proof_databases import prepare_proof  # noqa: PLC0415

    number = secrets.randbelow(_SEEDS) if seed is None else seed
    with (
        tempfile.TemporaryDirectory(prefix="replant-prove-") as folder,
        _server(server) as running,
        translated("scratch server"),
        prepare_proof(settings, running, Path(folder)) as stage,
        _shown(console(stderr=True), rounds, quiet=quiet) as progress,
    ):
        proof = prove(stage, rounds=rounds, seed_number=number, progress=progress)
        notes = stage.notes
    screen = console()
    if proof.failure is not None:
        for line in failure_lines(proof.failure):
            screen.print(line)
        if not quiet:
            again = f"--seed {number} --rounds {rounds}"
            console(stderr=True).print(Coloured(f"failed; the same again: {again}", "red"))
        return DIFFERENCE_FOUND
    if not proof.moved:
        raise UsageError(_nothing_moved(proof))
    if not quiet:
        for line in summary(proof, notes, seed=number):
            screen.print(line)
    return 0


@contextmanager
def _server(dsn: str | None) -> Iterator[Server]:
    """Start a server, or use that of the connection string."""
    if dsn is None:
        with embedded_server() as server:
            yield server
        return
    with own_server(connection_string(dsn, "")) as server:
        yield server


@contextmanager
def _shown(screen: Screen, rounds: int, *, quiet: bool) -> Iterator[Callable[[bool], None]]:
    """Show a bar of the rounds; after a failure, the number of attempts to make it smaller."""
    if quiet or not screen.is_terminal:
        yield lambda _: None
        return
    # What draws it takes a while to import.
    from replant.cli.progress_bar import rounds_bar  # noqa: PLC0415

    with rounds_bar(screen, rounds) as progress:
        yield progress


def failure_lines(failure: Failure) -> Iterator[str]:
    """Write what failed, and its rows, so that psql can run all of it."""
    scope = "".join(f" --scope {shlex.quote(f'{n}={v}')}" for n, v in failure.scope.items())
    step = {
        "export": f"replant export{scope} --strategy {failure.method.strategy}",
        "replay": f"replant replay --strategy {failure.method.strategy}",
        "verify": "a comparison of what arrived with these rows",
    }[failure.command]
    yield from _commented(
        f"These rows do not arrive as they are, by the {described(failure.method)}."
    )
    yield from _commented(f"What failed is {step}:")
    yield from _commented(f"  {failure.said}")
    yield failure.statements


def _commented(text: str) -> Iterator[str]:
    # A carriage return would end the comment as well.
    for line in text.splitlines():
        yield f"-- {line}"


def summary(proof: Proof, notes: Sequence[str], *, seed: int) -> Iterator[str]:
    """Say what was proved, and what was not."""
    methods = ", ".join(f"{method.strategy} ({_role(method)})" for method in proof.methods)
    rows = counted(proof.drawn, "row")
    rounds, moved = counted(proof.rounds, "round"), f"{proof.moved:,} of them exported"
    yield f"proved: {rounds}, {rows} drawn, {moved}"
    yield f"strategies: {methods}; seed {seed}"
    for grant in proof.granted:
        yield f"the role that may INSERT needed besides: {grant}"
    for name, reason in proof.never.items():
        if reason is not None:
            yield f"{name} never had a row ({reason}): nothing is proved of it; {_REGISTRY}"
    missed = [name for name, reason in proof.never.items() if reason is None]
    if missed:
        yield f"no row was drawn for {_few(missed)}: nothing is proved of them; try more --rounds"
    if proof.unmoved:
        yield f"no row was ever exported of {_few(proof.unmoved)}"
    yield from notes[:_NAMED]
    if len(notes) > _NAMED:
        yield f"and {len(notes) - _NAMED} more"


def described(method: ReplayMethod) -> str:
    """Describe a method of replay for people."""
    return f"strategy {method.strategy}, {_role(method)}"


def _role(method: ReplayMethod) -> str:
    return "as a superuser" if method.role is None else "as a role that may INSERT"


def _nothing_moved(proof: Proof) -> str:
    """Say why a proof proves nothing."""
    tried = f"nothing was proved: in {counted(proof.rounds, 'round')} no row was exported"
    reasons = [f"{name}: {reason}" for name, reason in proof.never.items() if reason]
    why = _few(reasons) or proof.passed_over
    if not proof.drawn and why:
        return f"{tried} ({why}); {_REGISTRY}, or look at what is chosen with replant plan"
    return f"{tried} of {proof.drawn} that were drawn; look at what is chosen with replant plan"


def _few(names: Sequence[object]) -> str:
    listed = ", ".join(map(str, names[:_NAMED]))
    more = len(names) - _NAMED
    return f"{listed} and {more} more" if more > 0 else listed
