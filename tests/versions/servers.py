"""Which PostgreSQL servers these tests run on: their major versions, and where their programs lie.

By default the embedded server and an older one. A variable of the environment names others, and
`make test-versions` sets it to one of each release that is supported.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from replant.testing.servers.server import embedded_program

#: The folders with the programs of further servers, joined as in PATH.
VARIABLE = "REPLANT_TEST_SERVERS"

#: The release that the tests run on besides the embedded one, unless the variable names others.
OLDER = 15

#: Why a test is skipped.
MISSING = f"no PostgreSQL {{}} is installed; {VARIABLE} may name the folder of its programs"

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def major_version(programs: Path) -> int:
    """The major version of the server whose programs lie in a folder."""
    said = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = _VERSION.search(said)
    assert found is not None, said
    return int(found[1])


@cache
def embedded_version() -> int:
    """The major version of the embedded server."""
    return major_version(embedded_program("postgres").parent)


@cache
def installed() -> Mapping[int, Path | None]:
    """The folder of each major version to test, oldest first; None where there is none."""
    embedded = embedded_program("postgres").parent
    named = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    versions: dict[int, Path | None] = {major_version(folder): folder for folder in named}
    if not named:
        versions[OLDER] = next(_older(), None)
    versions[embedded_version()] = embedded
    return dict(sorted(versions.items()))


def _older() -> Iterator[Path]:
    """Folders with the older release: that of the package `pgserver`, then the machine's own."""
    package = find_spec("pgserver")
    packaged = [Path(package.origin).parent / "pginstall"] if package and package.origin else []
    # Where the packages of Debian and its kin put it.
    machine = Path("/usr/lib/postgresql").glob(str(OLDER))
    for folder in (*packaged, *machine):
        programs = folder / "bin"
        if (programs / "initdb").exists() and major_version(programs) == OLDER:
            yield programs


def programs_with_icu() -> Path | None:
    """The folder of a server that was built with ICU, so that it knows such collations."""
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    for folder in (*filter(None, installed().values()), *sorted(packaged)):
        program = folder / "pg_config"
        if program.exists() and b"--with-icu" in subprocess.check_output([program, "--configure"]):
            return folder
    return None
