"""What holds of every format, by drawn rows with values of many types."""

from __future__ import annotations

from replant.testing import conformance

TestCsv = conformance("csv", formats=["csv"], tries=5)
TestParquet = conformance("parquet", formats=["parquet"], tries=5)
