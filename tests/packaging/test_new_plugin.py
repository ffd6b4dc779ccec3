"""What `replant new-plugin` writes: it installs, passes its own tests, and is clean."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from attrs import frozen

from replant.testing import Database
from replant.testing.pytest_plugin import DatabaseFrom
from tests.packaging.conftest import run

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


@frozen
class Project:
    """A project, and a folder to import it from: a wheel is installed by unpacking it."""

    folder: Path
    installed: Path


@pytest.fixture(scope="module")
def project(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return made("My-shop_2", build, tmp_path_factory.mktemp("project"))


def made(name: str, build: Callable[..., Path], folder: Path, kind: str = "tables") -> Project:
    program = Path(sysconfig.get_path("scripts"), "replant")
    run(program, "new-plugin", name, "--kind", kind, "--directory", folder / "source")
    [wheel] = build(folder / "source", "--wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return Project(folder / "source", folder / "installed")


def test_its_wheel_has_its_package_typed_and_with_the_schema(project: Project) -> None:
    assert sorted(item.name for item in project.installed.iterdir()) == [
        "replant_my_shop_2",
        "replant_my_shop_2-0.1.0.dist-info",
    ]
    files = {file.name for file in (project.installed / "replant_my_shop_2").iterdir()}
    assert files == {"__init__.py", "masking.py", "plugin.py", "py.typed", "schema.sql"}


def test_its_own_tests_pass(project: Project) -> None:
    printed = run(*PYTEST, cwd=project.folder, path=project.installed)
    last = printed.splitlines()[-1]
    assert " passed" in last
    assert "skipped" not in last


@pytest.mark.parametrize("kind", ["strategy", "format"])
def test_so_do_those_of_the_other_kinds_which_are_clean(
    build: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    project = made(f"my-{kind}", build, tmp_path, kind)
    quick = ("-k", "not only_insert")
    printed = run(*PYTEST, *quick, cwd=project.folder, path=project.installed).splitlines()
    assert " passed" in printed[-1]
    assert "skipped" not in printed[-1]
    for command in ("ruff check", "ruff format --check", "mypy"):
        run(sys.executable, "-m", *command.split(), cwd=project.folder, path=project.installed)


def test_a_name_that_is_reserved_in_sql_is_a_name_like_others(
    build: Callable[..., Path], tmp_path: Path
) -> None:
    project = made("user", build, tmp_path)
    run(*PYTEST, "-k", "may_only_insert", cwd=project.folder, path=project.installed)


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_it_is_clean(project: Project, command: str) -> None:
    run(sys.executable, "-m", *command.split(), cwd=project.folder, path=project.installed)


@pytest.fixture
def deployed(project: Project, replant_database_from: DatabaseFrom) -> Database:
    """A database with its schema."""
    return replant_database_from(project.installed / "replant_my_shop_2" / "schema.sql")


def replant(project: Project, source: Database, *options: str) -> subprocess.CompletedProcess[str]:
    """A command of its workflow."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(project.installed),
        "MY_SHOP_2_SOURCE": source.dsn,
    }
    return subprocess.run(
        [Path(sysconfig.get_path("scripts"), "replant"), *options],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def test_its_workflow_finds_no_drift_until_there_is_some(
    project: Project, deployed: Database
) -> None:
    done = replant(project, deployed, "drift", "--format", "github")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with psycopg.connect(deployed.dsn) as connection:
        connection.execute("ALTER TABLE my_shop_2.item DROP COLUMN title")
    done = replant(project, deployed, "drift", "--format", "github")
    assert done.returncode == 1
    assert "title" in done.stdout


def test_its_workflow_proves_that_its_rows_arrive(project: Project, deployed: Database) -> None:
    done = replant(project, deployed, "prove", "--rounds", "3", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_workflow_names_files_that_there_are(project: Project) -> None:
    workflow = (project.folder / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert "src/replant_my_shop_2/schema.sql" in workflow
    assert (project.folder / "src" / "replant_my_shop_2" / "schema.sql").is_file()
    for command in ("replant drift", "replant prove", "python -m pytest"):
        assert f"run: {command}" in workflow
