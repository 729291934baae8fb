#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fault suite: the real binary against a real Kafka, hurt in every way, judged by the oracle.

Every row of the fault matrix is in the table at the end, with how often it was tried, what became
of it and its figures, or with the reason why it is not tried. The last line is exactly
`N passed, N failed`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
from kit import ROOT  # noqa: E402
from kit import check, client, kafka, wait  # noqa: E402
from kit.world import Scene, World  # noqa: E402
from rows import Row, table  # noqa: E402
from tools.volume import Cannot  # noqa: E402

EXPECTED = (check.Unequal, wait.NeverHappened, client.Refused, kafka.Failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__.split("\n\n")[0])
    parser.add_argument("--long", type=float, default=0, metavar="HOURS",
                        help="all tries of the matrix, then random faults for the rest of HOURS")
    parser.add_argument("--only", action="append", default=[], metavar="ROW",
                        help="this row (R1 or its name); may be given again")
    parser.add_argument("--tries", type=int, default=0, help="so many tries of each row")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's random choices")
    parser.add_argument("--kafka", default="4.1.1", metavar="VERSION")
    parser.add_argument("--table", default="", metavar="FILE", help="writes the table there as well")
    parser.add_argument("--lie", choices=("oracle", "checks"), default="",
                        help="judge the judge: with a lie told to it, every row must fail")
    parser.add_argument("--keep", action="store_true", help="keep the directory of logs")
    parser.add_argument("--list", action="store_true", help="the rows; runs nothing")
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "livectr"))
    parser.add_argument("--ktool",
                        default=os.path.join(ROOT, "build", "release", "tests", "ktool"))
    return parser.parse_args()


class Outcome:
    def __init__(self, row: Row, tries: int) -> None:
        self.row, self.tries = row, tries
        self.result, self.figures, self.seconds = "", "", 0.0


def play(world: World, row: Row, tries: int) -> Outcome:
    """Runs one row and prints what became of it."""
    outcome, scene, reason = Outcome(row, tries), Scene(world, row.name), ""
    begun = time.monotonic()
    assert row.play is not None
    try:
        row.play(scene, tries)
        outcome.result = "ok"
    except Cannot as cannot:
        outcome.result, reason = "cannot", str(cannot)
    except Exception as error:  # whatever went wrong, the others still run
        outcome.result = "FAILED"
        reason = f"{type(error).__name__}: {error}"
        if not isinstance(error, EXPECTED):
            reason += "\n" + traceback.format_exc()
    tails = scene.log_tails() if outcome.result == "FAILED" else ""
    scene.end()
    outcome.seconds = time.monotonic() - begun
    figures = [f"{key}={value}" for key, value in scene.checks.figures.items()]
    outcome.figures = " ".join([*figures, f"comparisons={scene.checks.compared}"])
    if outcome.result == "cannot":
        outcome.figures = reason
    print(f"   {outcome.result} in {outcome.seconds:.0f} s; {outcome.figures}")
    if outcome.result == "FAILED":
        print(f"   {reason}\n{tails}\n   logs: {scene.home}")
    sys.stdout.flush()
    return outcome


def lines(outcomes: list[Outcome]) -> list[str]:
    """The table as Markdown."""
    found = ["| row | fault | tries | result | s | figures |", "|---|---|---|---|---|---|"]
    for outcome in outcomes:
        row = outcome.row
        found.append(f"| {row.number} | {row.title} | {outcome.tries or ''} | {outcome.result} | "
                     f"{outcome.seconds:.0f} | {outcome.figures} |")
    return found


def chosen(args: argparse.Namespace) -> list[Row]:
    rows = table()
    wanted = [part for text in args.only for part in text.split(",")]
    for part in wanted:
        if not any(part in (row.number, row.name) for row in rows):
            sys.exit(f"run.py: there is no row {part!r} (see --list)")
    return [row for row in rows if not wanted or row.number in wanted or row.name in wanted]


def tries_of(row: Row, args: argparse.Namespace) -> int:
    return args.tries or (row.long if args.long else row.short)


def play_all(world: World, rows: list[Row], args: argparse.Namespace) -> list[Outcome]:
    outcomes = []
    begun = time.monotonic()
    for at, row in enumerate(rows, 1):
        tries = tries_of(row, args)
        if row.play is None or tries == 0:
            outcome = Outcome(row, 0)
            outcome.result = "not tried" if row.play is None else "see"
            outcome.figures = row.reason
            outcomes.append(outcome)
            continue
        print(f"[{at}/{len(rows)}, {time.monotonic() - begun:.0f} s] {row.number} {row.title}"
              f" ({tries} tries)", flush=True)
        outcomes.append(play(world, row, tries))
    return outcomes


def main() -> int:
    args = arguments()
    rows = chosen(args)
    if args.list:
        for row in rows:
            print(f"{row.number:4} {row.name:22} {row.short:5} {row.long:5}  {row.title}"
                  f"{'  [' + row.reason + ']' if row.play is None else ''}")
        return 0
    seed = args.seed if args.seed is not None else time.time_ns() // 1_000_000 % 1_000_000
    world = World(args.binary, args.ktool, [args.kafka], not args.long, seed, args.lie)
    world.hours = args.long
    print(f"{len(rows)} rows, seed {seed}", flush=True)
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    try:
        outcomes = play_all(world, rows, args)
    finally:
        failed = sum(outcome.result == "FAILED" for outcome in outcomes)
        world.close(keep=args.keep or failed > 0)
    text = "\n".join(lines(outcomes))
    print(f"\n{text}\n\nseed {seed}, {time.monotonic() - begun:.0f} s")
    if args.table:
        with open(args.table, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    for outcome in outcomes:
        if outcome.result == "FAILED":
            print(f"FAILED {outcome.row.number} {outcome.row.name}")
    print(f"{sum(outcome.result == 'ok' for outcome in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
