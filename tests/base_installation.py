"""What an installation without extras lacks, from the project's own list of them."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def absent_modules() -> list[str]:
    """Modules, as they are imported, of what extras ask for and the base installation does not bring."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = {_name(asked) for several in project["optional-dependencies"].values() for asked in several}
    brought: set[str] = set()
    for asked in project["dependencies"]:
        _bring(_name(asked), brought)
    found = [
        module
        for module, packages in packages_distributions().items()
        if any(_name(package) in extras - brought for package in packages)
    ]
    assert {"torch", "yaml", "onnxscript"} <= set(found), "the extras are installed"
    return sorted(found)


def _bring(package: str, brought: set[str]) -> None:
    """Add a package, and all that it asks for itself."""
    if package in brought:
        return
    brought.add(package)
    try:
        asked = requires(package) or []
    except PackageNotFoundError:
        return
    for line in asked:
        if "extra ==" not in line:
            _bring(_name(line), brought)


def _name(package: str) -> str:
    """As packages are compared: ``Jinja2>=3`` and ``jinja2`` are one."""
    plain = re.match(r"[\w.-]+", package)
    assert plain
    return re.sub(r"[-_.]+", "-", plain[0]).lower()
