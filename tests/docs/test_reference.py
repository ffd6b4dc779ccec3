"""The reference says what the code says."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Any

import attrs
import pytest
from attrs import fields

import replant
from replant import errors, model
from replant.config import connection_strings
from replant.config.read_settings import settings_from
from replant.database.connections import EXACT_TEXT, READING
from replant.model import ExportSettings, PluginSettings, RunSettings, Settings, TableSettings
from replant.model.table_differences import DifferenceKind
from replant.plugins import hookspecs
from replant_plugins.schemas import asked
from replant_plugins.transforms.mask_settings import MaskSettings
from replant_plugins.transforms.renumber_settings import RenumberSettings
from tests.docs.documents import DOCUMENTS, Document
from tests.docs.generated import DRIFT_SCHEMA, HELP_OF, error_classes, generate, parts

HOOKS = Document("docs/reference/hooks.md")
COMMAND_LINE = Document("docs/reference/command-line.md")
CONFIGURATION = Document("docs/reference/configuration.md")
PYTHON = Document("docs/reference/python.md")
ERRORS = Document("docs/reference/errors.md")
EXACTNESS = Document("docs/explanation/exactness.md")

#: What `register_tables` and the others take and give; each must be documented.
VALUES = {
    *("Registration", "ByColumn", "ThroughForeignKey", "WhereReferenced", "ByPredicate", "AllRows"),
    *("InClosure", "Exclusion", "Children", "EdgeRule", "Sample", "TableShape"),
    *("PlainReference", "ArrayReference", "PolymorphicReference", "PolymorphicTarget"),
    *("SqlExpression", "PythonFunction", "PythonRow", "ArtifactFormat", "ExportedTables"),
    *("AmongShared", "Cases", "Match"),
    *("OrderRequest", "LoadOrder", "LoadTable", "LoadTogether", "PatchColumns"),
    *("DeferConstraints", "AsReplica", "CheckForeignKeys", "Cycle"),
    *("Catalog", "Table", "Column", "ForeignKey", "Identity", "RelationKind", "RelationName"),
    *("ColumnSequence", "Trigger", "Firing", "Settings", "ColumnShape"),
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_generated_parts_are_what_the_code_makes(document: Document) -> None:
    text = document.text
    assert text == generate(text), "run: python -m tests.docs.regenerate"


def test_every_hook_is_documented_in_the_order_of_the_specifications() -> None:
    documented = [argument for name, argument in parts(HOOKS.text) if name == "hook"]
    assert documented == [hook.__name__ for hook in hookspecs.HOOKS]


def test_hook_signatures_are_those_of_the_specifications() -> None:
    for hook in hookspecs.HOOKS:
        signature = re.search(rf"^def {hook.__name__}\(([^)]*)\) ->", HOOKS.text, re.MULTILINE)
        assert signature is not None
        names = re.findall(r"(\w+): ", signature[1])
        assert names == list(inspect.signature(hook).parameters)


def test_every_value_that_hooks_take_or_give_is_documented() -> None:
    documented = [argument for name, argument in parts(HOOKS.text) if name == "value"]
    assert len(documented) == len(VALUES)
    assert set(documented) == VALUES


def test_every_value_can_be_imported_from_replant_unless_it_is_said_to_be_in_its_model() -> None:
    before, _, behind = HOOKS.text.partition("## Smaller types")
    elsewhere = {argument for name, argument in parts(behind) if name == "value"}
    elsewhere |= {"PlainReference", "ArrayReference", "PolymorphicReference", "PolymorphicTarget"}
    named = {argument for name, argument in parts(before) if name == "value"}
    assert named - elsewhere <= {*replant.__all__}
    assert all(hasattr(model, name) for name in elsewhere)


def test_every_public_function_is_documented_and_no_other() -> None:
    documented = [argument for name, argument in parts(PYTHON.text) if name == "function"]
    public = [name for name in replant.__all__ if inspect.isfunction(getattr(replant, name))]
    assert sorted(documented) == sorted({*public} - {"hookimpl"})


def test_every_error_can_be_imported_from_replant() -> None:
    assert {cls.__name__ for cls in error_classes()} <= {*replant.__all__}


def test_the_help_of_every_command_is_documented_in_order() -> None:
    documented = [argument for name, argument in parts(COMMAND_LINE.text) if name == "help"]
    assert tuple(documented) == HELP_OF


def test_every_configuration_key_is_documented_with_its_default_and_no_other() -> None:
    documented = {row[0].strip("`"): row[2].strip("`") for row in CONFIGURATION.rows("Key")}
    assert documented == _keys_and_defaults()


def test_every_documented_configuration_key_is_accepted() -> None:
    samples: dict[str, Any] = {
        "source.dsn": {"source": {"dsn": "dbname=a"}},
        "source.settings": {"source": {"settings": {"TimeZone": "UTC"}}},
        "target.dsn": {"target": {"dsn": "dbname=a"}},
        "target.map_schema": {"target": {"map_schema": {"old": "new"}}},
        "target.triggers": {"target": {"triggers": "disable"}},
        "target.settings": {"target": {"settings": {"app": {"tenant": 1}}}},
        "scope.NAME": {"scope": {"tenant": 1}},
        "plugins.enable": {"plugins": {"enable": ["ordered"]}},
        "plugins.NAME": {"plugins": {"ordered": {"anything": True}}},
        "export.output": {"export": {"output": "a.sql"}},
        "export.strategy": {"export": {"strategy": "superuser"}},
        "export.layout": {"export": {"layout": "directory"}},
        "export.format": {"export": {"format": "jsonl"}},
        "export.compress": {"export": {"compress": "zstd"}},
        "export.order": {"export": {"order": "none"}},
        "export.check": {"export": {"check": "count"}},
        "export.on_conflict": {"export": {"on_conflict": "update"}},
        "export.dangling": {"export": {"dangling": "leave-out"}},
        "export.row_security": {"export": {"row_security": "as-role"}},
        "export.undeclared": {"export": {"undeclared": "fail"}},
        "export.allow_empty": {"export": {"allow_empty": True}},
        "export.max_rows": {"export": {"max_rows": 1000}},
        "export.seed": {"export": {"seed": "other"}},
        "export.must_transform": {"export": {"must_transform": ["*.email"]}},
        "run.jobs": {"run": {"jobs": 4}},
        "run.executor": {"run": {"executor": "dask://host:8786"}},
        "tables[].name": {"tables": [{"name": "a.b"}]},
        "tables[].where": {"tables": [{"name": "a.b", "where": "true"}]},
        "tables[].omit": {"tables": [{"name": "a.b", "omit": ["c"]}]},
        "tables[].dangling": {"tables": [{"name": "a.b", "dangling": "export"}]},
        "tables[].on_conflict": {"tables": [{"name": "a.b", "on_conflict": "skip"}]},
        "tables[].max_rows": {"tables": [{"name": "a.b", "max_rows": 1000}]},
        "tables[].mask": {"tables": [{"name": "a.b", "mask": {"c": "email"}}]},
        "tables[].sample": {"tables": [{"name": "a.b", "sample": "5%"}]},
        "tables[].match": {"tables": [{"name": "a.b", "match": ["code"]}]},
        "tables[].match_owned": {"tables": [{"name": "a.b", "match_owned": True}]},
        "tables[].shared": {"tables": [{"name": "a.b", "shared": "same"}]},
    }
    assert samples.keys() == {row[0].strip("`") for row in CONFIGURATION.rows("Key")}
    for sample in samples.values():
        assert settings_from(sample, "sample") != Settings()


def test_every_setting_of_a_plugin_is_documented_with_its_default_and_no_other() -> None:
    documented = {row[0].strip("`"): row[2].strip("`") for row in CONFIGURATION.rows("Setting")}
    parts = {
        "": asked.Asked,
        "tables[].": asked.TableRule,
        "edges[].": asked.Edge,
        "references[].": asked.DeclaredShapes,
    }
    settings = [(place, attribute) for place, kind in parts.items() for attribute in fields(kind)]
    for own in (MaskSettings, RenumberSettings):
        settings += [("", attribute) for attribute in fields(own)]
    assert documented == {
        f"{place}{attribute.name}": _setting_default(attribute) for place, attribute in settings
    }


def test_every_pinned_setting_is_documented_with_its_value_and_no_other() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in EXACTNESS.rows("Setting")}
    assert documented == EXACT_TEXT


def test_every_setting_for_reading_is_documented_with_its_value_and_no_other() -> None:
    documented = {row[0].strip("`"): row[1] for row in EXACTNESS.rows("While reading")}
    beside = {name: value for name, value in READING.items() if name not in EXACT_TEXT}
    written = {name: f"`{value}`" if value else "empty" for name, value in beside.items()}
    # The others depend on what the rows are wanted for, on the server, and on its own settings.
    others = {"row_security": "`off`", "transaction_timeout": "`0`", "lock_timeout": "`30s`"}
    assert documented == {**written, **others, "search_path": "`pg_catalog` first"}


def test_every_environment_variable_is_documented() -> None:
    documented = {row[0].strip("`") for row in CONFIGURATION.rows("Variable")}
    own = {connection_strings.SOURCE_VARIABLE, connection_strings.TARGET_VARIABLE}
    assert own == {name for name in documented if name.startswith("REPLANT_")}


def test_every_exit_code_is_documented_and_no_other() -> None:
    documented = {int(row[0]) for row in ERRORS.rows("Code")}
    raised = {cls.exit_code for cls in error_classes()}
    own = {errors.DIFFERENCE_FOUND, errors.UNFORESEEN, errors.INTERRUPTED}
    assert documented == {0, *own, *raised}


def test_every_error_class_says_what_it_means() -> None:
    for cls in error_classes():
        assert inspect.getdoc(cls), cls


def _keys_and_defaults() -> dict[str, str]:
    """The keys as the reference writes them; a dash stands for no default."""
    keys = {
        "source.dsn": "—",
        "source.settings": "—",
        "target.dsn": "—",
        "target.settings": "—",
        "target.map_schema": "{}",
        "target.triggers": _default(attrs.fields(Settings).triggers),
        "scope.NAME": "—",
        "plugins.NAME": "—",
    }
    settings = {attribute.name for attribute in attrs.fields(Settings)}
    beside = {"recorded", "file", "options", "tenant_values"}  # no key says them
    databases = {"source", "source_settings", "target", "target_settings", "triggers", "map_schema"}
    others = {"scope", "export", "plugins", "run", "tables"}
    assert settings - beside == databases | others
    for attribute in attrs.fields(PluginSettings):
        if attribute.name not in {"settings", "files"}:  # the latter is what --plugin says
            keys[f"plugins.{attribute.name}"] = _default(attribute)
    for attribute in attrs.fields(ExportSettings):
        keys[f"export.{attribute.name}"] = _default(attribute)
    for attribute in attrs.fields(RunSettings):
        keys[f"run.{attribute.name}"] = _default(attribute)
    for attribute in attrs.fields(TableSettings):
        keys[f"tables[].{attribute.name}"] = _default(attribute)
    return keys


def _setting_default(attribute: attrs.Attribute[Any]) -> str:
    default = attribute.default
    return "required" if default is attrs.NOTHING else _default(attribute)


def _default(attribute: attrs.Attribute[Any]) -> str:
    default = attribute.default
    if default is attrs.NOTHING or default is None:
        return "—"
    if isinstance(default, bool | int):
        return str(default).lower()
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class, to attrs
        return "{}"
    if default == ():
        return "[]"
    return f'"{default.value if isinstance(default, Enum) else default}"'


def test_every_kind_of_drift_is_in_the_reference_and_in_the_schema_of_the_report() -> None:
    text = Document("docs/reference/drift.md").text
    told = re.findall(r"^\| `([a-z-]+)` \| \w+.* \|.*\|$", text.partition("## The text")[0], re.M)
    kinds = DRIFT_SCHEMA["$defs"]["finding"]["properties"]["kind"]["enum"]

    assert told == [change.value for change in DifferenceKind] == kinds
