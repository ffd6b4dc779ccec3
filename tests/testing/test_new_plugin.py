"""`replant new-plugin`: which names it takes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replant.model import RelationName
from replant.testing import Server
from replant.testing.scaffold.project import KINDS, RESERVED, ProjectNames, project_files
from tests.support.commands import Replant


@pytest.mark.parametrize("name", ["my-shop", "my_shop", "My.Shop", "replant-my-shop"])
def test_separators_and_case_make_no_other_plugin(name: str) -> None:
    names = ProjectNames.of(name)
    assert (names.plugin, names.package) == ("my_shop", "replant_my_shop")
    assert names.distribution == "replant-my-shop"


@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,5}([-_.][a-zA-Z0-9]{1,5}){0,3}", fullmatch=True))
def test_every_name_leads_to_names_that_python_and_replant_take(name: str) -> None:
    try:
        names = ProjectNames.of(name)
    except ValueError:
        assert name.lower().replace("-", "_").replace(".", "_").startswith(("pg_", "replant_"))
        return
    assert names.package.isidentifier()
    assert RelationName.parse(f"{names.plugin}.item") == RelationName(names.plugin, "item")
    for kind in KINDS:
        assert all("@@" not in path + text for path, text in project_files(names, kind).items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "cannot be the name of a plugin"),
        ("2fast", "cannot be the name of a plugin"),
        ("a b", "cannot be the name of a plugin"),
        ("a--b", "cannot be the name of a plugin"),
        ("../up", "cannot be the name of a plugin"),
        ("größe", "cannot be the name of a plugin"),
        ("replant-2", "begins with a digit"),
        ("plugins", "replant's own package is named replant_plugins"),
        ("replant-plugins", "replant's own package is named replant_plugins"),
        ("Public", "every database has a schema of that name"),
        ("information-schema", "every database has a schema of that name"),
        ("enable", "[plugins] enable is a setting"),
        ("pg_shop", "PostgreSQL reserves names with pg_"),
        ("x" * 41, "too long for a plugin: 40 characters"),
        ("ordered", "the plugin 'ordered' (distribution replant"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    replant: Replant, tmp_path: Path, name: str, said: str
) -> None:
    outcome = replant("new-plugin", name, "--directory", tmp_path / "made")
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "made").exists()


def test_nothing_is_overwritten(replant: Replant, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    outcome = replant("new-plugin", "shop", "--directory", tmp_path)
    assert outcome.code == 2
    assert f"{tmp_path} exists already; choose another folder" in outcome.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_without_a_folder_it_is_named_for_the_distribution(
    replant: Replant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = replant("new-plugin", "my_shop")
    assert outcome.code == 0, outcome.err
    assert "cd replant-my-shop\n" in outcome.out
    assert (tmp_path / "replant-my-shop" / "src" / "replant_my_shop" / "plugin.py").is_file()


def test_every_name_that_the_server_reserves_is_known(server: Server) -> None:
    query = "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')"
    with psycopg.connect(server.dsn) as connection:
        words = {word for (word,) in connection.execute(query)}
    assert words - RESERVED == set()
