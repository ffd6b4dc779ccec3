"""The plugins that come with replant pass the tests that those of anybody else do."""

from __future__ import annotations

from pathlib import Path

import pytest

from replant.testing import conformance
from replant_plugins import ddl
from tests.support.property_tests import example_count

pytestmark = pytest.mark.hypothesis  # by way of the suite

SHAPES = Path(__file__).parents[1] / "support" / "shapes"

# A round trip of 51 tables takes its time; `test_tenant_properties` tries more of them.
TestThePlatform = conformance(
    "collections_public", "meta_public", deploy=ddl.deploy, tries=example_count(2)
)

TestStrategies = conformance(
    "ordered", "auto", strategies=["ordered", "auto"], tries=example_count(3)
)

TestTheStrategyOfSuperusers = conformance(
    "superuser",
    strategies=["superuser"],
    privileges=["SET ON PARAMETER session_replication_role"],
    tries=example_count(2),
)

TestAnySchemaFromRoots = conformance(
    "schemas",
    deploy=SHAPES / "film_rental.sql",
    settings={"plugins": {"schemas": {"roots": ["rental.customer: true"]}}},
    tries=example_count(5),
)
