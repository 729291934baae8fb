#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the system tests: the service as a process, Kafka as a real broker, the oracle as judge.

Per scenario one line with its name, verdict, seconds and measured figures; of a failed one also the
reason and the end of the service's log. The last line is exactly `N passed, N failed`.
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


def play(world: World, name: str, scenario: Scenario) -> bool:
    """Runs one; prints what became of it."""
    scene = Scene(world, name)
    begun = time.monotonic()
    try:
        scenario(scene)
        verdict, reason = "ok", ""
    except Exception as error:  # whatever went wrong, the others still run
        verdict = "FAILED"
        reason = f"{type(error).__name__}: {error}"
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
    return verdict == "ok"


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
    passed = failed = 0
    begun = time.monotonic()
    try:
        for at, (name, scenario) in enumerate(scenarios.items(), 1):
            print(f"[{at}/{len(scenarios)}] {name}: {promise(scenario)}", flush=True)
            if play(world, name, scenario):
                passed += 1
            else:
                failed += 1
    finally:
        world.close(keep=args.keep or failed > 0)
    print(f"all of it in {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
