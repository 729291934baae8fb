#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the system tests: the service as a process, Kafka as a real broker, the oracle as judge.

Per scenario one line with its name, verdict, seconds and measured figures; of a failed one also the
reason and the end of the service's log. One that waited for something in vain is played once more,
because a busy machine does that, too: both tries are told. A number that is wrong is wrong at once.
What failed is told again at the end; the last line is exactly `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import ROOT  # noqa: E402
from kit import check, client, kafka, wait  # noqa: E402
from kit.world import Scene, World  # noqa: E402
from scenarios import Scenario, table  # noqa: E402

# What tells its story in one line; anything else is a fault of the tests and comes with its trace.
EXPECTED = (check.Unequal, wait.NeverHappened, client.Refused, kafka.Failed)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "livectr"))
    parser.add_argument("--ktool",
                        default=os.path.join(ROOT, "build", "release", "tests", "ktool"))
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="this scenario, or all whose name begins so; may be given again")
    parser.add_argument("--kafka", default="3.9.1,4.1.1", metavar="VERSIONS",
                        help="the last one runs what needs only one (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="shorter floods, fewer rounds")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's random choices")
    parser.add_argument("--lie", choices=("oracle", "checks"), default="",
                        help="judge the judge: with a lie told to it, every scenario must fail")
    parser.add_argument("--keep", action="store_true", help="keep the directory of logs")
    parser.add_argument("--list", action="store_true", help="names and promises; runs nothing")
    return parser.parse_args()


def promise(scenario: Scenario) -> str:
    function = getattr(scenario, "func", scenario)
    return (function.__doc__ or "").strip().splitlines()[0]


def play(world: World, name: str, scenario: Scenario, again: bool = False) -> tuple[str, bool]:
    """Runs one; prints what became of it. The reason why it failed ("" if it did not), and whether
    that is only that something did not happen in time."""
    scene = Scene(world, name + "_again" if again else name)
    begun = time.monotonic()
    try:
        scenario(scene)
        verdict, reason, slow = "ok", "", False
    except Exception as error:  # whatever went wrong, the others still run
        verdict = "FAILED"
        reason = f"{type(error).__name__}: {error}"
        slow = isinstance(error, wait.NeverHappened)
        if not isinstance(error, EXPECTED):
            reason += "\n" + traceback.format_exc()
    tails = scene.log_tails() if reason else ""
    scene.end()
    seconds = time.monotonic() - begun
    figures = " ".join(f"{key}={value}".replace("\n", " ")
                       for key, value in scene.checks.figures.items())
    print(f"{name}: {verdict} in {seconds:.1f} s, {scene.checks.compared} comparisons; {figures}")
    if reason:
        print(f"  {reason}\n{tails}\n  logs: {scene.home}")
    sys.stdout.flush()
    return reason, slow


def one_line(text: str) -> str:
    """What stands in the list of failures, where a line is one failure: its beginning and its end."""
    flat = " | ".join(line.strip() for line in text.splitlines())
    return flat if len(flat) <= 900 else f"{flat[:400]} [...] {flat[-500:]}"


def main() -> int:
    args = arguments()
    scenarios = table(args.kafka.split(","))
    if args.only:
        wanted = [part for text in args.only for part in text.split(",")]
        for part in wanted:
            if not any(name.startswith(part) for name in scenarios):
                sys.exit(f"run.py: no scenario begins with {part!r} (see --list)")
        scenarios = {name: scenario for name, scenario in scenarios.items()
                     if any(name == part for part in wanted)
                     or any(name.startswith(part) and part not in scenarios for part in wanted)}
    if args.list:
        for name, scenario in scenarios.items():
            print(f"{name:22} {promise(scenario)}")
        return 0
    for program in (args.binary, args.ktool):
        if not shutil.which(program):
            sys.exit(f"run.py: there is no program {program} (./dev build makes it)")
    seed = args.seed if args.seed is not None else time.time_ns() // 1_000_000 % 1_000_000
    world = World(args.binary, args.ktool, args.kafka.split(","), args.quick, seed, args.lie)
    print(f"{len(scenarios)} scenarios, seed {seed}", flush=True)
    failures: list[str] = []
    again: list[str] = []
    begun = time.monotonic()
    try:
        for at, (name, scenario) in enumerate(scenarios.items(), 1):
            print(f"[{at}/{len(scenarios)}] {name}: {promise(scenario)}", flush=True)
            reason, slow = play(world, name, scenario)
            if slow and not args.lie:
                again.append(f"{name}: {one_line(reason)}")
                print(f"{name}: once more", flush=True)
                reason, slow = play(world, name, scenario, again=True)
            if reason:
                failures.append(f"{name}: {one_line(reason)}")
    finally:
        world.close(keep=args.keep or bool(failures))
    print(f"all of it in {time.monotonic() - begun:.0f} s")
    for line in again:
        print(f"SECOND TRY {line}")
    for line in failures:
        print(f"FAILED {line}")
    print(f"{len(scenarios) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
