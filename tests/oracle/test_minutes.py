# SPDX-License-Identifier: Apache-2.0
"""People and minutes, worked out by hand."""

from __future__ import annotations

import os
import sys
import unittest
from typing import Any
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import minutes  # noqa: E402
from decode import moment_text  # noqa: E402
from oracle import Name  # noqa: E402
from rates import wilson  # noqa: E402
from test_oracle import SITE, T0, Log, event  # noqa: E402

S = 1000
M = T0 - 10 * S  # the start of a minute
BOX = ("p", "b")
NOBODY = (None, None, None)


class People(unittest.TestCase):
    def add(self, log: Log, second: float, kind: str, who: str | None, **more: Any) -> None:
        at_ms = T0 + int(second * S)
        arrived_ms = more.pop("arrived", None)
        partition = more.pop("partition", 0)
        log.add(event(at_ms, kind, visitor=who, **more),
                at_ms if arrived_ms is None else T0 + arrived_ms * S, partition)

    def test_viewers_clickers_and_unseen(self) -> None:
        log = Log(windows="10s, 10m")
        self.add(log, 0, "view", "a")
        self.add(log, 1, "click", "a")
        self.add(log, 1, "click", "a")
        self.add(log, 2, "click", "b")  # b never saw it
        self.add(log, 3, "click", None)
        self.add(log, 4, "view", None)
        self.add(log, 5, "click", "c")  # c saw it afterwards: order plays no part
        self.add(log, 6, "view", "c")
        self.add(log, 7, "view", "d")
        answer = log.judge.answer(BOX, "10s", T0 + 8 * S)
        self.assertEqual([answer[key] for key in ("viewers", "clickers", "unseen_clickers")],
                         [3, 2, 1])
        self.assertEqual(answer["unique_ctr"], 2 / 3)
        self.assertNotIn("people_missing", answer)
        # a's view falls out first: a is unseen then. 1m windows have a grain of 1 s.
        self.assertEqual(tuple(log.judge.people(BOX, T0 + 1, T0 + 11 * S)), (2, 1, 2))
        self.assertEqual(tuple(log.judge.people(BOX, T0 + 7 * S, T0 + 17 * S)), (1, 0, 0))
        nobody = log.judge.answer(BOX, "10s", T0 + 60 * S)
        self.assertEqual((nobody["viewers"], nobody["unique_ctr"]), (0, None))

    def test_levels(self) -> None:
        for pairs in ({}, {"page_impressions": "box_views"}):
            log = Log(**pairs)
            self.add(log, 0, "view", "a", box=None)  # of page and site
            self.add(log, 0, "view", "b")  # of all four
            self.add(log, 0, "click", "a")
            self.add(log, 0, "click", "b", box=None)
            self.add(log, 0, "view", "a", page="q")
            got = {name: tuple(log.judge.people(name, T0, T0 + S)) for name in log.judge.names()}
            self.assertEqual(got, {SITE: (2, 2, 0), ("p", None): (2, 2, 0), ("q", None): (1, 0, 0),
                                   (None, "b"): (2, 1, 0), BOX: (1, 0, 1), ("q", "b"): (1, 0, 0)})

    def test_nothing_of_a_later_step(self) -> None:
        log = Log()
        self.add(log, 0, "view", "a", arrived=30)
        self.add(log, 1, "click", "a", partition=1)
        self.assertEqual(tuple(log.judge.people(BOX, T0, T0 + 30 * S)), (0, 0, 1))
        self.assertEqual(tuple(log.judge.people(BOX, T0, T0 + 31 * S)), (1, 1, 0))

    def test_many_views_are_counted_alike(self) -> None:
        log = Log()
        for at in range(60):
            self.add(log, at / 10, "click" if at % 3 == 0 else "view", f"v{at * at % 23}",
                     arrived=at % 20)
        by_sets = [tuple(log.judge.people(BOX, T0, T0 + at * S)) for at in range(20)]
        with mock.patch("people.MARKED_FROM", 0):
            by_marks = [tuple(log.judge.people(BOX, T0, T0 + at * S)) for at in range(20)]
        self.assertEqual(by_sets, by_marks)
        self.assertTrue(all(by_sets[-1]))

    def test_horizon(self) -> None:
        log = Log(windows="1m, 10m, 1h", people_horizon="1m")
        self.add(log, 0, "view", "a")
        said = [log.judge.answer(BOX, window, T0 + S) for window in ("1m", "10m", "1h")]
        self.assertEqual([(one["viewers"], one.get("people_missing")) for one in said],
                         [(1, None), (None, "people_horizon"), (None, "people_horizon")])


