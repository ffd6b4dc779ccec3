"""Links in README and docs lead somewhere."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, Document, blocks

_ELSEWHERE = re.compile(r"[a-z]+:")
_MAKE = re.compile(r"^\$ make ([a-z-]+)$", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_relative_link_leads_to_a_file_and_a_heading_in_it(document: Document) -> None:
    broken = [link for link in document.links() if not _leads_somewhere(document, link)]
    assert broken == []


def _leads_somewhere(document: Document, link: str) -> bool:
    if _ELSEWHERE.match(link):
        return True
    path, _, anchor = link.partition("#")
    file = (document.file.parent / path).resolve() if path else document.file
    if not file.exists():
        return False
    if not anchor:
        return True
    return anchor in Document(file.relative_to(ROOT).as_posix()).anchors()


def test_every_document_is_reached_from_the_readme() -> None:
    seen: set[str] = set()
    waiting = ["README.md"]
    while waiting:
        document = Document(waiting.pop())
        seen.add(document.path)
        for link in document.links():
            file = (document.file.parent / link.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.is_file():
                path = file.relative_to(ROOT).as_posix()
                waiting += [path] if path not in seen else []
    assert {document.path for document in DOCUMENTS} <= seen


def test_the_makefile_has_every_target_that_is_named() -> None:
    makefile = ROOT / "Makefile"
    named = {target for block in blocks("console") for target in _MAKE.findall(block.text)}
    missing = [t for t in sorted(named) if f"\n{t}:" not in f"\n{makefile.read_text()}"]
    assert missing == []
