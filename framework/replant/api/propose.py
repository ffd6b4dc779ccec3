"""Proposes a configuration for a database."""

from __future__ import annotations

from collections.abc import Sequence

from replant.api.databases import source_database
from replant.model import Settings
from replant.proposal.proposal import Proposal
from replant.proposal.propose import propose as proposed


def propose(settings: Settings, schemas: Sequence[str] = ()) -> Proposal:
    """Look at the source, and propose a configuration for it.

    Args:
        settings: say where the source is.
        schemas: those to look at; none for all.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with source_database(settings) as database:
        return proposed(database, schemas)
