"""False alarms of a bundle on photos without corrosion: how many show a patch, and how much area.

    python experiments/packaged-model/false_alarms.py corrosion.zip ../shared/data/web-photos/clean-metal

A photo counts where one connected patch covers more than 0.5 % of it. Photos are seen as ``descale predict``
sees them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import descale

PERCENT = 0.5


def main(bundle: Path, photos: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        report = descale.predict(bundle, photos, scratch, overlay_size=0, page_size=0)
    largest = [100 * one.patch_largest_px / (one.width * one.height) for one in report.results]
    areas = [one.corroded_percent for one in report.results]
    count = len(largest)
    alarms = sum(value > PERCENT for value in largest)
    print(f"{count} photos, {alarms} with a patch above {PERCENT} % ({100 * alarms / count:.1f} %),")
    print(f"mean area {sum(areas) / count:.2f} %, {len(report.skipped)} not read")
    for value, one in sorted(zip(largest, report.results, strict=True), key=lambda pair: -pair[0])[:15]:
        print(f"  {value:6.2f} % {one.photo}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
