"""A store that has a manager and staff that work for a store: two tables that reference each other.

`CYCLE` is to be formatted: with `null`, nothing or NOT NULL, and with `deferrable`.
"""

from __future__ import annotations

from replant.model import RelationName

STORE, STAFF = RelationName("s", "store"), RelationName("s", "staff")

CYCLE = """
CREATE SCHEMA s;
CREATE TABLE s.store (id int PRIMARY KEY, manager int {null}, name text);
CREATE TABLE s.staff (id int PRIMARY KEY, store int NOT NULL REFERENCES s.store, boss int,
  FOREIGN KEY (boss) REFERENCES s.staff);
ALTER TABLE s.store ADD FOREIGN KEY (manager) REFERENCES s.staff {deferrable};
"""
