"""Every link of the documents leads somewhere, and every path that they quote exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "experiments", "benchmarks", "examples")
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(file for name in FOLDERS for file in (ROOT / name).rglob("*.md"))})

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
QUOTED = re.compile(
    r"(?<![\w./-])(?P<path>(?:src|tests|docs|experiments|benchmarks|examples)/[\w./-]*[\w/])(?![\w*$])"
)
"""A path of the checkout anywhere in a text, code blocks included."""
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Names of the headings of a document, as GitHub makes them."""
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(document: Path) -> list[str]:
    """Links and quoted paths of a document that lead nowhere."""
    text = document.read_text(encoding="utf-8")
    wrong = []
    for target in (found["target"] for found in LINK.finditer(text)):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name) if name else document
        if not file.exists():
            wrong.append(f"{document.relative_to(ROOT)}: no file {target}")
        elif anchor and anchor not in anchors(file):
            wrong.append(f"{document.relative_to(ROOT)}: no heading for {target}")
    outside_links = LINK.sub("", text)
    for path in (found["path"] for found in QUOTED.finditer(outside_links)):
        if "NAME" not in path and not (ROOT / path).exists():
            wrong.append(f"{document.relative_to(ROOT)}: no {path}")
    return wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document in reached:
            continue
        reached.add(document)
        links = (found["target"].partition("#")[0] for found in LINK.finditer(document.read_text("utf-8")))
        ahead += [(document.parent / name).resolve() for name in links if name.endswith(".md")]
    hidden = {path for path in DOCUMENTS if "benchmarks" not in path.parts} - reached
    assert sorted(str(path.relative_to(ROOT)) for path in hidden) == []
