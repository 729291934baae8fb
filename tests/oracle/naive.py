# SPDX-License-Identifier: Apache-2.0
"""A second judge for the judge: docs/definitions.md read literally, with no thought of speed.

It walks through time as the definitions are told: step by step records, in their order, become
duplicates or count, with a memory of what was remembered; people are the last view and the last
click of a visitor; a minute's people are asked for when the minute ends.
Only reading records (decode.py) is shared with oracle.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Iterator

import decode
from decode import Event, Malformed
from settings import Settings

Name = tuple["str | None", "str | None"]


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    time_ms: int
    raw: bytes


@dataclass
class Seen:
    """One record and what became of it; fate: late, future, duplicate, filtered, counted."""

    record: Record
    event: Event
    fate: str
    step_ms: int = 0
    delayed: bool = False


class Naive:
    """What is known at `to`, and nothing of what comes later."""

    def __init__(self, settings: Settings, records: list[Record], to_ms: int) -> None:
        self.settings = settings
        self.to_ms = to_ms
        self.refused: list[Seen] = []
        self.all: list[Seen] = []  # that had their step
        self.waiting: list[Seen] = []
        self._arrive(records)
        self._walk()
        self.counted = [seen for seen in self.all if seen.fate == "counted"]
        self.repeated = self._repeated()

    def _arrive(self, records: list[Record]) -> None:
        arrivals: dict[tuple[str, int], int] = {}
        for record in sorted(records, key=lambda r: (r.topic, r.partition, r.offset)):
            try:
                event = decode.decode(record.raw, self.settings.topics.get(record.topic),
                                      self.settings)
            except Malformed:
                continue
            late, future = self.settings.late_ms, self.settings.future_ms
            if late is not None and record.time_ms - event.ts_ms > late:
                self.refused.append(Seen(record, event, "late"))
                continue
            if future is not None and event.ts_ms - record.time_ms > future:
                self.refused.append(Seen(record, event, "future"))
                continue
            where = (record.topic, record.partition)
            moved_by = event.ts_ms if self.settings.event_clock else record.time_ms
            arrival = arrivals[where] = max(arrivals.get(where, moved_by), moved_by)
            second_end = (max(event.ts_ms, arrival) // 1000 + 1) * 1000
            self.waiting.append(Seen(record, event, "held", second_end,
                                     arrival - event.ts_ms > self.settings.dedup_horizon_ms))

    def _walk(self) -> None:
        remembered: list[Event] = []
        self.waiting.sort(key=lambda s: (s.step_ms, s.record.topic, s.record.partition,
                                         s.record.offset))
        while self.waiting and self.waiting[0].step_ms <= self.to_ms:
            seen = self.waiting.pop(0)
            self.all.append(seen)
            checked = seen.event.id is not None and not seen.delayed
            if checked and seen.event in remembered:
                seen.fate = "duplicate"
                continue
            if checked:
                remembered.append(seen.event)
            seen.fate = "filtered" if seen.event.filtered else "counted"

    # ---- what counts for a key -----------------------------------------------------------------

    def concerns(self, event: Event, name: Name, people: bool = False) -> bool:
        """The table under Counts; of people, any view on a page is one of page and site."""
        page, box = name
        if box is not None:
            return event.box == box and page in (None, event.page)
        if page not in (None, event.page):
            return False
        return (event.click or event.box is None or people
                or self.settings.box_views_count_for_pages)

    def _repeated(self) -> list[Seen]:
        gap_ms = self.settings.click_gap_ms
        if gap_ms is None:
            return []
        clicks = [seen for seen in self.counted
                  if seen.event.click and seen.event.visitor is not None and not seen.delayed]
        found = []
        for here, click in enumerate(clicks):
            for there, other in enumerate(clicks):
                mine, its = click.event, other.event
                if (mine.visitor, mine.page, mine.box) != (its.visitor, its.page, its.box):
                    continue
                before = 0 < mine.ts_ms - its.ts_ms < gap_ms
                if before or (mine.ts_ms == its.ts_ms and there < here):
                    found.append(click)
                    break
        return found

    def _within(self, seens: list[Seen], name: Name, from_ms: int, until_ms: int) -> list[Seen]:
        return [seen for seen in seens if from_ms <= seen.event.ts_ms < until_ms
                and self.concerns(seen.event, name)]

    def counts(self, name: Name, from_ms: int, until_ms: int) -> tuple[int, int]:
        repeated = [id(seen) for seen in self.repeated]
        found = self._within(self.counted, name, from_ms, until_ms)
        return (sum(not seen.event.click for seen in found),
                sum(seen.event.click and id(seen) not in repeated for seen in found))

    def people(self, name: Name, from_ms: int) -> tuple[int, int, int]:
        views: dict[str, int] = {}
        clicks: dict[str, int] = {}
        for seen in self.counted:
            event = seen.event
            if event.visitor is not None and self.concerns(event, name, people=True):
                last = clicks if event.click else views
                last[event.visitor] = max(last.get(event.visitor, -1), event.ts_ms)
        everybody = views.keys() | clicks.keys()
        states = [(views.get(who, -1), clicks.get(who, -1)) for who in everybody]
        return (sum(view >= from_ms for view, _ in states),
                sum(min(view, click) >= from_ms for view, click in states),
                sum(click >= from_ms and not view >= from_ms for view, click in states))

    def weight(self, name: Name, names: list[Name], from_ms: int, until_ms: int) -> float:
        """Kleinman's estimator as it stands in the definitions."""
        page, box = name
        if box is None:
            level = [key for key in names if key[0] is not None and key[1] is None]
        elif page is None:
            level = [key for key in names if key[0] is None and key[1] is not None]
        else:
            level = [key for key in names if key[0] is not None and key[1] == box]
        pairs = [self.counts(key, from_ms, until_ms) for key in level]
        pairs = [(n, k) for n, k in pairs if n > 0 and k <= n]
        m, big_n, big_k = len(pairs), sum(n for n, _ in pairs), sum(k for _, k in pairs)
        if m < 5 or big_k == 0 or big_k == big_n:
            return 100
        p = Fraction(big_k, big_n)
        s = sum(Fraction(2**32 * k**2 // n, 2**32) for n, k in pairs) - big_k**2 / Fraction(big_n)
        below = p * (1 - p) * (big_n - sum(Fraction(n**2, big_n) for n, _ in pairs) - (m - 1))
        if below <= 0:
            return 100
        gamma = (s - p * (1 - p) * (m - 1)) / below
        return 10_000 if gamma <= 0 else float(max(10, min(10_000, (1 - gamma) / gamma)))

    # ---- minutes -------------------------------------------------------------------------------

    def minute(self, name: Name, start_ms: int) -> dict[str, Any]:
        """All but the people."""
        end_ms = start_ms + 60_000
        final_ms = end_ms + self.settings.lateness_ms
        counts = self.counts(name, start_ms, end_ms)
        numbers = {fate: 0 for fate in ("duplicate", "filtered", "late", "future", "held")}
        for seen in self._within(self.all + self.refused + self.waiting, name, start_ms, end_ms):
            if seen.fate != "counted":
                numbers[seen.fate] += 1
        counted = self._within(self.counted, name, start_ms, end_ms)
        state = "live"
        if self.to_ms >= end_ms:
            state = "closing" if self.to_ms < final_ms else "final"
        return {"impressions": counts[0], "clicks": counts[1], "state": state,
                "revision": sum(seen.step_ms > final_ms for seen in counted),
                "duplicates": numbers["duplicate"], "filtered": numbers["filtered"],
                "repeated": len(self._within(self.repeated, name, start_ms, end_ms)),
                "late": numbers["late"], "future": numbers["future"],
                "held_max": numbers["held"]}

    def people_of_minute(self, name: Name, start_ms: int) -> tuple[Any, ...]:
        """To be asked of what is known at the end of the minute."""
        assert self.to_ms == start_ms + 60_000
        known = any(start_ms <= event.ts_ms < self.to_ms
                    and self.concerns(event, name, people=True) for event in self._events())
        if not known:
            return None, None, None
        return self.people(name, self.to_ms - 600_000)

    def _events(self) -> Iterator[Event]:
        return (seen.event for seen in self.counted)
