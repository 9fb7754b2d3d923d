"""Options of ``train`` and ``prune`` that are wrong end in one message, before anything is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from descale.base.errors import ConfigError, DescaleError
from descale.cli import main
from descale.cli.training_options import claimed_folder
from descale.models import SavedModel, build_network, make_spec, read_widths, save_model


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["descale", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ema", "1.5"], "ema: Input should be less than 1"),
        (["--ema", "-1"], "ema: Input should be greater than 0"),
        (["--precision", "fp8"], "unknown precision 'fp8'"),
        (["--devices", "0"], "0 devices cannot train"),
        (["--devices", "-1"], "-1 devices cannot train"),
        (["--seed", "-1"], "--seed"),
        (["--epochs", "0"], "epochs: Input should be greater than or equal to 1"),
        (["--loss", "dise"], "did you mean 'dice'?"),
        (["--arch", "unte"], "Did you mean unet"),
        (["--encoder", "resnet81"], "Nearest: resnet18"),
    ],
)
def test_bad_options(
    options: list[str],
    message: str,
    steel: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    status, said = run(capsys, monkeypatch, "train", "--data", steel, "--out", out, *options)
    assert status != 0
    assert message in said
    assert not out.exists()


def test_a_run_is_continued_with_its_settings_only(tmp_path: Path) -> None:
    for seed in (0, 1):  # nothing has been done with seed 0
        with claimed_folder(tmp_path, {"seed": seed}):
            pass
    (tmp_path / "last.ckpt").touch()
    with claimed_folder(tmp_path, {"seed": 1}):
        pass
    with pytest.raises(ConfigError, match=r"other settings \(seed\)"), claimed_folder(tmp_path, {"seed": 2}):
        pass


def test_a_run_that_was_killed_before_its_record_is_no_other_run(tmp_path: Path) -> None:
    (tmp_path / "run.lock").touch()
    with claimed_folder(tmp_path, {"seed": 0}):
        assert (tmp_path / "run.json").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DescaleError, match=r"Cannot write .*file/run"):
        claimed_folder(tmp_path / "file" / "run", {"seed": 0}).__enter__()


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from descale.cli.training_options import claimed_folder\n"
        "with claimed_folder(Path(sys.argv[1]), {'seed': 0}): print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(ConfigError, match="Another process is at work in"):
            claimed_folder(tmp_path, {"seed": 0}).__enter__()
        other.communicate()
    with claimed_folder(tmp_path, {"seed": 0}):
        pass


@pytest.mark.parametrize("text", ["{", "5", "[1]"])
def test_a_damaged_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ConfigError, match=r"run\.json is damaged .* Give another --out"):
        claimed_folder(tmp_path, {"seed": 1}).__enter__()


def test_another_model_in_the_same_place_is_another_run(
    steel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(value: float) -> None:
        spec = make_spec("linknet", "resnet18", input_size=(32, 32))
        network = build_network(spec)
        torch.nn.init.constant_(next(network.parameters()), value)
        save_model(tmp_path / "m", SavedModel(spec, network, read_widths(network), {"training": {}}))

    def prune() -> tuple[int, str]:
        words = ("prune", tmp_path / "m", "--data", steel, "--sparsity", 0.5, "--out", tmp_path / "run")
        return run(capsys, monkeypatch, *words)

    monkeypatch.setattr("descale.training.prune_model", lambda *_, **__: (tmp_path / "run/last.ckpt").touch())
    keep(1.0)
    assert prune()[0] == 0
    assert prune()[0] == 0
    keep(2.0)
    status, said = prune()
    assert (status, "other settings (weights)" in said) == (1, True)


def test_other_encoder_weights_under_the_same_name_are_another_run(
    steel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "encoder.safetensors"
    words = ("train", "--data", steel, "--encoder-weights", weights, "--out", tmp_path / "run")
    monkeypatch.setattr("descale.training.train_model", lambda *_, **__: (tmp_path / "run/last.ckpt").touch())
    weights.write_bytes(b"first")
    assert run(capsys, monkeypatch, *words)[0] == 0
    assert run(capsys, monkeypatch, *words)[0] == 0
    weights.write_bytes(b"second")
    status, said = run(capsys, monkeypatch, *words)
    assert (status, "other settings (encoder_weights_sha256)" in said) == (1, True)
