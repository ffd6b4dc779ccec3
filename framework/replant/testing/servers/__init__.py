"""Starts PostgreSQL servers and makes databases that exist for a test."""
