"""A procedural data set: steel, corrosion, and things that only look like it, with exact masks."""

from descale.synthesize.scene import Scene, draw_scene
from descale.synthesize.write import synthesize

__all__ = ["Scene", "draw_scene", "synthesize"]
