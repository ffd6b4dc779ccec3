"""Says what a catalog does not say of the platform's rows: functions in checks and indexes.

Offered as entry points of the group `replant.registries`, under the names of the two plugins.
Needs the package `hypothesis`.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.model import RelationName
from replant.testing.generation.registry import Registry
from replant.testing.generation.values import Values, array_texts, jsonb_texts, texts, uuids


def _collections(table: str) -> RelationName:
    return RelationName("collections_public", table)


def _plural(name: str) -> str:
    """Return what `collections_public.plural` returns, except for letters beyond A to Z."""
    word = name.lower()
    if re.search(r"(ss|us|is|x|z|ch|sh)\Z", word):
        return f"{word}es"
    if re.search(r"[^aeiou]y\Z", word):
        return f"{word[:-1]}ies"
    return word if word.endswith("s") else f"{word}s"


def _stem(name: str) -> str:
    return re.sub(r"_(row_id|id|uuid|fk|pk)\Z", "", name.lower())


def _hostnames() -> SearchStrategy[str]:
    return st.from_regex(
        r"[A-Za-z0-9]([a-z0-9-]{0,5}[A-Za-z0-9])?(\.[a-z0-9]{1,5}){0,2}", fullmatch=True
    )


def _images() -> SearchStrategy[str]:
    more = jsonb_texts()
    return more.map(lambda text: f'{{"url": "https://a/b", "mime": {text}, "\\\\\'\\"": {text}}}')


_NAMES = texts(min_size=3) | st.sampled_from(("box", "boxes", "day's", "Category"))
_SOME_FIELDS = array_texts(uuids(), min_size=1, nulls=False)
_TWO_FIELDS = array_texts(uuids(), min_size=2, max_size=2)
_TWO_TEXTS = array_texts(texts(), min_size=2, max_size=2)

COLLECTIONS = Registry(
    columns={
        (_collections("database"), "name"): Values(_NAMES, _plural),
        (_collections("schema"), "name"): _NAMES,
        (_collections("table"), "name"): Values(_NAMES, _plural),
        (_collections("field"), "name"): Values(_NAMES, _stem),
        **{
            (_collections(f"{kind}_constraint"), "field_ids"): _SOME_FIELDS
            for kind in ("check", "foreign_key", "primary_key", "unique")
        },
        (_collections("foreign_key_constraint"), "ref_field_ids"): _SOME_FIELDS,
        (_collections("full_text_search"), "field_ids"): _TWO_FIELDS,
        (_collections("full_text_search"), "weights"): _TWO_TEXTS,
        (_collections("full_text_search"), "langs"): _TWO_TEXTS,
    },
    unique={_collections("database"): [("owner_id", "name")]},
)

META = Registry(
    types={
        "public.hostname": _hostnames(),
        "public.image": _images(),
    },
)
