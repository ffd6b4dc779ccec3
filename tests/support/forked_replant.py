"""A program `replant` for shells that is ready at once: a copy of a process that is ready.

Of the 0.45 s of processor time that a short command takes, 0.35 s are Python's imports. A process
makes them once; for each command it makes a copy of itself, with the files, the folder and the
variables of the shell. A command knows nothing of the commands before it.
"""

from __future__ import annotations

import importlib
import marshal
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from replant.cli.main import COMMANDS, main

#: What the shell starts; it imports so little that it takes 0.02 s.
_PROGRAM = """#!/bin/sh
exec '{python}' -I -S '{folder}/ask.py' "$@"
"""
_ASK = """
import marshal, os, socket, sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(os.path.join(os.path.dirname(__file__), "socket"))
    socket.send_fds(connection, [b"."], [0, 1, 2])
    connection.sendall(marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ))))
    connection.shutdown(socket.SHUT_WR)
    code = connection.recv(1)
    connection.recv(1)  # until the command has ended
sys.exit(code[0] if code else 70)
"""


@contextmanager
def forked_replant() -> Iterator[Path]:
    """Start the process that is ready; the folder with the program comes out."""
    with TemporaryDirectory(prefix="replant-") as name:
        folder = Path(name)
        (folder / "ask.py").write_text(_ASK)
        program = folder / "replant"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=folder))
        program.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "socket"))
            listener.listen()
            variables = {
                "LC_ALL": "C.UTF-8",
                "PYTHONWARNINGS": "ignore",
                "PATH": os.environ["PATH"],
            }
            with subprocess.Popen(
                [sys.executable, "-P", __file__, str(listener.fileno())],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=variables,
            ) as process:
                try:
                    yield folder
                finally:
                    process.kill()


def _serve(listener: socket.socket) -> None:
    """Answer each program with a copy of this process, which ends with the command."""
    for command in COMMANDS:
        importlib.import_module(f"replant.cli.{command.replace('-', '_')}")
    # Copies that have ended need nobody who waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run(connection)
        connection.close()


def _run(connection: socket.socket) -> None:
    """Run the command, and tell the program its exit code.

    The connection ends with the process, when all that runs at its exit has run.
    """
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # As Python does for a process that gets these files at its start.
    sys.stdin = os.fdopen(0, closefd=False, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", closefd=False, encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, encoding="utf-8")
    with connection.makefile("rb") as said:
        arguments, folder, variables = marshal.load(said)  # noqa: S302 - from `_ASK`
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:0] = variables.get("PYTHONPATH", "").split(os.pathsep)
    sys.path.insert(0, sysconfig.get_path("scripts"))
    sys.argv = ["replant", *arguments]
    try:
        main()
    except SystemExit as end:
        connection.sendall(bytes([end.code if isinstance(end.code, int) else 1]))
        raise


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
