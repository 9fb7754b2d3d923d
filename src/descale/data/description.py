"""The description of a data set: where its files are, what its labels mean, how it is split."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from descale.base.classes import BINARY, IGNORED, ClassTable, PixelClass
from descale.base.errors import DataError
from descale.base.home import expanded
from descale.base.spelling import suggestion
from descale.data.scenes import SceneRule

Format = Literal["id-masks", "colour-masks", "coco", "yolo", "labelme"]

_LAYOUTS: dict[str, tuple[str, str]] = {
    "id-masks": ("{split}/images", "{split}/masks"),
    "colour-masks": ("{split}/images", "{split}/masks"),
    "coco": ("{split}", "{split}/_annotations.coco.json"),
    "yolo": ("{split}/images", "{split}/labels"),
    "labelme": ("{split}", "{split}"),
}
"""Usual places of photos and labels per format."""

_COLOURS = ((0, 0, 0), (224, 82, 32), (240, 170, 40), (150, 30, 90), (60, 120, 200), (80, 170, 90))
"""Colours for classes that are described without one (told apart in greyscale as well)."""

Channel = Annotated[int, Field(ge=0, le=255)]
NO_NUMBERS = ("nan", "inf", "-inf")
"""Words for what floating-point masks hold where nothing was measured; YAML writes .nan, .inf, -.inf."""

Unlabelled = StrictInt | StrictStr | tuple[Channel, Channel, Channel]
"""A pixel value, a colour, or a name in the label files."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassEntry(_Strict):
    """One class; its place in the list is its id."""

    name: Annotated[str, Field(min_length=1)]
    colour: tuple[Channel, Channel, Channel] | None = None
    corrosion: bool = False
    metal: bool | None = None


class Splits(_Strict):
    """How photos are divided when the set does not say: whole scenes, by a hash of their name."""

    train: Annotated[float, Field(gt=0, lt=1)] = 0.7
    valid: Annotated[float, Field(ge=0, lt=1)] = 0.15
    test: Annotated[float, Field(ge=0, lt=1)] = 0.15
    seed: int = 0

    @model_validator(mode="after")
    def _sum(self) -> Splits:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + valid + test = {total:g}; make them add up to 1")
        return self


