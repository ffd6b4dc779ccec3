"""What a target lacks or holds that would stop a replay, found before the first row is loaded."""
