"""Whatever an artifact says, it is replayed as it says, or refused and the target is as it was.

The digests of these artifacts are right: they were made by somebody who means harm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant import api
from replant.artifact.manifest_json import from_json, laid_out, to_json
from replant.cli.main import run
from replant.errors import ArtifactError, DatabaseError
from replant.model import Layout, Settings
from replant.testing.servers.server import Database, Server
from tests.support.hostile_artifacts import (
    TABLES,
    Genuine,
    Target,
    changed_bytes,
    changed_manifests,
    compressed,
    exported,
    grown,
    hostile_source,
    hostile_target,
    put,
)
from tests.support.manifest_schema import problems
from tests.support.property_tests import example_count

# Each example asks a server.
FEW = settings(max_examples=example_count(50))


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    with hostile_source(server) as database:
        yield database


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Target]:
    with hostile_target(server) as target:
        yield target


@pytest.fixture(scope="module")
def artifacts(source: Database, tmp_path_factory: pytest.TempPathFactory) -> list[Genuine]:
    """A genuine artifact in every form."""
    return exported(source, tmp_path_factory.mktemp("genuine"))


@pytest.fixture(scope="module")
def closed(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Genuine:
    return grown(source, tmp_path_factory.mktemp("closed"))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a hostile artifact lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        yield tmp_path_factory.mktemp("hostile") / "artifact"


def said(err: StringIO) -> set[str]:
    """Who speaks in each line on standard error: `replant` of an error, `note` of a note."""
    return {line.partition(":")[0] for line in err.getvalue().splitlines()}


def refused_or_replayed(path: Path, target: Target) -> None:
    """A replay ends well or with one line and an exit code; a verification likewise."""
    before = target.contents()
    with redirect_stderr(StringIO()) as err, redirect_stdout(StringIO()):
        code = run(["replay", str(path), "--target", target.database.dsn])
    after = target.contents()
    if code == 0:
        target.reset()
        for table in TABLES:
            assert set(before[table]) <= set(after[table])
    else:
        assert code in {DatabaseError.exit_code, ArtifactError.exit_code}, err.getvalue()
        assert said(err) >= {"replant"}, err.getvalue()
        assert after == before, err.getvalue()
    with redirect_stderr(StringIO()) as err, redirect_stdout(StringIO()):
        code = run(["verify", str(path), "--target", target.database.dsn])
    assert code in {0, 1, DatabaseError.exit_code, ArtifactError.exit_code}, err.getvalue()
    assert said(err) <= {"replant", "note"}, err.getvalue()


def test_a_genuine_artifact_is_replayed_in_every_form(
    artifacts: list[Genuine], path: Path, target: Target
) -> None:
    for artifact in artifacts:
        put(path, artifact.files)
        refused_or_replayed(path, target)
        put(path, artifact.with_manifest(artifact.raw))
        assert path.is_dir() or path.read_bytes() == artifact.files[""]
        api.replay(str(path), Settings(target=target.database.dsn))
        target.reset()


@settings(max_examples=example_count(300))
@given(data=st.data())
def test_a_manifest_that_is_read_is_what_it_says_and_fits_the_schema(
    artifacts: list[Genuine], data: DataObject
) -> None:
    artifact = data.draw(st.sampled_from(artifacts), label="form")
    digest = {} if artifact.form.layout is Layout.FILE else {"digest": 64 * "0"}
    raw = data.draw(changed_manifests(artifact))
    try:
        text = laid_out(raw)
    except (AttributeError, KeyError, TypeError):
        text = json.dumps(raw)

    with suppress(ArtifactError):
        assert to_json(from_json(text, "here")) == text
        assert problems({**raw, **digest}) == []


@given(data=st.data())
def test_a_manifest_that_was_changed(
    artifacts: list[Genuine], path: Path, target: Target, data: DataObject
) -> None:
    artifact = data.draw(st.sampled_from(artifacts), label="form")
    put(path, artifact.with_manifest(data.draw(changed_manifests(artifact))))

    refused_or_replayed(path, target)


@FEW
@given(data=st.data())
def test_rows_of_a_data_file_that_were_changed(
    artifacts: list[Genuine], path: Path, target: Target, data: DataObject
) -> None:
    artifact = data.draw(st.sampled_from([a for a in artifacts if a.data_files]), label="form")
    name = data.draw(st.sampled_from(artifact.data_files))
    put(path, artifact.with_data(name, data.draw(changed_bytes(artifact.data(name)))))

    refused_or_replayed(path, target)


@FEW
@given(data=st.data())
def test_bytes_of_a_compressed_file_that_were_changed(
    artifacts: list[Genuine], path: Path, target: Target, data: DataObject
) -> None:
    artifact = data.draw(st.sampled_from([a for a in artifacts if a.data_files]), label="form")
    name = data.draw(st.sampled_from(artifact.data_files))
    stored = data.draw(
        changed_bytes(artifact.files[name])
        | st.sampled_from([compressed(artifact.data(name), a.form.compression) for a in artifacts])
    )
    put(path, artifact.with_bytes(name, stored))

    refused_or_replayed(path, target)


@FEW
@given(data=st.data())
def test_the_text_of_a_file_that_was_changed(
    artifacts: list[Genuine], path: Path, target: Target, data: DataObject
) -> None:
    files = [artifact for artifact in artifacts if artifact.form.layout is Layout.FILE]
    artifact = data.draw(st.sampled_from(files), label="form")
    put(path, artifact.with_text(data.draw(changed_bytes(artifact.text))))

    refused_or_replayed(path, target)


@FEW
@given(data=st.data())
def test_a_closed_set_of_which_something_was_changed(
    closed: Genuine, path: Path, data: DataObject
) -> None:
    if data.draw(st.booleans()):
        files = closed.with_manifest(data.draw(changed_manifests(closed)))
    else:
        name = data.draw(st.sampled_from(closed.data_files))
        files = closed.with_data(name, data.draw(changed_bytes(closed.data(name))))
    put(path, files)

    with redirect_stderr(StringIO()) as err, redirect_stdout(StringIO()):
        code = run(["why", str(path), "s.parent: id = 2"])

    assert code in {0, 1, 2, 5}, err.getvalue()
    assert said(err) <= {"replant", "note"}, err.getvalue()
