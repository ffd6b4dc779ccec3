"""The platform's tables that tests speak of, and what a catalog does not say of their rows."""

from __future__ import annotations

from collections.abc import Mapping

from replant.model import RelationName
from replant_plugins import registry
from replant_plugins.demonstration import PLATFORM

COLLECTIONS, META = PLATFORM.schemas
DATABASE = RelationName(COLLECTIONS, "database")
EXTENSION = RelationName(COLLECTIONS, "extension")

#: Left to their default, the name of the database they are in.
DATABASE_NAMES: Mapping[RelationName, tuple[str, ...]] = {
    RelationName(META, "apis"): ("dbname",),
    RelationName(META, "sites"): ("dbname",),
}

REGISTRY = registry.COLLECTIONS | registry.META
