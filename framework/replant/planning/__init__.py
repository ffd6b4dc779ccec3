"""Registrations and catalog in, a plan out: every decision is taken here."""
