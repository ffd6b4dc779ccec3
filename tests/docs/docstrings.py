"""A function comes in, and what its signature and docstring say of it goes out as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from textwrap import dedent
from typing import Any

_EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```", re.DOTALL)
_SECTION = re.compile(r"^(Args|Returns|Raises|Example):\n", re.MULTILINE)


def described(function: Callable[..., Any]) -> str:
    """The signature, and the sections of the docstring in the order of a docstring."""
    said = _sections(function)
    parts = [f"```python\n{_signature(function)}: ...\n```\n"]
    parts += [f"{_joined(paragraph)}\n" for paragraph in said[""].split("\n\n")]
    if "Args" in said:
        rows = [f"| `{name}` | {_sentence(text)} |" for name, text in _named(said["Args"])]
        parts += ["\n".join(["| Parameter | Meaning |", "| --- | --- |", *rows]) + "\n"]
    if "Returns" in said:
        parts.append(f"Returns: {_joined(said['Returns'])}\n")
    if "Raises" in said:
        parts += [f"Raises `{name}`: {text}\n" for name, text in _named(said["Raises"])]
    if "Example" in said:
        parts.append(f"Example:\n\n{said['Example']}\n")
    return "\n".join(parts)


def example_of(function: Callable[..., Any]) -> str:
    """The Python of the example in a docstring."""
    block = _EXAMPLE.fullmatch(_sections(function)["Example"])
    assert block is not None, f"the example of {function.__name__} is not one block of Python"
    return block["code"]


def _signature(function: Callable[..., Any]) -> str:
    """On one line, or with a line for each parameter if that would be long."""
    most = 100
    name, signature = function.__name__, inspect.signature(function)
    parameters = [_parameter(parameter) for parameter in signature.parameters.values()]
    named = [p.kind is p.KEYWORD_ONLY for p in signature.parameters.values()]
    if True in named:
        parameters.insert(named.index(True), "*")
    line = f"def {name}({', '.join(parameters)}) -> {signature.return_annotation}"
    if len(line) + len(": ...") <= most:
        return line
    lines = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"def {name}(\n{lines}) -> {signature.return_annotation}"


def _parameter(parameter: inspect.Parameter) -> str:
    """With its annotation; a default that is a function stands for doing nothing."""
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return text
    default = parameter.default
    shown = str(default) if isinstance(default, Enum) else repr(default)
    return f"{text} = {'...' if callable(default) else shown}"


def _sections(function: Callable[..., Any]) -> dict[str, str]:
    """The sections of a docstring by their titles; what stands before them without one."""
    text = inspect.getdoc(function)
    assert text is not None, f"{function.__name__} has no docstring"
    head, *rest = _SECTION.split(text)
    said = zip(rest[::2], rest[1::2], strict=True)
    return {"": head.strip(), **{title: dedent(body).strip() for title, body in said}}


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Names and meanings; a meaning may go on in further lines, which are indented."""
    for line in re.split(r"\n(?! )", text):
        name, _, meaning = line.partition(": ")
        yield name, _joined(meaning)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
