"""Documents that are run from top to bottom, as a reader would, in one shell.

A document and a stage come in; for each command what the document says it prints and what it did
print come out. In what a document says, `…` stands for any text, and on a line of its own for any
lines.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO

import tomli
from attrs import frozen

from replant.testing.servers.server import Server, embedded_program
from tests.docs.documents import Block, Document
from tests.docs.stages import EXECUTED, Stage

_MARK = "\x1ddone\x1d"
_MARKED = re.compile(rf"{_MARK} (\d+)\n\Z")
#: Seconds for one command; a machine that does much else is slow.
_PATIENCE = 60.0


@frozen
class Said:
    """A command of a document: what it is said to print, and what it printed.

    Attributes:
        code: its exit code. A reader expects 0, unless the next command asks for it.

    """

    block: Block
    command: str
    wanted: str
    printed: str
    code: int = 0

    @property
    def fits(self) -> bool:
        """Whether it printed what the document says."""
        return _pattern(self.wanted).fullmatch(self.printed) is not None


def perform(
    document: Document, server: Server, folder: Path, programs: Path | None = None
) -> list[Said]:
    """Run a document; what each of its commands was said to print, and printed.

    Programs in the folder `programs` stand in for those that are installed.
    """
    with EXECUTED[document.path](server, folder) as stage, _shell(stage, programs) as shell:
        return [said for block in document.blocks() for said in _perform(block, shell)]


def _perform(block: Block, shell: _Shell) -> Iterator[Said]:
    match block.language, block.word:
        case _, "file":
            path = shell.folder / block.argument
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        case "python", "run":
            path = shell.folder / ".run.py"
            path.write_text(block.text, encoding="utf-8")
            yield Said(block, "python", "", *shell.run("python .run.py"))
        case "console", "install":
            _install(shell.folder)
        case "console", "background":
            for command, wanted in _said(block):
                yield Said(block, command, wanted, shell.start(command, wanted))
        case "console", "":
            for command, wanted in _said(block):
                yield Said(block, command, wanted, *shell.run(command))


def _said(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    found: list[tuple[str, str]] = []
    continued = False
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif continued:
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
            continue
        continued = line.endswith("\\")
    return found


def _pattern(wanted: str) -> re.Pattern[str]:
    parts = []
    for line in wanted.splitlines():
        if line == "…":
            parts.append(r"(?:.*\n)*")
        else:
            # Tables are padded to their widest cell; nobody sees the blanks at a line's end.
            parts.append(re.escape(line.rstrip()).replace("…", ".*") + r" *\n")
    return re.compile("".join(parts))


def _install(folder: Path) -> None:
    """Let the project's entry points be found, as an editable installation does, without pip."""
    project = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    for earlier in folder.glob("*.dist-info"):
        shutil.rmtree(earlier)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


class _Shell:
    """One bash that runs command after command; standard error goes with standard output."""

    def __init__(self, stage: Stage, process: subprocess.Popen[str]) -> None:
        self.folder = stage.folder
        self._process = process
        self._running: list[subprocess.Popen[str]] = []

    def run(self, command: str) -> tuple[str, int]:
        """What a command printed, and its exit code, which the shell keeps in `$?`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        impatient = Timer(_PATIENCE, os.killpg, [self._process.pid, signal.SIGKILL])
        impatient.start()
        end = f'_code=$?; printf "{_MARK} $_code\\n"; (exit $_code)'
        self._process.stdin.write(f"{command}\n{end}\n")
        self._process.stdin.flush()
        printed = ""
        try:
            while (marked := _MARKED.search(printed)) is None:
                line = self._process.stdout.readline()
                assert line, f"the shell ended, or did for {_PATIENCE} s nothing but {command!r}"
                printed += line
        finally:
            impatient.cancel()
        return printed[: marked.start()], int(marked[1])

    def start(self, command: str, wanted: str) -> str:
        """Start a command that keeps running, and wait until it has printed what is wanted."""
        log = self.folder / ".background.log"
        with log.open("wb") as output:
            self._running.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec {command}"],
                    cwd=self.folder,
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            printed = log.read_text(encoding="utf-8")
            if _pattern(wanted).fullmatch(printed) or self._running[-1].poll() is not None:
                break
            time.sleep(0.05)
        return log.read_text(encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        printed, _ = self.run("env -0 | tr '\\n\\0' ' \\n'")
        return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)

    def close(self) -> None:
        """End what was started, as a reader does: by Enter, then by patience's end."""
        for process in self._running:
            _end(process, process.stdin)
        _end(self._process, self._process.stdin)


def _end(process: subprocess.Popen[str], standard_input: IO[str] | None) -> None:
    assert standard_input is not None
    standard_input.close()
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def _shell(stage: Stage, first: Path | None) -> Iterator[_Shell]:
    programs = [str(Path(sys.executable).parent), os.environ["PATH"], _embedded_programs()]
    if first is not None:
        programs.insert(0, str(first))
    kept = {
        name: os.environ[name] for name in ("HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ
    }
    variables = {
        **kept,
        "PATH": os.pathsep.join(programs),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([str(stage.folder), os.environ.get("PYTHONPATH", "")]),
        "PYTHONWARNINGS": "ignore",
        "PSQLRC": os.devnull,
        **stage.variables,
    }
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        cwd=stage.folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        shell = _Shell(stage, process)
        try:
            yield shell
        finally:
            shell.close()


def _embedded_programs() -> str:
    return str(embedded_program("psql").parent)


def unexpected_failures(outcomes: list[Said]) -> list[Said]:
    """The commands that failed without the document asking for their exit code next."""
    following = [*outcomes[1:], None]
    return [
        said
        for said, after in zip(outcomes, following, strict=True)
        if said.code and not (after and after.block == said.block and after.command == "echo $?")
    ]


def _shortened(printed: str, wanted: str) -> str:
    """What was printed, with `…` in those lines where the document had it."""
    short = [line for line in wanted.splitlines() if "…" in line and line != "…"]
    lines = []
    for line in printed.splitlines(keepends=True):
        fitting = (f"{said}\n" for said in short if _pattern(said).fullmatch(line))
        lines.append(next(fitting, line))
    return "".join(lines)


def rewritten(text: str, outcomes: list[Said]) -> str:
    """The document's text with what its commands printed in place of what it said."""
    lines = text.split("\n")
    blocks = {said.block.line: said.block for said in outcomes}
    for number, block in sorted(blocks.items(), reverse=True):
        made: list[str] = []
        for said in (said for said in outcomes if said.block.line == number):
            shown = said.wanted if said.fits else _shortened(said.printed, said.wanted)
            made += [f"$ {said.command}", *(line.rstrip() for line in shown.splitlines())]
        if block.language == "console":
            start = number - 1
            lines[start : start + block.text.count("\n")] = "\n".join(made).split("\n")
    return "\n".join(lines)
