"""Whether a loaded network is the one that the manifest describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from descale.base.errors import BundleError
from descale.runtime.bundle import Bundle

Shape = Sequence[object]


def check_network(
    bundle: Bundle, *, inputs: Mapping[str, tuple[str, Shape]], outputs: Mapping[str, Shape]
) -> None:
    """Compare names, type and channels with the manifest; a size that is not a number is dynamic.

    Args:
        bundle: for its manifest and its path.
        inputs: (type, shape) by name.
        outputs: shape by name.

    Raises:
        BundleError: says what differs.
    """
    manifest = bundle.manifest
    if manifest.input not in inputs or manifest.output not in outputs:
        raise BundleError(
            f"{bundle.path}: the network has inputs {', '.join(inputs)} and outputs {', '.join(outputs)}, "
            f"the manifest names {manifest.input} and {manifest.output}. Export the bundle again."
        )
    kind, shape = inputs[manifest.input]
    if kind not in ("uint8", "u8") or len(shape) != 4 or shape[3] != 3:
        raise BundleError(
            f"{bundle.path}: the network's input is {kind} {tuple(shape)}, not uint8 (N, H, W, 3). "
            "Export the bundle again."
        )
    result = outputs[manifest.output]
    channels = result[1] if len(result) == 4 else None
    if len(result) != 4 or (isinstance(channels, int) and channels != len(manifest.classes)):
        raise BundleError(
            f"{bundle.path}: the class table has {len(manifest.classes)} classes "
            f"({', '.join(manifest.classes.names)}), the network gives {channels} channels. "
            "The table is of another model: export the bundle again."
        )
