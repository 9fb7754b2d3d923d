"""What ``bundle.json`` says: the description of a bundle, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from descale.base.classes import ClassTable

FORMAT_VERSION = 1
PRECISIONS = ("float32", "int8")


class NewerFormatError(ValueError):
    """Written by a newer descale."""


@dataclass(frozen=True)
class BundleManifest:
    """What ``bundle.json`` says.

    Attributes:
        name: of the model, for people (``unet-tf_efficientnet_lite0-agp-0.90``).
        classes: meaning of the network's output channels, in order.
        engines: files by engine, the one to open first: ``{"onnx": ("network.onnx",),
            "openvino": ("network.xml", "network.bin")}``.
        mean, std: of the normalisation inside the graph, RGB 0..1; for information only.
        stride: height and width of the input must be multiples of it, pixels.
        threshold: 0..1; with two classes a pixel is class 1 where its probability reaches it.
            With more classes the most probable one wins and the threshold is not used.
        patch_confidence: 0..1; with two classes a patch whose mean probability is lower is left out;
            0 keeps all.
        tile: largest side of what is given to the network at once, pixels.
        overlap: pixels that neighbouring tiles share, at most a quarter of a tile; logits are blended there.
        precision: ``float32`` or ``int8``.
        input, output: names of the network's input and output.
        provenance: what made this bundle (versions, model, data hash, scores, command).
        checksums: SHA-256 of every other file of the bundle, by name.
    """

    name: str
    classes: ClassTable
    engines: Mapping[str, tuple[str, ...]]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stride: int = 32
    threshold: float = 0.5
    patch_confidence: float = 0.0
    tile: int = 1024
    overlap: int = 128
    precision: str = "float32"
    input: str = "image"
    output: str = "logits"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.engines or not all(self.engines.values()):
            raise ValueError("a bundle needs the files of at least one engine")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r} is not one of {', '.join(PRECISIONS)}")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold {self.threshold} is not between 0 and 1")
        if not 0 <= self.patch_confidence < 1:
            raise ValueError(f"patch_confidence {self.patch_confidence} is not between 0 and 1")
        if self.stride < 1 or self.tile < self.stride or self.tile % self.stride:
            raise ValueError(f"tile {self.tile} is not a multiple of the stride {self.stride}")
        if not 0 <= self.overlap <= self.tile // 4 or self.overlap % self.stride:
            raise ValueError(
                f"overlap {self.overlap} is not a multiple of stride {self.stride} up to a quarter of a tile"
            )

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values, in the order in which ``bundle.json`` lists them."""
        return {
            "format_version": self.format_version,
            "name": self.name,
            "precision": self.precision,
            "engines": {engine: list(files) for engine, files in self.engines.items()},
            "input": {"name": self.input, "type": "uint8", "layout": "NHWC", "colour": "RGB"},
            "output": {"name": self.output, "type": "float32", "layout": "NCHW"},
            "stride": self.stride,
            "tile": self.tile,
            "overlap": self.overlap,
            "threshold": self.threshold,
            **({"patch_confidence": self.patch_confidence} if self.patch_confidence else {}),
            "classes": self.classes.to_json(),
            "normalisation": {"inside_graph": True, "mean": list(self.mean), "std": list(self.std)},
            "provenance": dict(self.provenance),
            "checksums": dict(self.checksums),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BundleManifest:
        """Inverse of :meth:`to_json`.

        Raises:
            ValueError: a key is missing, a value is of the wrong kind, or the format is newer.
        """
        try:
            version = int(value["format_version"])
            if version > FORMAT_VERSION:
                raise NewerFormatError(
                    f"its format version {version} is newer than {FORMAT_VERSION}, the newest this descale "
                    "reads. Update descale, or export the bundle again"
                )
            if value["input"]["layout"] != "NHWC" or value["input"]["type"] != "uint8":
                raise ValueError("its input is not uint8 NHWC")
            mean, std = value["normalisation"]["mean"], value["normalisation"]["std"]
            return cls(
                name=str(value["name"]),
                classes=ClassTable.from_json(value["classes"]),
                engines={str(k): tuple(str(f) for f in files) for k, files in value["engines"].items()},
                mean=(float(mean[0]), float(mean[1]), float(mean[2])),
                std=(float(std[0]), float(std[1]), float(std[2])),
                stride=int(value["stride"]),
                threshold=float(value["threshold"]),
                patch_confidence=float(value.get("patch_confidence", 0.0)),
                tile=int(value["tile"]),
                overlap=int(value["overlap"]),
                precision=str(value["precision"]),
                input=str(value["input"]["name"]),
                output=str(value["output"]["name"]),
                provenance=dict(value["provenance"]),
                checksums={str(k): str(v) for k, v in value["checksums"].items()},
                format_version=version,
            )
        except KeyError as error:
            raise ValueError(f"the key {error} is missing") from error
        except (TypeError, AttributeError, IndexError, OverflowError) as error:
            raise ValueError(f"a value is of the wrong kind: {error}") from error
