"""Use a bundle on a device: needs numpy, pillow and onnxruntime (or openvino), never torch.

>>> from descale.runtime import Segmenter
>>> segmentation = Segmenter.from_bundle("bundle.zip")("bridge.jpg")  # doctest: +SKIP
"""

from descale.base.classes import BINARY, ClassTable, PixelClass
from descale.base.photo import read_photo
from descale.runtime.bundle import Bundle, open_bundle, pack_bundle, write_manifest
from descale.runtime.manifest import BundleManifest
from descale.runtime.segmentation import Segmentation
from descale.runtime.segmenter import Segmenter

__all__ = [
    "BINARY",
    "Bundle",
    "BundleManifest",
    "ClassTable",
    "PixelClass",
    "Segmentation",
    "Segmenter",
    "open_bundle",
    "pack_bundle",
    "read_photo",
    "write_manifest",
]
