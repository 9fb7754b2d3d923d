"""Errors meant for the person at the keyboard: what, why, and what to do, in one or two lines."""

from __future__ import annotations


class DescaleError(Exception):
    """Base of every error whose message is written for a user.

    The command line prints the message without a traceback and exits with
    ``exit_status``; ``--debug`` shows the traceback as well.
    """

    exit_status = 1


class DataError(DescaleError):
    """A photo, a label or a data set cannot be used as it is."""


class ConfigError(DescaleError):
    """A setting is unknown, out of range, or contradicts another."""


class ModelError(DescaleError):
    """A model folder is missing, incomplete, tampered with, or of another shape."""


class PruningError(DescaleError):
    """A network or a budget leaves nothing that may be cut."""


class TrainingError(DescaleError):
    """Training cannot go on (loss not finite, checkpoint corrupt, ...)."""


class StudyError(DescaleError):
    """A study file or a study folder cannot be used."""


class ExportError(DescaleError):
    """A network cannot be exported, or the export differs from its source."""


class BundleError(DescaleError):
    """A bundle is missing a file, has a wrong checksum, or is of a newer format."""


class PartialFailure(DescaleError):
    """Some inputs failed and were skipped; the rest was done."""

    exit_status = 3


class TimeIsUp(PartialFailure):
    """Work stopped at a point it can go on from, since its time was up."""

    exit_status = 4
