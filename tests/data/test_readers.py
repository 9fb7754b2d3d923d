"""Every label format becomes the same id mask; what cannot be read right is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import photo_of

from descale.base.errors import DataError
from descale.data import Dataset, load_dataset
from descale.data.presets import SSCS
from descale.data.readers import READERS

CLASSES = """
classes:
  - {name: good, colour: [0, 0, 0]}
  - {name: fair, colour: [128, 0, 0], corrosion: true}
  - {name: poor, colour: [0, 128, 0], corrosion: true}
  - {name: severe, colour: [128, 128, 0], corrosion: true}
"""
HEIGHT, WIDTH = 40, 60


def expected_mask() -> np.ndarray:
    """A fair block with a severe corner over it."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[10:31, 6:31] = 1
    mask[20:31, 20:46] = 3
    return mask


FAIR_BOX = [6, 10, 30, 10, 30, 30, 6, 30]
SEVERE_BOX = [20, 20, 45, 20, 45, 30, 20, 30]


def train_folder(root: Path, folder: str = "train") -> Path:
    (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / folder / "a.png")
    return root


def write_colours(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/masks").mkdir()
    palette = np.array(SSCS.table.colours, dtype=np.uint8)
    Image.fromarray(palette[expected_mask()]).save(root / "train/masks/a.png")
    (root / "dataset.yaml").write_text("format: colour-masks" + CLASSES)


def write_ids(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/masks").mkdir()
    Image.fromarray(expected_mask()).save(root / "train/masks/a.png")
    (root / "dataset.yaml").write_text("format: id-masks" + CLASSES)


def yolo_line(number: int, box: list[float]) -> str:
    shares = [value / (HEIGHT if i % 2 else WIDTH) for i, value in enumerate(box)]
    return f"{number} " + " ".join(f"{share!r}" for share in shares)


def write_yolo(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/labels").mkdir()
    (root / "train/labels/a.txt").write_text(f"{yolo_line(0, FAIR_BOX)}\n\n{yolo_line(1, SEVERE_BOX)}\n")
    (root / "data.yaml").write_text("train: C:\\Users\\me\\set\\train\nnc: 2\nnames: ['Fair', 'Very bad']\n")
    (root / "dataset.yaml").write_text("format: yolo" + CLASSES + "label_names: {Very bad: severe}\n")


def coco_content(**changes: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 0, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [
            {"id": 0, "name": "steel-things", "supercategory": "none"},
            {"id": 1, "name": "Fair", "supercategory": "steel-things"},
            {"id": 2, "name": "severe", "supercategory": "steel-things"},
        ],
        "annotations": [
            {"id": 5, "image_id": 0, "category_id": 1, "segmentation": [FAIR_BOX[:8]]},
            {"id": 6, "image_id": 0, "category_id": 2, "segmentation": [SEVERE_BOX]},
        ],
    } | changes


def write_coco(root: Path, **changes: Any) -> None:
    train_folder(root)
    (root / "train/_annotations.coco.json").write_text(json.dumps(coco_content(**changes)))
    (root / "dataset.yaml").write_text("format: coco" + CLASSES)


def shape(name: str, box: list[float], scale: tuple[float, float] = (1, 1), **changes: Any) -> dict[str, Any]:
    points = [[x * scale[0], y * scale[1]] for x, y in zip(box[::2], box[1::2], strict=True)]
    return {"label": name, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}} | changes


def write_labelme(
    root: Path, scale: tuple[int, int] = (1, 1), shapes: list[dict[str, Any]] | None = None
) -> None:
    train_folder(root)
    drawn = (
        [shape("2_Fair", FAIR_BOX, scale), shape("Severe", SEVERE_BOX, scale)] if shapes is None else shapes
    )
    content = {
        "version": "4.5.6", "flags": {}, "shapes": drawn, "imagePath": "DSCN0411.JPG", "imageData": None,
        "imageHeight": HEIGHT * scale[1], "imageWidth": WIDTH * scale[0],
    }  # fmt: skip
    (root / "train/a.json").write_text(json.dumps(content))
    (root / "dataset.yaml").write_text("format: labelme" + CLASSES + "label_names: {2_Fair: fair}\n")


WRITERS = {
    "id-masks": write_ids,
    "colour-masks": write_colours,
    "coco": write_coco,
    "yolo": write_yolo,
    "labelme": write_labelme,
}


def only_mask(dataset: Dataset) -> np.ndarray:
    (sample,) = dataset.samples
    return sample.read_mask()


def test_every_reader_is_tested() -> None:
    assert WRITERS.keys() == READERS.keys()


@pytest.mark.parametrize("form", WRITERS)
def test_all_formats_give_the_same_mask(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path)
    dataset = load_dataset(tmp_path)
    assert (only_mask(dataset) == expected_mask()).all()
    assert dataset.fingerprint() == load_dataset(tmp_path).fingerprint()
    assert (only_mask(dataset.merged_to_binary()) == (expected_mask() > 0)).all()


class TestColourMasks:
    def test_a_colour_outside_the_palette(self, tmp_path: Path) -> None:
        write_colours(tmp_path)
        path = tmp_path / "train/masks/a.png"
        picture = np.array(Image.open(path))
        picture[0, :3] = (12, 13, 14)
        Image.fromarray(picture).save(path)
        with pytest.raises(DataError, match=r"1 colour outside the palette on 3 pixels: \(12, 13, 14\)"):
            only_mask(load_dataset(tmp_path))

    def test_red_and_blue_exchanged_is_named(self, tmp_path: Path) -> None:
        write_colours(tmp_path)
        path = tmp_path / "train/masks/a.png"
        Image.fromarray(np.array(Image.open(path))[..., ::-1]).save(path)
        with pytest.raises(DataError, match="RGB, not BGR"):
            only_mask(load_dataset(tmp_path))

    def test_palette_pictures_are_read_by_colour(self, tmp_path: Path) -> None:
        write_colours(tmp_path)
        path = tmp_path / "train/masks/a.png"
        Image.open(path).quantize(8).save(path)
        assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()


class TestYolo:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("0 0.5 0.5 0.2 0.2", r"a\.txt:1: 5 numbers are a box"),
            ("\n0 0.1 0.1 0.2 0.2 0.3", r"a\.txt:2: 5 coordinates"),
            ("0 0.1 0.1 0.2", r"a\.txt:1: 3 coordinates"),
            ("0 10 10 20 10 20 20", r"outside 0\.\.1"),
            ("7 0.1 0.1 0.2 0.1 0.2 0.2", r"class number 7 is not in data\.yaml \(known: 0, 1\)"),
            ("0 0.1 0.1 0.2 x 0.2 0.2", "could not convert"),
            ("rust 0.1 0.1 0.2 0.1 0.2 0.2", "invalid literal"),
        ],
    )
    def test_bad_lines(self, tmp_path: Path, text: str, message: str) -> None:
        write_yolo(tmp_path)
        (tmp_path / "train/labels/a.txt").write_text(text)
        with pytest.raises(DataError, match=message):
            only_mask(load_dataset(tmp_path))

    def test_an_empty_label_is_no_corrosion(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "train/labels/a.txt").write_text("")
        assert not only_mask(load_dataset(tmp_path)).any()

    def test_a_missing_label_is_an_error(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "train/labels/a.txt").unlink()
        with pytest.raises(DataError, match="1 of 1 photos have no label"):
            load_dataset(tmp_path)

    def test_a_class_without_meaning(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "dataset.yaml").write_text("format: yolo" + CLASSES)
        with pytest.raises(DataError, match=r"unknown class 'Very bad'.*label_names: \{'Very bad': CLASS\}"):
            load_dataset(tmp_path)

    @pytest.mark.parametrize("told", ["ignore: 7", "ignore: [5, 6, 7]", "ignore: '7'"])
    def test_a_number_that_data_yaml_lacks_can_be_ignored(self, tmp_path: Path, told: str) -> None:
        write_yolo(tmp_path)
        (tmp_path / "train/labels/a.txt").write_text(f"{yolo_line(7, FAIR_BOX)}\n")
        with pytest.raises(DataError, match="or 'ignore: 7' to leave"):
            only_mask(load_dataset(tmp_path))
        with (tmp_path / "dataset.yaml").open("a") as stream:
            stream.write(f"{told}\n")
        mask = only_mask(load_dataset(tmp_path))
        assert (mask == 255).sum() == 21 * 25

    def test_without_data_yaml_numbers_need_names(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "data.yaml").unlink()
        (tmp_path / "dataset.yaml").write_text("format: yolo" + CLASSES)
        with pytest.raises(DataError, match="the class numbers have no meaning"):
            load_dataset(tmp_path)
        (tmp_path / "dataset.yaml").write_text(
            "format: yolo" + CLASSES + "label_names: {0: fair, 1: severe}\n"
        )
        assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()

    def test_names_as_a_mapping_and_broken_names(self, tmp_path: Path) -> None:
        write_yolo(tmp_path)
        (tmp_path / "data.yaml").write_text("names: {0: fair, 1: severe}\n")
        assert (only_mask(load_dataset(tmp_path)) == expected_mask()).all()
        (tmp_path / "data.yaml").write_text("names: 3\n")
        with pytest.raises(DataError, match="'names' cannot be read"):
            load_dataset(tmp_path)


