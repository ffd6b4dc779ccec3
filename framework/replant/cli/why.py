"""`replant why`: shows by which path a row is exported, or why it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replant import api
from replant.cli import options
from replant.cli.screen import console
from replant.errors import DIFFERENCE_FOUND, UsageError
from replant.explain.explanation import Explanation
from replant.model import Root

_FORM = "'schema.table: condition', such as 'public.orders: id = 5'"


@click.command(epilog="Example: replant why customer.sql 'public.orders: id = 5'")
@click.argument("words", nargs=-1, required=True, metavar="[ARTIFACT|CONFIG] 'TABLE: CONDITION'")
@options.choosing_rows
def command(words: tuple[str, ...], config: Path | None, **said: Any) -> int:
    """Explain by which path a row is exported, or why it is not.

    The path leads along foreign keys back to a root, or to a row that was chosen for itself. It is
    searched in an artifact, which needs no database; or in the source, where the rows are chosen
    as a configuration file (*.toml) and the options say. In an artifact, a condition is column =
    value, or several of these joined by AND; in the source it is any SQL condition.

    Exit code 0 when the rows are exported, 1 when they are not.
    """
    *where, question = words
    if len(where) > 1:
        raise UsageError(f"{len(words)} arguments are too many; give one artifact, and {_FORM}")
    asked = _asked(question)
    if where and Path(where[0]).suffix != ".toml":
        answer = _in_artifact(where[0], asked, {"config": config, **said})
    else:
        if where and config is not None:
            raise UsageError("two configuration files are given; leave one out")
        answer = api.why(options.settings_of(Path(where[0]) if where else config, **said), asked)
    console().print(str(answer))
    return 0 if answer.exported else DIFFERENCE_FOUND


def _asked(text: str) -> Root:
    try:
        return Root.parse(text)
    except ValueError:
        raise UsageError(f"{text!r} cannot be asked; write {_FORM}") from None


def _in_artifact(path: str, asked: Root, said: dict[str, Any]) -> Explanation:
    given = [f"--{name.replace('_', '-')}" for name, value in said.items() if value]
    if given:
        raise UsageError(
            f"{path} is asked for the rows that are in it, whatever {given[0]} says; leave that "
            f"out, or name a configuration file, which ends with .toml"
        )
    return api.why_in_artifact(path, asked)
