from __future__ import annotations

from pathlib import Path

import pytest

from descale.base.errors import StudyError
from descale.study.config import load_study, trial_pruning

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("[unet, fpn]", "[unet, fpm]", 5, "unknown name 'fpm'; did you mean 'fpn'?"),
        ("resnet18", "resnet81", 6, "Nearest: resnet18"),
        ("[linear, agp]", "[linaer, agp]", 8, "did you mean 'linear'?"),
    ],
)
def test_unknown_names_are_found_before_anything_runs(
    study_file: Path, old: str, new: str, line: int, what: str
) -> None:
    study_file.write_text(study_file.read_text().replace(old, new))
    with pytest.raises(StudyError) as caught:
        load_study(study_file)
    assert f"fake.yaml:{line}: " in str(caught.value)
    assert what in str(caught.value)


@pytest.mark.parametrize("allocation", ["retained", "global"])
def test_pruning_that_one_strategy_forbids_is_found_before_anything_runs(
    study_file: Path, allocation: str
) -> None:
    settings = f"pruning: {{allocation: {allocation}}}\n"
    text = study_file.read_text() + settings
    study_file.write_text(text)
    assert load_study(study_file).pruning.allocation == allocation  # linear and agp allow it
    study_file.write_text(text.replace("[linear, agp]", "[agp, movement]"))
    with pytest.raises(StudyError) as caught:
        load_study(study_file)
    (message,) = str(caught.value).splitlines()  # once, not for each sparsity
    line = text.splitlines().index(settings.strip()) + 1
    assert f"fake.yaml:{line}: pruning: allocation {allocation} compares importances" in message
    assert "movement have no common scale: use another importance and strategy" in message


@pytest.mark.parametrize(("settings", "opens"), [("distillation: 0, views: 0", True), ("views: 4", False)])
def test_settings_that_are_gone_are_read_where_they_were_off(
    settings: str, opens: bool, study_file: Path
) -> None:
    study_file.write_text(study_file.read_text() + f"pruning: {{{settings}}}\n")
    if opens:
        assert "views" not in load_study(study_file).pruning.model_dump()
    else:
        with pytest.raises(StudyError, match=r"fake\.yaml:\d+: .*views is no longer there"):
            load_study(study_file)


@pytest.mark.parametrize(
    ("training", "size", "message"),
    [
        ("{size: 64, batch_size: 1}", "32", r"fake\.yaml:\d+: data\.0\.size: "),
        ("{size: 128, crop: 96, augmentation: zoom}", "64", r"fake\.yaml:\d+: data\.0\.size: .*crop"),
    ],
)
def test_training_that_a_size_of_one_data_set_forbids_is_found_before_anything_runs(
    study_file: Path, training: str, size: str, message: str
) -> None:
    text = f"{study_file.read_text()}training: {training}\n"
    study_file.write_text(text)
    load_study(study_file)
    study_file.write_text(text.replace("source: .", f"source: .\n    size: {size}"))
    with pytest.raises(StudyError, match=message):
        load_study(study_file)


@pytest.mark.parametrize("recipe", ["[descale]", "null"])
def test_a_recipe_that_is_no_name_is_told(study_file: Path, recipe: str) -> None:
    study_file.write_text(f"{study_file.read_text()}pruning: {{recipe: {recipe}}}\n")
    with pytest.raises(StudyError, match="unknown recipe"):
        load_study(study_file)


def test_one_sparsity_listed_twice_is_told(study_file: Path) -> None:
    text = study_file.read_text()
    (listed,) = [line for line in text.splitlines() if line.startswith("sparsities:")]
    study_file.write_text(text.replace(listed, "sparsities: [0.5, 0.50000001]"))
    with pytest.raises(StudyError, match="listed twice"):
        load_study(study_file)


def test_paths_are_relative_to_the_file(study_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = study_file.read_text().replace("weights: none", "weights: lite0.safetensors")
    study_file.write_text(text.replace("source: .", "source: nea:sets/nea\n    clean: steel"))
    monkeypatch.chdir("/")
    config = load_study(study_file)
    assert config.data[0].source == f"nea:{study_file.parent}/sets/nea"
    assert config.data[0].clean == f"{study_file.parent}/steel"
    assert config.encoder_weights == f"{study_file.parent}/lite0.safetensors"


def test_photos_without_corrosion_need_one_model(study_file: Path) -> None:
    both = "source: .\n    clean: steel\n    leave_one_out: true"
    study_file.write_text(study_file.read_text().replace("source: .", both))
    with pytest.raises(StudyError, match=r"fake\.yaml:4: .*'clean' needs one model"):
        load_study(study_file)


def test_strategy_and_sparsity_are_filled_in(study_file: Path) -> None:
    pruning = trial_pruning(load_study(study_file), "linear", 0.9)
    assert (pruning.strategy, pruning.sparsity) == ("linear", 0.9)


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not found"):
        load_study(tmp_path / "no.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: Brücke".encode("latin-1"))
    with pytest.raises(StudyError, match="UTF-8"):
        load_study(tmp_path / "latin.yaml")


STUDIES = [path for path in EXPERIMENTS.glob("*/*.yaml") if "architectures:" in path.read_text()]


@pytest.mark.parametrize("path", sorted(STUDIES), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_studies_of_the_project_are_valid(path: Path) -> None:
    assert load_study(path).name.startswith(path.parent.name)
