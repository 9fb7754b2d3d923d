"""docs/architecture.md shows the rooms as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import descale

ROOT = Path(__file__).parents[2]
PACKAGE = Path(descale.__file__).parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(?P<room>\w+)` \| [^|]+ \| (?P<imports>[^|]*)\|$", re.MULTILINE)


def allowed() -> dict[str, set[str]]:
    """The arrows as tests/test_layers.py has them."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    (table,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == "ALLOWED"
        and isinstance(node.value, ast.Dict)
    )
    rooms = (ast.literal_eval(key) for key in table.keys if key is not None)
    return {room: ast.literal_eval(value) for room, value in zip(rooms, table.values, strict=True)}


def test_the_table_of_rooms_is_that_of_the_imports() -> None:
    arrows = allowed()
    shown = {row["room"]: row["imports"] for row in ROW.finditer(ARCHITECTURE)}
    assert set(shown) == set(arrows)
    named = {room: set(re.findall(r"`(\w+)`", text)) for room, text in shown.items()}
    above_all = arrows.pop("cli")
    assert shown["cli"].strip() == "all of them"
    assert above_all == set(arrows) - {"base"}
    assert {room: named[room] for room in arrows} == arrows


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_module_that_is_named_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    rooms = "|".join(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    named = re.findall(rf"`((?:{rooms})/[\w/.]*)`", text)
    assert named or document != "docs/architecture.md"
    assert [name for name in named if not (PACKAGE / name).exists()] == []


def test_every_registry_that_is_named_exists() -> None:
    named = re.findall(r"`([A-Z_]+)` in `([\w/.]+)`", ARCHITECTURE)
    assert len(named) > 10
    missing = [
        f"{name} in {file}"
        for name, file in named
        if not re.search(rf"^{name}\b", (PACKAGE / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []
