"""Find out whether results obtained on a data set could be trusted."""

from descale.data.check.report import CheckReport, Finding
from descale.data.check.run import check_dataset

__all__ = ["CheckReport", "Finding", "check_dataset"]
