# SPDX-License-Identifier: Apache-2.0
"""Distinct visitors, as sets: who saw it in the window, and which of them clicked it in the window.

The definition speaks of last views and last clicks; of the events with from <= ts < to and step <=
to a last one is at or after `from` iff there is one at all, so no maximum is needed.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple

from keys import Key

MARKED_FROM = 20_000  # views


class People(NamedTuple):
    viewers: int
    clickers: int
    unseen_clickers: int

    @property
    def unique_ctr(self) -> float | None:
        return self.clickers / self.viewers if self.viewers else None


def people(key: Key, from_ms: int, to_ms: int, visitors: int) -> People:
    """visitors: how many there are in the whole log, numbered from 0."""
    clicked: set[int] = set()
    for some in key.clicked.visitors(from_ms, to_ms, to_ms):
        clicked.update(some)
    views = key.seen.visitors(from_ms, to_ms, to_ms)
    if key.seen.count(from_ms, to_ms, to_ms) < MARKED_FROM:
        seen: set[int] = set()
        for some in views:
            seen.update(some)
        viewers, both = len(seen), len(clicked & seen)
    else:
        viewers, both = _marked(views, clicked, visitors)
    return People(viewers, both, len(clicked) - both)


def _marked(views: Iterable[Iterable[int]], clicked: set[int], visitors: int) -> tuple[int, int]:
    """The same with a mark for each visitor: of millions of views ten times as fast as a set."""
    marks = bytearray(visitors)
    for some in views:
        for who in some:
            marks[who] = 1
    return marks.count(1), sum(map(marks.__getitem__, clicked))
