"""Tells whether a target is of an older release than the source of its rows, and what helps."""

from __future__ import annotations

#: What helps where an older release does not read a value.
OF_AN_OLDER_RELEASE = (
    "load it into a release that reads such values, change them by a transform, or leave the "
    "column out (omit)"
)


def of_older_release(source: str, target: int) -> str:
    """Say how the target's release is older than the source's; nothing where it is not.

    Args:
        source: the source's version, such as `18.6`.
        target: `server_version_num` of the target.

    """
    major, number = source.partition(".")[0], target // 10000
    if not major.isdigit() or int(major) <= number:
        return ""
    return f"the target is PostgreSQL {number}, and the source was {major}"
