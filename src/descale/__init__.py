"""descale: corrosion-segmentation networks made small enough for the edge."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("descale")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"
