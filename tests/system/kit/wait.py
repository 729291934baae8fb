# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, never for time to pass (but see let_run)."""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, TypeVar

T = TypeVar("T")


class NeverHappened(Exception):
    """A deadline passed. The text says what was waited for and what was seen last."""


def until(what: str, probe: Callable[[], T], seconds: float = 30, step: float = 0.02,
          seen: Callable[[], object] | None = None) -> T:
    """Calls probe every `step` seconds until it returns something true, and returns that.

    seen: what to report besides when it never does.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            last = seen() if seen else value
            raise NeverHappened(f"{what}: not within {seconds:g} s; last seen: {last}")
        time.sleep(step)


def _all_stopped(pid: int) -> bool:
    """Whether every thread of a process is stopped."""
    folder = f"/proc/{pid}/task"
    for thread in os.listdir(folder):
        try:
            with open(f"{folder}/{thread}/stat", encoding="utf-8", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] != "T":
                    return False
        except OSError:
            pass  # that thread has ended
    return True


def stop_process(pid: int) -> None:
    """SIGSTOP, and until it holds: each thread stops only when it is next scheduled."""
    os.kill(pid, signal.SIGSTOP)
    until("every thread stopped", lambda: _all_stopped(pid), 30, step=0.0002)


def continue_process(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def let_run(seconds: float) -> None:
    """Where time itself is the subject: a fault that lasts, a random moment, an interval."""
    time.sleep(max(0.0, seconds))


def now_ms() -> int:
    return time.time_ns() // 1_000_000
