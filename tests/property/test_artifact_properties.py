"""What is written as an artifact is what is read back, whatever names and texts it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant.artifact import sql_file
from replant.artifact.manifest import Manifest, from_json, manifest_of, to_json
from replant.artifact.reading import open_artifact
from replant.artifact.sql_file import Batch, comment, statements, write_sql_file
from replant.errors import ArtifactError
from replant.model import (
    AsReplica,
    CheckForeignKeys,
    ChosenRows,
    ColumnIs,
    KeyIsNot,
    Link,
    LinkedTo,
    LoadTable,
    LoadTogether,
    Omission,
    PatchColumns,
    Plan,
    PlannedColumn,
    PlannedTable,
    RelationName,
    Satisfies,
    Step,
    Text,
)
from replant.rendering.rows import line, on_one_line, texts
from replant.testing.values import texts as any_text
from replant_plugins.strategies import cycles, ordered
from tests.property.graphs import order_requests

NAMES = any_text(min_size=1)
SOME_NAMES = st.lists(NAMES, max_size=2).map(tuple)
RELATIONS = st.builds(RelationName, NAMES, NAMES)
LINKS = st.builds(Link, SOME_NAMES, RELATIONS, SOME_NAMES)
CONDITIONS = st.one_of(
    st.builds(ColumnIs, NAMES, any_text()),
    st.builds(LinkedTo, st.lists(LINKS, max_size=2).map(tuple)),
    st.builds(Satisfies, any_text()),
    st.builds(KeyIsNot, SOME_NAMES, st.lists(SOME_NAMES, max_size=2).map(tuple)),
)
OMISSIONS = st.builds(Omission, any_text(), any_text())


@frozen
class Example:
    """A plan, and the rows of each of its tables."""

    plan: Plan
    rows: dict[RelationName, list[tuple[Text, ...]]]

    @property
    def manifest(self) -> Manifest:
        return manifest_of(self.plan, {name: len(rows) for name, rows in self.rows.items()})

    def lines(
        self, name: RelationName, columns: Sequence[str], null: Sequence[str] = ()
    ) -> list[bytes]:
        """The lines of a table's rows: these columns, some of them NULL."""
        held = self.plan.table(name).column_names
        rows = [dict(zip(held, row, strict=True)) for row in self.rows[name]]
        return [on_one_line(line([None if c in null else row[c] for c in columns])) for row in rows]

    def batches(self, table: RelationName, step: Step) -> Iterator[Batch]:
        """The rows of a step, as an export gives them."""
        columns = self.plan.table(table).column_names
        match step:
            case PatchColumns(_, patched):
                yield Batch(self.lines(table, (*self.plan.table(table).key, *patched)))
            case LoadTable(by_depth=key) if key is not None:
                yield from (Batch([text], together=True) for text in self.lines(table, columns))
            case LoadTable(together=together, patched=patched):
                yield Batch(self.lines(table, columns, patched), together=together)
            case _:
                yield Batch(self.lines(table, columns))

    def written(self) -> bytes:
        file = BytesIO()
        write_sql_file(file, self.plan, self.batches, lambda: self.manifest)
        return file.getvalue()


@st.composite
def examples(draw: DrawFn) -> Example:
    """Tables in cycles and out of them, with a few rows of any texts, in a load order of theirs."""
    request = draw(order_requests(names=RELATIONS, column_names=NAMES, counts=st.integers(0, 3)))
    with pytest.MonkeyPatch.context() as patch:
        # So few rows are loaded in each of the ways that are meant for many.
        patch.setattr(cycles, "MOST_ROWS_TOGETHER", draw(st.integers(0, 4)))
        order = ordered.order_tables(request)
    assert order is not None
    if draw(st.booleans()):
        order = evolve(order, before=(*order.before, AsReplica()), after=(CheckForeignKeys(),))
    columns = {
        name: sorted(
            {"key", *(c for key in request.foreign_keys if key.table == name for c in key.columns)}
        )
        for name in request.tables
    }
    rows = {
        name: [
            tuple(draw(st.none() | any_text()) for _ in columns[name])
            for _ in range(request.row_counts[name])
        ]
        for name in request.tables
    }
    tables = {
        name: PlannedTable(
            name=name,
            columns=tuple(PlannedColumn(column, "text") for column in columns[name]),
            key=("key",),
            rows=ChosenRows(tuple(draw(st.lists(CONDITIONS, max_size=2))), draw(st.booleans())),
            row_count=len(rows[name]),
            overriding=draw(st.booleans()),
        )
        for name in request.tables
    }
    plan = Plan(
        source_version="18.0",
        plugins=draw(st.dictionaries(NAMES, NAMES, max_size=2)),
        scope=draw(st.dictionaries(NAMES, any_text(), max_size=2)),
        strategy=request.strategy,
        format="insert",
        tables=tuple(tables[name] for step in order.steps for name in loaded(step)),
        order=order,
        omissions=tuple(draw(st.lists(OMISSIONS, max_size=2))),
    )
    return Example(plan, rows)


def loaded(step: Step) -> tuple[RelationName, ...]:
    match step:
        case LoadTable(name):
            return (name,)
        case LoadTogether(names):
            return names
        case PatchColumns():
            return ()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifact") / "written.sql"


