"""Show a check report in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from descale.data.check.report import CheckReport

SHOWN_ITEMS = 5
SHOWN_SIZES = 4


def show(report: CheckReport, console: Console) -> None:
    """Print counts, sizes, class balance and findings; of many occurrences the first five."""
    table = Table(title=escape(f"{report.name} ({report.format}, {report.source})"), title_justify="left")
    table.add_column("split")
    table.add_column("photos", justify="right")
    table.add_column("scenes", justify="right")
    for split, count in report.pairs.items():
        table.add_row(split, str(count), str(report.scenes[split]))
    console.print(table)
    if report.dealing is not None:
        console.print(escape(report.dealing), highlight=False)
    balance = Table()
    balance.add_column("class")
    balance.add_column("pixels", justify="right")
    balance.add_column("photos", justify="right")
    for name, (share, photos) in report.classes.items():
        balance.add_row(escape(name), f"{100 * share:.2f} %", str(photos))
    if report.ignored[1]:
        balance.add_row("(ignored)", f"{100 * report.ignored[0]:.2f} % of all", str(report.ignored[1]))
    console.print(balance)
    sizes = [f"{size} ({count})" for size, count in report.sizes.items()]
    more = f" and {len(sizes) - SHOWN_SIZES} more" if len(sizes) > SHOWN_SIZES else ""
    console.print(f"height x width: {', '.join(sizes[:SHOWN_SIZES])}{more}")
    if report.outlines is not None:
        width, height = report.outlines
        console.print(f"outlines reach {width:.0%} of the photos' width and {height:.0%} of their height")
    for finding in report.findings:
        mark = "[bold red]error[/]" if finding.falsifying else "[yellow]warning[/]"
        console.print(f"{mark} {finding.kind} ({len(finding.items)}): {escape(finding.message)}")
        for item in finding.items[:SHOWN_ITEMS]:
            console.print(f"    {escape(item)}", highlight=False)
        if len(finding.items) > SHOWN_ITEMS:
            console.print(f"    ... and {len(finding.items) - SHOWN_ITEMS} more (all of them with --json)")
    if not report.findings:
        console.print("[green]nothing to complain about[/]")
