"""The settings of the plugin `mask`: the secret, and the kind of mask for patterns and types."""

from __future__ import annotations

import os

from attrs import field, frozen

from replant import ColumnPattern, Secret
from replant.errors import ConfigurationError
from replant_plugins.transforms.mask_choice import MaskChoice

PATH = "plugins.mask"


@frozen
class MaskSettings:
    """`[plugins.mask]`.

    Attributes:
        secret: `env:NAME`, the environment variable that holds the secret of keyed masks.
        locale: of names, places and the like, as Faker names it.
        columns: the kind of mask by pattern of `schema.table.column`, such as `*.email`.
        types: the kind of mask by type or domain, such as `public.email_address`.

    """

    secret: Secret | None = None
    locale: str = "en_US"
    columns: dict[ColumnPattern, MaskChoice] = field(factory=dict)
    types: dict[str, MaskChoice] = field(factory=dict)


def secret_of(asked: MaskSettings) -> bytes:
    """Return the secret.

    Raises:
        ConfigurationError: none is configured, or its variable is not set.

    """
    if asked.secret is None:
        raise ConfigurationError(
            f"{PATH}.secret: is missing; set it to 'env:NAME' of a variable with it"
        )
    return os.fsencode(asked.secret.reveal())
