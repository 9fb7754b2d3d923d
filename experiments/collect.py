"""Bring a finished (or half-finished) study home: results.csv and the table in the experiment's README.

    descale study experiments/NAME/study.yaml --out runs/NAME
    python experiments/collect.py NAME runs/NAME [--add]

With `--add` the rows stay that are there of trials which this run has not: a study whose pieces ran on
several machines. A row of the same network, strategy, sparsity and seed is replaced.

Without the run's folder the table is made again from the CSV that is there. The table stands between
``<!-- results: METRIC... -->`` and ``<!-- end -->``; METRIC is a column of results.csv. `seconds` and
`latency_ms` are left out: both depend on what else ran. `benchmarks/` measures time.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from descale.base.columns import IDENTITY

HERE = Path(__file__).parent
LEFT_OUT = ("seconds", "latency_ms")
MADE = ("made", "descale", "machine")
"""Columns beside those of the study: when, by which version and commit, and where."""
TITLES = {
    "unet": "U-Net", "unetplusplus": "U-Net++", "fpn": "FPN", "linknet": "LinkNet", "manet": "MA-Net",
    "agp": "AGP", "slim-scratch": "slim, from scratch",
}  # fmt: skip
FLOORS = {
    "iou_corrosion": {"a constant answer": "iou_trivial", "a colour threshold": "iou_colour"},
    "iou_paper": {"a constant answer (iou_paper)": "iou_paper_trivial"},
}
BLOCK = re.compile(r"<!-- results: (?P<metrics>[\w ]+) -->\n.*?<!-- end -->", re.DOTALL)

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def collect(run: Path) -> list[Row]:
    """Rows of a study's results.csv with what made them."""
    made = provenance(json.loads((run / "study.json").read_text(encoding="utf-8")))
    rows = read_rows(run / "results.csv")
    if not any(row["status"] == "ok" for row in rows):
        raise SystemExit(f"{run / 'results.csv'}: no trial is done yet; run the study on.")
    return [{key: row[key] for key in row if key not in LEFT_OUT} | made for row in rows]


