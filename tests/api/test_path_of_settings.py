"""Settings go down through the rooms of an export, and seldom back up."""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import tomli

import replant
from replant import api
from replant.model import ExportSettings, Settings, TableSettings

FRAMEWORK = Path(replant.__file__).parent
PROJECT = FRAMEWORK.parent.parent / "pyproject.toml"


def heights() -> dict[str, int]:
    """The height of each room in the layers of the import contract."""
    contracts = tomli.loads(PROJECT.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {
        room.strip().removeprefix("replant."): -depth
        for depth, layer in enumerate(layers)
        for room in layer.split("|")
    }


@cache
def room_of(file: str) -> str | None:
    path = Path(file)
    if not path.is_relative_to(FRAMEWORK):
        return None
    return path.relative_to(FRAMEWORK).parts[0].removesuffix(".py")


def rooms_entered_with_settings(settings: Settings) -> list[str]:
    """The rooms whose functions an export calls with settings, each stay once."""
    rooms: list[str] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        room = room_of(code.co_filename) if event == "call" else None
        if room is None or room == "model" or rooms[-1:] == [room]:
            return
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        held = [frame.f_locals.get(name) for name in arguments]
        if any(isinstance(value, Settings | ExportSettings | TableSettings) for value in held):
            rooms.append(room)

    sys.setprofile(watch)
    try:
        api.export(settings)
    finally:
        sys.setprofile(None)
    return rooms


def test_settings_pass_each_room_once_or_twice(settings: Settings) -> None:
    rooms = rooms_entered_with_settings(settings)
    height = heights()
    climbs = sum(height[after] > height[before] for before, after in pairwise(rooms))
    assert climbs < 7, rooms
    # A generator of `api` holds the snapshot open, and is resumed when the export is done.
    stays = Counter(room for room in rooms if room != "api")
    assert max(stays.values()) <= 2, rooms
