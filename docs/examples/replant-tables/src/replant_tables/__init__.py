"""Formats of tables for replant: CSV with headers, and Parquet."""
