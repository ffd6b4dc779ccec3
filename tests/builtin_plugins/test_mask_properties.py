"""What holds of every mask, whatever the value: it follows from value and secret, and it fits."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_choice import MaskChoice
from replant_plugins.transforms.mask_kinds import DATE, KEYED, TEXTS, Masked
from replant_plugins.transforms.mask_making import making
from replant_plugins.transforms.mask_settings import MaskSettings

#: Kinds of text; those whose masks have so many bits that two never meet come first.
APART = ("hash", "email", "url", "uuid")
OF_TEXTS = sorted(name for name, kind in KEYED.items() if kind.types >= TEXTS)

texts = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), min_size=1, max_size=40)
secrets = st.binary(min_size=1, max_size=16)


def mask(kind: str, secret: bytes, **more: int | bool) -> Masked:
    choice = MaskChoice(kind, number=10)
    make = making(KEYED[kind], choice, MaskSettings())
    return partial(Masked, make, KeyedHash(kind, secret))(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", OF_TEXTS)
@given(text=texts, secret=secrets)
def test_a_mask_follows_from_value_and_secret(kind: str, text: str, secret: bytes) -> None:
    first = mask(kind, secret)(text)
    assert first is not None
    assert first == mask(kind, secret)(text)
    assert mask(kind, secret)(None) is None
    assert "\0" not in first


@pytest.mark.parametrize("kind", APART)
@given(one=texts, other=texts, secret=secrets, another=secrets)
def test_other_values_and_other_secrets_have_other_masks(
    kind: str, one: str, other: str, secret: bytes, another: bytes
) -> None:
    assume(one != other)
    assume(secret.ljust(64, b"\0") != another.ljust(64, b"\0"))  # HMAC fills a key with zeros
    assert mask(kind, secret)(one) != mask(kind, secret)(other)
    assert mask(kind, secret)(one) != mask(kind, another)(one)


@pytest.mark.parametrize("kind", OF_TEXTS)
@given(text=texts, longest=st.integers(1, 80), padded=st.booleans())
def test_a_mask_is_as_long_as_its_column_lets_it_be(
    kind: str, text: str, longest: int, padded: bool
) -> None:
    assume(longest >= KEYED[kind].shortest)
    made = mask(kind, b"s", longest=longest, padded=longest if padded else 0)(text)
    assert made is not None
    assert len(made) <= longest
    assert not padded or len(made) == longest


@pytest.mark.parametrize("kind", OF_TEXTS)
@given(text=st.text("abcXYZ é1", min_size=1))
def test_texts_that_citext_takes_for_equal_have_one_mask(kind: str, text: str) -> None:
    made = mask(kind, b"s", fold=True)
    assert made(text.upper()) == made(text.lower()) or text.upper().lower() != text.lower()


@given(text=texts, secret=secrets)
def test_digits_and_letters_keep_the_format(text: str, secret: bytes) -> None:
    made = mask("digits", secret)(text)
    assert made is not None
    assert len(made) == len(text)
    for old, new in zip(text, made, strict=True):
        assert (old == new) or (old.isdigit() and new in "0123456789") or old.isalpha()


@given(uuid=st.uuids(), secret=secrets)
def test_a_uuid_becomes_one(uuid: UUID, secret: bytes) -> None:
    made = mask("uuid", secret)(str(uuid))
    assert made is not None
    assert UUID(made).version == 4


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=2), secret=secrets)
def test_a_number_never_grows(number: object, secret: bytes) -> None:
    made = mask("number", secret)(f"{number:f}")
    assert made is not None
    assert abs(float(made)) <= abs(float(f"{number:f}")) + 1e-9
    assert len(made.partition(".")[2]) == 2


def test_every_kind_is_tried() -> None:
    assert {*OF_TEXTS, DATE, "number"} == {*KEYED}
