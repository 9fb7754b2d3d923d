"""Claims: which process works on a trial or a run. Held by the kernel, so a killed process leaves none.

A claim is a POSIX record lock on a file that is there for nothing else. The kernel releases it when the
process ends, however it ends, and forked children (data loaders) do not inherit it. It works between
processes of one machine, and between machines on file systems with working locks (NFS 4, Lustre with
``flock``, CephFS). Where there are none, work on a local disk, or run a study on Ray with a store.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from descale.base.errors import StudyError

# Record locks do not exclude their own process, and closing a twin drops them.
_turns: dict[Path, threading.RLock] = {}
_held: set[Path] = set()


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to hold the lock file ``path``; yields whether it is ours until the end of the block."""
    with _locked(path, wait=False) as mine:
        yield mine


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, waiting for who has it, process or thread. For short critical sections.

    A thread that holds it already goes on at once.
    """
    with _locked(path, wait=True):
        yield


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    path = path.absolute()
    turn = _turns.setdefault(path, threading.RLock())
    if not turn.acquire(blocking=wait):
        yield False
        return
    try:
        if path in _held:  # by this very thread
            yield wait
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lock file is never deleted: a third process could lock the new one while the old is still held.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not _lock(descriptor, path, wait=wait):
                yield False
                return
            _held.add(path)
            try:
                yield True
            finally:
                _held.discard(path)
        finally:
            os.close(descriptor)  # releases the lock
    finally:
        turn.release()


def _lock(descriptor: int, path: Path, *, wait: bool) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise StudyError(
            f"{path.parent}: this file system has no working locks ({error.strerror}). "
            "Work on a local disk; for a study with --ray, add --store URL."
        ) from error
    return True
