"""Makes names, places and prose by Faker, each drawn by the keyed hash of the value."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from replant_plugins.transforms.keyed_hash import KeyedHash

if TYPE_CHECKING:
    from faker import Faker

#: The providers of Faker by kind of mask.
FAKES: dict[str, Callable[[Faker], str]] = {
    "name": lambda faker: faker.name(),
    "first-name": lambda faker: faker.first_name(),
    "last-name": lambda faker: faker.last_name(),
    "company": lambda faker: faker.company(),
    "street": lambda faker: faker.street_address(),
    "city": lambda faker: faker.city(),
    "postcode": lambda faker: faker.postcode(),
}

#: A long text repeats its words after as many characters as these make.
_WORDS = 100


def fake(text: str, key: KeyedHash, kind: str, locale: str) -> str:
    """Return what Faker makes of the kind, on one line."""
    return " ".join(FAKES[kind](_drawing(text, key, locale)).split())


def lorem(text: str, key: KeyedHash, locale: str) -> str:
    """Return words of no meaning, as many characters as the text has; an end is no space."""
    words = " ".join(_drawing(text, key, locale).words(_WORDS)) + " "
    prose = (words * (len(text) // len(words) + 1))[: len(text)]
    return f"{prose[:-1]}{prose[-1:].replace(' ', '.')}"


def _drawing(text: str, key: KeyedHash, locale: str) -> Faker:
    faker = faker_of(locale)
    faker.seed_instance(key.number(text))
    return faker


@lru_cache
def faker_of(locale: str) -> Faker:
    """Return the Faker of a locale.

    Raises:
        LookupError: Faker is not installed, or does not know the locale.

    """
    try:
        from faker import Faker  # noqa: PLC0415 - an extra, which few kinds need
    except ModuleNotFoundError as error:
        raise LookupError(
            "masks such as name, street and lorem need Faker; install it with "
            "'pip install replant[mask]'"
        ) from error
    try:
        return Faker(locale)
    except AttributeError as error:
        raise LookupError(f"Faker has no locale {locale!r}") from error
