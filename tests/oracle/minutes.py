# SPDX-License-Identifier: Apache-2.0
"""The row of one key and one minute (docs/definitions.md "Minutes"), and sums of such rows."""

from __future__ import annotations

from typing import Callable, NamedTuple

from keys import Key
from people import People

MINUTE_MS = 60_000
PEOPLE_WINDOW_MS = 600_000
LIVE, CLOSING, FINAL = "live", "closing", "final"
ALWAYS_MS = 2**62


class Minute(NamedTuple):
    state: str
    impressions: int
    clicks: int
    revision: int
    duplicates: int
    filtered: int
    repeated: int
    late: int  # of the whole log
    future: int
    held_max: int  # accepted events with later steps: as many may be held, if they were read
    viewers: int | None = None
    clickers: int | None = None
    unseen_clickers: int | None = None


def state_of(end_ms: int, to_ms: int, lateness_ms: int) -> str:
    if to_ms < end_ms:
        return LIVE
    return CLOSING if to_ms < end_ms + lateness_ms else FINAL


def minute(key: Key, start_ms: int, to_ms: int, lateness_ms: int,
           people_until: Callable[[int], People] | None) -> Minute:
    """people_until: the people of the ten minutes before a `to`, as answered then; None: nobody
    answers them."""
    end_ms = start_ms + MINUTE_MS
    final_ms = end_ms + lateness_ms
    events = key.views.count, key.clicks.count
    views, clicks = (count(start_ms, end_ms, to_ms) for count in events)
    revision = 0
    if to_ms > final_ms:
        revision = views + clicks - sum(count(start_ms, end_ms, final_ms) for count in events)
    apart = key.duplicates.count, key.filtered.count
    duplicates, filtered = (count(start_ms, end_ms, to_ms) for count in apart)
    accepted = sum(count(start_ms, end_ms, ALWAYS_MS) for count in events + apart)
    repeated = key.repeated.count(start_ms, end_ms, to_ms)
    row = Minute(state_of(end_ms, to_ms, lateness_ms), views, clicks - repeated, revision,
                 duplicates, filtered, repeated, key.late.count(start_ms, end_ms, ALWAYS_MS),
                 key.future.count(start_ms, end_ms, ALWAYS_MS),
                 accepted - views - clicks - duplicates - filtered)
    if people_until is None or to_ms < end_ms or not _known(key, start_ms, end_ms):
        return row
    return row._replace(**people_until(end_ms)._asdict())


def _known(key: Key, start_ms: int, end_ms: int) -> bool:
    """Any counted event of the minute on the page, in the box, by its end; repeated clicks too."""
    tracks = (key.views, key.clicks, key.seen, key.passed)
    return any(track.count(start_ms, end_ms, end_ms) > 0 for track in tracks)


def total(rows: list[Minute]) -> Minute:
    """What a longer stretch says: numbers add up, people do not, and it is as open as its newest
    minute."""
    if len(rows) == 1:
        return rows[0]
    sums = [sum(column) for column in list(zip(*rows))[1:10]]
    return Minute(rows[-1].state, *sums)
