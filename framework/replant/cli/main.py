"""The command `replant`: finds the module of a command, and turns errors into one clear line.

Nothing that costs time is imported before it is known which command runs: `replant --help` should
feel instant.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem, shell_complete

from replant import __version__
from replant.errors import INTERRUPTED, UNFORESEEN, OutputError, ReplantError

#: The commands in the order in which `--help` lists them, each with its one line there.
COMMANDS = {
    "demo": "Move a tenant between two databases of its own, and prove it.",
    "init": "Look at a database, and propose a configuration for it.",
    "copy": "Copy rows from one database to another, and verify them.",
    "plan": "Show what an export would do, before any row is read.",
    "export": "Write the chosen rows of a database as an artifact.",
    "replay": "Load an artifact into a database: all its rows, or none.",
    "verify": "Compare the rows of a database with those of an artifact.",
    "show": "Describe an artifact, and check it, without a database.",
    "sync": "Make the owned rows of a database those of an artifact.",
    "remove": "Delete the owned rows of an artifact from a database.",
    "diff": "Compare two artifacts or databases, row by row.",
    "why": "Explain by which path a row is exported, or why it is not.",
    "drift": "Compare what tables were made for with what a database has now.",
    "prove": "Prove on a copy of the structure that any rows arrive as they are.",
    "plugins": "List the installed plugins, and which are enabled.",
    "new-plugin": "Write a project for a plugin, with tests that pass.",
    "completion": "Print what lets a shell complete commands and options.",
}


#: Python looks for garbage when there are so many new objects. After each 700, as it does by
#: default, it takes a fifth of the time of a command that only plans, and finds next to none.
_NEW_OBJECTS = 50_000

#: By which a shell asks for completions; click documents its values.
COMPLETION_VARIABLE = "_REPLANT_COMPLETE"


class Commands(click.Group):
    """A group that imports a command's module when the command is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of their use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"replant.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from replant.model.names import did_you_mean  # noqa: PLC0415 - costs time at each start

            meant = did_you_mean(args[0], COMMANDS, "; did you mean {!r}?")
            ctx.fail(f"there is no command {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without importing any."""
        found = [
            CompletionItem(name, help=line)
            for name, line in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: replant demo",
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="replant")
@click.pass_context
def replant(context: click.Context) -> None:
    """Move rows between PostgreSQL databases: exactly, without a superuser, with proof."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of its outcome."""
    asked = os.environ.get(COMPLETION_VARIABLE)
    if asked is not None:
        sys.exit(shell_complete(replant, {}, "replant", COMPLETION_VARIABLE, asked))
    signal.signal(signal.SIGTERM, _as_interrupt)
    gc.set_threshold(_NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        # Names and values may have characters that the terminal's encoding has not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:] if arguments is None else arguments)
    # All goes with the process: to look for garbage among it first took 0.08 s.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; what went wrong is one clear line on standard error.

    Returns:
        The exit code.

    """
    try:
        # Not `replant(…)`: click's own main would answer Ctrl-C with an empty line of its own.
        with replant.make_context("replant", list(arguments)) as context:
            outcome: Any = replant.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        _complain("interrupted; nothing half-done was kept")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last one that can say anything at all
        return _failed(error, arguments)
    return outcome if isinstance(outcome, int) else 0


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """Report an error on one line; return its exit code."""
    match error:
        case click.ClickException():
            _complain(_usage(error, arguments))
            return error.exit_code
        case ReplantError():
            _complain(str(error))
            return error.exit_code
        case OSError(filename=None):
            return _unwritten(error)
        case _:
            return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    """Report a fault of replant itself on one line; REPLANT_TRACEBACK shows where it is."""
    if os.environ.get("REPLANT_TRACEBACK"):
        traceback.print_exception(error)
    _complain(
        f"an error that was not foreseen: {type(error).__name__}: {' '.join(str(error).split())}; "
        f"please report it, with what REPLANT_TRACEBACK=1 prints"
    )
    return UNFORESEEN


def _unwritten(error: OSError) -> int:
    """Report that standard output takes no more, and keep Python from writing the rest at exit."""
    sys.stdout = None
    if isinstance(error, BrokenPipeError):
        return 1  # its reader has gone, and knows
    _complain(f"standard output cannot be written: {error.strerror}")
    return OutputError.exit_code


def _usage(error: click.ClickException, arguments: Sequence[str]) -> str:
    """Say on one line what is wrong with the command line, and where help is.

    What click finds before it has read all options does not say of which command they are.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = [word for word in arguments if word in COMMANDS][:1]
    path = context.command_path if context else " ".join(["replant", *command])
    return f"{error.format_message().rstrip('.')}; see {path} --help"


def _complain(message: str) -> None:
    for line in message.splitlines():
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        # click looks at the terminal, but not at NO_COLOR (no-color.org).
        colour = False if os.environ.get("NO_COLOR") else None
        click.secho("replant: ", err=True, nl=False, fg="red", bold=True, color=colour)
        click.echo(shown, err=True)


def _as_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
