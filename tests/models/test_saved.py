"""Model folders: what is saved comes back, and anything else is a clear error."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from descale.base.classes import ClassTable, PixelClass
from descale.base.errors import ModelError
from descale.base.files import sha256_of
from descale.models import (
    SavedModel,
    build_network,
    keep_metrics,
    load_model,
    make_spec,
    read_widths,
    save_model,
)
from descale.pruning import allocate, build_channel_graph, cut_channels
from descale.pruning.budget import first_units

THREE = ClassTable(
    (
        PixelClass("background", (0, 0, 0)),
        PixelClass("mild", (9, 9, 0), corrosion=True),
        PixelClass("severe", (9, 0, 0), corrosion=True),
    )
)
SPEC = make_spec("fpn", "tu-test_resnet", classes=THREE, input_size=(64, 32))
TENSOR = "decoder.p5.weight"
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def pruned() -> SavedModel:
    network = build_network(SPEC)
    dense_widths = read_widths(network)
    graph = build_channel_graph(network)
    network = cut_channels(network, graph, first_units(graph, allocate(graph, 0.5)))
    return SavedModel(SPEC, network, dense_widths, {"seed": 3, "data": "abc"}, {"test": {"iou": 0.5}})


@pytest.fixture(scope="module")
def good(pruned: SavedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(folder, pruned)
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(good, tmp_path / "model"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object], *, sealed: bool = True) -> None:
    """Change the description; ``sealed`` makes its checksum agree, as who tampers on purpose would."""
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    change(description)
    if sealed:
        description.pop("description_sha256")
        written = json.dumps(description, sort_keys=True).encode()
        description["description_sha256"] = hashlib.sha256(written).hexdigest()
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")


def seal(folder: Path) -> None:
    """Make the checksum agree with the weights, as someone who tampers on purpose would."""
    edit(folder, lambda d: d.update(weights_sha256=sha256_of(folder / "model.safetensors")))


def change_tensors(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    seal(folder)


def test_a_model_comes_back_as_it_was(good: Path, pruned: SavedModel) -> None:
    found = load_model(good)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(found.network(x), pruned.network(x))
    assert not found.network.training
    assert found.spec == pruned.spec
    assert found.widths == pruned.widths != found.dense_widths == pruned.dense_widths
    assert found.provenance == pruned.provenance
    assert found.metrics == pruned.metrics


def test_a_folder_holds_two_files_and_no_pickle(good: Path) -> None:
    assert sorted(path.name for path in good.iterdir()) == ["model.json", "model.safetensors"]
    description = json.loads((good / "model.json").read_text(encoding="utf-8"))
    assert {"architecture", "encoder", "widths", "classes", "normalisation", "input_size", "threshold",
            "provenance", "metrics"} <= set(description)  # fmt: skip
    length = int.from_bytes((good / "model.safetensors").read_bytes()[:8], "little")
    json.loads((good / "model.safetensors").read_bytes()[8 : 8 + length])


def test_saving_replaces_what_was_there_as_a_whole(folder: Path, pruned: SavedModel) -> None:
    (folder / "left-over.txt").write_text("old")
    network = build_network(SPEC)
    save_model(folder, SavedModel(SPEC, network, read_widths(network)))
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]
    assert load_model(folder).widths == load_model(folder).dense_widths
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_model_that_cannot_be_written_leaves_the_old_one(folder: Path, pruned: SavedModel) -> None:
    before = (folder / "model.json").read_bytes()
    unwritable = SavedModel(SPEC, pruned.network, pruned.dense_widths, {"loss": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_model(folder, unwritable)
    assert (folder / "model.json").read_bytes() == before
    assert load_model(folder).provenance == pruned.provenance
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flip_one_bit(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def weights_of_another(folder: Path) -> None:
    other = build_network(make_spec("unet", "tu-test_resnet", classes=THREE))
    save_file(other.state_dict(), folder / "model.safetensors")


@pytest.mark.parametrize("spoil", [cut_short, flip_one_bit, weights_of_another])
def test_weights_that_changed_are_an_error(folder: Path, spoil: Change) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=r"model\.safetensors is truncated or was changed"):
        load_model(folder)


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


@pytest.mark.parametrize("spoil", [cut_short, empty])
def test_broken_weights_are_an_error_even_if_the_checksum_agrees(folder: Path, spoil: Change) -> None:
    spoil(folder)
    seal(folder)
    with pytest.raises(ModelError, match="is not a valid safetensors file"):
        load_model(folder)


TENSORS: list[tuple[str, Callable[[dict[str, Tensor]], object], str]] = [
    ("missing", lambda t: t.pop(TENSOR), rf"1 tensors, first missing '{TENSOR}'"),
    ("unexpected", lambda t: t.update(extra=torch.zeros(1)), "1 tensors, first unexpected 'extra'"),
    (
        "shape",
        lambda t: t.update({TENSOR: t[TENSOR][:5].clone()}),
        rf"tensor '{TENSOR}' is torch.float32\(5, .* the description needs torch.float32\(128, ",
    ),
    ("type", lambda t: t.update({TENSOR: t[TENSOR].half()}), rf"tensor '{TENSOR}' is torch.float16"),
]


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in TENSORS], ids=[row[0] for row in TENSORS])
def test_tensors_must_be_those_of_the_description(
    folder: Path, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    change_tensors(folder, change)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_weights_of_another_architecture_are_an_error_even_if_the_checksum_agrees(folder: Path) -> None:
    weights_of_another(folder)
    seal(folder)
    with pytest.raises(ModelError, match="does not fit its description"):
        load_model(folder)


def widths_of_head(description: dict[str, Any], **values: Any) -> None:
    description["widths"]["segmentation_head.0"].update(values)


def other_norm_groups(description: dict[str, Any]) -> None:
    entry = next(entry for entry in description["widths"].values() if "num_groups" in entry)
    entry["num_groups"] -= 1


def one_class_more(description: dict[str, Any]) -> None:
    description["classes"].append({"name": "extra", "colour": [1, 1, 1], "corrosion": True})


DESCRIPTIONS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("another architecture", lambda d: d.update(architecture="unet"), r"widths do not fit the network"),
    ("another encoder", lambda d: d.update(encoder="resnet18"), r"widths do not fit the network"),
    ("unknown architecture", lambda d: d.update(architecture="fnp"), r"Unknown architecture 'fnp'.*fpn"),
    ("unknown encoder", lambda d: d.update(encoder="resnet_18"), r"Unknown encoder.*resnet18"),
    ("a class more", one_class_more, r"names 4 classes, its network answers with 3"),
    ("size", lambda d: d.update(input_size=[64, 33]), r"33 is not a multiple of 32"),
    ("threshold", lambda d: d.update(threshold=1.5), r"Threshold 1.5"),
    ("no widths", lambda d: d.pop("widths"), r"is not valid: KeyError\('widths'\)"),
    ("widths of no kind", lambda d: d.update(widths=dict.fromkeys(d["widths"], "x")), r"widths of layer"),
    ("width", lambda d: widths_of_head(d, in_channels=100), r"needs torch.float32\(3, 100, 1, 1\)"),
    ("width of nothing", lambda d: widths_of_head(d, in_channels=0), r"is not between 1 and"),
    ("huge width", lambda d: widths_of_head(d, in_channels=10**12), r"is not between 1 and"),
    ("groups of a norm", other_norm_groups, r"its widths contradict each other \(.*divisible"),
    ("provenance", lambda d: d.update(provenance=5), r"'provenance' is not an object"),
    ("metrics", lambda d: d.update(metrics=[1]), r"'metrics' is not an object"),
    ("format", lambda d: d.update(format="other"), r"does not describe a descale model"),
    ("newer format", lambda d: d.update(format_version=2), r"format version 2, .* Update descale"),
    ("no checksum", lambda d: d.pop("weights_sha256"), r"truncated or was changed"),
]


@pytest.mark.parametrize(
    ("change", "message"), [row[1:] for row in DESCRIPTIONS], ids=[row[0] for row in DESCRIPTIONS]
)
def test_a_description_that_was_changed_is_an_error(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(folder, change)
    with pytest.raises(ModelError, match=message) as found:
        load_model(folder)
    assert str(folder) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(threshold=0.6),
        lambda d: d["provenance"].update(data="of another"),
        lambda d: d["normalisation"]["mean"].__setitem__(0, 0.4),
        lambda d: d.pop("description_sha256"),
    ],
    ids=["threshold", "provenance", "normalisation", "no checksum"],
)
def test_a_plausible_change_of_the_description_is_an_error_too(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    edit(folder, change, sealed=False)
    with pytest.raises(ModelError, match=r"model\.json was changed after it was saved"):
        load_model(folder)


def test_a_description_may_be_indented_and_ordered_anew(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(dict(reversed(description.items()))), encoding="utf-8")
    load_model(folder)


@pytest.mark.parametrize("content", [b"", b'{"format": "descale-mod', b"\xff\xfe\x00", b"[]", b"null"])
def test_a_broken_description_is_an_error(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.json (is not valid JSON|does not describe a descale)"):
        load_model(folder)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        load_model(folder)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model folder"):
        load_model(tmp_path / "nowhere")


class Attack:
    """Unpickling this runs code."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.proof, "executed")


def test_code_in_place_of_weights_is_not_executed(folder: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    torch.save({TENSOR: Attack(proof)}, folder / "model.safetensors")
    seal(folder)
    with pytest.raises(ModelError, match="is not a valid safetensors file"):
        load_model(folder)
    assert not proof.exists()
    torch.load((folder / "model.safetensors").open("rb"), weights_only=False)
    assert proof.exists(), "the attack itself must work, or this test proves nothing"


def test_scores_are_kept_with_a_model(folder: Path) -> None:
    before = (folder / "model.safetensors").read_bytes()
    keep_metrics(folder, {"valid": {"iou": 0.4}})
    keep_metrics(folder, {"valid": {"iou": 0.6}})
    assert load_model(folder).metrics == {"test": {"iou": 0.5}, "valid": {"iou": 0.6}}
    assert (folder / "model.safetensors").read_bytes() == before
    with pytest.raises(ModelError, match="not a model folder"):
        keep_metrics(folder.parent, {})
