#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The judge of every number: recomputes answers from a dump of the log, at the answer's own edges.

It shares no code with the service and keeps no rolling state: an answer is the fold of the records
that arrived before `to`, over the events with from <= ts < to (DESIGN 2.1), and that sentence is
what is computed here. Both edges are whole seconds, so records are kept per second of event time
and per second of their gate (the later of event time and arrival): counted iff gate < to.

As a program (`oracle.py --help`) it prints or checks answers from a dump in a file or on stdin, one
record per line: {"topic","partition","offset","time","value_b64": text or null}.
"""

from __future__ import annotations

import argparse
import bisect
import gc
import json
import re
import sys
from array import array
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping

import decode
import rates
from decode import Event, Malformed, moment_ms, moment_text
from settings import Settings

Name = tuple["str | None", "str | None"]  # (page, box) of an answer; both None: the site
Counts = tuple[int, int]  # (impressions, clicks)
Slices = dict[tuple[int, int], list[int]]  # (event second, gate second) -> [views, clicks]
Series = tuple[list[int], list[tuple[int, int, int]]]  # event seconds in order; gate, views, clicks

ACCEPTED, LATE, FUTURE, MALFORMED = range(4)
NO_GATE = -1
WILSON_TOLERANCE = 1e-12


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


def level_of(name: Name) -> str:
    page, box = name
    if page is None:
        return "site" if box is None else "box"
    return "page" if box is None else "placement"


def grain_ms(length_ms: int) -> int:
    """What `from` is floored to (DESIGN "The edges of a window")."""
    for up_to_s, grain_s in ((120, 1), (1200, 10), (7200, 60)):
        if length_ms <= up_to_s * 1000:
            return grain_s * 1000
    return 600_000


def from_of(to_ms: int, length_ms: int) -> int:
    start = to_ms - length_ms
    return start - start % grain_ms(length_ms)


@dataclass
class Partition:
    """What became of the records of one partition, in the order of their offsets."""

    offsets: array = field(default_factory=lambda: array("q"))
    verdicts: bytearray = field(default_factory=bytearray)
    gates_ms: array = field(default_factory=lambda: array("q"))
    arrival_ms: int | None = None
    malformed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(decode.REASONS, 0))

    def add(self, offset: int, verdict: int, gate_ms: int = NO_GATE) -> None:
        if self.offsets and offset <= self.offsets[-1]:
            raise ValueError(f"offset {offset} after {self.offsets[-1]}: the dump is out of order")
        self.offsets.append(offset)
        self.verdicts.append(verdict)
        self.gates_ms.append(gate_ms)

    def tally(self, intervals: Iterable[tuple[int, int]] | None = None) -> dict[str, int]:
        """Numbers per verdict, of the whole log or of half-open intervals of offsets."""
        whole = [(0, 2**62)] if intervals is None else intervals
        counts = [0, 0, 0, 0]
        for first, after in whole:
            low, high = (bisect.bisect_left(self.offsets, edge) for edge in (first, after))
            for verdict in range(4):
                counts[verdict] += self.verdicts.count(verdict, low, high)
        return {"read": sum(counts), "accepted": counts[ACCEPTED], "late": counts[LATE],
                "future": counts[FUTURE], "malformed": counts[MALFORMED]}

    def closed(self, intervals: Iterable[tuple[int, int]], to_ms: int) -> int:
        """Accepted records in the intervals that an answer up to to_ms holds."""
        found = 0
        for first, after in intervals:
            low, high = (bisect.bisect_left(self.offsets, edge) for edge in (first, after))
            found += sum(1 for gate in self.gates_ms[low:high] if NO_GATE < gate < to_ms)
        return found


class Oracle:
    """Takes records in the order of their partition, answers for any key, window and moment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.partitions: dict[tuple[str, int], Partition] = {}
        self._own: dict[Name, Slices] = {}  # by (page, box or None), exactly as in the events
        self._merged: dict[Name, Series] = {}  # by what is asked about; made when asked
        self._every: dict[tuple[int, int], dict[Name, Counts]] = {}  # the newest question's answer

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
            where = self.partitions[topic, partition] = Partition()
        elif where.offsets and offset <= where.offsets[-1]:
            return
        try:
            event = decode.decode(raw, self.settings.topics.get(topic), self.settings)
        except Malformed as malformed:
            where.malformed[malformed.reason] += 1
            where.add(offset, MALFORMED)
            return
        verdict = self._verdict(event, time_ms)
        if verdict != ACCEPTED:
            where.add(offset, verdict)
            return
        moved_by = event.ts_ms if self.settings.event_clock else time_ms
        if where.arrival_ms is None or moved_by > where.arrival_ms:
            where.arrival_ms = moved_by
        gate_ms = max(event.ts_ms, where.arrival_ms)
        where.add(offset, ACCEPTED, gate_ms)
        if not self._duplicate(event):
            self._count(event, gate_ms)

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

    def _duplicate(self, event: Event) -> bool:
        """The place for CONTRACT 7. This version of the service looks for no duplicates."""
        return False

    def _count(self, event: Event, gate_ms: int) -> None:
        name = (event.page, event.box)
        slices = self._own.get(name)
        if slices is None:
            slices = self._own[name] = {}
        at = (event.ts_ms // 1000, gate_ms // 1000)
        pair = slices.get(at)
        if pair is None:
            pair = slices[at] = [0, 0]
        pair[event.click] += 1
        if self._merged:
            self._merged.clear()
            self._every.clear()

    # ---- answering -----------------------------------------------------------------------------

    def names(self) -> list[Name]:
        """Everything there is a number about, the site first."""
        pages = {page for page, _ in self._own}
        boxes = {box for _, box in self._own if box is not None}
        placements = [name for name in self._own if name[1] is not None]
        found: list[Name] = [(None, None)]
        found += [(page, None) for page in sorted(pages)]
        found += [(None, box) for box in sorted(boxes)]
        return found + sorted(placements)

    def counts(self, name: Name, from_ms: int, to_ms: int) -> Counts:
        """Impressions and clicks of one key: arrived before `to`, from <= ts < to."""
        first, after = -(-from_ms // 1000), to_ms // 1000
        seconds, slices = self._series(name)
        views = clicks = 0
        # A gate is never before its event: slices from `after` on cannot count.
        for at in range(bisect.bisect_left(seconds, first), bisect.bisect_left(seconds, after)):
            gate, more_views, more_clicks = slices[at]
            if gate < after:
                views += more_views
                clicks += more_clicks
        return views, clicks

    def every(self, from_ms: int, to_ms: int) -> dict[Name, Counts]:
        """All keys with at least one impression or click in the window."""
        if (from_ms, to_ms) not in self._every:
            found = ((name, self.counts(name, from_ms, to_ms)) for name in self.names())
            self._every = {(from_ms, to_ms): {name: counts for name, counts in found
                                              if counts != (0, 0)}}
        return self._every[from_ms, to_ms]

    def edges(self, window: str, to_ms: int) -> tuple[int, int]:
        return from_of(to_ms, self.settings.windows[window]), to_ms

    def prior(self, name: Name, from_ms: int, to_ms: int) -> float | None:
        """The CTR of the level above, which a smoothed CTR leans to; None where there is none."""
        level = level_of(name)
        if level == "site":
            return None
        above: Name = (None, name[1]) if level == "placement" else (None, None)
        ratio = rates.ctr(*self.counts(above, from_ms, to_ms))
        return None if ratio is None or ratio > 1 else ratio

    def last_moment_ms(self) -> int:
        """The first whole second after every gate: at this `to` everything accepted is counted."""
        gates = [max(part.gates_ms, default=NO_GATE) for part in self.partitions.values()]
        newest = max(gates, default=NO_GATE)
        return (newest // 1000 + 1) * 1000

    def _series(self, name: Name) -> Series:
        series = self._merged.get(name)
        if series is None:
            merged: Slices = {}
            for own, views_count in self._parts(name):
                for at, (views, clicks) in self._own[own].items():
                    pair = merged.setdefault(at, [0, 0])
                    pair[0] += views if views_count else 0
                    pair[1] += clicks
            ordered = sorted(merged)
            series = ([second for second, _ in ordered],
                      [(at[1], merged[at][0], merged[at][1]) for at in ordered])
            self._merged[name] = series
        return series

    def _parts(self, name: Name) -> Iterator[tuple[Name, bool]]:
        """Which events a key counts: their (page, box), and whether their views count too."""
        page, box = name
        for own in self._own if None in name else [name] if name in self._own else []:
            of_box = own[1] is not None
            if box is not None:
                if own[1] == box and page in (None, own[0]):
                    yield own, True
            elif page in (None, own[0]):
                yield own, not of_box or self.settings.box_views_count_for_pages

    # ---- checking what the service said --------------------------------------------------------

    def check_answer(self, answer: Mapping[str, Any]) -> list[str]:
        """What is wrong with one CTR answer (the shared fields of a batch merged in)."""
        name = (answer.get("page"), answer.get("box"))
        label = f"{level_of(name)} {name} {answer['window']} to {answer['to']}"
        from_ms, to_ms = self.edges(answer["window"], moment_ms(answer["to"]))
        if to_ms % 1000:
            return [f"{label}: to is not a whole second"]
        if moment_ms(answer["from"]) != from_ms:
            return [f"{label}: from {answer['from']}, expected {moment_text(from_ms)}"]
        impressions, clicks = self.counts(name, from_ms, to_ms)
        wrong = []
        if (answer["impressions"], answer["clicks"]) != (impressions, clicks):
            wrong.append(f"{label}: {answer['impressions']} views, {answer['clicks']} clicks, "
                         f"expected {impressions} and {clicks}")
        else:
            wrong += (f"{label}: {fault}" for fault in check_rates(answer))
            wrong += (f"{label}: {fault}" for fault in self._check_smoothed(answer, name))
        return wrong

    def _check_smoothed(self, answer: Mapping[str, Any], name: Name) -> Iterator[str]:
        value = answer.get("smoothed_ctr")
        if value is None:
            return
        prior = self.prior(name, moment_ms(answer["from"]), moment_ms(answer["to"]))
        if prior is None or answer["prior_ctr"] != prior:
            yield f"prior_ctr {answer['prior_ctr']}, expected {prior}"
            return
        weight = answer["prior_weight"]
        if not 10 <= weight <= 10_000:
            yield f"prior_weight {weight} outside 10 to 10,000"
        expected = rates.smoothed(answer["impressions"], answer["clicks"], prior, weight)
        if abs(value - expected) > WILSON_TOLERANCE:
            yield f"smoothed_ctr {value}, expected {expected}"

    def check_partition(self, row: Mapping[str, Any], to_ms: int | None,
                        exact: bool = False) -> list[str]:
        """What is wrong with one row of /v1/status, at the row's own position.

        Where there are no stragglers, no more is counted than `to` allows; exact (for a status at
        rest, when `to` and the counters cannot be of different moments): no less either.
        """
        label = f"{row['topic']}/{row['partition']} at {row['position']}"
        known = self.partitions.get((row["topic"], row["partition"]), Partition())
        intervals = [(first, after) for first, after in row["position"]]
        expected = known.tally(intervals)
        wrong = [f"{label}: {key} {row[key]}, expected {expected[key]}"
                 for key in ("read", "late", "future", "malformed") if row[key] != expected[key]]
        accepted = row["counted"] + row["held"] + row["duplicate"]
        if accepted != expected["accepted"]:
            wrong.append(f"{label}: counted + held + duplicate {accepted}, "
                         f"expected {expected['accepted']}")
        if to_ms is not None and not row.get("stragglers"):
            closed = known.closed(intervals, to_ms)
            counted = row["counted"] + row["duplicate"]
            if counted > closed or (exact and counted < closed):
                wrong.append(f"{label}: counted + duplicate {row['counted']} + {row['duplicate']}, "
                             f"expected {closed} before {moment_text(to_ms)}")
        return wrong

    def accounts(self) -> list[dict[str, Any]]:
        """Per partition: how many records of each kind the log holds."""
        rows = []
        for (topic, number), part in sorted(self.partitions.items()):
            rows.append({"topic": topic, "partition": number, **part.tally(),
                         "reasons": {key: n for key, n in part.malformed.items() if n}})
        return rows

    def answer(self, name: Name, window: str, to_ms: int) -> dict[str, Any]:
        """The fields of an answer that the log alone decides."""
        from_ms, to_ms = self.edges(window, to_ms)
        impressions, clicks = self.counts(name, from_ms, to_ms)
        low, high = rates.wilson(impressions, clicks) or (None, None)
        said = {key: value for key, value in zip(("page", "box"), name) if value is not None}
        return {**said, "window": window, "from": moment_text(from_ms), "to": moment_text(to_ms),
                "impressions": impressions, "clicks": clicks, "ctr": rates.ctr(impressions, clicks),
                "ctr_low": low, "ctr_high": high, "prior_ctr": self.prior(name, from_ms, to_ms)}


def check_rates(answer: Mapping[str, Any]) -> Iterator[str]:
    """The ratio and its interval against the counts of the same answer."""
    impressions, clicks = answer["impressions"], answer["clicks"]
    expected = rates.ctr(impressions, clicks)
    if answer["ctr"] != expected:
        yield f"ctr {answer['ctr']}, expected {expected}"
    bounds = rates.wilson(impressions, clicks)
    for key, bound in zip(("ctr_low", "ctr_high"), bounds or (None, None)):
        said = answer[key]
        if (said is None) != (bound is None):
            yield f"{key} {said}, expected {bound}"
        elif said is not None and abs(said - bound) > WILSON_TOLERANCE:
            yield f"{key} {said}, expected {bound}"
    if not impressions and answer.get("smoothed_ctr") is not None:
        yield "smoothed_ctr without impressions"


def check_conservation(row: Mapping[str, Any]) -> str | None:
    """DESIGN rule 3, on one row of /v1/status."""
    parts = ("counted", "held", "duplicate", "late", "future", "malformed")
    total = sum(row[key] for key in parts)
    if row["read"] == total:
        return None
    split = " + ".join(f"{key} {row[key]}" for key in parts)
    return f"{row['topic']}/{row['partition']}: read {row['read']} is not {split} = {total}"


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
