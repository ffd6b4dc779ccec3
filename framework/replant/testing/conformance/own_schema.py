"""A schema for plugins that bring none: what a strategy or a format has to cope with, in small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

if TYPE_CHECKING:
    from replant.testing.conformance.environment import PluginUnderTest

#: The plugin that exports tables of any schema.
_ANY_SCHEMA = "schemas"
_SCHEMA = "conformance"

#: A chain of tables, one that references itself, two that reference each other, a table without a
#: key, and values of many types.
OWN_SCHEMA = """
CREATE SCHEMA conformance;
CREATE TABLE conformance.country (code char(2) PRIMARY KEY, name text NOT NULL);
CREATE TABLE conformance.customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country char(2) NOT NULL REFERENCES conformance.country,
    referrer_id bigint REFERENCES conformance.customer,
    name text, born date, seen timestamptz, tags text[], picture bytea, settings jsonb,
    active boolean NOT NULL
);
CREATE TABLE conformance.purchase (
    customer_id bigint REFERENCES conformance.customer, number integer,
    total numeric NOT NULL, weight double precision,
    PRIMARY KEY (customer_id, number)
);
CREATE TABLE conformance.note (
    customer_id bigint NOT NULL, number integer NOT NULL, body text,
    FOREIGN KEY (customer_id, number) REFERENCES conformance.purchase
);
CREATE TABLE conformance.team (id uuid PRIMARY KEY, lead_id uuid);
CREATE TABLE conformance.person (
    id uuid PRIMARY KEY, team_id uuid NOT NULL REFERENCES conformance.team
);
ALTER TABLE conformance.team ADD FOREIGN KEY (lead_id) REFERENCES conformance.person;
"""


def on_own_schema(subject: PluginUnderTest) -> PluginUnderTest:
    """Give a plugin that brings no schema this one, with all its tables."""
    plugins = {**subject.settings.get("plugins", {}), _ANY_SCHEMA: {"include": [f"{_SCHEMA}.*"]}}
    return evolve(
        subject,
        plugins=(*dict.fromkeys((*subject.plugins, _ANY_SCHEMA)),),
        deploy=OWN_SCHEMA,
        settings={**subject.settings, "plugins": plugins},
        # Where two tables reference each other, the rows of one are patched afterwards.
        privileges=(*subject.privileges, f"SELECT, UPDATE ON ALL TABLES IN SCHEMA {_SCHEMA}"),
    )
