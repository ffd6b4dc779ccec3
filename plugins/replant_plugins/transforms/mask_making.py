"""Settles what the function of a keyed kind of mask needs beside value and key."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from replant.errors import ConfigurationError
from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_choice import MaskChoice
from replant_plugins.transforms.mask_fakes import faker_of
from replant_plugins.transforms.mask_kinds import OF_FAKER, KeyedKind
from replant_plugins.transforms.mask_settings import PATH, MaskSettings


def making(
    kind: KeyedKind, choice: MaskChoice, asked: MaskSettings
) -> Callable[[str, KeyedHash], str]:
    """Return the function of value and key, with what else it needs."""
    if choice.kind in OF_FAKER:
        try:
            faker_of(asked.locale)
        except LookupError as error:
            raise ConfigurationError(f"{PATH}.locale: {error}") from error
        return SettledMake(kind.make, (("locale", asked.locale),))
    if kind.argument:
        return SettledMake(kind.make, ((kind.argument, choice.number),))
    return kind.make


@frozen
class SettledMake:
    """A function with some parameters settled, equal to another with the same."""

    function: Callable[..., str]
    settled: tuple[tuple[str, str | int], ...]

    def __call__(self, text: str, key: KeyedHash) -> str:
        """Compute the mask."""
        return self.function(text, key, **dict(self.settled))
