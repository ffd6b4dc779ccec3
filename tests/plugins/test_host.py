"""Plugins that are broken are named, with distribution, version and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from replant.errors import ConfigurationError, PluginError
from replant.model import (
    Catalog,
    Column,
    OrderRequest,
    PluginSettings,
    RelationName,
    Settings,
    SqlExpression,
    Table,
)
from replant.plugins.answers import Rendering, Transforming
from replant.plugins.discovery import choose, find, load
from replant.plugins.installed import installed_plugins
from replant.plugins.manager import ColumnTransforms, Host
from tests.support.installed_plugins import install_plugin

Install = Callable[..., None]

HEAD = "from replant import hookimpl, Registration, SqlExpression, LoadOrder, LoadTable\n"
GOOD = HEAD + "@hookimpl\ndef register_tables(catalog):\n    return [Registration('s.t')]\n"
CATALOG = Catalog("d", "r", 180000)
TABLE = Table(RelationName("s", "t"), (Column("c", "text"),))


@pytest.fixture
def install(importable_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with one plugin where Python looks for distributions."""

    def make(name: str, code: str, *, distribution: str = "", target: str = "") -> None:
        distribution = distribution or f"replant-{name}"
        module = f"plugin_{distribution.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, module, raising=False)
        install_plugin(
            importable_folder,
            name,
            code,
            module=module,
            distribution=distribution,
            version="2.1",
            target=target,
        )

    return make


def host(*names: str) -> Host:
    return Host.for_settings(Settings(plugins=PluginSettings(enable=names)))


def test_the_built_in_plugins_come_in_as_entry_points_and_are_enabled_by_default() -> None:
    chosen = choose(find(), PluginSettings(), "ordered")
    assert [candidate.name for candidate in chosen] == [
        "auto",
        "collections_public",
        "mask",
        "meta_public",
        "ordered",
        "renumber",
        "schemas",
        "superuser",
    ]


def test_without_a_list_the_plugins_that_have_settings_are_enabled() -> None:
    plugins = PluginSettings(settings={"schemas": {"include": ["public"]}})
    chosen = choose(find(), plugins, "ordered")
    assert [candidate.name for candidate in chosen] == ["schemas", "ordered"]


def test_a_plugin_of_another_distribution_is_enabled_only_by_name(install: Install) -> None:
    install("notes", GOOD)
    assert "notes" not in [
        candidate.name for candidate in choose(find(), PluginSettings(), "ordered")
    ]
    chosen = choose(find(), PluginSettings(("notes",)), "ordered")
    assert [candidate.name for candidate in chosen] == ["notes", "ordered"]


def test_naming_a_strategy_enables_the_plugin_of_that_name() -> None:
    chosen = choose(find(), PluginSettings(("meta_public",)), "superuser")
    assert [candidate.name for candidate in chosen] == ["meta_public", "superuser"]


def test_an_installed_plugin_that_is_not_enabled_cannot_break_anything(install: Install) -> None:
    install("broken", "raise RuntimeError('at import')")
    assert "broken" not in host("meta_public").versions


def test_an_import_error_is_named(install: Install) -> None:
    install("broken", "import no_such_module_anywhere")
    with pytest.raises(PluginError) as caught:
        host("broken")
    message = str(caught.value)
    assert "plugin 'broken' (distribution replant-broken 2.1) cannot be imported" in message
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in message
    assert "take 'broken' out of [plugins] enable" in message


def test_an_attribute_that_is_missing_is_named(install: Install) -> None:
    install("broken", "", target="plugin_replant_broken:PLUGIN")
    with pytest.raises(PluginError, match=r"'broken'.*AttributeError"):
        host("broken")


def test_a_class_instead_of_an_instance_is_named(install: Install) -> None:
    install("broken", "class Plugin: pass", target="plugin_replant_broken:Plugin")
    with pytest.raises(PluginError, match="is the class Plugin, not a module or an object"):
        host("broken")


def test_an_object_that_cannot_be_hashed_is_named(install: Install) -> None:
    code = "from dataclasses import dataclass\n@dataclass\nclass P: pass\nPLUGIN = P()\n"
    install("broken", code, target="plugin_replant_broken:PLUGIN")
    with pytest.raises(PluginError, match=r"'broken' .* is a P, which cannot be hashed"):
        host("broken")


def test_a_wrong_signature_is_named(install: Install) -> None:
    install("broken", HEAD + "@hookimpl\ndef register_tables(katalog): ...\n")
    with pytest.raises(PluginError) as caught:
        host("broken")
    assert str(caught.value) == (
        "plugin 'broken' (distribution replant-broken 2.1) has the hook register_tables with the "
        "parameter 'katalog', which the hook does not have; did you mean catalog?; it may take "
        "catalog, settings, configuration; update the plugin"
    )


def test_a_misspelt_hook_is_named_with_the_right_ones(install: Install) -> None:
    install("broken", HEAD + "@hookimpl\ndef register_table(catalog): ...\n")
    with pytest.raises(PluginError) as caught:
        host("broken")
    assert "has the hook 'register_table', which replant does not have" in str(caught.value)
    assert "register_tables, transform_value, render_row, write_artifact, order_tables" in str(
        caught.value
    )


def test_two_plugins_of_one_name_are_both_named(install: Install) -> None:
    install("notes", GOOD, distribution="replant-a")
    install("notes", GOOD, distribution="replant-b")
    with pytest.raises(PluginError, match=r"replant-a 2\.1 .* and replant-b 2\.1 .*; uninstall"):
        host("notes")


def test_two_plugins_of_one_name_do_no_harm_where_neither_is_asked_for(install: Install) -> None:
    install("notes", GOOD, distribution="replant-a")
    install("notes", GOOD, distribution="replant-b")
    assert "notes" not in host("meta_public").versions
    listed = [p.candidate.distribution for p in installed_plugins(Settings()) if p.hooks]
    assert {"replant-a", "replant-b"} <= set(listed)


def test_a_plugin_that_raises_while_it_is_asked_is_named(install: Install) -> None:
    install("broken", HEAD + "@hookimpl\ndef register_tables():\n    raise KeyError('x')\n")
    with pytest.raises(PluginError) as caught:
        host("broken").register_tables(CATALOG, Settings())
    assert "'broken' (distribution replant-broken 2.1) failed in register_tables" in str(
        caught.value
    )
    assert "KeyError: 'x'" in str(caught.value)


@pytest.mark.parametrize("answer", ["3", "['s.t']", "Registration('s.t')", "'ab'"])
def test_an_answer_of_a_wrong_type_is_named(install: Install, answer: str) -> None:
    install("broken", HEAD + f"@hookimpl\ndef register_tables():\n    return {answer}\n")
    with pytest.raises(PluginError, match=r"'broken'.*answered register_tables with"):
        host("broken").register_tables(CATALOG, Settings())


def test_a_mistake_in_a_plugins_own_settings_is_the_configurations(install: Install) -> None:
    code = "from replant import hookimpl, ConfigurationError\n@hookimpl\ndef register_tables():\n"
    install("strict", code + "    raise ConfigurationError('plugins.strict.x: must be a string')\n")
    with pytest.raises(ConfigurationError, match=r"plugins\.strict\.x"):
        host("strict").register_tables(CATALOG, Settings())


SETTINGS = "from attrs import frozen\nfrom replant import ColumnPattern, RelationName, Secret\n"
SETTINGS += """
@frozen
class Options:
    '''What is wanted.

    Attributes:
        count: of a thing, and
            no other.
    '''
    count: int = 1
    table: RelationName | None = None
    columns: tuple[ColumnPattern, ...] = ()
    key: Secret | None = None
SETTINGS = Options
"""


def with_settings(**settings: dict[str, object]) -> Settings:
    return Settings(plugins=PluginSettings(tuple(settings), settings))


def test_settings_of_a_plugin_that_takes_none_are_refused(install: Install) -> None:
    install("deaf", GOOD)
    settings = with_settings(deaf={"x": 1})
    with pytest.raises(ConfigurationError, match=r"plugins\.deaf: the plugin takes no settings"):
        Host.for_settings(settings)


def test_each_plugin_gets_its_own_settings_in_every_hook(install: Install) -> None:
    said = "raise RuntimeError(settings.count)"
    install(
        "keen",
        SETTINGS
        + HEAD
        + "STRATEGIES, FORMATS = ('odd',), ('odd',)\n"
        + f"@hookimpl\ndef register_tables(settings): {said}\n"
        + f"@hookimpl\ndef transform_value(settings): {said}\n"
        + f"@hookimpl\ndef render_row(settings): {said}\n"
        + f"@hookimpl\ndef order_tables(settings): {said}\n",
    )
    settings = with_settings(keen={"count": 7})
    keen = Host.for_settings(settings)
    asked: list[Callable[[], object]] = [
        lambda: keen.register_tables(CATALOG, settings),
        lambda: ColumnTransforms(keen, CATALOG, settings).chain(TABLE, TABLE.columns[0]),
        lambda: keen.render_row(TABLE, TABLE.columns, "odd", settings.plugins),
        lambda: keen.order_tables(OrderRequest("odd", ()), settings.plugins),
    ]
    for ask in asked:
        with pytest.raises(PluginError, match="RuntimeError: 7"):
            ask()


