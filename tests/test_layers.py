"""Which folder of the package may import which: the arrows of docs/architecture.md, all one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import descale

PACKAGE = Path(descale.__file__).parent

ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "runtime": set(),
    "prediction": {"runtime"},
    "data": set(),
    "synthesize": {"data"},
    "models": set(),
    "pruning": {"models"},
    "evaluation": {"data", "models", "runtime"},
    "latency": {"deploy", "models", "pruning", "runtime", "stopwatch"},
    "training": {"data", "deploy", "latency", "models", "pruning"},
    "deploy": {"data", "evaluation", "models", "runtime"},
    "stopwatch": {"deploy", "models", "runtime"},
    "study": {"data", "evaluation", "models", "pruning", "runtime", "synthesize", "training"},
    "report": {"data", "evaluation", "models", "pruning"},
    "cluster": {"prediction", "runtime", "study"},
    "compression": {
        "data", "deploy", "evaluation", "latency", "models", "pruning", "report", "runtime", "stopwatch",
        "training",
    },
    "cli": {
        "cluster", "compression", "data", "deploy", "evaluation", "latency", "models", "prediction",
        "pruning", "report", "runtime", "stopwatch", "study", "synthesize", "training",
    },
}  # fmt: skip
"""Folder -> other folders it may import beside `base`, which all may. A new arrow is a decision: write it
here and in the docs."""

TOP = "__init__"
"""The package itself: it offers members of all folders, and imports none before it is asked for."""

DEVICE = {"runtime", "prediction"}
"""All that a device needs to predict."""

BASE_INSTALL = {"numpy", "PIL", "onnxruntime", "rich", "typer"}
OPTIONAL_IN_RUNTIME = {"openvino", "av"}  # imported inside functions, where the person asked for them


@dataclass(frozen=True)
class Import:
    """One import statement: where it stands, what it names, whether loading the module runs it."""

    file: Path
    line: int
    module: str
    immediate: bool

    @property
    def source(self) -> str:
        """Folder (or module) directly below the package."""
        return self.file.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def target(self) -> str | None:
        """Folder (or module) of the package that is imported; ``None`` for other packages."""
        top, _, rest = self.module.partition(".")
        return rest.partition(".")[0] if top == "descale" else None

    def __str__(self) -> str:
        return f"src/descale/{self.file.relative_to(PACKAGE)}:{self.line} imports {self.module}"


def imports_of(text: str, file: Path) -> Iterator[Import]:
    """Every import of a module, those inside functions and under TYPE_CHECKING included."""
    tree = ast.parse(text, str(file))
    postponed = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.dump(outer.test))
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = ("descale", *file.relative_to(PACKAGE).parts[:-1])
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])
            # `from descale import data` names a folder, `from descale.data import Dataset` a member of one
            names = [f"descale.{alias.name}" for alias in node.names] if base == "descale" else [base]
        else:
            continue
        for name in names:
            yield Import(file, node.lineno, name, id(node) not in postponed)


def all_imports() -> list[Import]:
    return [
        found
        for file in sorted(PACKAGE.rglob("*.py"))
        for found in imports_of(file.read_text(encoding="utf-8"), file)
    ]


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return all_imports()


def violations(imports: list[Import]) -> list[str]:
    """Imports that go against the arrows."""
    wrong = []
    for found in imports:
        if found.target in (None, found.source, "__version__"):
            continue
        if found.source == TOP and not found.immediate:
            continue
        allowed = {"base"} | ALLOWED.get(found.source, set())
        if found.target not in allowed:
            wrong.append(f"{found}; {found.source} may import {', '.join(sorted(allowed))}")
    return wrong


def test_imports_follow_the_arrows(imports: list[Import]) -> None:
    assert violations(imports) == []


def test_every_folder_has_its_place() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert folders == set(ALLOWED)
    assert modules == set()


def test_the_arrows_form_no_circle() -> None:
    below = {folder: others | {"base"} - {folder} for folder, others in ALLOWED.items()}
    order = list(TopologicalSorter(below).static_order())  # raises CycleError if they do
    assert order[0] == "base"
    assert order[-1] == "cli"


def test_the_runtime_needs_the_base_installation_only(imports: list[Import]) -> None:
    known = sys.stdlib_module_names | {"descale"} | BASE_INSTALL
    wrong = [
        str(found)
        for found in imports
        if found.source in DEVICE
        and (top := found.module.partition(".")[0]) not in known
        and (found.immediate or top not in OPTIONAL_IN_RUNTIME)
    ]
    assert wrong == []


def test_the_command_line_starts_light(imports: list[Import]) -> None:
    known = sys.stdlib_module_names | {"rich", "typer"}
    wrong = [
        str(found)
        for found in imports
        if found.source == "cli"
        and found.immediate
        and found.module.partition(".")[0] not in known
        and found.module not in {"descale.base.columns", "descale.base.errors"}
        and found.target not in {"cli", "__version__"}
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("runtime/bundle.py", "from descale.data import Dataset"),
        ("runtime/photo.py", "def late():\n    import descale.models.build"),
        ("data/sample.py", "from descale import training"),
        ("pruning/cut.py", "from ..training.fit import fit"),
        ("evaluation/metrics.py", "if TYPE_CHECKING:\n    from descale.study.trial import Trial"),
        ("base/files.py", "from descale.runtime import Bundle"),
        ("__init__.py", "from descale.training import train_model"),
    ],
)
def test_a_wrong_import_is_found(place: str, line: str) -> None:
    assert len(violations(list(imports_of(line, PACKAGE / place)))) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("runtime/bundle.py", "from descale import __version__"),
        ("runtime/engines/openvino.py", "from .checks import check_network"),
        ("training/fit.py", "from descale.base.errors import TrainingError"),
        ("cli/train.py", "def train():\n    from descale.training import train_model"),
    ],
)
def test_a_right_import_passes(place: str, line: str) -> None:
    assert violations(list(imports_of(line, PACKAGE / place))) == []