class TestCoco:
    def test_several_polygons_in_one_annotation(self, tmp_path: Path) -> None:
        two = [[0, 0, 9, 0, 9, 9, 0, 9], [20, 20, 29, 20, 29, 29, 20, 29]]
        write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0, "category_id": 1, "segmentation": two}])
        mask = only_mask(load_dataset(tmp_path))
        assert mask.sum() == 200
        assert mask[5, 5] == mask[25, 25] == 1

    def test_run_lengths(self, tmp_path: Path) -> None:
        counts = [HEIGHT + 2, 5, HEIGHT * WIDTH - HEIGHT - 7]  # five pixels down the second column
        rle = {"size": [HEIGHT, WIDTH], "counts": counts}
        write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0, "category_id": 2, "segmentation": rle}])
        mask = only_mask(load_dataset(tmp_path))
        assert mask.astype(bool).sum() == 5
        assert (mask[2:7, 1] == 3).all()

    def test_a_photo_without_annotations_has_no_corrosion(self, tmp_path: Path) -> None:
        write_coco(tmp_path, annotations=[])
        assert not only_mask(load_dataset(tmp_path)).any()

    @pytest.mark.parametrize(
        ("annotation", "message"),
        [
            ({"category_id": 0, "segmentation": [FAIR_BOX]}, "unknown class 'steel-things'"),
            ({"category_id": 9, "segmentation": [FAIR_BOX]}, "category 9, which the file does not define"),
            (
                {"category_id": 1, "segmentation": [], "bbox": [1, 2, 3, 4]},
                "annotation 1: a box without an outline",
            ),
            ({"category_id": 1}, "a box without an outline"),
            ({"category_id": 1, "segmentation": [[1, 2, 3, 4]]}, "a box without an outline"),
            ({"category_id": 1, "segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "damaged"),
            ({"category_id": 1, "segmentation": {"size": [40, 60], "counts": [5, 5]}}, "add up to 10 pixels"),
            ({"category_id": 1, "segmentation": {"size": [4, 6], "counts": [24]}}, "run lengths for 6 x 4"),
            ({"category_id": 1, "segmentation": {"size": [40, 60], "counts": "~~"}}, "no character"),
        ],
    )
    def test_bad_annotations(self, tmp_path: Path, annotation: dict[str, Any], message: str) -> None:
        write_coco(tmp_path, annotations=[{"id": 1, "image_id": 0} | annotation])
        with pytest.raises(DataError, match=message):
            only_mask(load_dataset(tmp_path))

    def test_annotations_of_images_that_are_not_listed(self, tmp_path: Path) -> None:
        region = {"category_id": 1, "segmentation": [FAIR_BOX]}
        write_coco(tmp_path, annotations=[region | {"id": i, "image_id": i // 2} for i in range(5)])
        with pytest.raises(DataError, match=r"json: 3 annotations belong .* \(the first: image_id 1\)\. Exp"):
            load_dataset(tmp_path)

    @pytest.mark.parametrize("name", ["6b1e-aa", None, 7.5])
    def test_an_annotation_may_be_called_anything(self, tmp_path: Path, name: object) -> None:
        region = {"id": name, "image_id": 0, "category_id": 1}
        write_coco(tmp_path, annotations=[region | {"segmentation": [FAIR_BOX]}])
        assert only_mask(load_dataset(tmp_path)).any()
        write_coco(tmp_path, annotations=[region | {"segmentation": []}])
        with pytest.raises(DataError, match=f"annotation {name}: a box without an outline"):
            only_mask(load_dataset(tmp_path))

    def test_a_stated_size_that_is_not_the_photos(self, tmp_path: Path) -> None:
        write_coco(tmp_path, images=[{"id": 0, "file_name": "a.png", "height": 640, "width": 640}])
        with pytest.raises(DataError, match="states 640 x 640 pixels for a photo of 60 x 40"):
            only_mask(load_dataset(tmp_path))

    def test_not_a_coco_file(self, tmp_path: Path) -> None:
        write_coco(tmp_path)
        for text in ("{", "[]", '{"images": []}'):
            (tmp_path / "train/_annotations.coco.json").write_text(text)
            with pytest.raises(DataError, match="not a COCO annotation file"):
                load_dataset(tmp_path)


class TestLabelme:
    def test_outlines_are_scaled_from_their_frame(self, tmp_path: Path) -> None:
        write_labelme(tmp_path, scale=(4, 3))
        agreement = (only_mask(load_dataset(tmp_path)) == expected_mask()).mean()
        assert agreement > 0.95

    def test_rectangles_and_circles(self, tmp_path: Path) -> None:
        box = {"label": "poor", "points": [[2, 3], [11, 8]], "shape_type": "rectangle"}
        circle = {"label": "severe", "points": [[40, 20], [40, 30]], "shape_type": "circle"}
        write_labelme(tmp_path, shapes=[box, circle])
        mask = only_mask(load_dataset(tmp_path))
        assert (mask == 2).sum() == 60
        assert abs((mask == 3).sum() - np.pi * 100) < 35

    def test_no_shapes_is_no_corrosion(self, tmp_path: Path) -> None:
        write_labelme(tmp_path, shapes=[])
        assert not only_mask(load_dataset(tmp_path)).any()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"label": "5_Terrible"}, r"a\.json: unknown class '5_Terrible'"),
            ({"shape_type": "line"}, "a 'line' of 4 points called 'fair' has no area"),
            ({"points": [[1, 1], [2, 2]]}, "a 'polygon' of 2 points called 'fair' has no area"),
            ({"points": [[1, 1], [9, 9], [5, 5]]}, "a 'polygon' of 3 points called 'fair' has no area"),
            ({"shape_type": "rectangle", "points": [[1, 1], [1, 9]]}, "a 'rectangle' of 2 .* has no area"),
            ({"shape_type": "circle", "points": [[9, 9], [9, 9]]}, "a 'circle' of 2 .* has no area"),
            (
                {"shape_type": "ellipse"},
                r"an? 'ellipse' of 4 .* of a kind that is not read \(.*polygon, circle",
            ),
            ({"shape_type": "cuboid"}, "a 'cuboid' of 4 .* of a kind that is not read"),
            ({"shape_type": "circle"}, "a 'circle' of 4 points called 'fair' should have 2 points"),
            ({"shape_type": "rotation", "points": [[1, 1], [5, 9]]}, "should have 4 points"),
            ({"points": [[1], [2], [3]]}, "damaged"),
            ({"points": [[1, 1], [2, float("nan")], [3, 1]]}, "damaged"),
            ({"points": [[1, 1], [2, 1e30], [3, 1]]}, "damaged"),
        ],
    )
    def test_bad_shapes(self, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
        write_labelme(tmp_path, shapes=[shape("fair", FAIR_BOX, **changes)])
        with pytest.raises(DataError, match=message):
            only_mask(load_dataset(tmp_path))

    @pytest.mark.parametrize("kind", ["Polygon", "POLYGON", "Rectangle", ""])
    def test_kinds_in_other_case(self, tmp_path: Path, kind: str) -> None:
        write_labelme(tmp_path, shapes=[shape("fair", FAIR_BOX, shape_type=kind)])
        assert (only_mask(load_dataset(tmp_path)) == 1).sum() == 25 * 21

    def test_a_frame_turned_by_exif(self, tmp_path: Path) -> None:
        write_labelme(tmp_path)
        path = tmp_path / "train/a.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"imageHeight": WIDTH, "imageWidth": HEIGHT}))
        with pytest.raises(DataError, match="turned by 90 degrees"):
            only_mask(load_dataset(tmp_path))

    def test_not_a_labelme_file(self, tmp_path: Path) -> None:
        write_labelme(tmp_path)
        (tmp_path / "train/a.json").write_text("{}")
        with pytest.raises(DataError, match="not a labelme file"):
            only_mask(load_dataset(tmp_path))


def ccsc(tmp_path: Path, root: Path, form: str, labels: str, images: str = "images") -> Dataset:
    names = "label_names: {2_Fair_Steel_Corrosion: fair, 3_Poor_Steel_Corrosion: poor, "
    names += "4_Severe_Steel_Corrosion: severe}\n"
    path = tmp_path / f"{labels.replace('/', '-')}.yaml"
    path.write_text(
        f"format: {form}\nroot: {root}\nimages: {images}\nlabels: {labels}"
        + CLASSES
        + (names if form == "labelme" else "")
    )
    return load_dataset(path)


def test_three_labels_of_the_same_bridge_photos_agree(tmp_path: Path, shared_data: Path) -> None:
    root = shared_data / "ccsc-sample"
    ids = ccsc(tmp_path, root, "id-masks", "masks_index")
    colours = ccsc(tmp_path, root, "colour-masks", "masks_colour")
    outlines = ccsc(tmp_path, root, "labelme", "labelme")
    assert len(ids) == len(colours) == len(outlines) == 11
    for one, two, three in zip(ids.samples, colours.samples, outlines.samples, strict=True):
        mask = one.read_mask()
        assert (two.read_mask() == mask).all()
        assert (three.read_mask() == mask).mean() > 0.995


def test_coco_and_yolo_exports_of_the_same_photos_agree(
    shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    yolo = {sample.id: sample for sample in load_dataset(shared_data / "yolo-export-sample").samples}
    coco = load_dataset(shared_data / "coco-export-sample")
    assert (len(yolo), len(coco)) == (42, 12)
    for sample in coco.samples:
        one, two = sample.read_mask() > 0, yolo[sample.id].read_mask() > 0
        assert (one & two).sum() / (one | two).sum() > 0.99
    assert "no photo is in the split 'valid'" in caplog.text


def test_copies_of_an_exported_photo_are_one_scene(shared_data: Path) -> None:
    samples = load_dataset(shared_data / "yolo-export-sample").samples
    assert len({sample.group for sample in samples}) == 10
