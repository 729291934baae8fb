# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, never for time to pass (but see let_run)."""

from __future__ import annotations

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


def let_run(seconds: float) -> None:
    """Where time itself is the subject: a fault that lasts, a random moment, an interval."""
    time.sleep(max(0.0, seconds))


def now_ms() -> int:
    return time.time_ns() // 1_000_000
