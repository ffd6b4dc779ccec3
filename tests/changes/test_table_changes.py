"""Rows and updates are given back as they were kept, whatever their values are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replant.changes.table_changes import PackedRows, PackedUpdates, UpdatedRow
from replant.model import Text
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm

NAMES = ("id", "a", 'ä "b"')
KEY = ("id", "part")
TEXTS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def rows(*names: str) -> st.SearchStrategy[dict[str, Text]]:
    return st.fixed_dictionaries(dict.fromkeys(names, TEXTS))


UPDATES = st.builds(
    UpdatedRow,
    rows(*KEY),
    # The text of a key may change to one that is equal to it.
    st.dictionaries(st.sampled_from(("id", "a", "b")), TEXTS, min_size=1),
)


@pytest.mark.parametrize("form", [COPY_ROWS, INSERT_ROWS], ids=lambda form: form.name)
@given(kept=st.lists(rows(*NAMES, "more"), max_size=5))
def test_rows_are_given_back(form: RowForm, kept: list[dict[str, Text]]) -> None:
    packed = PackedRows(NAMES, kept, form)
    wanted = [{name: row[name] for name in NAMES} for row in kept]

    assert list(packed) == wanted
    assert [packed[place] for place in range(len(packed))] == wanted
    assert packed[1:3] == wanted[1:3]
    assert [dict(zip(NAMES, texts, strict=True)) for texts in packed.texts()] == wanted
    for names in (NAMES, NAMES[::-1], NAMES[1:2]):
        assert list(packed.copied(names)) == [
            COPY_ROWS.row([row[name] for name in names]) for row in kept
        ]


@given(kept=st.lists(UPDATES, max_size=6))
def test_updates_are_given_back(kept: list[UpdatedRow]) -> None:
    packed = PackedUpdates(KEY, kept)

    assert list(packed) == kept
    assert [packed[place] for place in range(len(packed))] == kept
    assert packed[1:3] == kept[1:3]
    assert packed.columns == {name for row in kept for name in row.values}


@given(kept=st.lists(UPDATES, max_size=6))
def test_updates_are_divided_by_the_columns_that_change(kept: list[UpdatedRow]) -> None:
    wanted: defaultdict[tuple[str, ...], list[Mapping[str, Text]]] = defaultdict(list)
    for row in kept:
        wanted[tuple(row.values)].append({**row.key, **row.values})

    found = {names: list(packed) for names, packed in PackedUpdates(KEY, kept).by_columns()}

    assert found == wanted
    assert list(found) == sorted(found)