def test_mistakes_in_the_settings_of_all_plugins_come_at_once(install: Install) -> None:
    keen = SETTINGS + GOOD.replace("(catalog)", "(catalog, settings)")
    install("one", keen)
    install("two", keen)
    settings = with_settings(
        one={"cuont": 1, "table": "nowhere", "columns": ["a", 3]}, two={"key": "hunter2"}
    )
    with pytest.raises(ConfigurationError) as caught:
        Host.for_settings(settings)
    assert str(caught.value).splitlines() == [
        "plugins.one.table: 'nowhere' is not schema.table (quote a part with double quotes)",
        "plugins.one.columns[1]: must be a string, not an integer",
        (
            "plugins.one.cuont: is unknown; did you mean 'count'? "
            "known here are: count, table, columns, key"
        ),
        (
            "plugins.two.key: must be 'env:NAME', the environment variable that holds the secret, "
            "and not the secret itself"
        ),
    ]


def test_names_in_settings_that_the_database_lacks_are_told_with_the_nearest(
    install: Install,
) -> None:
    install("keen", SETTINGS + GOOD.replace("(catalog)", "(catalog, settings)"))
    catalog = Catalog("d", "r", 180000, {TABLE.name: TABLE})
    settings = with_settings(
        keen={"table": "s.tt", "columns": ["s.t.c", "*.cc", "s.tt.c"], "key": "env:NO_SUCH_ONE"}
    )
    unmatched = "matches no column; a pattern is of schema.table.column"
    assert [*Host.for_settings(settings).missing_names(catalog, settings)] == [
        "plugins.keen.table: there is no table s.tt; did you mean s.t?",
        f"plugins.keen.columns[1]: {unmatched}; did you mean *.c?",
        f"plugins.keen.columns[2]: {unmatched}; did you mean s.t.c?",
        "plugins.keen.key: the environment variable 'NO_SUCH_ONE' is not set, or empty",
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("API_VERSION = 2\n" + GOOD, "is for version 2 of the plugin API, .* update replant"),
        ("API_VERSION = 0\n" + GOOD, "is for version 0 .* update replant-odd, or take 'odd' out"),
        ("SETTINGS = dict\n" + GOOD, "declares SETTINGS that are not an attrs class"),
        (SETTINGS + GOOD, "declares SETTINGS, and no hook has the parameter settings"),
        (GOOD.replace("(catalog)", "(settings)"), "declares no class of settings"),
        ("STRATEGIES = ('a',)\n" + GOOD, "declares STRATEGIES, and has no hook order_tables"),
        ("FORMATS = 'csv'\n" + GOOD, "declares FORMATS = 'csv', which is not a tuple of names"),
        (HEAD + "@hookimpl\ndef render_row(): ...\n", r'write FORMATS = \("its-name",\)'),
        (
            HEAD + "FORMATS = ('copy',)\n@hookimpl\ndef render_row(): ...\n",
            "declares the name 'copy' in FORMATS, which replant itself has",
        ),
    ],
)
def test_what_a_plugin_declares_must_fit_its_hooks(install: Install, code: str, said: str) -> None:
    install("odd", code)
    with pytest.raises(PluginError, match=f"plugin 'odd' .*{said}"):
        host("odd")


def test_a_table_that_two_plugins_register_names_both(install: Install) -> None:
    install("one", GOOD)
    install("two", GOOD)
    with pytest.raises(PluginError, match=r"s\.t is registered by .*'one'.* and .*'two'"):
        host("one", "two").register_tables(CATALOG, Settings())


def test_no_plugin_at_all_says_how_to_install() -> None:
    with pytest.raises(PluginError, match="pip install"):
        choose((), PluginSettings(), "ordered")


def test_transforms_form_a_chain_in_the_order_of_the_configuration(install: Install) -> None:
    for name in ("alpha", "beta"):
        install(
            name, HEAD + f"@hookimpl\ndef transform_value():\n    return SqlExpression('{name}')"
        )
    first, second = (Transforming(name, SqlExpression(name)) for name in ("alpha", "beta"))
    for names, chain in (
        (("alpha", "beta"), (first, second)),
        (("beta", "alpha"), (second, first)),
    ):
        transforms = ColumnTransforms(host(*names), CATALOG, Settings())
        assert transforms.chain(TABLE, TABLE.columns[0]) == chain


def test_the_first_plugin_that_knows_a_format_renders_it(install: Install) -> None:
    formats = HEAD + "FORMATS = ('jsonl',)\n@hookimpl\ndef render_row():\n    return "
    install("silent", formats + "None")
    for name in ("alpha", "beta"):
        install(name, formats + f"SqlExpression('{name}')")
    some = host("silent", "beta", "alpha")
    chosen = some.render_row(TABLE, TABLE.columns, "jsonl", PluginSettings())
    assert chosen == Rendering("beta", SqlExpression("beta"))
    with pytest.raises(
        PluginError, match=r"'silent' .* does not say how rows of s\.t are rendered"
    ):
        host("silent").render_row(TABLE, TABLE.columns, "jsonl", PluginSettings())
    with pytest.raises(ConfigurationError, match=r"'jsonl'\? known are: insert, copy, jsonl"):
        host("silent").render_row(TABLE, TABLE.columns, "json", PluginSettings())


