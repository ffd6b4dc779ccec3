"""The parts of the reference that are derived from the code.

Such a part stands between `<!-- generated: NAME ARGUMENT -->` and `<!-- end -->`.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib.resources import files
from typing import Any

import attrs
from click.testing import CliRunner

import replant as package
from replant import errors, model
from replant.cli.main import COMMANDS, replant
from replant.config.json_schema import meanings_of
from replant.errors import ReplantError
from replant.plugins import hookspecs
from replant.testing.scaffold.project import ProjectNames, project_files
from replant_plugins.demonstration.shops import script
from tests.docs.docstrings import described
from tests.support.manifest_schema import SCHEMA

DRIFT_SCHEMA: Mapping[str, Any] = json.loads(
    (files("replant.drift") / "drift.schema.json").read_text(encoding="utf-8")
)

DIFF_SCHEMA: Mapping[str, Any] = json.loads(
    (files("replant.difference") / "diff.schema.json").read_text(encoding="utf-8")
)

REPORT_SCHEMA: Mapping[str, Any] = json.loads(
    (files("replant.report") / "report.schema.json").read_text(encoding="utf-8")
)

_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z]+)(?: (?P<argument>\S+))? -->\n).*?(?=<!-- end -->)",
    re.DOTALL,
)


def generate(text: str) -> str:
    """The document's text with every generated part made anew."""

    def part(match: re.Match[str]) -> str:
        made = _MAKERS[match["name"]](match["argument"] or "")
        return f"{match['begin']}{made}"

    return _PART.sub(part, text)


def parts(text: str) -> Iterator[tuple[str, str]]:
    """The name and argument of every generated part."""
    for match in _PART.finditer(text):
        yield match["name"], match["argument"] or ""


def command_help(command: str) -> str:
    """What `replant COMMAND --help` prints on a terminal of 100 columns."""
    runner = CliRunner()
    arguments = [command, "--help"] if command else ["--help"]
    result = runner.invoke(replant, arguments, prog_name="replant", terminal_width=100)
    assert result.exit_code == 0, result.output
    return result.output


def _help(command: str) -> str:
    line = " ".join(word for word in ("replant", command, "--help") if word)
    return f"```console\n$ {line}\n{command_help(command)}```\n"


def _hook(name: str) -> str:
    return described(getattr(hookspecs, name))


def _function(name: str) -> str:
    return described(getattr(package, name))


def _value(name: str) -> str:
    cls: type[Any] = getattr(model, name)
    if issubclass(cls, Enum):
        fields = "".join(f"    {member.name} = {_quoted(member.value)}\n" for member in cls)
        return f"```python\nclass {name}(Enum):\n{fields}```\n"
    # Not `attribute.type`: cattrs resolves the types of some classes in place, and of others not.
    types = inspect.get_annotations(cls)
    fields = "".join(
        f"    {attribute.name}: {types[attribute.name]}{_default(attribute)}\n"
        for attribute in attrs.fields(cls)
        if attribute.init
    )
    body = fields or "    pass\n"
    return f"```python\n@frozen\nclass {name}:\n{body}```\n"


def _result(name: str) -> str:
    """What a function returns: its attributes, and what can be asked of it."""
    cls: type[Any] = getattr(package, name)
    types, meanings = inspect.get_annotations(cls), meanings_of(cls)
    rows = [
        f"| `{name}` | `{_cell(types[name])}` | {_upper(meanings.get(name, ''))} |"
        for name in (attribute.name for attribute in attrs.fields(cls))
    ]
    rows += [
        f"| `{name}` | `{_cell(inspect.signature(value.fget).return_annotation)}` | "
        f"{(inspect.getdoc(value) or '').partition(chr(10))[0]} |"
        for name, value in vars(cls).items()
        if isinstance(value, property) and value.fget is not None and not name.startswith("_")
    ]
    return "\n".join(["| Attribute | Type | Meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _default(attribute: attrs.Attribute[Any]) -> str:
    default = attribute.default
    if default is attrs.NOTHING:
        return ""
    if factory := getattr(default, "factory", None):
        return f" = {factory.__name__}()"
    return f" = {default}" if isinstance(default, Enum) else f" = {_quoted(default)}"


def error_classes() -> list[type[ReplantError]]:
    """Every class of error, a base before what derives from it."""
    return [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, ReplantError)
    ]


def _errors(_: str) -> str:
    lines = ["| Class | Kind of | Exit code | Meaning |", "| --- | --- | --- | --- |"]
    for cls in error_classes():
        meaning = inspect.getdoc(cls)
        base = cls.__bases__[0].__name__
        lines.append(f"| `{cls.__name__}` | `{base}` | {cls.exit_code} | {meaning} |")
    return "\n".join(lines) + "\n"


def _manifest(name: str) -> str:
    """The fields of the manifest, or of a part of it, as the JSON schema describes them."""
    return _fields(SCHEMA, name)


def _drift(name: str) -> str:
    """The fields of a report of drift, or of a part of it, likewise."""
    return _fields(DRIFT_SCHEMA, name)


def _diff(name: str) -> str:
    """The fields of a comparison, or of a part of it, likewise."""
    return _fields(DIFF_SCHEMA, name)


def _report(name: str) -> str:
    """The fields of the report of a command, or of a part of it, likewise."""
    return _fields(REPORT_SCHEMA, name)


def _fields(whole: Mapping[str, Any], name: str) -> str:
    part = whole["$defs"][name] if name else whole
    rows = [
        f"| `{field}` | {_kind(schema)} | {schema['description']} |"
        for field, schema in part["properties"].items()
    ]
    return "\n".join(["| Field | Holds | Meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _workflow(_: str) -> str:
    """The workflow that `replant new-plugin` writes."""
    files = project_files(ProjectNames.of("notes"))
    return f"```yaml\n{files['.github/workflows/ci.yml']}```\n"


def _kind(schema: Mapping[str, Any]) -> str:
    """What a field may hold, in words; a part of the manifest is a link to its description."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        title = name.replace("_", " ")
        return _PLAIN.get(name) or f"[{title}](#{title.replace(' ', '-')})"
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return ", ".join(f"`{json.dumps(value)}`" for value in values)
    if schema["type"] == "array":
        places = schema.get("prefixItems", [schema["items"]])
        return f"list: {', '.join(map(_kind, places))}"
    if schema["type"] == "object":
        values = schema["additionalProperties"]
        return "object of integers" if values == {"type": "integer"} else "object of texts"
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join("text" if kind == "string" else str(kind) for kind in kinds)


#: What is too simple to be described in a place of its own.
_PLAIN = {"text": "text", "columns": "list: text"}


def _shops(name: str) -> str:
    """The tables or the rows of the shops."""
    return f"```sql\n{script(name)}```\n"


_MAKERS: dict[str, Callable[[str], str]] = {
    "help": _help,
    "hook": _hook,
    "function": _function,
    "value": _value,
    "result": _result,
    "errors": _errors,
    "diff": _diff,
    "drift": _drift,
    "manifest": _manifest,
    "report": _report,
    "shops": _shops,
    "workflow": _workflow,
}

#: The commands that must be documented; the empty one is `replant` itself.
HELP_OF = ("", *COMMANDS)


def _quoted(value: object) -> str:
    """A value as the formatter leaves it in the documents."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