@given(example=examples())
def test_a_manifest_is_read_back_as_it_was(example: Example) -> None:
    assert from_json(to_json(example.manifest), "here") == example.manifest


@given(example=examples())
def test_a_manifest_is_lines_of_printable_ascii(example: Example) -> None:
    text = to_json(example.manifest)

    assert text.isascii()
    assert all(shown.isprintable() for shown in text.split("\n"))


@given(example=examples())
def test_an_artifact_gives_its_manifest_back(example: Example, path: Path) -> None:
    path.write_bytes(example.written())

    with open_artifact(str(path)) as artifact:
        assert artifact.manifest == example.manifest


@given(example=examples())
def test_an_artifact_gives_the_rows_of_every_step_back(example: Example, path: Path) -> None:
    path.write_bytes(example.written())
    given = [
        (step, table.name, text)
        for step in example.plan.order.steps
        for table in example.plan.tables
        if table.name in (loaded(step) or (getattr(step, "table", None),))
        for batch in example.batches(table.name, step)
        for text in batch.lines
    ]

    with open_artifact(str(path)) as artifact:
        found = [
            (statement.step, group.frame.name, text)
            for statement in artifact.statements()
            for group in statement.groups
            for text in group.lines
        ]

    assert [row[1:] for row in found] == [row[1:] for row in given]
    for (step, *_), (wanted, *_) in zip(found, given, strict=True):
        assert isinstance(step, LoadTogether) or step == wanted


@given(example=examples())
def test_an_artifact_gives_the_rows_of_any_table_back(example: Example, path: Path) -> None:
    path.write_bytes(example.written())
    patched = {
        step.table: step.patched for step in example.plan.order.steps if isinstance(step, LoadTable)
    }

    with open_artifact(str(path)) as artifact:
        for table in example.plan.tables:
            found = [texts(text) for lines in artifact.rows(table.name) for text in lines]
            null = patched.get(table.name, ())
            assert found == [
                tuple(
                    None if name in null else text
                    for name, text in zip(table.column_names, row, strict=True)
                )
                for row in example.rows[table.name]
            ], table.name


@given(example=examples())
def test_a_line_of_an_artifact_is_a_comment_or_what_its_manifest_calls_for(
    example: Example,
) -> None:
    """No name, value, scope or reason starts a line of its own."""
    plain = evolve(
        example.plan,
        plugins={},
        scope={},
        omissions=(),
        tables=tuple(evolve(t, rows=ChosenRows()) for t in example.plan.tables),
    )

    def without_comments(example: Example) -> list[bytes]:
        return [text for text in example.written().split(b"\n") if not text.startswith(b"--")]

    assert without_comments(example) == without_comments(evolve(example, plan=plain))


@given(st.text())
def test_a_comment_is_nothing_but_comment(text: str) -> None:
    shown = comment(text)

    assert shown.isascii()
    assert all(found.startswith(b"--") for found in shown.removesuffix(b"\n").split(b"\n"))
    assert b"\r" not in shown


@settings(max_examples=settings().max_examples // 2)
@given(example=examples(), place=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_changed_byte_is_noticed(example: Example, place: float, byte: int, path: Path) -> None:
    written = bytearray(example.written())
    written[int(place * len(written))] ^= byte
    path.write_bytes(written)

    with pytest.raises(ArtifactError), open_artifact(str(path)):
        pass


@settings(max_examples=settings().max_examples // 2)
@given(example=examples(), place=st.floats(0, 1, exclude_max=True))
def test_a_truncated_artifact_is_noticed(example: Example, place: float, path: Path) -> None:
    written = example.written()
    path.write_bytes(written[: int(place * len(written))])

    with pytest.raises(ArtifactError), open_artifact(str(path)):
        pass


BATCHES = st.lists(
    st.builds(Batch, st.lists(st.binary(max_size=8), min_size=1, max_size=6), st.booleans()),
    max_size=6,
)


@pytest.fixture(scope="module")
def small_statements() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_file, "BYTES_PER_STATEMENT", 10)
        yield


@pytest.mark.usefixtures("small_statements")
@given(BATCHES)
def test_statements_hold_every_line_once_and_in_order(batches: list[Batch]) -> None:
    held = [text for lines in statements(batches) for text in lines]

    assert held == [text for batch in batches for text in batch.lines]


@pytest.mark.usefixtures("small_statements")
@given(BATCHES)
def test_what_belongs_together_is_one_statement_of_its_own(batches: list[Batch]) -> None:
    made = iter(statements(batches))

    for batch in batches:
        if batch.together:
            assert next(lines for lines in made if lines is batch.lines) == batch.lines


@pytest.mark.usefixtures("small_statements")
@given(BATCHES)
def test_another_statement_is_small_or_has_one_row(batches: list[Batch]) -> None:
    together = [id(batch.lines) for batch in batches if batch.together]

    for lines in statements(batches):
        if id(lines) not in together:
            assert len(lines) == 1 or sum(map(len, lines)) <= sql_file.BYTES_PER_STATEMENT


@pytest.mark.usefixtures("small_statements")
@given(BATCHES)
def test_no_statement_is_without_a_row(batches: list[Batch]) -> None:
    assert all(statements(batches))
