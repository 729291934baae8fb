# SPDX-License-Identifier: Apache-2.0
"""The stream of `ktool outage`, from its formula: what every count must be, without reading a log."""

from __future__ import annotations

from array import array
from multiprocessing import Pool
from typing import NamedTuple

MASK = (1 << 64) - 1
LATE_EVERY, LATE_AT, COPY_EVERY, COPY_AT, COPY_BACK = 53, 7, 47, 3, 150_000
LATE_MS = 5_400_000
PAGES, BOXES = 40, 11  # box 0: none
MINUTE_MS = 60_000


def mix(number: int) -> int:
    bits = (number + 1) * 0x9E3779B97F4A7C15 & MASK
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & MASK
    return bits ^ bits >> 31


def is_copy(number: int) -> bool:
    """Whether record `number` repeats an earlier event."""
    if number % COPY_EVERY != COPY_AT:
        return False
    back = 1 + (mix(number) >> 33) % COPY_BACK
    return not (back > number or (number - back) % COPY_EVERY == COPY_AT
                or (number - back) % LATE_EVERY == LATE_AT)


class Stream(NamedTuple):
    begin_ms: int
    rate: int
    until_ms: int

    def due_ms(self, number: int) -> int:
        return self.begin_ms + number * 1000 // self.rate

    def first_due(self, time_ms: int) -> int:
        """The first record that is due at or after a moment."""
        number = max(0, (time_ms - self.begin_ms) * self.rate // 1000)
        while number > 0 and self.due_ms(number - 1) >= time_ms:
            number -= 1
        while self.due_ms(number) < time_ms:
            number += 1
        return number

    def count(self) -> int:
        return self.first_due(self.until_ms)

    def ts_ms(self, number: int, bits: int) -> int:
        due = self.due_ms(number)
        if number % LATE_EVERY != LATE_AT:
            return due
        return max(self.begin_ms, due - (bits >> 40) % LATE_MS)


class Minutes:
    """Views and clicks per minute, page and box."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.first_ms = stream.begin_ms // MINUTE_MS * MINUTE_MS
        self.minutes = (stream.until_ms - self.first_ms) // MINUTE_MS + 1
        step = max(1, stream.count() // 64)
        parts = [(stream, self.first_ms, begin, min(begin + step, stream.count()))
                 for begin in range(0, stream.count(), step)]
        self.views = array("L", bytes(8 * self.minutes * PAGES * BOXES))
        self.clicks = array("L", bytes(8 * self.minutes * PAGES * BOXES))
        with Pool(2) as pool:
            for low, views, clicks in pool.imap_unordered(_count, parts):
                for at, number in enumerate(views):
                    self.views[low + at] += number
                for at, number in enumerate(clicks):
                    self.clicks[low + at] += number

    def of(self, page: int | None, box: int | None) -> list[tuple[int, int]]:
        """(impressions, clicks) of a key for every minute."""
        found = []
        for minute in range(self.minutes):
            base = minute * PAGES * BOXES
            pages = range(PAGES) if page is None else (page,)
            if box is None:
                views = sum(self.views[base + at * BOXES] for at in pages)
                clicks = sum(sum(self.clicks[base + at * BOXES:base + (at + 1) * BOXES])
                             for at in pages)
            else:
                views = sum(self.views[base + at * BOXES + box] for at in pages)
                clicks = sum(self.clicks[base + at * BOXES + box] for at in pages)
            found.append((views, clicks))
        return found


def _count(part: tuple[Stream, int, int, int]) -> tuple[int, array[int], array[int]]:
    stream, first_ms, begin, end = part
    low = max(0, stream.due_ms(begin) - LATE_MS - first_ms) // MINUTE_MS * PAGES * BOXES
    high = ((stream.due_ms(end) - first_ms) // MINUTE_MS + 1) * PAGES * BOXES
    views, clicks = array("L", bytes(8 * (high - low))), array("L", bytes(8 * (high - low)))
    for number in range(begin, end):
        if number % COPY_EVERY == COPY_AT and is_copy(number):
            continue
        bits = mix(number)
        minute = (stream.ts_ms(number, bits) - first_ms) // MINUTE_MS
        at = (minute * PAGES + (bits >> 8) % PAGES) * BOXES + (bits >> 16) % BOXES - low
        if bits % 100 < 4:
            clicks[at] += 1
        else:
            views[at] += 1
    return low, views, clicks


class Window:
    """What every key must have in one window [from, to): counts and people."""

    def __init__(self, stream: Stream, from_ms: int, to_ms: int) -> None:
        self.views: dict[tuple[int | None, int | None], int] = {}
        self.clicks: dict[tuple[int | None, int | None], int] = {}
        self.viewers: dict[tuple[int | None, int | None], set[int]] = {}
        self.clicking: dict[tuple[int | None, int | None], set[int]] = {}
        for number in range(stream.first_due(from_ms),
                            min(stream.first_due(to_ms), stream.count())):
            bits = mix(number)
            if is_copy(number) or not from_ms <= stream.ts_ms(number, bits) < to_ms:
                continue
            page, box = (bits >> 8) % PAGES, (bits >> 16) % BOXES
            self._event(bits % 100 < 4, page, box or None, (bits >> 24) % 200_000)

    def _event(self, click: bool, page: int, box: int | None, visitor: int) -> None:
        sites: list[tuple[int | None, int | None]] = [(None, None), (page, None)]
        boxes: list[tuple[int | None, int | None]] = [(None, box), (page, box)] if box else []
        counted, people = (self.clicks, self.clicking) if click else (self.views, self.viewers)
        for key in (sites + boxes if click or not boxes else boxes):
            counted[key] = counted.get(key, 0) + 1
        for key in sites + boxes:
            people.setdefault(key, set()).add(visitor)

    def expected(self, key: tuple[int | None, int | None]) -> tuple[int, int, int, int]:
        """(impressions, clicks, viewers, clickers)."""
        viewers = self.viewers.get(key, set())
        return (self.views.get(key, 0), self.clicks.get(key, 0), len(viewers),
                len(viewers & self.clicking.get(key, set())))
