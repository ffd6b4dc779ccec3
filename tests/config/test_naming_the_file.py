"""Mistakes that show later than the file is read name the file, and others do not."""

from __future__ import annotations

import pytest

from replant.config.naming_the_file import naming_the_file
from replant.errors import ConfigurationError
from replant.model import Settings


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("export.order: is unknown", True),
        ("tables[0].mask: public.t has no column a", True),
        ('plugins.renumber.columns."Odd Schema.t.c": matches no column', True),
        ("export.format: is unknown, as the option said", False),
        ("nothing says which rows to export", False),
    ],
)
def test_a_setting_is_named_with_its_file(mistake: str, named: bool) -> None:
    settings = Settings(file="shop.toml", options=("export.format",))
    with pytest.raises(ConfigurationError) as raised, naming_the_file(settings):
        raise ConfigurationError(mistake)
    assert str(raised.value) == (f"shop.toml: {mistake}" if named else mistake)
