"""The settings of the plugin `mask`: the secret, and the kind of mask for patterns and types."""

from __future__ import annotations

import os

from attrs import field, frozen

from replant import ColumnPattern, Secret
from replant.errors import ConfigurationError
from replant_plugins.transforms.json_paths import JsonPath, split_path
from replant_plugins.transforms.mask_choice import MaskChoice

PATH = "plugins.mask"


@frozen(order=True)
class MaskPattern(ColumnPattern):
    """A pattern of columns, and perhaps a path into the JSON that they hold.

    Attributes:
        path: such as `$.token`; None for the whole value.

    """

    path: JsonPath | None = field(default=None, order=False)

    @classmethod
    def parse(cls, text: str) -> MaskPattern:
        """Read `*.email` or `*.settings.$.token`.

        Raises:
            ValueError: there is no pattern, or the path is not one.

        """
        pattern, path = split_path(text)
        return cls(ColumnPattern.parse(pattern).text, path)

    def __str__(self) -> str:
        """Write pattern and path."""
        return self.text if self.path is None else f"{self.text}.{self.path}"


@frozen
class MaskType:
    """A type or domain, and perhaps a path into the JSON that its values hold.

    Attributes:
        name: such as `public.email_address`.
        path: such as `$.url`; None for the whole value.

    """

    name: str
    path: JsonPath | None = None

    @classmethod
    def parse(cls, text: str) -> MaskType:
        """Read `inet` or `public.image.$.url`.

        Raises:
            ValueError: the path is not one.

        """
        return cls(*split_path(text))

    def __str__(self) -> str:
        """Write type and path."""
        return self.name if self.path is None else f"{self.name}.{self.path}"


@frozen
class MaskSettings:
    """`[plugins.mask]`.

    Attributes:
        secret: `env:NAME`, the environment variable that holds the secret of keyed masks.
        locale: of names, places and the like, as Faker names it.
        columns: the kind of mask by pattern of `schema.table.column`, such as `*.email`; a path
            into JSON may follow it.
        types: the kind of mask by type or domain, such as `public.email_address`; likewise.

    """

    secret: Secret | None = None
    locale: str = "en_US"
    columns: dict[MaskPattern, MaskChoice] = field(factory=dict)
    types: dict[MaskType, MaskChoice] = field(factory=dict)


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
