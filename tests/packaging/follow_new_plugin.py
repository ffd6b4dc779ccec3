"""Make a project with `replant new-plugin`, and do what its README says.

    python tests/packaging/follow_new_plugin.py FOLDER

Python is one of an environment of its own, with the pip that came with it and with replant. Each
kind of project is made in FOLDER; the commands of its README run as they stand there, but that
`ID` and `TARGET` are an account and a database of a server that is started here.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

TABLES = "tables"
KINDS = (TABLES, "strategy", "format")
ACCOUNT = "0a0a0a0a-0000-4000-8000-00000000000a"
ROWS = f"""
INSERT INTO my_tables.account (id, name, email)
VALUES ('{ACCOUNT}', 'Acme', 'ada@acme.test'), (gen_random_uuid(), 'other', 'bob@other.test');
INSERT INTO my_tables.item (account_id, title) SELECT id, name FROM my_tables.account
"""
#: What stands for a server of the reader's own.
THEIR_SERVER = "postgresql://postgres@localhost/postgres"


def main(folder: Path) -> None:
    """Make a project of each kind, and run its commands."""
    programs = Path(sysconfig.get_path("scripts"))
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("PG")},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": sys.prefix,
    }
    for kind in KINDS:
        project = folder / kind
        run(
            f"replant new-plugin my-{kind} --kind {kind} --directory {project}", folder, environment
        )
        first, *others = commands(project)
        assert first.startswith("pip install"), first
        run(first, project, environment)
        if kind == TABLES:  # the tests of the others run elsewhere, and they choose no rows
            follow(others, project, environment)


def commands(project: Path) -> list[str]:
    """The commands of the README, in its order."""
    text = (project / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def follow(others: list[str], project: Path, environment: dict[str, str]) -> None:
    """Run the commands behind the installation, which brought the server."""
    # Only now is all of it there.
    import psycopg  # noqa: PLC0415

    from replant.testing.servers.server import embedded_server  # noqa: PLC0415

    with embedded_server() as server:
        source, target = server.create_database(), server.create_database()
        schema = (project / "src" / "replant_my_tables" / "schema.sql").read_text("utf-8")
        for database, rows in ((source, ROWS), (target, "")):
            with psycopg.connect(database.dsn) as connection:
                connection.execute((schema + rows).encode())
        environment = {**environment, "MY_TABLES_SOURCE": source.dsn}
        for command in others:
            asked = command.replace(THEIR_SERVER, server.dsn).replace("=ID", f"={ACCOUNT}")
            run(asked.replace("TARGET", shlex.quote(target.dsn)), project, environment)
        with psycopg.connect(target.dsn) as connection:
            found = connection.execute("SELECT title FROM my_tables.item").fetchall()
        assert found == [("Acme",)], found


def run(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a command as a shell does; what it prints is shown."""
    print(f"$ {command}", flush=True)
    subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
    print("the new projects do what their READMEs say")
