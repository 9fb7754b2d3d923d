"""Write report.html, report.md and report.tex of a study folder."""

from __future__ import annotations

import logging
from pathlib import Path

from descale.base.files import write_text
from descale.report import tables
from descale.report.cautions import cautions
from descale.report.evidence import StudyTrials
from descale.report.page import expected_trials, read_manifest, render
from descale.report.rows import LATENCIES, read_latencies, read_results, require_scores
from descale.report.sections import sections

logger = logging.getLogger(__name__)


def write_report(folder: Path) -> Path:
    """Write the report of a study, finished or not, beside its results; returns the page's path.

    Needs ``results.csv``. With the trials' folders it also shows intervals from per-image scores, paired
    tests, removed channels and pictures; without them it says what is missing.

    Raises:
        StudyError: there is no results.csv, or no trial in it has a score.
    """
    folder = Path(folder)
    results = read_results(folder)
    require_scores(results, folder)
    trials = StudyTrials(folder)
    made = sections(results, trials)
    manifest = read_manifest(folder)
    title = str(manifest.get("study") or folder.resolve().name)
    evidence = [item for section in made for item in section.evidence]
    warnings = cautions(
        results, evidence, expected_trials(manifest), own_latency=not read_latencies(folder / LATENCIES)
    )
    write_text(folder / "report.html", render(title, results, made, warnings, trials))
    parts = [(s.name, [s.verdict, *s.statements], s.evidence) for s in made]
    write_text(folder / "report.md", tables.markdown(title, warnings, parts))
    write_text(folder / "report.tex", tables.latex(warnings, parts))
    return folder / "report.html"
