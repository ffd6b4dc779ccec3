"""Rows move from every version to every other, and are found equal there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest

from replant import api
from replant.model import Compression, ExportSettings, Layout, Settings
from replant.testing.rows import first_difference
from replant.testing.servers.server import grant
from tests.versions.conftest import DatabaseOf, SentFrom, ServerOf
from tests.versions.servers import MISSING, embedded_version, installed
from tests.versions.subjects import PARTITIONS, PLATFORM_TENANT, TYPES, Subject

#: Every form of an artifact that is moved.
FORMS: Mapping[str, ExportSettings] = {
    "file": ExportSettings(),
    "directory": ExportSettings(layout=Layout.DIRECTORY, compress=Compression.ZSTD),
}


def _of_versions(*majors: int) -> object:
    missing = [MISSING.format(major) for major in majors if installed()[major] is None]
    marks = [pytest.mark.skip(reason) for reason in missing]
    return pytest.param(*majors, marks=marks, id="-to-".join(map(str, majors)))


of_each_version = pytest.mark.parametrize("source", [_of_versions(major) for major in installed()])
between_versions = pytest.mark.parametrize(
    ("source", "target"), [_of_versions(*pair) for pair in product(installed(), repeat=2)]
)


def of(*subjects: Subject) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("subject", subjects, ids=[s.name for s in subjects])


@between_versions
@of(PLATFORM_TENANT, TYPES, PARTITIONS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_role_that_may_only_insert_replays_equal_rows(
    source: int,
    target: int,
    subject: Subject,
    form: ExportSettings,
    server_of: ServerOf,
    sent_from: SentFrom,
    target_on: DatabaseOf,
) -> None:
    sent, database = sent_from(source, subject, form), target_on(target, subject)
    artifact, tables = sent.exported.output, list(sent.exported.rows)
    role = server_of(target).create_role("inserts_only")
    grant(database, role, "INSERT", tables)
    replayed = api.replay(artifact, Settings(target=database.as_role(role)))
    assert replayed.rows == sent.exported.rows
    results = api.verify(artifact, Settings(target=database.dsn))
    assert {result.name for result in results if result.equal} == set(tables)
    assert first_difference(sent.contents, subject.contents(database.dsn, tables)) is None


@between_versions
@of(TYPES, PARTITIONS)
def test_psql_alone_replays_equal_rows(
    source: int,
    target: int,
    subject: Subject,
    sent_from: SentFrom,
    target_on: DatabaseOf,
    psql: Path,
) -> None:
    sent, database = sent_from(source, subject, FORMS["file"]), target_on(target, subject)
    artifact, tables = sent.exported.output, list(sent.exported.rows)
    session = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn, "-f", artifact],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (session.returncode, session.stderr) == (0, "")
    assert first_difference(sent.contents, subject.contents(database.dsn, tables)) is None


@of_each_version
@of(TYPES, PARTITIONS)
def test_every_version_writes_the_same_rows(
    source: int, subject: Subject, sent_from: SentFrom
) -> None:
    sent = (sent_from(major, subject, FORMS["file"]) for major in (source, embedded_version()))
    written, expected = (_lines_with_rows(Path(one.exported.output)) for one in sent)
    assert written == expected != []


def _lines_with_rows(artifact: Path) -> list[str]:
    return [line for line in artifact.read_text().split("\n") if line.startswith("('")]
