"""Write report.html, report.md and report.tex of a study folder."""

from __future__ import annotations

import logging
from pathlib import Path

from descale.errors import StudyError
from descale.files import write_text
from descale.study.report import tables
from descale.study.report.evidence import StudyTrials
from descale.study.report.page import read_manifest, render
from descale.study.report.rows import read_results
from descale.study.report.sections import sections

logger = logging.getLogger(__name__)


def write_report(folder: Path) -> Path:
    """Write the report of a study, finished or not, beside its results; returns the page's path.

    Needs ``results.csv``. With the trials' folders it also shows intervals from per-image scores, paired
    tests, removed channels and pictures; without them it says what is missing.

    Raises:
        StudyError: there is no results.csv, or no trial has finished.
    """
    folder = Path(folder)
    results = read_results(folder)
    if not any(result.finished for result in results):
        raise StudyError(
            f"No trial of {folder} has finished: {len(results)} failed, the first with "
            f"'{results[0].status}'. Correct that and run descale study again."
        )
    trials = StudyTrials(folder)
    made = sections(results, trials)
    title = str(read_manifest(folder).get("study") or folder.resolve().name)
    write_text(folder / "report.html", render(title, results, made, trials))
    parts = [(s.name, [s.verdict, *s.statements], s.evidence) for s in made]
    write_text(folder / "report.md", tables.markdown(title, parts))
    write_text(folder / "report.tex", tables.latex(parts))
    return folder / "report.html"
