"""What is written as an artifact is what is read back, whatever names and texts it holds.

And nothing else is: damage of every kind is found before a row is given.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.artifact import row_batches, sql_file_reader
from replant.artifact import sql_file_writer as sql_file
from replant.artifact.artifact import open_artifact, patch_texts, row_texts
from replant.artifact.manifest_json import to_json
from replant.artifact.sql_file_writer import comment, statements
from replant.errors import ArtifactError
from replant.model import PatchColumns
from tests.support.artifacts import FORMS, Example, examples
from tests.support.manifest_schema import problems
from tests.support.property_tests import example_count

# Each example is written to a disk, in full.
FEW = settings(max_examples=example_count(40))
FEWER = settings(max_examples=example_count(20))

FILES = [form for form in FORMS if form.layout.value == "file"]
DIRECTORIES = [form for form in FORMS if form.layout.value == "directory"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the artifact of an example lies; nothing waits for a disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield tmp_path_factory.mktemp("artifact") / "written"


@FEW
@given(example=examples())
def test_a_manifest_is_read_back_as_it_was(example: Example, path: Path) -> None:
    example.write(path)

    with open_artifact(str(path)) as artifact:
        assert artifact.manifest == example.manifest(
            {t.name: t.file for t in artifact.manifest.tables if t.file} or None,
            artifact.manifest.step_offsets,
        )


@FEW
@given(example=examples())
def test_a_manifest_fits_its_schema(example: Example, path: Path) -> None:
    example.write(path)
    if path.is_dir():
        raw = json.loads((path / "manifest.json").read_text("ascii"))
    else:
        with open_artifact(str(path)) as artifact:
            raw = json.loads(to_json(artifact.manifest))

    assert problems(raw) == []


@FEW
@given(example=examples())
def test_a_manifest_is_lines_of_printable_ascii(example: Example) -> None:
    text = to_json(evolve(example, plan=evolve(example.plan, layout=FILES[0].layout)).manifest())

    assert text.isascii()
    assert all(shown.isprintable() for shown in text.split("\n"))


@FEW
@given(example=examples())
def test_the_same_rows_give_the_same_bytes(example: Example, path: Path) -> None:
    example.write(path)
    first = contents(path)
    example.write(path)

    assert contents(path) == first


@FEW
@given(example=examples(FILES))
def test_a_file_gives_the_rows_of_every_step_back(example: Example, path: Path) -> None:
    example.write(path)
    with open_artifact(str(path)) as artifact:
        for step in example.plan.order.steps:
            read = patch_texts if isinstance(step, PatchColumns) else row_texts
            for name, wanted in example.stepped(step):
                assert [row for batch in read(artifact, name) for row in batch] == wanted


@FEW
@given(example=examples())
def test_an_artifact_gives_the_rows_of_any_table_back(example: Example, path: Path) -> None:
    example.write(path)

    with open_artifact(str(path)) as artifact:
        for table in example.plan.tables:
            found = [row for batch in row_texts(artifact, table.name) for row in batch]
            assert found == example.loaded(table.name), table.name


@FEW
@given(example=examples(), piece=st.integers(1, 40), rows=st.integers(1, 3))
def test_rows_are_the_same_in_whatever_pieces_they_are_read(
    example: Example, path: Path, piece: int, rows: int
) -> None:
    """Those of a look at each row, and those without."""
    example.write(path)
    with pytest.MonkeyPatch.context() as patch, open_artifact(str(path)) as artifact:
        whole = {t.name: list(chain(*artifact.rows(t.name))) for t in example.plan.tables}
        for module in (row_batches, sql_file_reader):
            patch.setattr(module, "PIECE", piece)
            patch.setattr(module, "MOST_ROWS", rows)
        for name, wanted in whole.items():
            for read in (artifact.rows, artifact.lines):
                batches = list(read(name))
                assert list(chain(*batches)) == wanted
                assert all(len(batch) <= rows for batch in batches)


@FEW
@given(example=examples(FILES))
def test_a_line_of_a_file_is_a_comment_or_what_its_manifest_calls_for(
    example: Example, path: Path
) -> None:
    """No name, value, scope or reason starts a line of its own."""
    plain = evolve(example.plan, plugins={}, scope={}, omissions=(), seen_as=None)

    def without_comments(example: Example) -> list[bytes]:
        example.write(path)
        written = path.read_bytes()
        return [text for text in written.split(b"\n") if not text.startswith(b"--")]

    assert without_comments(example) == without_comments(evolve(example, plan=plain))


@frozen
class Damage:
    """Something that befalls one of an artifact's files, given by its place among all bytes."""

    place: float
    removed: int
    added: bytes

    def befall(self, path: Path) -> Path:
        """Damage a file of the artifact, and say which."""
        files = contents(path)
        at = int(self.place * sum(map(len, files.values())))
        for file, data in files.items():
            if at < len(data) or file == list(files)[-1]:
                changed = data[:at] + self.added + data[at + self.removed :]
                assume(changed != data)
                file.write_bytes(changed)
                return file
            at -= len(data)
        raise AssertionError("an artifact has at least one file")


DAMAGES = st.builds(
    Damage,
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 3) | st.just(2**30),
    st.binary(max_size=2) | st.sampled_from([b"\n", b"\0", b"\\", b"'", b"\t"]),
)


@FEW
@given(example=examples(), damage=DAMAGES)
def test_bytes_that_are_changed_missing_or_additional_are_noticed(
    example: Example, damage: Damage, path: Path
) -> None:
    example.write(path)
    damaged = damage.befall(path)

    with pytest.raises(ArtifactError) as raised, open_artifact(str(path)):
        pass

    assert str(raised.value).startswith(f"{damaged}: ")


@FEWER
@given(example=examples(DIRECTORIES), data=st.data())
def test_a_file_that_is_missing_is_named(example: Example, data: DataObject, path: Path) -> None:
    example.write(path)
    gone = data.draw(st.sampled_from(sorted(contents(path))))
    gone.unlink()

    with pytest.raises(ArtifactError) as raised, open_artifact(str(path)):
        pass

    assert f"{gone.name}" in str(raised.value)


@FEWER
@given(example=examples(DIRECTORIES), name=st.sampled_from(["x", ".x", "data/x", "data/x.copy"]))
def test_a_file_that_is_additional_is_named(example: Example, name: str, path: Path) -> None:
    example.write(path)
    (path / name).touch()

    with pytest.raises(ArtifactError) as raised, open_artifact(str(path)):
        pass

    assert str(raised.value).startswith(f"{path / name}: is not part of the artifact")


def contents(path: Path) -> dict[Path, bytes]:
    """The bytes of each file of an artifact."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {file: file.read_bytes() for file in files}


@given(st.text())
def test_a_comment_is_nothing_but_comment(text: str) -> None:
    shown = comment(text)

    assert shown.isascii()
    assert all(found.startswith(b"--") for found in shown.removesuffix(b"\n").split(b"\n"))
    assert b"\r" not in shown


LINES = st.lists(st.binary(max_size=8), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def small_statements() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_file, "BYTES_PER_STATEMENT", 10)
        yield


@pytest.mark.usefixtures("small_statements")
@given(LINES)
def test_statements_hold_every_line_once_and_in_order(lines: list[bytes]) -> None:
    assert [line for part in statements(lines) for line in part] == lines


@pytest.mark.usefixtures("small_statements")
@given(LINES)
def test_a_statement_is_small_or_has_one_row(lines: list[bytes]) -> None:
    for part in statements(lines):
        assert len(part) == 1 or sum(map(len, part)) <= sql_file.BYTES_PER_STATEMENT


@pytest.mark.usefixtures("small_statements")
@given(LINES)
def test_no_statement_is_without_a_row(lines: list[bytes]) -> None:
    assert all(statements(lines))
