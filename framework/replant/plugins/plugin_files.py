"""Finds and imports plugins that are one file of Python, by its path.

Such a file is run with the rights of whoever runs replant. So it is imported only if this person
named it: a configuration alone, which may come from somebody else, does not suffice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from replant.errors import ConfigurationError, PluginError
from replant.model import PluginSettings

#: What stands before the name of the module that is made of a file.
_MODULE = "replant_plugin_file_"
_SUFFIX = ".py"
_DIGITS = 12


def is_file(name: str) -> bool:
    """Tell whether an entry of `enable` is the path of a file, and not the name of a plugin."""
    return "/" in name or "\\" in name or name.endswith(_SUFFIX)


def plugin_name(path: str) -> str:
    """Return the name of the plugin in a file: that of the file, without its ending."""
    return Path(path).stem


def plugin_files(plugins: PluginSettings) -> Iterator[str]:
    """Yield the paths of the files that are enabled, each once.

    Raises:
        ConfigurationError: the configuration enables one that nobody named who runs it, or there
            is no such file.

    """
    named = {str(Path(path).resolve()): path for path in plugins.files}
    problems = []
    for place, path in enumerate(plugins.enable or ()):
        if is_file(path) and str(Path(path).resolve()) not in named:
            problems.append(
                f"plugins.enable[{place}]: {path} is Python that would run with your rights; read "
                f"it, and if you trust it, name it yourself: --plugin {path}"
            )
    for path in named.values():
        if not Path(path).is_file():
            problems.append(f"--plugin {path}: there is no such file")
        elif not path.endswith(_SUFFIX):
            problems.append(
                f"--plugin {path}: is not a file of Python, whose name ends with {_SUFFIX}"
            )
    if problems:
        raise ConfigurationError("\n".join(problems))
    yield from named.values()


def version_of(path: str) -> str:
    """Return the beginning of the file's digest, which stands for a version."""
    return f"sha256:{sha256(Path(path).read_bytes()).hexdigest()[:_DIGITS]}"


def import_file(path: str) -> ModuleType:
    """Import a file as a module of its own.

    Raises:
        PluginError: it cannot be read as a module.
        Exception: whatever the file raises.

    """
    name = f"{_MODULE}{plugin_name(path)}"
    spec = spec_from_file_location(name, Path(path).resolve())
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} cannot be imported; is it Python?")
    module = module_from_spec(spec)
    sys.modules[name] = module  # annotations of its classes are looked up there
    spec.loader.exec_module(module)
    return module
