"""`replant completion`: prints what lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from replant.cli.main import COMPLETION_VARIABLE, replant


@click.command(epilog="Example: replant completion fish > ~/.config/fish/completions/replant.fish")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that lets bash, zsh or fish complete commands and options.

    Keep it where the shell looks for such scripts: bash in
    ~/.local/share/bash-completion/completions/replant, zsh in a folder of $fpath as _replant, fish
    in ~/.config/fish/completions/replant.fish. A new shell then knows it.
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    click.echo(found(replant, {}, "replant", COMPLETION_VARIABLE).source())
