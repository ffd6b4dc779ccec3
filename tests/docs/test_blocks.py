"""Fenced blocks are what they seem: TOML that is read, Python that compiles, real commands."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress

import click
import pytest
import tomli

from replant.cli.main import replant
from replant.config.read_settings import settings_from
from replant.errors import ConfigurationError
from tests.docs.documents import DOCUMENTS, Block, Document, blocks, commands
from tests.docs.stages import EXECUTED

LANGUAGES = {"console", "python", "toml", "sql", "text", "yaml", "json"}
WORDS = {
    "": LANGUAGES,
    "file": LANGUAGES,
    "run": {"python"},
    "background": {"console"},
    "install": {"console"},
    "not executed": {"console"},
    "refused": {"toml"},
    "generated": LANGUAGES,
}
TOML = [block for block in blocks("toml") if block.argument != "pyproject.toml"]
_SHELL = re.compile(r"\s(?:\||>|2>|&&|;)\s?")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_block_has_a_language_and_a_comment_that_the_tests_know(document: Document) -> None:
    for block in document.blocks():
        assert block.language in LANGUAGES, block
        assert block.language in WORDS[block.word], block


@pytest.mark.parametrize("block", TOML, ids=str)
def test_toml_is_accepted_as_a_configuration_unless_marked_as_refused(block: Block) -> None:
    document = tomli.loads(block.text)
    if block.word == "refused":
        with pytest.raises(ConfigurationError):
            settings_from(document, str(block))
    else:
        settings_from(document, str(block))


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_replant_commands_have_the_options_that_are_used(block: Block) -> None:
    assert commands(block), f"{block} has no line that begins with $"
    for command in commands(block):
        words = shlex.split(_SHELL.split(command.replace("\\\n", " "))[0], comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0] == "replant":
            _parse(words[1:])


def _parse(words: list[str]) -> None:
    """Parse as click does, and run nothing; asking for help ends the parsing."""
    with suppress(click.exceptions.Exit):
        if not words or words[0].startswith("-"):
            replant.make_context("replant", list(words)).close()
            return
        context = click.Context(replant, info_name="replant", **replant.context_settings)
        command = replant.get_command(context, words[0])
        assert command is not None, f"there is no command {words[0]}"
        command.make_context(words[0], words[1:], parent=context).close()


def test_only_executed_documents_have_blocks_to_run() -> None:
    wrong = [b for b in blocks() if b.word in {"run", "file", "background", "install"}]
    assert {block.document.path for block in wrong} <= EXECUTED.keys()
