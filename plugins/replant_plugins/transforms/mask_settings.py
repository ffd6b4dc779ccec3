"""The settings of the plugin `mask`: the secret, and the kind of mask for patterns and types."""

from __future__ import annotations

import os

from attrs import field, frozen

from replant.config.read_settings import structured
from replant.errors import ConfigurationError
from replant.model import Settings

NAME = "mask"
PATH = f"plugins.{NAME}"
_ENVIRONMENT = "env:"


@frozen
class MaskSettings:
    """`[plugins.mask]`.

    Attributes:
        secret: `env:NAME`, the environment variable that holds the secret of keyed masks.
        locale: of names, places and the like, as Faker names it.
        columns: the kind of mask by pattern of `schema.table.column`, such as `*.email`.
        types: the kind of mask by type or domain, such as `public.email_address`.

    """

    secret: str | None = None
    locale: str = "en_US"
    columns: dict[str, str] = field(factory=dict)
    types: dict[str, str] = field(factory=dict)


def mask_settings(settings: Settings) -> MaskSettings:
    """Read `[plugins.mask]`.

    Raises:
        ConfigurationError: it has an unknown key or a wrong value.

    """
    return structured(settings.plugins.settings.get(NAME, {}), MaskSettings, PATH)


def secret_of(asked: MaskSettings) -> bytes:
    """Return the secret; no message quotes what was configured, as it may be the secret itself.

    Raises:
        ConfigurationError: none is configured, or its variable is not set.

    """
    path = f"{PATH}.secret"
    if asked.secret is None:
        raise ConfigurationError(f"{path}: is missing; set it to 'env:NAME' of a variable with it")
    name = asked.secret.removeprefix(_ENVIRONMENT)
    if name == asked.secret or not name.isidentifier():
        raise ConfigurationError(
            f"{path}: must be 'env:NAME', the environment variable that holds the secret, and "
            f"not the secret itself"
        )
    secret = os.environ.get(name, "")
    if not secret:
        raise ConfigurationError(f"{path}: the environment variable {name!r} is not set, or empty")
    return os.fsencode(secret)
