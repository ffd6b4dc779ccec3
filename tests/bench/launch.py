"""Run a command, and print as JSON its seconds, processor seconds, peak in bytes and exit code.

    python -I -S tests/bench/launch.py COMMAND ARGUMENT…

A process of its own, and a small one: the kernel counts what a process was before `exec` towards
its peak, so a command that a large process starts would seem as large.
"""

import json
import os
import sys
import time


def main(command: list[str]) -> None:
    """Run the command with this process's own streams, except that nothing comes in."""
    null = os.open(os.devnull, os.O_RDONLY)
    # Modules are compiled when replant is installed, and not at each start, as they would be after
    # a change where nobody may write what was compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    child = os.posix_spawn(
        command[0], command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, 0)]
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, kilobytes elsewhere
    code = os.waitstatus_to_exitcode(status)
    busy = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss * unit
    print(json.dumps({"seconds": seconds, "busy": busy, "peak": peak, "code": code}))


if __name__ == "__main__":
    main(sys.argv[1:])
