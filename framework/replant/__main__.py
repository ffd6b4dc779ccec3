"""Runs the command `replant` for `python -m replant`."""

from replant.cli.main import main

if __name__ == "__main__":
    main()
