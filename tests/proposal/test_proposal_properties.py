"""Whatever names a database has, what is proposed for it is TOML that says these very names."""

from __future__ import annotations

import tomli
from hypothesis import given
from hypothesis import strategies as st

from replant.config.toml_text import array, comment, key, printable, string
from replant.model import RelationName, Root
from replant.proposal.excluded_tables import stem, words
from replant.proposal.proposal_toml import exact
from replant.testing.generation.values import texts
from replant_plugins.schemas.patterns import matching

NAMES = texts(min_size=1)
RELATIONS = st.builds(RelationName, NAMES, NAMES)


@given(name=NAMES, text=texts())
def test_a_key_and_a_string_are_read_back(name: str, text: str) -> None:
    assert tomli.loads(f"{key(name)} = {string(text)}") == {name: text}


@given(items=st.lists(st.tuples(texts(), texts()), min_size=1, max_size=3))
def test_an_array_is_read_back_without_its_reasons(items: list[tuple[str, str]]) -> None:
    held, reasons = [item for item, _ in items], [reason for _, reason in items]
    assert tomli.loads(f"a = {array(held)}") == {"a": held}
    assert tomli.loads(f"a = {array(held, reasons=reasons)}") == {"a": held}


@given(text=texts())
def test_a_comment_says_nothing(text: str) -> None:
    assert tomli.loads("\n".join([*comment(text), f"# {printable(text)}"])) == {}


@given(name=RELATIONS, others=st.lists(RELATIONS, max_size=3))
def test_a_table_is_named_exactly(name: RelationName, others: list[RelationName]) -> None:
    assert matching([exact(name)], {name, *others}, "exclude").keys() == {name}
    assert Root.parse(f"{exact(name)}: true") == Root(name, "true")


@given(name=NAMES)
def test_a_name_of_any_form_has_words(name: str) -> None:
    assert stem(name)
    assert all(word == word.lower() for word in words(name))
