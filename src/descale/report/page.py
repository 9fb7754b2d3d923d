"""The page as a whole: its sections, cautions and manifest handed to the template."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from descale import __version__
from descale.evaluation.false_alarms import LARGE_PATCH
from descale.report.evidence import MARGINS, StudyTrials
from descale.report.looks import architecture_title, strategy_title
from descale.report.rows import LATENCIES, Result, read_latencies
from descale.report.sections import Section
from descale.report.trial_table import embedded, filters, trial_columns
from descale.report.words import joined, points

logger = logging.getLogger(__name__)


def render(
    title: str,
    results: Sequence[Result],
    made: Sequence[Section],
    warnings: Sequence[str],
    trials: StudyTrials,
) -> str:
    """The whole page as HTML, nothing outside of it needed."""
    environment = page_templates("descale.report")
    source = partial(page_source, environment)
    manifest = read_manifest(trials.folder)
    cells = [item.cell for section in made for item in section.evidence]
    return environment.get_template("report.html.j2").render(
        title=title,
        version=__version__,
        now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=source("style.css"),
        script=source("page.js"),
        sections=made,
        cautions=warnings,
        unreadable=trials.unreadable,
        finished=sum(result.finished for result in results),
        failed=[result for result in results if not result.finished and not result.undefined],
        unscored=[result for result in results if not result.finished],
        expected=expected_trials(manifest),
        filters=filters(results),
        latency_how=_latency_how(trials.folder),
        columns=trial_columns(results),
        data=Markup(embedded(results, cells)),
        manifest=manifest,
        start=(manifest.get("starts") or [{}])[-1],
        large_patch=LARGE_PATCH,
        margins=[points(margin) for margin in MARGINS],
        architecture_title=architecture_title,
        strategy_title=strategy_title,
    )


def page_templates(package: str) -> Environment:
    """Templates of a package: values are escaped, and one that is missing is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(("html", "j2"), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """``study.json`` of the study, empty if there is none."""
    try:
        value = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read and is left out: %s", folder / "study.json", error)
        return {}
    return value if isinstance(value, dict) else {}


def expected_trials(manifest: dict[str, Any]) -> int | None:
    """How many trials the study has; ``None`` if its manifest does not tell."""
    trials = manifest.get("trials")
    return trials if isinstance(trials, int) else None


def _latency_how(folder: Path) -> str:
    """How the latencies were measured, in words."""
    rows = read_latencies(folder / LATENCIES).values()
    if not rows:
        return (
            "as measured by each trial in ONNX Runtime, one picture at the input size, on the study's machine"
        )
    return joined(list(dict.fromkeys(row["how"] for row in rows if row.get("how"))))


def page_source(environment: Environment, name: str) -> Markup:
    """A file beside the templates, as it is."""
    loader = environment.loader
    assert loader is not None
    return Markup(loader.get_source(environment, name)[0])
