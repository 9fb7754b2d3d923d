from __future__ import annotations

from pathlib import Path

from descale.runtime.packaged import packaged_bundle

LARGEST = 1_000_000


def test_the_package_holds_a_small_bundle_that_opens_and_has_its_card() -> None:
    from descale.runtime.bundle import open_bundle

    path = packaged_bundle()
    assert path.stat().st_size <= LARGEST
    bundle = open_bundle(path)
    card = bundle.read("MODEL_CARD.md").decode()
    assert "CC BY 4.0" in card
    assert "Of photos without any corrosion" in card
    assert "**Not for.**" in card


def test_photos_alone_are_predicted_with_it(photos: Path, tmp_path: Path) -> None:
    import descale

    report = descale.predict(None, photos, tmp_path / "out")
    assert len(report.results) == 3
    assert (tmp_path / "out" / "masks").is_dir()