def joined(kept: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Rows of both, networks together; where both have a trial, the new one."""
    rows = {tuple(row[column] for column in IDENTITY): row for row in (*kept, *new)}
    order = {key: place for place, key in enumerate(dict.fromkeys((key[1], key[5]) for key in rows))}
    return [rows[key] for key in sorted(rows, key=lambda key: order[(key[1], key[5])])]


def provenance(manifest: dict[str, Any]) -> Row:
    starts = manifest["starts"]
    days = [start["time"][:10] for start in starts]
    commits = [(start.get("commit") or "")[:7] or "no commit" for start in starts]
    versions = {f"{start['descale']} ({commit})": None for start, commit in zip(starts, commits, strict=True)}
    machines = {_machine(start["machine"]): None for start in starts}
    made = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return {"made": made, "descale": ", ".join(versions), "machine": ", ".join(machines)}


def _machine(machine: dict[str, Any]) -> str:
    return ", ".join([f"{machine['cores']} cores of {machine['processor']}", *machine.get("gpus", [])])


def table(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """The Markdown table, and a line each on intervals, floors, costs and origin.

    A cell is the score, then the points lost against the dense network of the same seed. A network that was
    not pruned has a row of its own.
    """
    done = [row for row in rows if row["status"] == "ok"]
    cells: dict[tuple[str, ...], dict[float, list[Row]]] = defaultdict(lambda: defaultdict(list))
    parents: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in done:
        if row["strategy"] == "dense":
            parents[_network(row)].append(row)
        else:
            cells[(*_network(row), row["strategy"])][float(row["sparsity"])].append(row)
    for network in parents:
        if all(key[:3] != network for key in cells):
            cells[(*network, "dense")] = {}
    sparsities = sorted({float(row["sparsity"]) for row in done if row["strategy"] != "dense"})
    names = ("data", "network", "encoder", "strategy", "score")
    several = [len({key[i] for key in cells}) > 1 for i in range(3)]
    shown = [several[0], True, several[2], True, len(metrics) > 1]
    head = [name for name, show in zip(names, shown, strict=True) if show]
    lines = [
        "| " + " | ".join([*head, "dense", *(f"{100 * sparsity:g} %" for sparsity in sparsities)]) + " |",
        "|" + "---|" * (len(head) + 1 + len(sparsities)),
    ]
    for key, by_sparsity in cells.items():
        dense = {row["seed"]: row for row in parents[key[:3]]}
        seeds = {row["seed"] for cut in by_sparsity.values() for row in cut} or set(dense)
        for metric in metrics:
            label = [TITLES.get(part, part) for part, show in zip((*key, metric), shown, strict=True) if show]
            scores = [_cell(by_sparsity.get(sparsity, []), dense, metric) for sparsity in sparsities]
            parent = _mean((dense[seed] for seed in seeds), metric)
            lines.append("| " + " | ".join([*label, parent, *scores]) + " |")
    counts = {len(cut) for by_sparsity in cells.values() for cut in by_sparsity.values()}
    return "\n".join([*lines, "", _footnote(done, sparsities, metrics, counts)])


def _network(row: Row) -> tuple[str, ...]:
    return row["dataset"], row["architecture"], row["encoder"]


def _mean(rows: Iterable[Row], metric: str) -> str:
    return f"{fmean(float(row[metric]) for row in rows):.3f}"


def _cell(rows: Sequence[Row], dense: dict[str, Row], metric: str) -> str:
    if not rows:
        return "-"
    lost = [100 * (float(dense[row["seed"]][metric]) - float(row[metric])) for row in rows]
    text = f"{_mean(rows, metric)}, {_points(fmean(lost))}"
    if len(rows) > 1:
        return f"{text} ({_points(min(lost))} to {_points(max(lost))})"
    low, high = rows[0].get("iou_drop_low"), rows[0].get("iou_drop_high")
    if metric == "iou_corrosion" and low and high:
        text += f" ({_points(100 * float(low))} to {_points(100 * float(high))})"
    return text


def _points(value: float) -> str:
    return f"{value:.1f}".replace("-0.0", "0.0")


def _footnote(
    rows: Sequence[Row], sparsities: Sequence[float], metrics: Sequence[str], counts: set[int]
) -> str:
    """``counts``: the seeds that the cells have, which may differ."""
    seeds = len({row["seed"] for row in rows})
    one, more = "95 % interval over photos", "least to most over the seeds"
    spread = (
        one if max(counts, default=1) == 1 else more if min(counts) > 1 else f"{more}, {one} of a lone seed"
    )
    said = [f"Score, points lost against the same network dense ({spread}); seeds: {seeds}."]
    if not sparsities:
        said = [f"Seeds: {seeds}."]
    floors = [
        f"{name} {_range(rows, column, 3)}"
        for metric in metrics
        for name, column in FLOORS.get(metric, {}).items()
    ]
    if floors:
        said.append(f"Floors: {', '.join(floors)}.")
    dense = {(*_network(row), row["seed"]): float(row["macs"]) for row in rows if row["strategy"] == "dense"}
    left = []
    for sparsity in sparsities:
        shares = [
            100 * float(row["macs"]) / dense[(*_network(row), row["seed"])]
            for row in rows
            if row["strategy"] != "dense" and float(row["sparsity"]) == sparsity
        ]
        span = list(dict.fromkeys(f"{share:.2g}" for share in (min(shares), max(shares))))
        left.append(f"{' to '.join(span)} % at {100 * sparsity:g} %")
    if sparsities:
        said.append(f"MACs left: {', '.join(left)}.")
    if sparsities and (gone := _channels_removed(rows, sparsities)):
        said.append(gone)
    made = ["; ".join(dict.fromkeys(row[key] for row in rows)) for key in MADE]
    torch = ", ".join(dict.fromkeys(row["torch"] for row in rows if row.get("torch")))
    said.append(f"Made {made[0]}, descale {made[1]}, torch {torch}, {made[2]}.")
    return "\n".join(said)


def _channels_removed(rows: Sequence[Row], sparsities: Sequence[float]) -> str:
    """Of all channels together; earlier studies did not count it."""
    parts = []
    for sparsity in sparsities:
        cut = [row for row in rows if row["strategy"] != "dense" and float(row["sparsity"]) == sparsity]
        shares = [100 * float(row["channels_removed"]) for row in cut if row.get("channels_removed")]
        if not shares:
            return ""
        span = list(dict.fromkeys(f"{share:.0f}" for share in (min(shares), max(shares))))
        parts.append(f"{' to '.join(span)} % at {100 * sparsity:g} %")
    return f"Of all channels together are gone: {', '.join(parts)}."


def _range(rows: Sequence[Row], column: str, digits: int) -> str:
    values = sorted({f"{float(row[column]):.{digits}f}" for row in rows if row.get(column)})
    return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}"


def filled(readme: str, rows: Sequence[Row]) -> str:
    """The README with its tables made from these rows."""

    def block(found: re.Match[str]) -> str:
        metrics = found["metrics"].split()
        return f"<!-- results: {' '.join(metrics)} -->\n{table(rows, metrics)}\n<!-- end -->"

    return BLOCK.sub(block, readme)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("experiment", help="name of a folder of experiments/")
    parser.add_argument("run", nargs="?", type=Path, help="the --out of its study; left out: the table alone")
    parser.add_argument("--add", action="store_true", help="keep rows of trials that this run has not")
    given = parser.parse_args()
    folder = HERE / given.experiment
    if given.run is not None:
        rows, results = collect(given.run), folder / "results.csv"
        write_rows(results, joined(read_rows(results), rows) if given.add else rows)
    readme = folder / "README.md"
    text = filled(readme.read_text(encoding="utf-8"), read_rows(folder / "results.csv"))
    readme.write_text(text, encoding="utf-8")
    print(f"{folder / 'results.csv'} and the table of {readme}")


if __name__ == "__main__":
    main()