class Minutes(unittest.TestCase):
    def numbers(self, log: Log, to_s: int, name: Name = BOX, start_ms: int = M) -> minutes.Minute:
        """As of so many seconds after M."""
        return log.judge.minute(name, start_ms, M + to_s * S)

    def test_states(self) -> None:
        log = Log()
        states = [self.numbers(log, to_s).state for to_s in (0, 59, 60, 179, 180)]
        self.assertEqual(states, ["live", "live", "closing", "closing", "final"])
        self.assertEqual(self.numbers(Log(lateness="5s"), 65).state, "final")

    def test_a_minute_without_a_row(self) -> None:
        self.assertEqual(self.numbers(Log(), 600), ("final", *[0] * 9, *NOBODY))

    def test_edges_and_revision(self) -> None:
        log = Log()
        for partition, (ts, arrived) in enumerate([
                (M - 1, M), (M, M), (M + 59_999, M), (M + 60_000, M),
                (M, M + 179_999),  # its step is the moment at which the minute becomes final
                (M, M + 180_000)]):
            log.add(event(ts), arrived, partition)
        rows = [self.numbers(log, to_s) for to_s in (1, 59, 60, 179, 180, 181, 900)]
        self.assertEqual([row.impressions for row in rows], [1, 1, 2, 2, 3, 4, 4])
        self.assertEqual([row.revision for row in rows], [0, 0, 0, 0, 0, 1, 1])
        self.assertEqual([row.held_max for row in rows], [3, 3, 2, 2, 1, 0, 0])

    def test_what_revises(self) -> None:
        log = Log(filter="bot=1", click_gap="2s", dedup_horizon="1h")
        log.add(event(M, "click", visitor="v", id="i"), M)
        for more in ({"visitor": "v", "id": "i"}, {"bot": 1}, {"visitor": "v"}):
            log.add(event(M, "click", **more), M + 300 * S)
        row = self.numbers(log, 301)
        self.assertEqual((row.clicks, row.revision, row.duplicates, row.filtered, row.repeated),
                         (1, 1, 1, 1, 1))

    def test_refused_are_of_the_whole_log(self) -> None:
        log = Log(late="60s", future="60s")
        log.add(event(M, "click"), M + 61 * S)
        log.add(event(M, box=None), M - 61 * S)
        log.add(event(M), M + 61 * S)
        for to_s in (0, 600):
            row = self.numbers(log, to_s)
            self.assertEqual((row.late, row.future, row.impressions, row.held_max), (2, 0, 0, 0))
            row = self.numbers(log, to_s, SITE)
            self.assertEqual((row.late, row.future), (1, 1))
        self.assertEqual(log.judge.names(), [SITE])

    def test_views_of_boxes_concern_pages_where_they_count_for_them(self) -> None:
        for pairs, expected in (({}, (0, 0, 0, 0)),
                                ({"page_impressions": "box_views"}, (1, 1, 1, 1))):
            log = Log(filter="bot=1", late="60s", **pairs)
            log.add(event(M, id="i"), M)
            log.add(event(M, id="i"), M)
            log.add(event(M, bot=1), M)
            log.add(event(M), M + 61 * S)
            for name in (SITE, ("p", None)):
                row = self.numbers(log, 60, name)
                self.assertEqual((row.impressions, row.duplicates, row.filtered, row.late),
                                 expected)
            row = self.numbers(log, 60, (None, "b"))
            self.assertEqual((row.impressions, row.duplicates, row.filtered, row.late),
                             (1, 1, 1, 1))

    def test_people_are_those_of_the_end(self) -> None:
        log = Log()
        log.add(event(M - 540 * S, visitor="old"), M - 540 * S)  # the window's first millisecond
        log.add(event(M - 540 * S - 1, visitor="older"), M - 540 * S, 1)
        log.add(event(M, visitor="v"), M)
        log.add(event(M + 1, "click", visitor="v"), M + 70 * S)  # after the end: changes nothing
        for to_s in (60, 71, 900):
            self.assertEqual(self.numbers(log, to_s)[10:], (2, 0, 0))
        self.assertEqual(self.numbers(log, 59)[10:], NOBODY)
        self.assertEqual(self.numbers(log, 900).clicks, 1)

    def test_people_are_known_of_what_had_something_in_the_minute(self) -> None:
        log = Log(click_gap="60s")
        before = M - 30 * S
        for box in "vcwnr":
            log.add(event(before, "click", visitor="x", box=box), before)
        log.add(event(M, box="v"), M)  # nobody's view
        log.add(event(M, "click", box="c"), M)
        log.add(event(M, box="w"), M + 60 * S)  # too late for the minute's end
        log.add(event(M, "click", visitor="x", box="r"), M, 1)  # repeated, yet an event
        got = {box: self.numbers(log, 200, (None, box))[10:] for box in "vcwnr"}
        self.assertEqual(got, {"v": (0, 0, 1), "c": (0, 0, 1), "w": NOBODY, "n": NOBODY,
                               "r": (0, 0, 1)})
        log = Log()
        log.add(event(M, visitor="x"), M)  # a viewer of the page, and no impression
        row = self.numbers(log, 60, ("p", None))
        self.assertEqual((row.impressions, row[10:]), (0, (1, 0, 0)))

    def test_people_where_ten_minutes_are_not_answered(self) -> None:
        for pairs, known in (({"windows": "1m, 1h"}, False), ({"people_horizon": "1m"}, False),
                             ({"windows": "600s"}, True)):
            log = Log(**pairs)
            log.add(event(M, visitor="x"), M)
            self.assertEqual(self.numbers(log, 60)[10:], (1, 0, 0) if known else NOBODY)


