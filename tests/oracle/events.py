# SPDX-License-Identifier: Apache-2.0
"""The events of a log in columns, and what became of them at their steps.

Which of several copies is the duplicate follows the order of steps (step, topic, partition,
offset), while a log is taken partition by partition: the first copy in that order is the one that
counts, from its own step on, and a copy that is taken later may still turn out to be earlier. A
fingerprint finds copies; all fields but the id are then compared, so two events would have to agree
in everything else and in 64 bits besides to be taken for one.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import Iterable

from decode import Event
from tracks import NOBODY

Name = tuple["str | None", "str | None"]  # (page, box) of an answer; both None: the site

CLICK, FILTERED, DELAYED, DUPLICATE, LATE, FUTURE = 1, 2, 4, 8, 16, 32
APART = FILTERED | DUPLICATE | LATE | FUTURE  # in none of the counts
_CONTENT = CLICK | FILTERED


class Place:
    """One partition, as far as its events are concerned."""

    def __init__(self, name: tuple[str, int]) -> None:
        self.name = name
        self.duplicates = 0
        self.filtered = 0  # of the counted
        self.shares_copies = False  # with another partition


class Events:
    def __init__(self) -> None:
        self.ts = array("q")
        self.steps = array("q")  # s
        self.owns = array("i")  # number of the event's own (page, box)
        self.visitors = array("i")
        self.flags = bytearray()
        self.places: list[Place] = []
        self._at_place = array("i")
        self._visitors: dict[str, int] = {}
        self._first_copies: dict[int | Event, int] = {}
        self._own_numbers: dict[Name, int] = {}
        self.own_names: list[Name] = []
        self.own_rows: list[array] = []  # by own: its events
        self.accepted_owns: set[int] = set()
        self.owns_of_page: dict[str, list[int]] = defaultdict(list)
        self.owns_of_box: dict[str, list[int]] = defaultdict(list)

    # ---- taking --------------------------------------------------------------------------------

    def place(self, name: tuple[str, int]) -> int:
        self.places.append(Place(name))
        return len(self.places) - 1

    def refuse(self, event: Event, flag: int, place: int) -> None:
        """flag: LATE or FUTURE."""
        self._append(event, event.ts_ms // 1000 + 1, place, flag)

    def take(self, event: Event, step_s: int, place: int, delayed: bool) -> None:
        """In the order of offsets. delayed: by more than dedup_horizon."""
        own = self._append(event, step_s, place, DELAYED if delayed else 0)
        self.accepted_owns.add(own)
        if event.filtered:
            self.places[place].filtered += 1
        if event.id is None or delayed:
            return
        at = len(self.ts) - 1
        key: int | Event = hash(event)
        first = self._first_copies.setdefault(key, at)
        if first == at:
            return
        if not self._same(first, at):
            key = event
            first = self._first_copies.setdefault(key, at)
            if first == at:
                return
        self._copy(key, first, at)

    def _append(self, event: Event, step_s: int, place: int, flags: int) -> int:
        name = (event.page, event.box)
        own = self._own_numbers.get(name)
        if own is None:
            own = self._new_own(name)
        self.own_rows[own].append(len(self.ts))
        self.ts.append(event.ts_ms)
        self.steps.append(step_s)
        self.owns.append(own)
        self._at_place.append(place)
        if event.visitor is None:
            self.visitors.append(NOBODY)
        else:
            self.visitors.append(self._visitors.setdefault(event.visitor, len(self._visitors)))
        self.flags.append(flags | (CLICK if event.click else 0)
                          | (FILTERED if event.filtered else 0))
        return own

    def _new_own(self, name: Name) -> int:
        own = self._own_numbers[name] = len(self.own_names)
        self.own_names.append(name)
        self.own_rows.append(array("i"))
        page, box = name
        assert page is not None
        self.owns_of_page[page].append(own)
        if box is not None:
            self.owns_of_box[box].append(own)
        return own

    def _same(self, one: int, other: int) -> bool:
        return (self.ts[one] == self.ts[other] and self.owns[one] == self.owns[other]
                and self.visitors[one] == self.visitors[other]
                and self.flags[one] & _CONTENT == self.flags[other] & _CONTENT)

    def _copy(self, key: int | Event, first: int, at: int) -> None:
        old, new = self.places[self._at_place[first]], self.places[self._at_place[at]]
        if old is not new:
            old.shares_copies = new.shares_copies = True
        duplicate, where = at, new
        if self.order(at) < self.order(first):
            self._first_copies[key] = at
            duplicate, where = first, old
        self.flags[duplicate] |= DUPLICATE
        where.duplicates += 1
        if self.flags[duplicate] & FILTERED:
            where.filtered -= 1

    def order(self, at: int) -> tuple[int, tuple[str, int], int]:
        """By this events become what they become; within a partition they were taken in order."""
        return self.steps[at], self.places[self._at_place[at]].name, at

    # ---- reading -------------------------------------------------------------------------------

    @property
    def visitors_count(self) -> int:
        return len(self._visitors)

    def own_number(self, name: Name) -> int | None:
        return self._own_numbers.get(name)

    def by_time(self, owns: Iterable[int]) -> list[int]:
        found = [at for own in owns for at in self.own_rows[own]]
        found.sort(key=self.ts.__getitem__)
        return found

    def repeated(self, gap_ms: int) -> dict[int, int]:
        """Clicks that click_gap leaves out, and the step (s) from which on it does.

        A click is left out by any earlier one of the same visitor, page and box less than the gap
        before it, as soon as both are there; of the same millisecond all but the first are.
        """
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for at, flags in enumerate(self.flags):
            if flags & (CLICK | APART | DELAYED) == CLICK and self.visitors[at] != NOBODY:
                alike[self.visitors[at], self.owns[at]].append(at)
        found: dict[int, int] = {}
        for clicks in alike.values():
            if len(clicks) > 1:
                clicks.sort(key=lambda at: (self.ts[at], self.order(at)))
                self._repeated_of_one(clicks, gap_ms, found)
        return found

    def _repeated_of_one(self, clicks: list[int], gap_ms: int, found: dict[int, int]) -> None:
        start = 0
        for here, click in enumerate(clicks):
            while self.ts[clicks[start]] <= self.ts[click] - gap_ms:
                start += 1
            if start < here:
                earliest_s = min(self.steps[other] for other in clicks[start:here])
                found[click] = max(self.steps[click], earliest_s)
