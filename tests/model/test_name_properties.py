"""A relation's name is read back from every way in which a person may write it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replant.model import RelationName, readable

ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
PRINTABLE = ANY.filter(str.isprintable)


def in_quotes(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'


@given(st.builds(RelationName, PRINTABLE, PRINTABLE))
def test_a_printable_name_is_read_back_as_it_is_shown(name: RelationName) -> None:
    assert RelationName.parse(str(name)) == name


@given(st.builds(RelationName, ANY, ANY))
def test_any_name_is_read_in_quotes(name: RelationName) -> None:
    assert RelationName.parse(f"{in_quotes(name.schema)}.{in_quotes(name.name)}") == name


@given(st.builds(RelationName, ANY, ANY))
def test_a_name_is_shown_on_one_line_of_printable_characters(name: RelationName) -> None:
    assert str(name).isprintable()


@given(ANY, ANY)
def test_different_printable_names_are_shown_differently(first: str, second: str) -> None:
    if first.isprintable() and second.isprintable():
        assert (readable(first) == readable(second)) == (first == second)
