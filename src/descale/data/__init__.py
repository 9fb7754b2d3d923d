"""Photos and labels: one sample type, one reader per format, checks, and a procedural data set."""

from descale.data.sample import SPLITS, Dataset, Label, Sample
from descale.data.source import load_dataset

__all__ = ["SPLITS", "Dataset", "Label", "Sample", "load_dataset"]
