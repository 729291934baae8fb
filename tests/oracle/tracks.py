# SPDX-License-Identifier: Apache-2.0
"""Events of one kind and one key, so kept that `from <= ts < until, step <= to` is found quickly.

A step is a whole second, and so is every `to`: events with the same lag (the step less the second
of the event) are in an answer iff their ts is below `to` less what the lag has over one second. So
those of each short lag are a sorted row that is cut by bisection alone; the rest, with long lags,
are looked at one by one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import compress
from typing import Iterable, Iterator

LAG_MAX_S = 8
NOBODY = -1


class Track:
    """Filled in the order of ts."""

    __slots__ = ("_rows", "_long_ts", "_long_steps", "_long_whos")

    def __init__(self) -> None:
        self._rows: dict[int, tuple[array, array]] = {}  # lag -> ts, visitors
        self._long_ts = array("q")
        self._long_steps = array("q")
        self._long_whos = array("i")

    def add(self, ts_ms: int, step_s: int, who: int = NOBODY) -> None:
        lag = step_s - ts_ms // 1000
        if lag > LAG_MAX_S:
            self._long_ts.append(ts_ms)
            self._long_steps.append(step_s)
            self._long_whos.append(who)
            return
        row = self._rows.get(lag)
        if row is None:
            row = self._rows[lag] = (array("q"), array("i"))
        row[0].append(ts_ms)
        if who != NOBODY:
            row[1].append(who)

    def count(self, from_ms: int, until_ms: int, to_ms: int) -> int:
        found = 0
        for lag, (times, _) in self._rows.items():
            after_ms = to_ms - lag * 1000 + 1000
            if after_ms > until_ms:
                after_ms = until_ms
            if after_ms > from_ms:
                found += bisect_left(times, after_ms) - bisect_left(times, from_ms)
        if self._long_ts:
            low, high = bisect_left(self._long_ts, from_ms), bisect_left(self._long_ts, until_ms)
            found += sum(map((to_ms // 1000).__ge__, self._long_steps[low:high]))
        return found

    def visitors(self, from_ms: int, until_ms: int, to_ms: int) -> Iterator[Iterable[int]]:
        """Who they name, in parts and more than once; if every event was added with a visitor."""
        for lag, (times, whos) in self._rows.items():
            after_ms = min(until_ms, to_ms - lag * 1000 + 1000)
            if after_ms > from_ms:
                yield whos[bisect_left(times, from_ms):bisect_left(times, after_ms)]
        if self._long_ts:
            low, high = bisect_left(self._long_ts, from_ms), bisect_left(self._long_ts, until_ms)
            by_then = map((to_ms // 1000).__ge__, self._long_steps[low:high])
            yield compress(self._long_whos[low:high], by_then)
