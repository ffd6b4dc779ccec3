"""A SQL file whose digest is right, and which is not what its manifest calls for all the same.

psql would run what is in it. A replay runs nothing of it, and takes rows from no other file than
one that an export would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from replant.artifact.manifest_json import laid_out
from replant.artifact.sql_file_writer import MANIFEST_MARK, comment
from replant.model import Layout
from replant.testing.servers.server import Database, Server
from tests.support.artifacts import FORMS, Form
from tests.support.commands import Replant
from tests.support.hostile_artifacts import (
    Genuine,
    Target,
    digested,
    exported,
    hostile_source,
    hostile_target,
    put,
)

FILES = pytest.mark.parametrize(
    "form", [form for form in FORMS if form.layout is Layout.FILE], ids=str
)


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    with hostile_source(server) as source:
        yield source


@pytest.fixture(scope="module")
def artifacts(source: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[Form, Genuine]:
    made = exported(source, tmp_path_factory.mktemp("genuine"))
    return {artifact.form: artifact for artifact in made}


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Target]:
    with hostile_target(server) as target:
        yield target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "artifact.sql"


@pytest.fixture
def refused(replant: Replant, target: Target, path: Path) -> Callable[..., None]:
    """The file at the path is refused, the error names it, and nothing changes."""

    def check(text: bytes, *words: str) -> None:
        before = target.contents()
        put(path, {"": text})
        outcome = replant("replay", path, "--target", target.database.dsn)
        assert outcome.code == 5, outcome.err
        assert len(outcome.err.splitlines()) == 1, outcome.err
        assert outcome.err.startswith(f"replant: {path}")
        for word in words:
            assert word in outcome.err
        assert target.contents() == before

    return check


def with_manifest(artifact: Genuine, raw: dict[str, Any]) -> bytes:
    """The same statements with another manifest."""
    return digested(artifact.text + b"\n" + MANIFEST_MARK + comment(laid_out(raw)))


def line_of(text: bytes, part: bytes) -> str:
    number = text[: text.index(part)].count(b"\n") + 1
    return f", line {number}: is not what its manifest calls for"


class TestStatements:
    """Whatever stands between the rows is compared byte by byte."""

    @FILES
    @pytest.mark.parametrize(
        ("part", "more"),
        [
            (b"BEGIN;\n", b"DROP TABLE s.parent;\n"),
            (b"COMMIT;\n", b"DROP TABLE s.parent;\n"),
            (b"SET LOCAL client_encoding", b"\\! true\n"),
            (b"\nUPDATE", b"\nDELETE FROM s.parent;\n"),
        ],
    )
    def test_one_more(
        self,
        artifacts: dict[Form, Genuine],
        refused: Callable[..., None],
        form: Form,
        part: bytes,
        more: bytes,
    ) -> None:
        text = artifacts[form].text
        assert part in text
        changed = text.replace(part, more + part, 1)
        refused(artifacts[form].with_text(changed)[""], "is not what its manifest calls for")

    @FILES
    def test_one_less(
        self, artifacts: dict[Form, Genuine], refused: Callable[..., None], form: Form
    ) -> None:
        text = artifacts[form].text
        changed = text[: text.index(b"\nDO $")] + b"\nCOMMIT;\n"
        refused(artifacts[form].with_text(changed)[""], "is not what its manifest calls for")

    @FILES
    def test_some_behind_the_end(
        self, artifacts: dict[Form, Genuine], refused: Callable[..., None], form: Form
    ) -> None:
        text = artifacts[form].text + b"\n" + MANIFEST_MARK + b"DROP TABLE s.parent;\n"
        refused(artifacts[form].with_text(text)[""], "is not what its manifest calls for")


class TestRows:
    """A row is literals; and there are as many as the manifest tells of."""

    @pytest.mark.parametrize(
        "row",
        [
            b"('3', '', NULL), ('4', '', NULL)",
            b"('3', (SELECT 'x'), NULL)",
            b"('3', '' || '', NULL)",
            b"('3', 'x'::text, NULL)",
            b"('3', E'\\x41', NULL)",
            b"('3', E'\\'', NULL)",
            b"('3', U&'x', NULL)",
            b"('3', '', NULL, NULL)",
            b"('3', '')",
            b"(3, '', NULL)",
            b"('3', '\xff', NULL)",
            b"('3', '\0', NULL)",
            b"('3', '', NULL) -- more",
        ],
    )
    def test_another_one(
        self, artifacts: dict[Form, Genuine], refused: Callable[..., None], row: bytes
    ) -> None:
        artifact = artifacts[FORMS[0]]
        old = b"('3', '', NULL)"
        assert artifact.text.count(old) == 1
        changed = artifact.text.replace(old, row)
        refused(artifact.with_text(changed)[""], line_of(changed, row))

    @FILES
    @pytest.mark.parametrize("change", [-1, 1])
    def test_another_number_of_them(
        self,
        artifacts: dict[Form, Genuine],
        refused: Callable[..., None],
        form: Form,
        change: int,
    ) -> None:
        raw = deepcopy(artifacts[form].raw) | {"check": "none"}
        raw["tables"][2]["row_count"] += change
        closing = artifacts[form].text.index(b"\nSET CONSTRAINTS")
        unchecked = Genuine(
            form, {"": artifacts[form].text[:closing] + b"\nCOMMIT;\n"}, raw, artifacts[form].rows
        )
        refused(with_manifest(unchecked, raw), "is not what its manifest calls for")

    def test_another_number_of_them_in_a_statement_of_several_tables(
        self,
        source: Database,
        tmp_path: Path,
        refused: Callable[..., None],
    ) -> None:
        artifact = exported(source, tmp_path, most_rows_together=100)[0]
        raw = deepcopy(artifact.raw)
        place = next(n for n, t in enumerate(raw["tables"]) if t["name"] == ["s", "parent"])
        raw["tables"][place]["row_count"] -= 1
        assert b'WITH "0" AS (' in artifact.text
        refused(with_manifest(artifact, raw), "is not what its manifest calls for")


class TestItsManifest:
    """It is that of a SQL file."""

    @FILES
    def test_that_of_a_directory(
        self, artifacts: dict[Form, Genuine], refused: Callable[..., None], form: Form
    ) -> None:
        directory = artifacts[FORMS[2]]
        refused(with_manifest(artifacts[form], directory.raw), "has the manifest of a directory")

    def test_none(self, artifacts: dict[Form, Genuine], refused: Callable[..., None]) -> None:
        refused(digested(artifacts[FORMS[0]].text), "has no manifest")

    def test_two(self, artifacts: dict[Form, Genuine], refused: Callable[..., None]) -> None:
        artifact = artifacts[FORMS[0]]
        twice = comment(laid_out(artifact.raw)) + MANIFEST_MARK + comment(laid_out(artifact.raw))
        text = digested(artifact.text + b"\n" + MANIFEST_MARK + twice)
        refused(text, "is not what its manifest calls for")
