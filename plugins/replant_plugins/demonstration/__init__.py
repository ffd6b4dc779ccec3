"""A demonstration of the platform's two schemas: a shop that moves, a forum that stays behind."""

from replant.testing.demonstration import Demonstration
from replant_plugins.ddl import deploy
from replant_plugins.demonstration.filling import fill
from replant_plugins.demonstration.tenants import FORUM, SHOP

PLATFORM = Demonstration(
    summary="A shop moves out of a platform that holds many customers' schemas, tables and APIs.",
    deploy=deploy,
    fill=fill,
    schemas=("collections_public", "meta_public"),
    scope={"database_id": str(SHOP.database_id)},
    traces=(
        str(FORUM.database_id),
        FORUM.name,
        FORUM.title,
        FORUM.host,
        *FORUM.extensions,
    ),
)

__all__ = ["PLATFORM"]
