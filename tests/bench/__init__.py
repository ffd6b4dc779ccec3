"""The benchmark: replant beside pg_dump, on the same data, in one run. `make bench` runs it."""
