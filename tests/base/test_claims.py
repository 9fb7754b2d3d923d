"""Claims between threads of one process; those between processes are tested where studies are killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from descale.base.claims import claim, exclusive


def test_a_second_thread_waits_until_the_first_has_left(tmp_path: Path) -> None:
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with exclusive(tmp_path / "lock"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with exclusive(tmp_path / "lock"):
            inside.set()
            threading.Event().wait(0.05)  # time for a thread that is not kept out
            order.append("first")
        waiting.result()
    assert order == ["first", "second"]


def test_a_thread_that_holds_a_lock_does_not_wait_for_itself(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"), exclusive(tmp_path / "lock"), ThreadPoolExecutor(1) as pool:
        assert not pool.submit(_claimed, tmp_path / "lock").result()
    assert _claimed(tmp_path / "lock")


def test_a_claim_is_of_one_thread(tmp_path: Path) -> None:
    with claim(tmp_path / "lock") as mine:
        assert mine
        assert not _claimed(tmp_path / "lock")
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(_claimed, tmp_path / "lock").result()
    assert _claimed(tmp_path / "lock")


def _claimed(path: Path) -> bool:
    with claim(path) as mine:
        return mine
