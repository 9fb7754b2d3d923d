"""From labelled photos to a small model in one zip file, and from that to areas: the whole way in one page.

    python examples/photos_to_bundle.py runs/example

Photos are drawn here, so that it runs anywhere. Take your own folder instead (docs/data.md), a `size` of 160
or more, and leave out `epochs` and `recovery_epochs`: they make this quick, not good.
"""

from __future__ import annotations

import sys
from pathlib import Path

import descale
from descale.synthesize import synthesize


def main(folder: Path) -> None:
    """Write everything into ``folder``; run it again and it goes on where it stopped."""
    photos = synthesize(folder / "photos", count=40, size=(96, 96))

    for finding in descale.check(photos).findings:
        print(finding)

    dense = descale.train(
        photos, folder / "dense", size=64, epochs=6, encoder_weights="none", training={"batch_size": 8}
    )
    small = descale.prune(dense, photos, folder / "small", sparsity=0.5, recovery_epochs=6)
    for name, model in (("dense", dense), ("half of the channels", small)):
        found = descale.evaluate(model, photos)
        costs = found.costs
        print(f"{name}: IoU of corrosion {found.scores.iou_corrosion:.3f}, {costs['params']:,} parameters")

    bundle = descale.export(small, folder / "small.zip", photos=[photos / "test" / "images"])
    print(f"{bundle.path}: {bundle.path.stat().st_size / 1e6:.1f} MB")

    report = descale.predict(bundle.path, photos / "test" / "images", folder / "results")
    for result in report.results[:3]:
        print(f"{result.name}: {result.corroded_percent:.1f} % corroded, ISO 4628-3 Ri {result.iso_4628_3}")
    print(f"all of them: {folder / 'results' / 'predictions.csv'}; overlays beside it")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
