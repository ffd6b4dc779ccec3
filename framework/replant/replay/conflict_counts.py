"""How many rows an INSERT with ON CONFLICT DO UPDATE changed, apart from those that it added."""

from __future__ import annotations

from replant.database.connections import DatabaseConnection
from replant.sql.load_statements import updated_rows


def reset(database: DatabaseConnection, number: int) -> None:
    """Begin to count for a statement of so many INSERTs."""
    for place in range(number):
        database.execute("SELECT set_config(%s, '0', true)", [updated_rows(place)])


def updated(database: DatabaseConnection, number: int) -> list[int]:
    """Read how many rows each INSERT of the statement changed."""
    return [_setting(database, updated_rows(place)) for place in range(number)]


def _setting(database: DatabaseConnection, name: str) -> int:
    (value,) = database.execute("SELECT current_setting(%s)", [name]).fetchone() or ("0",)
    return int(value)
