"""`replant new-plugin`: writes the project of a plugin, with tests that pass."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from replant.cli.screen import console
from replant.errors import OutputError, UsageError
from replant.plugins import discovery
from replant.testing.scaffold.project import KINDS, ProjectNames, project_files


@click.command(epilog="Example: replant new-plugin my-shop")
@click.argument("name")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The project's folder, which must not hold anything yet. [default: replant-NAME]",
)
@click.option(
    "--kind",
    type=click.Choice([*KINDS]),
    default="tables",
    help="What the plugin is for: tables, a strategy or a format. [default: tables]",
)
def command(name: str, directory: Path | None, kind: str) -> None:
    """Write a project for a plugin, with tests that pass.

    It registers the tables of a small schema and masks a value; or it orders loads, or writes rows
    in a format. It holds the conformance suite, and a workflow that runs it on each push, with
    drift and prove where it has tables. Its README says how to make it yours.
    """
    try:
        names = ProjectNames.of(name)
    except ValueError as error:
        raise UsageError(str(error)) from error
    _check_free(names)
    folder = directory or Path(names.distribution)
    _write(folder, project_files(names, kind))
    screen = console()
    screen.print(f"{folder}: the plugin {names.plugin}, with tests of its own:")
    screen.print(f"  cd {shlex.quote(str(folder))}")
    screen.print("  pip install --editable '.[test]'")
    screen.print("  python -m pytest")


def _check_free(names: ProjectNames) -> None:
    for candidate in discovery.find():
        if candidate.name == names.plugin and candidate.distribution != names.distribution:
            raise UsageError(f"the {candidate} is installed already; choose another name")


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write all files into a folder that is empty, or not there yet.

    Raises:
        OutputError: it holds something, or cannot be written.

    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder} exists already; choose another folder with --directory")
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
