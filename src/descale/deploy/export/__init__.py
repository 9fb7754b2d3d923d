"""From a trained network to files that an engine on the device runs."""

from descale.deploy.export.export import Exported, export_model, find_photos
from descale.deploy.export.targets import TARGETS

__all__ = ["TARGETS", "Exported", "export_model", "find_photos"]