def test_a_strategy_of_two_plugins_names_both(install: Install) -> None:
    order = HEAD + "STRATEGIES = ('mine',)\n@hookimpl\ndef order_tables():\n    return None\n"
    install("one", order)
    install("two", order)
    with pytest.raises(PluginError, match=r"plugin 'one'.* and plugin 'two'"):
        host("one", "two").order_tables(OrderRequest("mine", ()), PluginSettings())
    with pytest.raises(PluginError, match=r"plugin 'one' .* gives no load order for it"):
        host("one").order_tables(OrderRequest("mine", ()), PluginSettings())


def test_a_strategy_of_no_plugin_names_those_that_are_declared() -> None:
    with pytest.raises(ConfigurationError, match=r"'superuser'\? known are: superuser, ordered"):
        host("superuser", "meta_public").order_tables(
            OrderRequest("superusr", ()), PluginSettings()
        )


def test_the_list_of_plugins_shows_hooks_and_failures(install: Install) -> None:
    install("broken", "import no_such_module_anywhere")
    install("notes", GOOD)
    listed = {plugin.candidate.name: plugin for plugin in installed_plugins(Settings())}
    assert listed["ordered"].hooks == ("order_tables",)
    assert listed["ordered"].enabled
    assert listed["notes"].hooks == ("register_tables",)
    assert not listed["notes"].enabled
    assert "no_such_module_anywhere" in (listed["broken"].failure or "")


def test_each_host_has_a_manager_of_its_own() -> None:
    one = [load(candidate) for candidate in find() if candidate.name == "ordered"]
    assert Host(one).versions == Host(one).versions


# -- what does nothing, and what goes further than it may ------------------------------------------


def test_a_hook_without_its_marker_is_told(install: Install) -> None:
    install("unmarked", GOOD + "def transform_value(table, column):\n    return None\n")
    with pytest.raises(PluginError, match=r"'unmarked'.*has transform_value without the marker"):
        host("unmarked")


def test_a_module_without_hooks_is_told(install: Install) -> None:
    install("hollow", "answer = 42\n")
    with pytest.raises(PluginError, match=r"'hollow'.*implements no hook.*entry point"):
        host("hollow")


def test_settings_of_a_plugin_that_is_not_enabled_are_refused() -> None:
    plugins = PluginSettings(("meta_public",), {"schemas": {"include": ("public",)}})
    with pytest.raises(ConfigurationError, match=r"plugins\.schemas: the plugin is not enabled"):
        choose(find(), plugins, "ordered")


@pytest.mark.parametrize("end", ["SystemExit(0)", "GeneratorExit", "ValueError('a\\nb')"])
def test_no_end_of_a_plugin_is_the_end_of_replant(install: Install, end: str) -> None:
    install("at_import", f"raise {end}")
    with pytest.raises(PluginError, match=r"'at_import'.*cannot be imported") as caught:
        host("at_import")
    assert "\n" not in str(caught.value)
    install("in_hook", HEAD + f"@hookimpl\ndef register_tables():\n    raise {end}\n")
    with pytest.raises(PluginError, match=r"'in_hook'.*failed in register_tables") as caught:
        host("in_hook").register_tables(CATALOG, Settings())
    assert "\n" not in str(caught.value)


def test_a_class_in_place_of_its_instance_is_not_all_rows(install: Install) -> None:
    code = "from replant import WhereReferenced\n" + GOOD
    install("open_door", code.replace("('s.t')", "('s.t', rows=WhereReferenced)"))
    with pytest.raises(PluginError, match=r"'open_door'.*not the class WhereReferenced"):
        host("open_door").register_tables(CATALOG, Settings())


def test_a_hook_cannot_turn_a_setting_off_for_the_next_call(install: Install) -> None:
    install("greedy", HEAD + "@hookimpl\ndef register_tables(configuration):\n    "
            "configuration.plugins.settings['schemas'].pop('include')\n")  # fmt: skip
    schemas = {"schemas": {"include": ["a"]}}
    settings = Settings(plugins=PluginSettings(("greedy", "schemas"), schemas))
    with pytest.raises(PluginError, match=r"'greedy'.*has no attribute 'pop'"):
        Host.for_settings(settings).register_tables(CATALOG, settings)


def test_a_table_that_a_plugin_registers_twice_is_told_as_its_own_fault(install: Install) -> None:
    install(
        "mine", HEAD + "@hookimpl\ndef register_tables():\n    return [Registration('s.t')] * 2\n"
    )
    with pytest.raises(PluginError, match=r"the plugin 'mine' registers the table s\.t twice"):
        host("mine").register_tables(CATALOG, Settings())
