"""Plugins to start from: what `harness new` writes.

The templates are real files of a plugin called `my_method`, whose name is replaced. They are the smallest that use every part of the contract that most
papers need, and they pass `harness check` as they stand.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path

from harness.errors import HarnessError
from harness.plugin.discovery import discover

_TEMPLATE_NAME = "my_method"
_TEMPLATE_TITLE = "My Method"
_PACKAGE = {
    "pyproject.toml": "package/pyproject.toml",
    "README.md": "package/README.md",
    "my_method/__init__.py": "my_method.py",
    "tests/test_my_method.py": "package/test_my_method.py",
    ".github/workflows/check.yml": "package/check.yml",
}
"""Files of a package, and the templates that they are written from."""


def write_file(name: str, folder: Path) -> list[Path]:
    """Write a plugin of one file into `folder`, and return its path.

    Raises:
        HarnessError: for a name that cannot be one, or where the file exists.
    """
    return _write(name, folder / f"{name}.py", {f"{name}.py": "my_method.py"}, folder)


def write_package(name: str, folder: Path) -> list[Path]:
    """Write an installable package into `folder / name`, and return the paths of its files.

    Raises:
        HarnessError: for a name that cannot be one, or where the folder exists.
    """
    return _write(name, folder / name, _PACKAGE, folder / name)


def _write(name: str, target: Path, templates: dict[str, str], home: Path) -> list[Path]:
    _check_name(name)
    if target.exists():
        raise HarnessError(f"{str(target)!r} exists and is left as it is; choose another name, or move it away")
    _check_free(name)
    written = []
    for path, template in templates.items():
        file = home / _renamed(path, name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_renamed(files(__name__).joinpath("templates", template).read_text(), name))
        except OSError as error:
            raise HarnessError(f"{str(file)!r} cannot be written: {error.strerror}; go to a folder that you may write to") from error
        written.append(file)
    return written


def _renamed(text: str, name: str) -> str:
    return text.replace(_TEMPLATE_NAME, name).replace(_TEMPLATE_TITLE, name.replace("_", " ").title())


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise HarnessError(f"name {name!r} cannot be a plugin's; write lower-case letters, digits and _, a letter first, as in 'my_method'")
    if keyword.iskeyword(name):
        raise HarnessError(f"name {name!r} is a word of Python; choose another, as 'my_{name}'")
    if name.startswith("test"):
        raise HarnessError(f"name {name!r} is taken for a test; begin it otherwise, as 'my_{name}'")


def _check_free(name: str) -> None:
    """Refuse what would hide an installed module, or be a second plugin of its slug."""
    for plugin in discover():
        if plugin.slug == name:
            raise HarnessError(f"slug {name!r} is taken by {plugin.source.origin}; choose another name")
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        raise HarnessError(f"name {name!r} is that of an installed module, which the plugin would hide; choose another, as 'my_{name}'")
