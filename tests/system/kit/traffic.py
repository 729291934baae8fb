# SPDX-License-Identifier: Apache-2.0
"""A log as a marketplace might have left it, as lines for `ktool produce`: Zipf-distributed boxes,
copies up to nine minutes apart, events that are late by minutes to hours, two topics in skew."""

from __future__ import annotations

import bisect
import random
from itertools import accumulate
from typing import BinaryIO, NamedTuple


class Shape(NamedTuple):
    events: int
    visitors: int
    boxes: int
    pages: int = 300
    span_ms: int = 2 * 3_600_000  # of event time
    click_percent: int = 3
    copy_percent: int = 5
    late_percent: int = 5
    bot_percent: int = 2
    view_partitions: int = 4
    click_partitions: int = 3


COPY_APART_MS = 9 * 60_000
LATE_MS = (60_000, 3 * 3_600_000)
DELAY_MS = 1_500
VIEWS_BEHIND_MS = 40_000  # the views' producer is this much slower: clicks run ahead of their views


def write_log(file: BinaryIO, shape: Shape, views: str, clicks: str, begin_ms: int,
              seed: int) -> int:
    """Writes lines in the order of record time; how many."""
    dice = random.Random(seed)
    cumulative = list(accumulate(1 / (rank + 1) ** 1.1 for rank in range(shape.boxes)))
    rows: list[tuple[int, int, bool, bytes]] = []
    for number in range(shape.events):
        row = _event(dice, shape, cumulative, begin_ms, number)
        rows.append(row)
        if dice.random() * 100 < shape.copy_percent:
            at, partition, click, value = row
            rows.append((at + dice.randrange(COPY_APART_MS),
                         partition if dice.random() < 0.7 else dice.randrange(64), click, value))
    rows.sort(key=lambda row: row[0])
    for at, partition, click, value in rows:
        topic, count = (clicks, shape.click_partitions) if click else \
            (views, shape.view_partitions)
        file.write(b"%s\t%d\t%d\traw\t%s\n" % (topic.encode(), partition % count, at, value))
    return len(rows)


def _event(dice: random.Random, shape: Shape, cumulative: list[float], begin_ms: int,
           number: int) -> tuple[int, int, bool, bytes]:
    """(record time, partition, whether a click, value)."""
    box = bisect.bisect_left(cumulative, dice.random() * cumulative[-1])
    visitor = dice.randrange(shape.visitors)
    ts = begin_ms + dice.randrange(shape.span_ms)
    click = dice.random() * 100 < shape.click_percent
    record_ms = ts + dice.randrange(DELAY_MS) + (0 if click else VIEWS_BEHIND_MS)
    if dice.random() * 100 < shape.late_percent:
        record_ms = ts + dice.randrange(*LATE_MS)
    parts = [b'{"id":"e%d","ts":%d,"page":"/page/%d"' % (number, ts, box * 7 % shape.pages)]
    if click or dice.random() < 0.9:
        parts.append(b',"box":"box.%d"' % box)
    if dice.random() < 0.97:
        parts.append(b',"visitor":"v%d"' % visitor)
    if dice.random() * 100 < shape.bot_percent:
        parts.append(b',"bot":true')
    parts.append(b"}")
    return record_ms, visitor, click, b"".join(parts)
