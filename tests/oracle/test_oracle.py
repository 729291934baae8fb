# SPDX-License-Identifier: Apache-2.0
"""The judge judged: every case here was worked out by hand, edges above all."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import decode  # noqa: E402
import oracle  # noqa: E402
from decode import moment_ms, moment_text  # noqa: E402
from oracle import Oracle  # noqa: E402
from settings import Settings, span_ms  # noqa: E402

T0 = 1_795_454_590_000  # 2026-11-23T17:23:10.000Z, a multiple of 10 s
HOUR = 3_600_000
SITE = (None, None)


def event(ts: Any, kind: str = "view", page: Any = "p", box: Any = "b", **more: Any) -> bytes:
    return json.dumps({"type": kind, "ts": ts, "page": page, "box": box, **more}).encode()


class Log:
    """Appends records to an oracle, numbering offsets."""

    def __init__(self, **pairs: str) -> None:
        pairs.setdefault("topics", "events")
        self.judge = Oracle(Settings.of(pairs))
        self.next: dict[tuple[str, int], int] = {}

    def add(self, raw: bytes | None, time: int, partition: int = 0, topic: str = "events") -> None:
        offset = self.next.get((topic, partition), 0)
        self.next[topic, partition] = offset + 1
        self.judge.take(topic, partition, offset, time, raw)

    def row(self, topic: str = "events", partition: int = 0) -> dict[str, int]:
        tally = self.judge.partitions[topic, partition].tally()
        del tally["unchecked"]  # test_events.py looks at it
        return tally


class Edges(unittest.TestCase):
    def test_grains(self) -> None:
        grains = {"1s": 1, "2m": 1, "121s": 10, "10m": 10, "20m": 10, "1201s": 60, "1h": 60,
                  "2h": 60, "7201s": 600, "24h": 600, "8d": 600}
        for length, seconds in grains.items():
            self.assertEqual(oracle.grain_ms(span_ms(length)), seconds * 1000, length)

    def test_from(self) -> None:
        to = moment_ms("2026-11-23T17:30:14.000Z")
        for window, start in {"1m": "17:29:14", "10m": "17:20:10", "1h": "16:30:00"}.items():
            got = moment_text(oracle.from_of(to, span_ms(window)))
            self.assertEqual(got, f"2026-11-23T{start}.000Z")
        day = oracle.from_of(to, span_ms("24h"))
        self.assertEqual(moment_text(day), "2026-11-22T17:30:00.000Z")

    def test_event_time_edges(self) -> None:
        log = Log()
        for ts in (T0 - 1, T0, T0 + 59_999, T0 + 60_000):
            log.add(event(ts), ts)
        window = log.judge.edges("1m", T0 + 60_000)
        self.assertEqual(window, (T0, T0 + 60_000))
        self.assertEqual(log.judge.counts(SITE, *window), (0, 0))
        self.assertEqual(log.judge.counts(("p", "b"), *window), (2, 0))
        self.assertEqual(log.judge.counts(("p", "b"), *log.judge.edges("1m", T0 + 61_000)), (2, 0))

    def test_arrival_edge(self) -> None:
        log = Log()
        log.add(event(T0), T0 + 4_999)
        log.add(event(T0), T0 + 5_000)
        counts = [log.judge.counts(("p", "b"), T0, T0 + at * 1000)[0] for at in (1, 4, 5, 6)]
        self.assertEqual(counts, [0, 0, 1, 2])

    def test_event_after_its_record_waits_for_its_own_time(self) -> None:
        log = Log()
        log.add(event(T0 + 30_000), T0)
        self.assertEqual(log.judge.counts(("p", "b"), 0, T0 + 30_000), (0, 0))
        self.assertEqual(log.judge.counts(("p", "b"), 0, T0 + 31_000), (1, 0))

    def test_last_moment(self) -> None:
        log = Log()
        self.assertEqual(log.judge.last_moment_ms(), 0)
        log.add(event(T0 + 999), T0)
        self.assertEqual(log.judge.last_moment_ms(), T0 + 1000)
        log.add(event(T0), T0 + 1000)
        self.assertEqual(log.judge.last_moment_ms(), T0 + 2000)


class Arrival(unittest.TestCase):
    def test_running_maximum_per_partition(self) -> None:
        log = Log()
        log.add(event(T0, box="x"), T0 + 10_000)
        log.add(event(T0, box="y"), T0)  # behind the first: its arrival is the first's
        log.add(event(T0, box="z"), T0, partition=1)
        counts = {box: log.judge.counts((None, box), 0, T0 + 10_000)[0] for box in "xyz"}
        self.assertEqual(counts, {"x": 0, "y": 0, "z": 1})
        self.assertEqual(log.judge.counts((None, "y"), 0, T0 + 11_000), (1, 0))

    def test_only_accepted_records_move_it(self) -> None:
        log = Log()
        log.add(b"nonsense", T0 + 20_000)
        log.add(None, T0 + 20_000)
        log.add(event(T0 - 49 * HOUR), T0 + 20_000)  # late
        log.add(event(T0 + 90_000), T0 + 20_000)  # future
        log.add(event(T0), T0)
        self.assertEqual(log.judge.counts(("p", "b"), 0, T0 + 1000), (1, 0))

    def test_event_clock(self) -> None:
        log = Log(clock="event", late="off", future="off")
        log.add(event(T0 + 5_000, box="x"), 7)  # record times play no part
        log.add(event(T0, box="y"), 3)
        self.assertEqual(log.judge.counts((None, "y"), 0, T0 + 5_000), (0, 0))
        self.assertEqual(log.judge.counts((None, "y"), 0, T0 + 6_000), (1, 0))
        self.assertEqual(log.judge.last_moment_ms(), T0 + 6_000)


class Verdicts(unittest.TestCase):
    def test_late_and_future_are_strict(self) -> None:
        log = Log()
        for delay, offset in ((48 * HOUR, 0), (48 * HOUR + 1, 1), (-60_000, 2), (-60_001, 3)):
            log.add(event(T0), T0 + delay)
        self.assertEqual(log.row(), {"read": 4, "accepted": 2, "late": 1, "future": 1,
                                     "malformed": 0})

    def test_off(self) -> None:
        log = Log(late="off", future="off")
        log.add(event(0), T0)
        log.add(event(T0 * 2), T0)
        self.assertEqual(log.row()["accepted"], 2)

    def test_broken_producer_clock(self) -> None:
        log = Log()
        log.judge.settings.read_at_ms = T0
        log.add(event(T0 + 60_000), T0 + 60_000)
        log.add(event(T0 + 60_001), T0 + 60_001)
        self.assertEqual(log.row(), {"read": 2, "accepted": 1, "late": 0, "future": 1,
                                     "malformed": 0})

    def test_prefix_at_a_position(self) -> None:
        log = Log()
        for raw in (event(T0), b"{", event(T0), event(T0 - 49 * HOUR)):
            log.add(raw, T0)
        part = log.judge.partitions["events", 0]
        self.assertEqual(part.tally([(0, 2)]), {
            "read": 2, "accepted": 1, "late": 0, "future": 0, "malformed": 1, "unchecked": 0})
        self.assertEqual(part.tally([(0, 1), (2, 4)]), {
            "read": 3, "accepted": 2, "late": 1, "future": 0, "malformed": 0, "unchecked": 0})
        self.assertEqual(part.closed([(0, 4)], T0), 0)
        self.assertEqual(part.closed([(0, 2)], T0 + 1000), 1)

    def test_same_dump_twice_counts_once(self) -> None:
        log = Log()
        lines = [json.dumps({"topic": "events", "partition": 0, "offset": at, "time": T0,
                             "value_b64": base64.b64encode(event(T0)).decode()}).encode()
                 for at in (3, 5, 9)]
        log.judge.read(lines[:2])
        log.judge.read(lines)
        self.assertEqual(log.row()["read"], 3)

    def test_other_spellings_of_a_dump(self) -> None:
        log = Log()
        log.judge.read([
            b'{"value_b64":null, "time":-1,"offset":0,"partition":2,"topic":"events"}\n',
            b'{"topic":"events","partition":2,"offset":1,"time":5,"value_b64":null}\r\n',
            b'{"topic":"events","partition":2,"offset":2,"time":5,"value_b64":""}'])
        self.assertEqual(log.row(partition=2)["malformed"], 3)


class Levels(unittest.TestCase):
    def fill(self, log: Log) -> Oracle:
        log.add(event(T0, box=None), T0)  # page view
        log.add(event(T0), T0)
        log.add(event(T0), T0)
        log.add(event(T0, "click"), T0)
        log.add(event(T0, "click", box=""), T0)  # a click on the page itself
        log.add(event(T0, page="q"), T0)
        log.add(event(T0, "click", page="q", box="c"), T0)
        return log.judge

    def counts(self, judge: Oracle) -> dict[Any, Any]:
        return judge.every(0, T0 + 1000)

    def test_page_views(self) -> None:
        self.assertEqual(self.counts(self.fill(Log())), {
            SITE: (1, 3), ("p", None): (1, 2), ("q", None): (0, 1), (None, "b"): (3, 1),
            (None, "c"): (0, 1), ("p", "b"): (2, 1), ("q", "b"): (1, 0), ("q", "c"): (0, 1)})

    def test_box_views(self) -> None:
        self.assertEqual(self.counts(self.fill(Log(page_impressions="box_views"))), {
            SITE: (4, 3), ("p", None): (3, 2), ("q", None): (1, 1), (None, "b"): (3, 1),
            (None, "c"): (0, 1), ("p", "b"): (2, 1), ("q", "b"): (1, 0), ("q", "c"): (0, 1)})

    def test_unknown_key(self) -> None:
        self.assertEqual(self.fill(Log()).counts(("nowhere", "b"), 0, T0 + 1000), (0, 0))

    def test_more_events_after_an_answer(self) -> None:
        log = Log()
        self.fill(log)
        self.assertEqual(log.judge.counts((None, "b"), 0, T0 + 1000), (3, 1))
        log.add(event(T0), T0)
        self.assertEqual(log.judge.counts((None, "b"), 0, T0 + 1000), (4, 1))

    def test_priors(self) -> None:
        judge = self.fill(Log(page_impressions="box_views"))
        edges = (0, T0 + 1000)
        self.assertIsNone(judge.prior(SITE, *edges))
        self.assertEqual(judge.prior(("p", None), *edges), 0.75)
        self.assertEqual(judge.prior((None, "b"), *edges), 0.75)
        self.assertEqual(judge.prior(("p", "b"), *edges), 1 / 3)
        self.assertIsNone(judge.prior(("q", "c"), *edges))  # no impressions of box c


class Decoding(unittest.TestCase):
    settings = Settings.of({"topics": "events"})

    def reason(self, raw: bytes | None, kind: str | None = None) -> str | None:
        try:
            decode.decode(raw, kind, self.settings)
        except decode.Malformed as malformed:
            return malformed.reason
        return None

    def test_reasons(self) -> None:
        cases = {
            "empty": [None, b""],
            "too_long": [event(T0, pad="x" * 16_384), event(T0, page="x" * 513),
                         event(T0, visitor="\u00e9" * 257), event(T0, id="x" * 513)],
            "not_utf8": [b'{"a":"\xff"}'],
            "not_json": [b"{", b"7", b'{"a":1e999}', event(T0, x="\ud800")],
            "key_twice": [b'{"type":"view","type":"view"}'],
            "missing": [b"{}", b'{"type":"view","ts":1}', b'{"ts":1,"page":"p"}',
                        b'{"type":"view","page":"p"}'],
            "wrong_type": [b"[]", event(None), event(T0, page=None), event(T0, page=7),
                           event(T0, box=7), event(T0, visitor=[]),
                           event(T0, id={}), event(1.5), event(1e3), event(True), event([]),
                           b'{"type":7,"ts":1,"page":"p"}'],
            "bad_value": [event(-1), event(253402300800000), event("2026"), event(T0, "VIEW"),
                          event(T0, page=""), event(T0, page="a\nb"), event(T0, box="\x7f"),
                          event(T0, id="\u0001")],
        }
        for reason, inputs in cases.items():
            for raw in inputs:
                self.assertEqual(self.reason(raw), reason, raw)

    def test_taken(self) -> None:
        longest = event(T0, pad="")
        longest = event(T0, pad="x" * (16_384 - len(longest)))
        self.assertEqual(len(longest), 16_384)
        for raw in (longest, event(0), event(253402300799999), event(T0, page="x" * 512),
                    event(T0, page="\u00e9" * 256), event(T0, box=None, visitor=None, id=None),
                    event(T0, box="", visitor="", id=""), event(T0, page=" / % \" \U0001f600"),
                    event(T0, page="\u0080\u2028"), event("2026-11-23T17:23:10Z")):
            self.assertIsNone(self.reason(raw), raw[:80])
        self.assertEqual(self.reason(longest.replace(b"xx", b"xxx", 1)), "too_long")

    def test_topic_type_wins(self) -> None:
        self.assertTrue(decode.decode(event(T0, "view"), "click", self.settings).click)
        ignored = b'{"type":7,"ts":1,"page":"p"}'
        self.assertFalse(decode.decode(ignored, "view", self.settings).click)
        self.assertFalse(decode.decode(b'{"ts":1,"page":"p"}', "view", self.settings).click)

    def test_aliases_and_field_names(self) -> None:
        settings = Settings.of({"view_types": "pv, imp", "click_types": "tap", "field_page": "url",
                                "field_ts": "/meta/a~1b~0c", "field_box": "a.b"})
        raw = b'{"type":"tap","meta":{"a/b~c":5},"url":"/x","page":3,"a.b":"box","a":{"b":"no"}}'
        got = decode.decode(raw, None, settings)
        self.assertEqual((got.click, got.ts_ms, got.page, got.box), (True, 5, "/x", "box"))
        with self.assertRaises(decode.Malformed):
            decode.decode(raw.replace(b"tap", b"click"), None, settings)

    def test_optional_empty_is_absent(self) -> None:
        for value in (None, ""):
            got = decode.decode(event(T0, box=value, visitor=value, id=value), None, self.settings)
            self.assertEqual((got.box, got.visitor, got.id), (None, None, None))

    def test_moments(self) -> None:
        good = {"1970-01-01T00:00:00Z": 0, "1970-01-01T01:00:00.0019999+01:00": 1,
                "1969-12-31T23:00:00-01:00": 0, "2000-02-29T12:00:00.5Z": 951825600500,
                "9999-12-31T23:59:59.999999999Z": 253402300799999,
                "2026-11-23T17:23:10.000Z": T0, "2026-11-23T00:00:00-00:00": 1795392000000}
        for text, ms in good.items():
            self.assertEqual(moment_ms(text), ms, text)
        bad = ["", "2026-11-23", "2026-11-23t17:23:10Z", "2026-11-23T17:23:10z",
               "2026-11-23 17:23:10Z", "2026-11-23T17:23:60Z", "2026-11-23T24:00:00Z",
               "2026-11-23T17:60:00Z", "2026-11-23T17:23:10", "2026-11-23T17:23Z",
               "2026-11-23T17:23:10.Z", "2026-11-23T17:23:10.1234567890Z", "2026-02-29T00:00:00Z",
               "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z",
               "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00Z",
               "2026-11-23T17:23:10+24:00", "2026-11-23T17:23:10+01:60", "2026-11-23T17:23:10+0100",
               "2026-11-23T17:23:10,5Z", "2026-11-23T17:23:10Z ", " 2026-11-23T17:23:10Z",
               "2026-11-23T17:23:10Z\n", "+026-11-23T17:23:10Z", "2026-11-23T17:23:1\u0661Z"]
        for text in bad:
            with self.assertRaises(ValueError, msg=text):
                moment_ms(text)

    def test_moment_texts_read_back(self) -> None:
        dice = random.Random(7)
        for _ in range(2000):
            ms = dice.randrange(decode.TS_MAX_MS + 1)
            self.assertEqual(moment_ms(moment_text(ms)), ms)


class Checking(unittest.TestCase):
    def setUp(self) -> None:
        self.log = Log()
        for at in range(40):
            self.log.add(event(T0 + at * 100, "click" if at % 8 == 7 else "view"), T0 + at * 100)
        self.judge = self.log.judge
        self.right = self.judge.answer(("p", "b"), "1m", T0 + 4000)

    def test_right_answer(self) -> None:
        self.assertEqual((self.right["impressions"], self.right["clicks"]), (35, 5))
        self.assertEqual(self.judge.check_answer(self.right), [])
        self.assertEqual(self.right["smoothed_ctr"], (5 + 100 * (5 / 35)) / 135)
        self.assertEqual((self.right["prior_ctr"], self.right["prior_weight"]), (5 / 35, 100))
        self.assertIs(self.right["enough"], False)
        near = {"smoothed_ctr": self.right["smoothed_ctr"] * (1 + 9e-10),
                "prior_weight": 100 * (1 - 9e-10), "ctr_low": self.right["ctr_low"] + 9e-13}
        self.assertEqual(self.judge.check_answer({**self.right, **near}), [])

    def test_every_lie_is_found(self) -> None:
        lies: list[dict[str, Any]] = [
            {"impressions": 36}, {"clicks": 4}, {"to": moment_text(T0 + 3000)},
            {"from": moment_text(T0 - 55_000)}, {"ctr": 0.142857142857}, {"ctr": None},
            {"ctr_low": self.right["ctr_low"] + 2e-12}, {"ctr_high": None}, {"box": "c"},
            {"window": "10m"}, {"to": moment_text(T0 + 4001)},
            {"smoothed_ctr": 0.2}, {"smoothed_ctr": None}, {"prior_ctr": 0.5},
            {"prior_weight": 101}, {"enough": True},
            {"smoothed_ctr": self.right["smoothed_ctr"] * (1 + 2e-9)},
            {"enough": 0}, {"viewers": 1}, {"clickers": None}, {"unseen_clickers": 1},
            {"unique_ctr": 0.0}, {"people_missing": "people_horizon"},
            {"people_missing": "max_visitors"},
        ]
        for lie in lies:
            self.assertEqual(len(self.judge.check_answer({**self.right, **lie})), 1, lie)
        for key in ("enough", "smoothed_ctr", "prior_ctr", "prior_weight", "viewers", "clickers",
                    "unseen_clickers", "unique_ctr"):
            less = {name: value for name, value in self.right.items() if name != key}
            self.assertEqual(len(self.judge.check_answer(less)), 1, key)

    def test_people_that_are_not_given(self) -> None:
        nothing = dict.fromkeys(("viewers", "clickers", "unseen_clickers", "unique_ctr"))
        limited = {**self.right, **nothing, "people_missing": "max_visitors"}
        self.assertEqual(self.judge.check_answer(limited), [])
        self.assertTrue(self.judge.check_answer({**limited, "people_missing": "people_horizon"}))
        del limited["people_missing"]
        self.assertTrue(self.judge.check_answer(limited))
        hour = self.judge.answer(("p", "b"), "1h", T0 + 4000)
        self.assertEqual(hour["people_missing"], "people_horizon")
        self.assertEqual([hour[key] for key in nothing], [None] * 4)
        self.assertEqual(self.judge.check_answer(hour), [])
        self.assertTrue(self.judge.check_answer({**hour, "viewers": 0}))

    def test_a_window_that_is_covered_in_part(self) -> None:
        nothing = dict.fromkeys(("viewers", "clickers", "unseen_clickers", "unique_ctr"))
        part = {**self.right, **nothing, "people_missing": "coverage", "state": "backfilling",
                "coverage": 0.5}
        self.assertEqual(self.judge.check_answer(part), [])  # it may have read it all the same
        for lie in ({"impressions": 36}, {"impressions": 0}, {"viewers": 1}, {"coverage": 1},
                    {"people_missing": "people_horizon"}, {"state": "live"}):
            self.assertTrue(self.judge.check_answer({**part, **lie}), lie)
        window_ms = self.judge.settings.windows[self.right["window"]]
        newest = {**part, "coverage": 1000 / window_ms}
        self.assertEqual(self.judge.check_answer(newest), [])
        none = {**newest, "impressions": 0, "clicks": 0, "ctr": None}
        least = self.judge.counts(("p", "b"), T0 + 3000, T0 + 4000)
        self.assertEqual(self.judge.check_answer(none) == [], least == (0, 0))

    def row(self, **changed: int) -> dict[str, Any]:
        return {"topic": "events", "partition": 0, "position": [[0, 40]], "read": 40, "counted": 30,
                "held": 10, "duplicate": 0, "late": 0, "future": 0, "malformed": 0,
                "unchecked": 0, "filtered": 0, "stragglers": 0, **changed}

    def test_partition_rows(self) -> None:
        self.assertEqual(self.judge.check_partition(self.row(), T0 + 3000, exact=True), [])
        self.assertEqual(self.judge.check_partition(self.row(), T0 + 4000), [])  # `to` is newer
        for lie in ({"counted": 31, "held": 9}, {"late": 1, "held": 9}):
            self.assertTrue(self.judge.check_partition(self.row(**lie), T0 + 3000), lie)
        for lie in ({"read": 39}, {"held": 9}, {"late": 1}, {"position": [[0, 39]]},
                    {"counted": 31, "held": 9}, {"unchecked": 1}, {"filtered": 31},
                    {"counted": 29, "duplicate": 1, "held": 9}, {"stragglers": -1}):
            self.assertTrue(self.judge.check_partition(self.row(**lie), T0 + 3000, True), lie)
        less = {key: value for key, value in self.row().items() if key != "filtered"}
        self.assertTrue(self.judge.check_partition(less, T0 + 3000, True))

    def test_conservation(self) -> None:
        self.assertIsNone(oracle.check_conservation(self.row()))
        self.assertIn("read 41 is not", oracle.check_conservation(self.row(read=41)) or "")


class Program(unittest.TestCase):
    def run_it(self, *args: str, stdin: bytes) -> tuple[int, str]:
        done = subprocess.run([sys.executable, os.path.join(HERE, "oracle.py"), *args], input=stdin,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.stderr, b"")
        return done.returncode, done.stdout.decode()

    def test_verbs(self) -> None:
        dump = b"".join(json.dumps({"topic": "e", "partition": 0, "offset": at, "time": T0,
                                    "value_b64": base64.b64encode(raw).decode()}).encode() + b"\n"
                        for at, raw in enumerate([event(T0), event(T0, "click"), b"x"]))
        code, text = self.run_it("ctr", "-", "--set", "topics=e", "--page", "p", "--box", "b",
                                 "--window", "1m", stdin=dump)
        answer = json.loads(text)
        self.assertEqual((code, answer["impressions"], answer["clicks"], answer["to"]),
                         (0, 1, 1, moment_text(T0 + 1000)))
        code, text = self.run_it("accounts", "-", stdin=dump)
        self.assertEqual(json.loads(text), [{
            "topic": "e", "partition": 0, "read": 3, "accepted": 2, "late": 0, "future": 0,
            "malformed": 1, "unchecked": 0, "duplicate": 0, "filtered": 0,
            "reasons": {"not_json": 1}}])
        code, text = self.run_it("keys", "-", stdin=dump)
        self.assertEqual(len(text.splitlines()), 4)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(answer) + "\n")
            file.flush()
            self.assertEqual(self.run_it("check", "-", "--answers", file.name, stdin=dump),
                             (0, "all equal\n"))
            file.write(json.dumps({**answer, "clicks": 2}) + "\n")
            file.flush()
            code, text = self.run_it("check", "-", "--answers", file.name, stdin=dump)
            self.assertEqual(code, 1)
            self.assertIn("expected 1 and 1", text)


if __name__ == "__main__":
    unittest.main()
