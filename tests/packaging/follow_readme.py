"""Do what the example plugin's README says, with what is installed in this environment.

    python tests/packaging/follow_readme.py docs/examples/replant-notes

It starts a PostgreSQL of its own, with a source that holds two workspaces and a target that holds
none; then it runs the README's `replant` commands in their order, and looks at what they left.
The role that writes may only INSERT, and the role that reads may only SELECT.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import psycopg

from replant.model import RelationName
from replant.testing.servers.server import Database, Server, embedded_server, grant

MOVED = "0a0a0a0a-0000-4000-8000-00000000000a"
STAYS = "0b0b0b0b-0000-4000-8000-00000000000b"
TABLES = [RelationName("notes", name) for name in ("workspace", "note", "tag", "note_tag")]
KINDS = ["plugins", "plan", "export", "replay", "verify", "export"]
HOOKS = ["register_tables", "transform_value", "render_row"]
EXPECTED = {"notes.workspace": 1, "notes.note": 50, "notes.tag": 3, "notes.note_tag": 50}

#: Two workspaces with notes in trees; only the one that stays uses the word `elsewhere`.
ROWS = f"""
INSERT INTO notes.workspace (id, name, owner_email)
VALUES ('{MOVED}', 'Acme', 'ada@acme.test'), ('{STAYS}', 'elsewhere', 'bob@elsewhere.test');
INSERT INTO notes.tag SELECT n, (ARRAY['red', 'green', 'blue', 'elsewhere'])[n]
FROM generate_series(1, 4) AS n;
INSERT INTO notes.note (id, workspace_id, parent_id, author_email, title, body)
OVERRIDING SYSTEM VALUE
SELECT n, uuid '{MOVED}', nullif(n + 1, 51), 'ada@acme.test', 'Note ' || n, 'Call 030 1234567' || n
FROM generate_series(1, 50) AS n
UNION ALL
SELECT n, uuid '{STAYS}', nullif(n - 1, 100), 'bob@elsewhere.test', 'elsewhere', 'elsewhere ' || n
FROM generate_series(101, 120) AS n;
INSERT INTO notes.note_tag SELECT id, CASE WHEN id > 100 THEN 4 ELSE 1 + id % 3 END FROM notes.note
"""


class UnexpectedError(Exception):
    """The walk did not lead where the README says."""


def main(example: Path) -> None:
    """Follow the README of the example in this folder.

    Raises:
        UnexpectedError: a command failed, or left something else than it should.

    """
    with embedded_server() as server, tempfile.TemporaryDirectory() as name:
        source, target = server.create_database(), server.create_database()
        _fill(source, target, example)
        folder = Path(name)
        for file in example.glob("*.toml"):
            (folder / file.name).write_bytes(file.read_bytes())
        environment = _environment(server, source, target)
        output = {command: _run(command, folder, environment) for command in commands(example)}
        _check_output(output)
        _check_rows(target)
        _check_files(folder)


def commands(example: Path) -> list[str]:
    """The README's `replant` commands, in its order."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (example / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    found = [line for block in blocks for line in block.splitlines() if line.startswith("replant ")]
    kinds = [command.split()[1] for command in found]
    _expect("the README's commands", kinds, KINDS)
    return found


def _fill(source: Database, target: Database, example: Path) -> None:
    schema = (example / "src" / "replant_notes" / "schema.sql").read_bytes()
    for database in (source, target):
        with psycopg.connect(database.dsn) as connection:
            connection.execute(schema)
    with psycopg.connect(source.dsn) as connection:
        connection.execute(ROWS.encode())


def _environment(server: Server, source: Database, target: Database) -> dict[str, str]:
    writer, reader = server.create_role("notes_writer"), server.create_role("notes_reader")
    grant(target, writer, "INSERT", TABLES)
    grant(target, reader, "SELECT", TABLES)
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("PG")},
        "NOTES_SOURCE": source.dsn,
        "NOTES_WRITER": target.as_role(writer),
        "NOTES_READER": target.as_role(reader),
    }


def _run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What the command prints on both streams."""
    print(f"$ {command}", flush=True)
    program = Path(sysconfig.get_path("scripts"), "replant")
    done = subprocess.run(
        [program, *shlex.split(command)[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    print(done.stdout, flush=True)
    _expect(f"the exit code of `{command}`", done.returncode, 0)
    return done.stdout


def _check_output(output: dict[str, str]) -> None:
    plugins, plan, export, replay, verify, _ = output.values()
    [line] = [line for line in plugins.splitlines() if line.startswith("notes ")]
    _expect(
        "the line of the plugin",
        line.replace(",", "").split(),
        ["notes", "yes", "replant-notes", "1.0.0", *HOOKS, "jsonl"],
    )
    rows = sum(EXPECTED.values())
    for text, words in (
        (plan, f"{rows} rows in {len(EXPECTED)} tables"),
        (export, f"exported {rows} rows"),
        (replay, f"replayed {rows} rows"),
        (verify, f"{rows} rows of {len(EXPECTED)} tables are equal"),
    ):
        _expect(f"whether {words!r} is said", words in text, True)


def _check_rows(target: Database) -> None:
    with psycopg.connect(target.dsn) as connection:
        for table, expected in EXPECTED.items():
            rows = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            _expect(f"the number of rows in {table}", rows, (expected,))
        addresses = connection.execute(
            "SELECT author_email FROM notes.note UNION SELECT owner_email FROM notes.workspace"
        ).fetchall()
        _expect("how many masks the one person has", len(addresses), 1)
        bodies = connection.execute("SELECT DISTINCT body FROM notes.note").fetchall()
        _expect("the notes' bodies", bodies, [("Call [telephone]",)])


def _check_files(folder: Path) -> None:
    for name in ("acme.sql", "acme.jsonl"):
        written = (folder / name).read_text("utf-8")
        for word in ("elsewhere", STAYS, "acme.test", "030 1234567"):
            _expect(f"whether {word!r} is in {name}", word in written, False)
    counts: dict[str, int] = {}
    for line in (folder / "acme.jsonl").read_text("utf-8").splitlines():
        table = json.loads(line)["table"]
        counts[table] = counts.get(table, 0) + 1
    _expect("the rows of acme.jsonl", counts, EXPECTED)


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise UnexpectedError(f"{what}: {found!r}, not {expected!r}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("the example does what its README says")
