#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The judge of every number: recomputes answers from a dump of the log, at the answer's own edges.

It shares no code with the service and keeps no rolling state: what docs/definitions.md says of an
answer is what is computed here, from the events with from <= ts < to whose step is at most `to`.
Stragglers are not modelled (their step is the wall clock's business), nor are limits (settings.py).

As a program (`oracle.py --help`) it prints or checks answers from a dump in a file or on stdin, one
record per line: {"topic","partition","offset","time","value_b64": text or null}.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
from binascii import a2b_base64
from typing import Any, Iterable, Mapping

import checking
import checking_minutes
import decode
import events
import minutes
import people
import rates
from checking import check_conservation  # noqa: F401
from decode import Event, Malformed, moment_ms, moment_text
from events import Events, Name
from keys import Key, Keys, level_of
from minutes import Minute
from partitions import ACCEPTED, FUTURE, LATE, MALFORMED, NO_GATE, UNCHECKED, Partition
from people import People
from settings import Settings

Counts = tuple[int, int]  # (impressions, clicks)

WEIGHTS_MAX = 100_000

_DUMPED = re.compile(
    rb'\{"topic": ?"([^"\\]+)", ?"partition": ?(\d+), ?"offset": ?(\d+), ?"time": ?(-?\d+), ?'
    rb'"value_b64": ?(?:"([A-Za-z0-9+/=]*)"|null)\}\s*\Z'
)


def _dumped(line: bytes) -> tuple[str, int, int, int, bytes | None]:
    """One line of a dump. The usual spelling is read in a third of the time json.loads takes."""
    usual = _DUMPED.match(line)
    if usual:
        topic, partition, offset, time_ms, value = usual.groups()
        return (topic.decode(), int(partition), int(offset), int(time_ms),
                None if value is None else a2b_base64(value))
    record = json.loads(line)
    value = record["value_b64"]
    return (record["topic"], record["partition"], record["offset"], record["time"],
            None if value is None else a2b_base64(value))


def grain_ms(length_ms: int) -> int:
    """What `from` is floored to (DESIGN "The edges of a window")."""
    for up_to_s, grain_s in ((120, 1), (1200, 10), (7200, 60)):
        if length_ms <= up_to_s * 1000:
            return grain_s * 1000
    return 600_000


def from_of(to_ms: int, length_ms: int) -> int:
    start = to_ms - length_ms
    return start - start % grain_ms(length_ms)


class Oracle:
    """Takes records in the order of their partition, answers for any key, window and moment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.partitions: dict[tuple[str, int], Partition] = {}
        self.events = Events()
        self._keys: Keys | None = None  # made when asked, of the log so far
        self._every: dict[tuple[int, int], dict[Name, Counts]] = {}  # the newest question's answer
        self._weights: dict[tuple[int, int, str, str | None], float] = {}

    # ---- taking the log ------------------------------------------------------------------------

    def read(self, lines: Iterable[bytes]) -> "Oracle":
        """Takes a dump; records already taken (a longer dump of the same log) are passed over."""
        collecting = gc.isenabled()
        gc.disable()  # nothing here makes cycles, and a log makes millions of small objects
        try:
            for line in lines:
                self.take(*_dumped(line))
        finally:
            if collecting:
                gc.enable()
        return self

    def take(self, topic: str, partition: int, offset: int, time_ms: int,
             raw: bytes | None) -> None:
        where = self.partitions.get((topic, partition))
        if where is None:
            place = self.events.place((topic, partition))
            where = self.partitions[topic, partition] = Partition(place)
        elif where.offsets and offset <= where.offsets[-1]:
            return
        if self._keys is not None:
            self._keys = None
            self._every.clear()
            self._weights.clear()
        try:
            event = decode.decode(raw, self.settings.topics.get(topic), self.settings)
        except Malformed as malformed:
            where.malformed[malformed.reason] += 1
            where.add(offset, MALFORMED)
            return
        verdict = self._verdict(event, time_ms)
        if verdict != ACCEPTED:
            where.add(offset, verdict)
            flag = events.LATE if verdict == LATE else events.FUTURE
            self.events.refuse(event, flag, where.place)
            return
        moved_by = event.ts_ms if self.settings.event_clock else time_ms
        if where.arrival_ms is None or moved_by > where.arrival_ms:
            where.arrival_ms = moved_by
        gate_ms = max(event.ts_ms, where.arrival_ms)
        delayed = where.arrival_ms - event.ts_ms > self.settings.dedup_horizon_ms
        where.add(offset, UNCHECKED if delayed and event.id is not None else ACCEPTED, gate_ms)
        self._count(event, gate_ms // 1000 + 1, where.place, delayed)

    def _verdict(self, event: Event, time_ms: int) -> int:
        """CONTRACT 6: from the record alone, in ms, strictly greater; and 8, the broken clock."""
        late, future = self.settings.late_ms, self.settings.future_ms
        if late is not None and time_ms - event.ts_ms > late:
            return LATE
        if future is not None and event.ts_ms - time_ms > future:
            return FUTURE
        read_at = self.settings.read_at_ms
        if read_at is not None and not self.settings.event_clock and future is not None:
            if time_ms - read_at > future:
                return FUTURE
        return ACCEPTED

    def _count(self, event: Event, step_s: int, place: int, delayed: bool) -> None:
        """Every accepted event comes through here."""
        self.events.take(event, step_s, place, delayed)

    # ---- answering -----------------------------------------------------------------------------

    @property
    def keys(self) -> Keys:
        if self._keys is None:
            self._keys = Keys(self.events, self.settings)
        return self._keys

    def names(self) -> list[Name]:
        """Everything there is a number about, the site first."""
        return self.keys.names()

    def counts(self, name: Name, from_ms: int, to_ms: int) -> Counts:
        """Impressions and clicks of one key, without the clicks that click_gap leaves out."""
        return _counts(self.keys.get(name), from_ms, to_ms)

    def every(self, from_ms: int, to_ms: int) -> dict[Name, Counts]:
        """All keys with at least one impression or click in the window."""
        if (from_ms, to_ms) not in self._every:
            found = ((name, self.counts(name, from_ms, to_ms)) for name in self.names())
            self._every = {(from_ms, to_ms): {name: counts for name, counts in found
                                              if counts != (0, 0)}}
        return self._every[from_ms, to_ms]

    def edges(self, window: str, to_ms: int) -> tuple[int, int]:
        return from_of(to_ms, self.settings.windows[window]), to_ms

    def people(self, name: Name, from_ms: int, to_ms: int) -> People:
        return people.people(self.keys.get(name), from_ms, to_ms, self.events.visitors_count)

    def minute(self, name: Name, start_ms: int, to_ms: int, people_too: bool = True) -> Minute:
        """The row of the minute that begins at start_ms, as of to_ms."""
        length_ms = minutes.PEOPLE_WINDOW_MS
        answered = (length_ms in self.settings.windows.values()
                    and length_ms <= self.settings.people_horizon_ms)
        return minutes.minute(
            self.keys.get(name), start_ms, to_ms, self.settings.lateness_ms,
            (lambda at_ms: self.people(name, from_of(at_ms, length_ms), at_ms))
            if answered and people_too else None)

    def prior(self, name: Name, from_ms: int, to_ms: int) -> float | None:
        """The CTR of the level above, which a smoothed CTR leans to; None where there is none."""
        level = level_of(name)
        if level == "site":
            return None
        above: Name = (None, name[1]) if level == "placement" else (None, None)
        ratio = rates.ctr(*self.counts(above, from_ms, to_ms))
        return None if ratio is None or ratio > 1 else ratio

    def prior_weight(self, name: Name, from_ms: int, to_ms: int) -> float:
        """Learned among the siblings of name; the same for all of them, so computed once."""
        level = level_of(name)
        question = (from_ms, to_ms, level, name[1] if level == "placement" else None)
        if question not in self._weights:
            if len(self._weights) >= WEIGHTS_MAX:
                self._weights.clear()
            get = self.keys.get
            self._weights[question] = rates.prior_weight(
                _counts(get(sibling), from_ms, to_ms) for sibling in self.keys.siblings(name))
        return self._weights[question]

    def last_moment_ms(self) -> int:
        """The first whole second after every gate: at this `to` everything accepted is counted."""
        gates = [max(part.gates_ms, default=NO_GATE) for part in self.partitions.values()]
        newest = max(gates, default=NO_GATE)
        return (newest // 1000 + 1) * 1000

    def answer(self, name: Name, window: str, to_ms: int) -> dict[str, Any]:
        """The fields of an answer that the log alone decides."""
        from_ms, to_ms = self.edges(window, to_ms)
        counts = impressions, clicks = self.counts(name, from_ms, to_ms)
        low, high = rates.wilson(*counts) or (None, None)
        prior = self.prior(name, from_ms, to_ms) if clicks <= impressions else None
        weight = None if prior is None else self.prior_weight(name, from_ms, to_ms)
        smoothed = None
        if prior is not None and weight is not None:
            smoothed = rates.smoothed(*counts, prior, weight)
        said = {key: value for key, value in zip(("page", "box"), name) if value is not None}
        said |= {"window": window, "from": moment_text(from_ms), "to": moment_text(to_ms),
                 "impressions": impressions, "clicks": clicks, "ctr": rates.ctr(*counts),
                 "ctr_low": low, "ctr_high": high, "enough": rates.enough(*counts),
                 "smoothed_ctr": smoothed, "prior_ctr": prior, "prior_weight": weight}
        if self.settings.windows[window] > self.settings.people_horizon_ms:
            return {**said, **dict.fromkeys(checking.PEOPLE), "people_missing": "people_horizon"}
        found = self.people(name, from_ms, to_ms)
        return {**said, **found._asdict(), "unique_ctr": found.unique_ctr}

    def accounts(self) -> list[dict[str, Any]]:
        """Per partition: how many records of each kind the log holds."""
        rows = []
        for (topic, number), part in sorted(self.partitions.items()):
            place = self.events.places[part.place]
            rows.append({"topic": topic, "partition": number, **part.tally(),
                         "duplicate": place.duplicates, "filtered": place.filtered,
                         "reasons": {key: n for key, n in part.malformed.items() if n}})
        return rows

    # ---- checking what the service said --------------------------------------------------------

    def check_answer(self, answer: Mapping[str, Any]) -> list[str]:
        return checking.check_answer(self, answer)

    def check_partition(self, row: Mapping[str, Any], to_ms: int | None,
                        exact: bool = False) -> list[str]:
        return checking.check_partition(self, row, to_ms, exact)

    def check_sums(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        return checking.check_sums(self, rows)

    def check_minute(self, answer: Mapping[str, Any], exact: bool = True,
                     began_ms: int | None = None) -> list[str]:
        return checking_minutes.check_minute(self, answer, exact, began_ms)

    def check_series(self, answer: Mapping[str, Any], to_ms: int | None = None,
                     began_ms: int | None = None) -> list[str]:
        return checking_minutes.check_series(self, answer, to_ms, began_ms)


def _counts(key: Key, from_ms: int, to_ms: int) -> Counts:
    clicks = key.clicks.count(from_ms, to_ms, to_ms)
    if clicks:
        clicks -= key.repeated.count(from_ms, to_ms, to_ms)
    return key.views.count(from_ms, to_ms, to_ms), clicks


# ---- the program -------------------------------------------------------------------------------


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("verb", choices=("accounts", "ctr", "keys", "check"),
                        help="accounts: records per partition and kind; ctr: one answer; keys: "
                        "every key of a window; check: compare answers (JSON lines of --answers)")
    parser.add_argument("dump", help="file of records, - for stdin")
    parser.add_argument("--config", help="file of `key = value` lines, as for the service")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--window", default="10m")
    parser.add_argument("--to", help="RFC 3339; default: when everything is counted")
    parser.add_argument("--page")
    parser.add_argument("--box")
    parser.add_argument("--answers", help="for check")
    return parser


def _settings(config: str | None, more: list[str]) -> Settings:
    lines = list(more)
    if config:
        with open(config, encoding="utf-8") as file:
            lines = file.read().splitlines() + lines
    return Settings.of_lines(lines)


def main() -> int:
    parser = _arguments()
    args = parser.parse_args()
    judge = Oracle(_settings(args.config, args.set))
    if args.dump == "-":
        judge.read(sys.stdin.buffer)
    else:
        with open(args.dump, "rb") as file:
            judge.read(file)
    to_ms = moment_ms(args.to) if args.to else judge.last_moment_ms()
    if args.verb == "accounts":
        print(json.dumps(judge.accounts(), indent=1))
    elif args.verb == "ctr":
        print(json.dumps(judge.answer((args.page, args.box), args.window, to_ms), indent=1))
    elif args.verb == "keys":
        for name in judge.every(*judge.edges(args.window, to_ms)):
            print(json.dumps(judge.answer(name, args.window, to_ms), ensure_ascii=False))
    else:
        if not args.answers:
            parser.error("check needs --answers FILE")
        with open(args.answers, encoding="utf-8") as file:
            wrong = [fault for line in file for fault in judge.check_answer(json.loads(line))]
        print("\n".join(wrong) or "all equal")
        return 1 if wrong else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
