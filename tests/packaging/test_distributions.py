"""What is built, what is in it, and what an installation offers."""

from __future__ import annotations

import configparser
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import tomli

import replant
from tests.packaging.conftest import ROOT, Distributions, run

PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = {"replant": ROOT / "framework", "replant_plugins": ROOT / "plugins"}


@pytest.fixture(scope="module")
def wheel(distributions: Distributions) -> dict[str, bytes]:
    """The files of the wheel by name."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(distributions: Distributions) -> set[str]:
    """The names in the sdist, below its only folder."""
    with tarfile.open(distributions.sdist) as archive:
        names = [Path(name) for name in archive.getnames()]
    assert {name.parts[0] for name in names} == {f"replant-{replant.__version__}"}
    return {str(Path(*name.parts[1:])) for name in names}


def metadata(wheel: dict[str, bytes], name: str) -> str:
    return wheel[f"replant-{replant.__version__}.dist-info/{name}"].decode()


def sources(package: str) -> set[str]:
    """The package's files as Git would have them: without what running it left."""
    root = PACKAGES[package]
    return {
        str(file.relative_to(root))
        for file in (root / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_has_two_packages_and_its_metadata(wheel: dict[str, bytes]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {*PACKAGES, f"replant-{replant.__version__}.dist-info"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_has_every_file_of_a_package(wheel: dict[str, bytes], package: str) -> None:
    assert {name for name in wheel if name.startswith(f"{package}/")} == sources(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_says_that_a_package_is_typed(wheel: dict[str, bytes], package: str) -> None:
    assert f"{package}/py.typed" in wheel


def test_the_wheel_has_the_schemas_as_sql(wheel: dict[str, bytes]) -> None:
    sql = {name for name in wheel if name.endswith(".sql")}
    schemas = (
        "ddl/collections_public",
        "ddl/common",
        "ddl/foreign_key_indexes",
        "ddl/meta_public",
    )
    shops = ("demonstration/shops/tables", "demonstration/shops/rows")
    assert sql == {f"replant_plugins/{name}.sql" for name in (*schemas, *shops)}


def test_the_wheel_offers_the_entry_points_of_the_project(wheel: dict[str, bytes]) -> None:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read_string(metadata(wheel, "entry_points.txt"))
    found = {section: dict(parser[section]) for section in parser.sections()}
    assert found == {"console_scripts": PROJECT["scripts"], **PROJECT["entry-points"]}
    assert sorted(found["replant.plugins"]) == [
        "auto",
        "collections_public",
        "mask",
        "meta_public",
        "ordered",
        "renumber",
        "schemas",
        "superuser",
    ]


def test_the_wheel_says_what_it_is_and_what_it_needs(wheel: dict[str, bytes]) -> None:
    described = Parser().parsestr(metadata(wheel, "METADATA"))
    assert described["Name"] == "replant"
    assert described["Version"] == replant.__version__
    assert described["Requires-Python"] == PROJECT["requires-python"]
    needed = [text for text in described.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert len(needed) == len(PROJECT["dependencies"])
    assert described.get_payload() == (ROOT / "README.md").read_text("utf-8")


def test_the_wheel_is_for_every_platform(distributions: Distributions) -> None:
    assert distributions.wheel.name == f"replant-{replant.__version__}-py3-none-any.whl"


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "README.md", "Makefile", "requirements/dev.txt", "tests/conftest.py"]
)
def test_the_sdist_has_what_its_tests_need(sdist: set[str], name: str) -> None:
    assert name in sdist


@pytest.mark.parametrize("package", PACKAGES)
def test_the_sdist_has_every_file_of_a_package(sdist: set[str], package: str) -> None:
    root = PACKAGES[package].name
    assert {f"{root}/{name}" for name in sources(package)} <= sdist


def test_the_sdist_has_nothing_that_a_run_left(sdist: set[str]) -> None:
    left = ("__pycache__", ".venv", ".pytest_cache", ".mypy_cache", ".git", ".hypothesis")
    assert [name for name in sdist if set(Path(name).parts) & set(left)] == []


def test_the_installation_offers_both_packages_and_no_source_root(tmp_path: Path) -> None:
    asked = (
        "from importlib.util import find_spec as f; import replant, replant_plugins;"
        "print(replant.__version__, f('framework'), f('plugins'), f('tests'))"
    )
    printed = run(sys.executable, "-P", "-c", asked, cwd=tmp_path)
    assert printed.split() == [replant.__version__, "None", "None", "None"]


def test_the_installation_offers_the_command(tmp_path: Path) -> None:
    program = Path(sysconfig.get_path("scripts"), "replant")
    assert replant.__version__ in run(program, "--version", cwd=tmp_path)


def test_no_requirement_names_an_index() -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert [file.name for file in files] == [
        "demo.txt",
        "dev.txt",
        "lock.txt",
        "npm.txt",
        "site.txt",
    ]
    for file in files:
        text = file.read_text("utf-8")
        assert "://" not in text, file.name
        assert "--index" not in text, file.name


def test_every_requirement_is_pinned_and_hashed() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text("utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if not line.startswith("#"):
                assert "==" in line, f"{file.name}: {line}"
                assert "--hash=sha256:" in line, f"{file.name}: {line}"