class Description(_Strict):
    """All that a reader must know. Paths are relative to ``root``; ``{split}`` stands for the split.

    Attributes:
        name: how reports call the set.
        format: how labels are stored.
        root: folder of the set, relative to the description file.
        images: folder(s) of the photos.
        labels: folder(s) of the labels; for COCO the file(s).
        classes: the class table, in order of the ids; the first is the background.
        label_names: what the label files call a class (name, number, or pixel value) -> class name.
        ignore: pixel values, colours or names (of classes, or in the label files) that mark pixels
            without a label; they become id 255, are not trained on and not scored.
        groups: which photos show one scene; ``None`` leaves it to :func:`descale.data.splits.scene_rule`.
        splits: shares, for a set that is not split.
    """

    name: Annotated[str, Field(min_length=1)]
    format: Format = "id-masks"
    root: str = "."
    images: str = ""
    labels: str = ""
    classes: tuple[ClassEntry, ...] = tuple(
        ClassEntry(name=c.name, colour=c.colour, corrosion=c.corrosion, metal=c.metal) for c in BINARY.classes
    )
    label_names: dict[str, str] = {}
    ignore: tuple[Unlabelled, ...] = ()
    groups: SceneRule | None = None
    splits: Splits = Splits()

    @model_validator(mode="before")
    @classmethod
    def _usual_places(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        images, labels = _LAYOUTS.get(str(value.get("format", "id-masks")), ("", ""))
        filled = {**value, "images": value.get("images") or images, "labels": value.get("labels") or labels}
        if isinstance(value.get("label_names"), dict):  # YAML reads 255: corrosion as a number
            filled["label_names"] = {str(key): name for key, name in value["label_names"].items()}
        return filled

    @field_validator("root", "images", "labels")
    @classmethod
    def _without_tilde(cls, value: str) -> str:
        try:
            return str(expanded(value)) if value.startswith("~") else value
        except DataError as error:
            raise ValueError(str(error)) from error

    @field_validator("ignore", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any, info: ValidationInfo) -> Any:
        """A lone value or colour is a list of one; three numbers are a colour in colour masks alone."""
        lone = not isinstance(value, (list, tuple))
        colour = not lone and _is_colour(value)
        if colour and info.data.get("format") != "colour-masks":
            colour = len(set(value)) < len(value)  # nobody lists a number twice; [255, 255, 255] is white
        entries = [value] if lone else list(value)
        if colour:
            entries = [tuple(value)]
        entries = [_whole_or_word(entry) if isinstance(entry, float) else entry for entry in entries]
        for entry in entries:
            if not isinstance(entry, str) and type(entry) is not int and not _is_colour(entry):
                raise ValueError(
                    f"{_as_yaml(entry)} is no pixel value (255), colour ([255, 255, 255]) or name; write one "
                    "of these (a name that YAML takes for something else in quotes), or leave the line out"
                )
        return tuple(entries)

    @model_validator(mode="after")
    def _consistent(self) -> Description:
        try:
            table = self.table
        except ValueError as error:
            raise ValueError(f"classes: {error}") from error
        if self._is_ignored(self.classes[0].name):
            raise ValueError(
                f"ignore: '{self.classes[0].name}' is the first class, the background of all that is not "
                "labelled; it cannot be ignored"
            )
        self._check_ignored()
        if table.classes[0].corrosion:  # readers fill with class 0; overlays, COCO and binary leave it out
            raise ValueError(
                "classes: the first class is all that is not outlined; put the background before "
                f"'{table.names[0]}'"
            )
        for key, name in self.label_names.items():
            if name not in table.names and not self._is_ignored(name):
                hint = suggestion(name, table.names)
                raise ValueError(f"label_names: {key}: no class is called '{name}'; {hint}")
        if self.format == "colour-masks" and self.label_names:
            raise ValueError("label_names: colour masks hold no names; write the colour at its class")
        colours = [self._colour(i) for i in range(len(self.classes))]
        if self.format == "colour-masks" and len(set(colours)) != len(colours):
            raise ValueError("classes: two classes have the same colour; colour masks cannot tell them apart")
        for key in ("images", "labels"):
            text = getattr(self, key)
            if "{" in text.replace("{split}", "") or "}" in text.replace("{split}", ""):
                raise ValueError(f"{key}: '{text}' may hold {{split}} and no other braces")
        if ("{split}" in self.labels) and ("{split}" not in self.images):
            raise ValueError("labels: holds {split}, but images does not; use it in both")
        return self

    def _check_ignored(self) -> None:
        """Each format can hold only some kinds of marks."""
        names = [entry.name for entry in self.classes]
        known = {name.casefold() for name in names}
        for entry in self.ignore:
            if isinstance(entry, tuple):
                if self.format != "colour-masks":
                    raise ValueError(f"ignore: {list(entry)} is a colour, and only colour masks hold colours")
                if entry in {self._colour(i) for i in range(len(names))}:
                    raise ValueError(f"ignore: {list(entry)} is the colour of a class; ignore it by its name")
            elif self.format == "colour-masks" and str(entry).casefold() not in known:
                raise ValueError(f"ignore: '{entry}' is no class; write its colour, such as [255, 255, 255]")
            elif (
                self.format == "id-masks"
                and isinstance(entry, str)
                and entry not in NO_NUMBERS
                and entry.casefold() not in known | {name.casefold() for name in self.label_names.values()}
            ):
                raise ValueError(
                    f"ignore: no class is called '{entry}'; {suggestion(entry, names)}. "
                    "Or write its pixel value, such as 255"
                )

    @property
    def table(self) -> ClassTable:
        """The class table without the classes that are ignored; classes without a colour get one."""
        return ClassTable(
            tuple(
                PixelClass(entry.name, self._colour(i), entry.corrosion, entry.metal)
                for i, entry in enumerate(self.classes)
                if not self._is_ignored(entry.name)
            )
        )

    @property
    def meanings(self) -> dict[str, int]:
        """Names of classes and of what is ignored, in lower case -> id; 255 is ignored."""
        known = {name.casefold(): i for i, name in enumerate(self.table.names)}
        return known | dict.fromkeys(self.ignored_names, IGNORED)

    @property
    def palette(self) -> dict[tuple[int, int, int], int]:
        """Colour -> id of its class; 255 is ignored."""
        known = {self._colour(i): self.class_id(entry.name) for i, entry in enumerate(self.classes)}
        return known | {colour: IGNORED for colour in self.ignore if isinstance(colour, tuple)}

    def class_id(self, name: str) -> int:
        """Id of the class of this name (which must exist); 255 for one that is ignored."""
        return self.meanings[name.casefold()] if self._is_ignored(name) else self.table.names.index(name)

    def _is_ignored(self, name: str) -> bool:
        return name.casefold() in self.ignored_names

    @property
    def ignored_names(self) -> tuple[str, ...]:
        """What is ignored by name or number, in lower case."""
        return tuple(str(entry).casefold() for entry in self.ignore if not isinstance(entry, tuple))

    def _colour(self, index: int) -> tuple[int, int, int]:
        return self.classes[index].colour or _COLOURS[index % len(_COLOURS)]


def _is_colour(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        return False
    return all(type(channel) is int and 0 <= channel <= 255 for channel in value)


def _as_yaml(value: Any) -> str:
    if value is None:
        return "nothing"
    return ("yes (true)" if value else "no (false)") if isinstance(value, bool) else repr(value)


def _whole_or_word(number: float) -> int | float | str:
    if number.is_integer():
        return int(number)
    return number if math.isfinite(number) else str(number)
