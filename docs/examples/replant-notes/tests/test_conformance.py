"""What holds of every plugin, by drawn rows."""

from __future__ import annotations

from replant_notes.schema import deploy

from replant.testing import conformance

TestNotes = conformance("notes", deploy=deploy)
