"""How good a model is: confusions, scores, floors, intervals. Nothing here trains or prunes.

The parts that run a network (:mod:`descale.evaluation.evaluate`) are imported by name; everything
listed here needs numpy only.
"""

from descale.evaluation.bootstrap import Drop, Interval, paired_drop, score_interval
from descale.evaluation.collapse import Collapse, find_collapse
from descale.evaluation.confusion import ImageConfusions, confusion_matrix, read_confusions, write_confusions
from descale.evaluation.floors import ColourThreshold, fit_colour_threshold, trivial_scores
from descale.evaluation.influence import SceneInfluence, scene_influences
from descale.evaluation.metrics import METRICS, Metric, Scores, class_f1, class_iou, imagewise_iou, score
from descale.evaluation.summary import Summary, drop_columns, result_columns, summarise

__all__ = [
    "METRICS", "Collapse", "ColourThreshold", "Drop", "ImageConfusions", "Interval", "Metric",
    "SceneInfluence", "Scores", "Summary", "class_f1", "class_iou", "confusion_matrix", "drop_columns",
    "find_collapse", "fit_colour_threshold", "imagewise_iou", "paired_drop", "read_confusions",
    "result_columns", "scene_influences", "score", "score_interval", "summarise", "trivial_scores",
    "write_confusions",
]  # fmt: skip
