"""`python -m tests.docs.regenerate`: write what docs derive from the code and from being run.

Given the paths of documents, it does so for these alone.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from replant.testing.servers.server import embedded_server
from tests.docs.documents import DOCUMENTS
from tests.docs.executed import perform, rewritten, unexpected_failures
from tests.docs.generated import generate
from tests.docs.stages import EXECUTED


def main(paths: Sequence[str]) -> None:
    """Rewrite every document that differs, and name it."""
    documents = [document for document in DOCUMENTS if not paths or document.path in paths]
    with embedded_server() as server:
        for document in documents:
            before = after = document.text
            if document.path in EXECUTED:
                with tempfile.TemporaryDirectory() as folder:
                    outcomes = perform(document, server, Path(folder))
                for said in unexpected_failures(outcomes):
                    sys.stderr.write(f"{said.block} failed: $ {said.command}\n{said.printed}")
                after = rewritten(after, outcomes)
            after = generate(after)
            if after != before:
                document.file.write_text(after, encoding="utf-8")
                sys.stdout.write(f"rewrote {document}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
