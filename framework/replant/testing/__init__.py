"""What plugin authors use in their own tests, and what `replant demo` shows."""
