# SPDX-License-Identifier: Apache-2.0
"""Duplicates, filtered, unchecked and click_gap, worked out by hand."""

from __future__ import annotations

import os
import sys
import unittest
from typing import Any
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import decode  # noqa: E402
from settings import Settings  # noqa: E402
from test_oracle import SITE, T0, Log, event  # noqa: E402

S = 1000
BOX = ("p", "b")


def accounts(log: Log, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in log.judge.accounts()]


class Duplicates(unittest.TestCase):
    def views(self, log: Log, *at: int) -> list[int]:
        """Impressions up to so many seconds after T0."""
        return [log.judge.counts(BOX, 0, T0 + second * S)[0] for second in at]

    def test_a_copy_counts_once_and_any_difference_is_none(self) -> None:
        log = Log(filter="bot=true")
        log.add(event(T0, id="i", visitor="v"), T0)
        log.add(event(T0, id="i", visitor="v", noise=1), T0)  # fields nobody reads do not differ
        self.assertEqual(self.views(log, 1), [1])
        for other in ({"visitor": "w"}, {"id": "j"}, {"ts": T0 + 1}, {"kind": "click"},
                      {"page": "q"}, {"box": None}, {"bot": True}):
            log.add(event(**{"ts": T0, "id": "i", "visitor": "v", **other}), T0)
        self.assertEqual(accounts(log, "duplicate", "filtered"), [(1, 1)])
        self.assertEqual(log.judge.counts((None, "b"), 0, T0 + S), (5, 1))

    def test_without_an_id_nothing_is_a_duplicate(self) -> None:
        log = Log()
        for _ in range(3):
            log.add(event(T0, visitor="v"), T0)
        self.assertEqual(self.views(log, 1), [3])

    def test_three_copies_in_one_partition(self) -> None:
        log = Log()
        for second in (0, 3, 5):
            log.add(event(T0, id="i"), T0 + second * S)
        self.assertEqual(self.views(log, 0, 1, 6), [0, 1, 1])
        key = log.judge.keys.get(BOX)
        self.assertEqual([key.duplicates.count(T0, T0 + S, T0 + at * S) for at in (1, 3, 4, 5, 6)],
                         [0, 0, 1, 1, 2])

    def test_the_earliest_step_counts_whichever_partition_is_taken_first(self) -> None:
        for turned in (False, True):
            log = Log()
            for partition in sorted((0, 1), reverse=turned):
                log.add(event(T0, id="i"), T0 + (5 if partition == 0 else 2) * S, partition)
            self.assertEqual(self.views(log, 2, 3, 5, 6), [0, 1, 1, 1], turned)
            self.assertEqual(log.judge.keys.get(BOX).duplicates.count(0, T0 + S, T0 + 5 * S), 0)
            self.assertEqual(log.judge.keys.get(BOX).duplicates.count(0, T0 + S, T0 + 6 * S), 1)
            dups = {row["partition"]: row["duplicate"] for row in log.judge.accounts()}
            self.assertEqual(dups, {0: 1, 1: 0})

    def test_within_a_step_by_topic_and_partition(self) -> None:
        log = Log(topics="a, b")
        for topic, partition in (("b", 0), ("a", 1), ("a", 0)):
            log.add(event(T0, id="i"), T0, partition, topic)
        dups = {(row["topic"], row["partition"]): row["duplicate"] for row in log.judge.accounts()}
        self.assertEqual(dups, {("a", 0): 0, ("a", 1): 1, ("b", 0): 1})

    def test_a_copy_taken_after_an_answer_moves_the_event_forward(self) -> None:
        log = Log()
        log.add(event(T0, id="i"), T0 + 8 * S)
        self.assertEqual(self.views(log, 5, 9), [0, 1])
        log.add(event(T0, id="i"), T0, 1)
        self.assertEqual(self.views(log, 1, 5, 9), [1, 1, 1])

    def test_delay_is_of_the_arrival_and_strict(self) -> None:
        log = Log(dedup_horizon="10s")
        log.add(event(T0, id="i"), T0)
        log.add(event(T0, id="i"), T0 + 10 * S)  # just looked up
        log.add(event(T0, id="i"), T0 + 10 * S + 1)  # neither found nor remembered
        log.add(event(T0, id="i"), T0)  # its arrival is that of the record before
        log.add(event(T0, id="k"), T0)
        log.add(event(T0), T0)  # without an id: never unchecked
        self.assertEqual(accounts(log, "duplicate", "unchecked", "accepted"), [(1, 3, 6)])
        self.assertEqual(self.views(log, 1, 11), [1, 5])

    def test_unchecked_is_not_remembered(self) -> None:
        log = Log(dedup_horizon="10s")
        log.add(event(T0, id="i"), T0 + 11 * S)
        log.add(event(T0, id="i"), T0 + 12 * S)
        log.add(event(T0, id="i"), T0, 1)
        self.assertEqual(self.views(log, 1, 12, 13), [1, 2, 3])

    def test_late_and_future_copies_are_no_copies(self) -> None:
        log = Log(late="20s", future="20s")
        log.add(event(T0, id="i"), T0 + 21 * S)
        log.add(event(T0, id="i"), T0 - 21 * S)
        log.add(event(T0, id="i"), T0)
        self.assertEqual(accounts(log, "late", "future", "duplicate"), [(1, 1, 0)])
        self.assertEqual(self.views(log, 1), [1])

    def test_fingerprints_that_collide(self) -> None:
        class Odd(str):
            def __hash__(self) -> int:
                return 1

        log = Log()
        place = log.judge.events.place(("events", 0))
        for page in ("p", "q", "q", "p", "q"):
            made = decode.Event(False, T0, Odd(page), None, None, "i")
            log.judge.events.take(made, T0 // S + 1, place, False)
        self.assertEqual(log.judge.counts(SITE, 0, T0 + S), (2, 0))

    def test_fingerprints_of_other_events_that_collide(self) -> None:
        for one, other in (((False, True), (False, False)), ((True, False), (False, False))):
            log = Log()
            place = log.judge.events.place(("events", 0))
            for click, filtered in (one, other, one, other):
                made = decode.Event(click, T0, "p", None, None, "i", filtered)
                with mock.patch("events.hash", lambda event: 1, create=True):
                    log.judge.events.take(made, T0 // S + 1, place, False)
            self.assertEqual(log.judge.events.places[place].duplicates, 2)

    def test_unchecked_at_rest_is_exact(self) -> None:
        log = Log(dedup_horizon="1s")
        log.add(event(T0, id="i"), T0 + 2 * S)
        row = {"topic": "events", "partition": 0, "position": [[0, 1]], "read": 1, "counted": 1,
               "held": 0, "duplicate": 0, "late": 0, "future": 0, "malformed": 0, "unchecked": 1,
               "filtered": 0, "stragglers": 0}
        self.assertEqual(log.judge.check_partition(row, T0 + 3 * S, exact=True), [])
        row["unchecked"] = 0
        self.assertTrue(log.judge.check_partition(row, T0 + 3 * S, exact=True))
        self.assertEqual(log.judge.check_partition(row, T0 + 3 * S), [])
        self.assertTrue(log.judge.check_sums([row]))

    def test_accounts_by_partition(self) -> None:
        log = Log(filter="bot=1")
        for partition in (0, 0, 1):
            log.add(event(T0, id="i", bot=1), T0, partition)
        log.add(event(T0, id="k"), T0, 2)
        log.add(event(T0, id="k"), T0, 2)

        def row(partition: int, read: int, duplicate: int, filtered: int) -> dict[str, Any]:
            return {"topic": "events", "partition": partition, "position": [[0, read]],
                    "read": read, "counted": read - duplicate, "held": 0, "duplicate": duplicate,
                    "late": 0, "future": 0, "malformed": 0, "unchecked": 0, "filtered": filtered,
                    "stragglers": 0}

        def faults(rows: list[dict[str, Any]]) -> list[str]:
            found = log.judge.check_sums(rows)
            for one in rows:
                found += log.judge.check_partition(one, T0 + S, exact=True)
            return found

        self.assertEqual(faults([row(0, 2, 1, 1), row(1, 1, 1, 0), row(2, 2, 1, 0)]), [])
        self.assertEqual(faults([row(0, 2, 2, 0), row(1, 1, 0, 1), row(2, 2, 1, 0)]), [])
        self.assertTrue(faults([row(0, 2, 1, 1), row(1, 1, 0, 0), row(2, 2, 1, 0)]))  # one missed
        self.assertTrue(faults([row(0, 2, 1, 1), row(1, 1, 1, 0), row(2, 2, 0, 0)]))
        self.assertTrue(faults([row(0, 2, 1, 0), row(1, 1, 1, 0), row(2, 2, 1, 0)]))
        self.assertTrue(faults([row(0, 2, 1, 0), row(1, 1, 1, 0), row(2, 2, 1, 1)]))


class Filtered(unittest.TestCase):
    def filtered(self, wanted: str, **more: Any) -> bool:
        settings = Settings.of({"filter": wanted})
        return decode.decode(event(T0, **more), None, settings).filtered

    def test_values(self) -> None:
        for wanted, value in (("x=true", True), ("x=false", False), ("x=true", "true"),
                              ("x=7", 7), ("x=-7", -7), ("x=7", "7"), ("x=0", 0), ("x=a=b", "a=b"),
                              ("/x/y~1z=1", {"y/z": 1}), ("x=\u00e9", "\u00e9"), ("x=", "")):
            self.assertTrue(self.filtered(wanted, x=value), (wanted, value))
        for wanted, value in (("x=true", False), ("x=True", True), ("x=1", True), ("x=1", 1.0),
                              ("x=1.0", 1.0), ("x=null", None), ("x=None", None), ("x=", None),
                              ("x=[]", []), ("x=7", 8), ("x=a", "A"), ("x=07", 7), ("y=1", 1),
                              ("", True), ("/x/y=1", {"y/z": 1})):
            self.assertFalse(self.filtered(wanted, x=value), (wanted, value))
        with self.assertRaises(ValueError):
            Settings.of({"filter": "x"})
        self.assertEqual(Settings.of_lines(["filter = /a/b = c"]).filter, ("/a/b", "c"))

    def test_counts_apart(self) -> None:
        log = Log(filter="bot=true", click_gap="10s")
        log.add(event(T0, visitor="v", bot=True), T0)
        log.add(event(T0, "click", visitor="v", bot=True), T0)
        log.add(event(T0 + 1, "click", visitor="v"), T0)
        self.assertEqual(log.judge.counts(BOX, 0, T0 + S), (0, 1))  # and repeats no filtered click
        self.assertEqual(tuple(log.judge.people(BOX, 0, T0 + S)), (0, 0, 1))
        self.assertEqual(accounts(log, "filtered", "accepted"), [(2, 3)])
        self.assertEqual(log.judge.keys.get(SITE).filtered.count(0, T0 + S, T0 + S), 1)


class ClickGap(unittest.TestCase):
    def clicks(self, log: Log, *at: int) -> list[int]:
        return [log.judge.counts(BOX, 0, T0 + second * S)[1] for second in at]

    def click(self, log: Log, at_ms: int, arrived_ms: int | None = None, **more: Any) -> None:
        more.setdefault("visitor", "v")
        partition = more.pop("partition", 0)
        log.add(event(T0 + at_ms, "click", **more),
                T0 + (at_ms if arrived_ms is None else arrived_ms), partition)

    def test_any_click_less_than_the_gap_before(self) -> None:
        log = Log(click_gap="2s")
        for at_ms in (0, 1_999, 3_998, 5_998, 5_998):  # counts, repeats twice, counts, repeats
            self.click(log, at_ms)
        self.assertEqual(self.clicks(log, 1, 2, 4, 6), [1, 1, 1, 2])

    def test_off(self) -> None:
        for pairs in ({}, {"click_gap": "off"}):
            log = Log(**pairs)
            self.click(log, 0)
            self.click(log, 0)
            self.assertEqual(self.clicks(log, 1), [2])

    def test_only_of_the_same_visitor_page_and_box(self) -> None:
        log = Log(click_gap="10s")
        self.click(log, 0)
        self.click(log, 1, visitor="w")
        self.click(log, 2, box="c")
        self.click(log, 3, box=None)
        self.click(log, 4, page="q")
        log.add(event(T0 + 5, visitor="v"), T0)
        self.click(log, 6, visitor=None)
        self.click(log, 6, visitor=None)
        self.assertEqual(log.judge.counts(SITE, 0, T0 + S)[1], 7)
        self.assertEqual(log.judge.counts(("p", None), 0, T0 + S)[1], 6)

    def test_a_click_that_turns_up_late_takes_back_the_one_after_it(self) -> None:
        log = Log(click_gap="2s")
        self.click(log, 1_500)
        self.click(log, 0, 7_000, partition=1)
        self.assertEqual(self.clicks(log, 2, 7, 8), [1, 1, 1])
        from_ms = T0 + S
        later = [log.judge.counts(BOX, from_ms, T0 + at * S)[1] for at in (2, 7, 8)]
        self.assertEqual(later, [1, 1, 0])
        repeated = [log.judge.minute(BOX, T0 - 10_000, T0 + at * S).repeated for at in (7, 8)]
        self.assertEqual(repeated, [0, 1])

    def test_much_delayed_clicks_repeat_nothing_and_count(self) -> None:
        log = Log(click_gap="60s", dedup_horizon="5s")
        self.click(log, 0, 5_001)
        self.click(log, 1, 5_002, partition=1)
        self.assertEqual(self.clicks(log, 6), [2])
        self.click(log, 6_000)
        self.click(log, 7_000)
        self.assertEqual(self.clicks(log, 8), [3])

    def test_duplicates_repeat_nothing(self) -> None:
        log = Log(click_gap="2s")
        self.click(log, 0, id="i")
        self.click(log, 0, id="i")
        self.assertEqual(log.judge.minute(BOX, T0 - 10_000, T0 + S)[1:7], (0, 1, 0, 1, 0, 0))

    def test_clickers_are_not_affected(self) -> None:
        log = Log(click_gap="2s", windows="1s, 10m")
        log.add(event(T0 + 500, visitor="v"), T0)
        self.click(log, -500)
        self.click(log, 600)
        self.assertEqual(log.judge.counts(BOX, T0, T0 + S), (1, 0))
        self.assertEqual(tuple(log.judge.people(BOX, T0, T0 + S)), (1, 1, 0))


if __name__ == "__main__":
    unittest.main()
