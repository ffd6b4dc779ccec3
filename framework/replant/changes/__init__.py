"""Changes rows that a target has: updates and deletes them, and inserts others."""
