"""What a compression has decided and measured, so that a restart goes on from it and decides nothing anew."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from descale.base.errors import ConfigError
from descale.base.files import write_json

FILE = "decisions.json"
EVERY = 30.0
"""Seconds between two savings of the time that was worked."""
Value = TypeVar("Value")


class Journal:
    """Decisions by name in the work folder, and the seconds that have been worked in all starts.

    Args:
        folder: of the work.
        began: when this start began, by the clock; now where not given.
        now: a clock in seconds.

    Raises:
        ConfigError: the file of decisions is damaged.
    """

    def __init__(
        self, folder: Path, *, began: float | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._file, self._now = folder / FILE, now
        self._began = now() if began is None else began
        self._writing = threading.Lock()
        self._before = 0.0
        self._values: dict[str, Any] = {}
        if self._file.is_file():
            try:
                kept = json.loads(self._file.read_text(encoding="utf-8"))
                self._values, self._before = dict(kept["decisions"]), float(kept["seconds"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{self._file} is damaged ({error}). Remove {folder} and begin again."
                ) from error

    @property
    def seconds(self) -> float:
        """Worked so far, in all starts, as far as they were written down."""
        return self._before + self._now() - self._began

    def once(self, name: str, decide: Callable[[], Value]) -> Value:
        """What was decided under this name, or what ``decide`` gives now: any value that JSON can hold."""
        if name not in self._values:
            self.keep(name, decide())
        value: Value = self._values[name]
        return value

    def __getitem__(self, name: str) -> Any:
        """What was decided under this name.

        Raises:
            KeyError: nothing was.
        """
        return self._values[name]

    def keep(self, name: str, value: Any) -> None:
        """Write a decision down."""
        self._values[name] = json.loads(json.dumps(value))
        self.save()

    def has(self, name: str) -> bool:
        """Whether it was decided."""
        return name in self._values

    def save(self) -> None:
        """Write down what there is, and the time it took."""
        with self._writing:
            write_json(self._file, {"seconds": self.seconds, "decisions": dict(self._values)})

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Save every half minute while the block runs, and at its end: a machine may go down in between."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(EVERY):
                self.save()

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.save()