class CheckingMinutes(unittest.TestCase):
    def setUp(self) -> None:
        self.log = Log(filter="bot=1", late="10m")
        for second in range(0, 180, 20):
            self.log.add(event(M + second * S, visitor="v"), M + second * S)
        self.log.add(event(M, "click", visitor="v"), M + 200 * S)
        self.log.add(event(M, bot=1), M + 200 * S)
        self.log.add(event(M), M + 601 * S)
        self.explained = {
            "page": "p", "box": "b", "minute": moment_text(M), "counted_to": moment_text(M + 201 * S),
            "minute_state": "final", "impressions": 3, "clicks": 1, "revision": 1, "duplicates": 0,
            "filtered": 1, "repeated": 0, "late": 1, "future": 0, "held": 0, "viewers_10m": 1,
            "clickers_10m": 0, "unseen_clickers_10m": 0, "unique_ctr_10m": 0.0, "ctr": 1 / 3}

    def point(self, start_s: int, **more: Any) -> dict[str, Any]:
        judge = self.log.judge
        rates = judge.answer(BOX, "1m", M + (start_s + 60) * S)
        return {"start": moment_text(M + start_s * S), "impressions": 3, "clicks": 0, "ctr": 0.0,
                "ctr_low": 0.0, "ctr_high": rates["ctr_high"], "viewers_10m": 1, "clickers_10m": 0,
                "unseen_clickers_10m": 0, "unique_ctr_10m": 0.0, "state": "closing", "revision": 0,
                **more}

    def series(self, step: str, *points: dict[str, Any]) -> dict[str, Any]:
        return {"page": "p", "box": "b", "step": step, "from": moment_text(M),
                "to": moment_text(M + 180 * S), "counted_to": moment_text(M + 201 * S),
                "points": list(points)}

    def test_explained(self) -> None:
        judge = self.log.judge
        self.assertEqual(judge.check_minute(self.explained), [])
        for lie in ({"impressions": 2}, {"clicks": 0}, {"revision": 0}, {"duplicates": 1},
                    {"filtered": 0}, {"repeated": 1}, {"late": 0}, {"future": 1}, {"held": 1},
                    {"held": None}, {"viewers_10m": None}, {"clickers_10m": 1}, {"ctr": 0.3},
                    {"unseen_clickers_10m": 1}, {"unique_ctr_10m": None}, {"minute_state": "closing"},
                    {"box": "c"}, {"minute": moment_text(M + 1)}, {"counted_to": moment_text(M + 1)}):
            self.assertTrue(judge.check_minute({**self.explained, **lie}), lie)
        for key in ("impressions", "revision", "late", "held", "viewers_10m", "minute_state"):
            less = {name: value for name, value in self.explained.items() if name != key}
            self.assertTrue(judge.check_minute(less), key)

    def test_not_everything_read(self) -> None:
        judge = self.log.judge
        self.assertEqual(judge.check_minute({**self.explained, "late": 0}, exact=False), [])
        self.assertTrue(judge.check_minute({**self.explained, "late": 2}, exact=False))
        early = {**self.explained, "counted_to": moment_text(M + 60 * S), "minute_state": "closing", "clicks": 0,
                 "revision": 0, "filtered": 0, "ctr": 0.0}
        for held in range(3):
            self.assertEqual(judge.check_minute({**early, "held": held}), [], held)
        self.assertTrue(judge.check_minute({**early, "held": 3}))

    def test_before_the_start(self) -> None:
        judge = self.log.judge
        self.assertEqual(judge.check_minute(self.explained, began_ms=M), [])
        self.assertTrue(judge.check_minute(self.explained, began_ms=M + 60 * S))
        unknown = {**self.explained, "impressions": None, "clicks": None, "revision": None}
        self.assertEqual(judge.check_minute(unknown, began_ms=M + 60 * S), [])

    def test_series_by_minute(self) -> None:
        judge = self.log.judge
        first = {"clicks": 1, "ctr": 1 / 3, "state": "final", "revision": 1,
                 **dict(zip(("ctr_low", "ctr_high"), bounds(3, 1)))}
        right = [self.point(0, **first), self.point(60), self.point(120)]
        self.assertEqual(judge.check_series(self.series("1m", *right)), [])
        for lie in ({"impressions": 2}, {"ctr": None}, {"ctr_low": None}, {"viewers_10m": 0},
                    {"unique_ctr_10m": None}, {"state": "final"}, {"revision": 1}):
            wrong = [*right[:2], {**right[2], **lie}]
            self.assertEqual(len(judge.check_series(self.series("1m", *wrong))), 1, lie)
        self.assertTrue(judge.check_series(self.series("1m", *right[:2])))
        self.assertTrue(judge.check_series(self.series("1m", *right[::-1])))

    def test_longer_steps_sum_minutes(self) -> None:
        low, high = bounds(9, 1)
        nobody = dict.fromkeys(("viewers_10m", "clickers_10m", "unseen_clickers_10m",
                                "unique_ctr_10m"))
        point = self.point(0, impressions=9, clicks=1, ctr=1 / 9, ctr_low=low, ctr_high=high,
                           revision=1, **nobody)
        self.assertEqual(self.log.judge.check_series(self.series("3m", point)), [])
        self.assertTrue(self.log.judge.check_series(self.series("3m", {**point, "revision": 0})))
        self.assertTrue(self.log.judge.check_series(self.series("3m", {**point, "viewers_10m": 1})))


def bounds(impressions: int, clicks: int) -> tuple[float, float]:
    return wilson(impressions, clicks) or (0.0, 0.0)


if __name__ == "__main__":
    unittest.main()
