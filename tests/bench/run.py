#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench: what the service costs, each figure beside its yardstick of the same run.

Parts, in this order (those named, or all but the last two):
{parts}
A program tests/bench/<layer>_<name>.c that no part runs may be named as well; it prints JSON lines.

The parts with a broker start a real Kafka of their own and end it. The table goes to stdout, all of
it to build/bench/results.json, how costs grow to build/bench/growth.svg. A ratio of 1 is as good as
the yardstick; larger is better. On a shared machine read ratios: a yardstick is measured directly
before and after what it stands beside. Nothing fails for being slow.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
from kit import ROOT  # noqa: E402
from kit.kafka import Failed  # noqa: E402
from kit.wait import NeverHappened  # noqa: E402
from parts import Row, Unusable, growth, machine, plot  # noqa: E402
from parts.bench import Bench  # noqa: E402

PARTS = {"ingest": "ingest", "decode": "decode", "reads": "reading", "snapshot": "saving",
         "restart": "restart", "latency": "latency", "beside": "beside", "growth": "growth",
         "flood": "flood", "hour": "hour"}
NAMED = ("flood", "hour")  # take long: only where they are asked for
OUT = os.path.join(ROOT, "build", "bench")
PAGE = os.path.join(ROOT, "docs", "performance.md")
MARKS = ("<!-- the table: ./dev bench --write-docs -->", "<!-- end of the table -->")


def arguments() -> argparse.Namespace:
    lines = []
    for name, module in PARTS.items():
        text = (importlib.import_module(f"parts.{module}").__doc__ or "").split("\n\n")[0]
        lines.append("  " + " ".join(text.split()).replace(f"{name}:", f"{name:9}", 1))
    parser = argparse.ArgumentParser(
        prog="./dev bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(__doc__ or "").replace("{parts}", "\n".join(lines)))
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--quick", action="store_true",
                        help="a minute: small, one try each; the figures say little")
    parser.add_argument("--check", action="store_true",
                        help="fail where a part gives no figure (for a test of the benchmarks)")
    parser.add_argument("--events", type=int, default=0, help="of the backlog (5,000,000)")
    parser.add_argument("--write-docs", action="store_true",
                        help="put the table and the plot into docs/performance.md")
    parser.add_argument("--kafka", default="4.1.1", help="version of Kafka (%(default)s)")
    parser.add_argument("--out", default=OUT, help="folder of the results (build/bench)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"),
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.programs = [name for name in args.names if name not in PARTS]
    args.parts = [name for name in PARTS
                  if name in args.names or (not args.names and name not in NAMED)]
    return args


# ---- what was found ----------------------------------------------------------------------------

def number(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) >= 100_000:
        return f"{value / 1e6:.3f} M"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(row: Row) -> list[str]:
    drawn = plot.blocks(row.line) + " " if row.line else ""
    return [row.name, f"{number(row.value)} {row.unit}",
            f"{row.beside}: {number(row.yardstick)}" if row.beside else "",
            "" if row.ratio is None else f"{row.ratio:.2f}", drawn + row.note]


def text_table(found: dict[str, list[Row]]) -> str:
    lines = []
    for name, rows in found.items():
        table = [["", "figure", "beside it", "ratio", ""]] + [cells(row) for row in rows]
        widths = [max(len(line[i]) for line in table) for i in range(4)]
        lines.append(f"\n{name}")
        for line in table:
            lines.append(("  " + "  ".join(line[i].ljust(widths[i]) for i in range(4))
                          + "  " + line[4]).rstrip())
    return "\n".join(lines)


def page_table(found: dict[str, list[Row]], facts: dict[str, Any]) -> str:
    lines = [machine.sentence(facts) + ".", "",
             "| part | what | figure | beside it | ratio | |", "|---|---|---|---|---|---|"]
    for name, rows in found.items():
        lines += ["| " + " | ".join([name, *cells(row)]) + " |" for row in rows]
    if "growth" in found:
        lines += ["", "![How the cost of an event grows](growth.svg)"]
    return "\n".join(lines)


def write_docs(found: dict[str, list[Row]], facts: dict[str, Any]) -> None:
    with open(PAGE, encoding="utf-8") as file:
        before, _, rest = file.read().partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{before}{MARKS[0]}\n\n{page_table(found, facts)}\n\n{MARKS[1]}{after}")
    if "growth" in found:
        write_plot(found["growth"], os.path.join(ROOT, "docs", "growth.svg"))


def write_plot(rows: list[Row], path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(plot.page(growth.graphs(rows)))


def write_results(out: str, found: dict[str, list[Row]], facts: dict[str, Any],
                  failed: dict[str, str]) -> None:
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"machine": facts, "failed": failed,
                   "parts": {name: [asdict(row) for row in rows] for name, rows in found.items()}},
                  file, indent=1, default=str)
    if "growth" in found:
        write_plot(found["growth"], os.path.join(out, "growth.svg"))


# ---- running -----------------------------------------------------------------------------------

def run_parts(args: argparse.Namespace, bench: Bench) -> tuple[dict[str, list[Row]], dict[str, str]]:
    found: dict[str, list[Row]] = {}
    failed: dict[str, str] = {}
    for place, name in enumerate(args.parts):
        begun = time.monotonic()
        print(f"== {name} ({place + 1} of {len(args.parts)})", file=sys.stderr, flush=True)
        try:
            found[name] = importlib.import_module(f"parts.{PARTS[name]}").run(bench)
        except (Unusable, Failed, NeverHappened, OSError, subprocess.SubprocessError, KeyError) as error:
            failed[name] = f"{type(error).__name__}: {error}"
            print(f"== {name}: FAILED: {failed[name]}", file=sys.stderr, flush=True)
            continue
        print(f"== {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return found, failed


def run_programs(args: argparse.Namespace) -> int:
    for name in args.programs:
        path = os.path.join(args.build, "tests/bench", f"bench_{name}")
        if not os.path.exists(path):
            print(f"bench: there is no part and no program {name} (./dev bench --help)",
                  file=sys.stderr)
            return 2
        print(f"== {name}", file=sys.stderr, flush=True)
        if subprocess.run([path], check=False).returncode != 0:
            return 1
    return 0


def empty_parts(found: dict[str, list[Row]]) -> list[str]:
    """Parts that gave nothing, or a figure that cannot be one."""
    return [f"{name}: {row.name if row else 'no rows'}" for name, rows in found.items()
            for row in (rows or [None]) if row is None or not is_figure(row)]


def is_figure(row: Row) -> bool:
    measured = row.value >= 0 if row.may_be_zero else row.value > 0
    return measured and (row.ratio is None or row.ratio > 0)


def main() -> int:
    args = arguments()
    code = run_programs(args)
    if code != 0 or (args.programs and not args.parts):
        return code
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the Kafka ends with it
    events = args.events or (60_000 if args.quick else 5_000_000)
    watch = machine.Watch()
    bench = Bench(args.build, args.kafka, args.quick, events)
    try:
        found, failed = run_parts(args, bench)
    finally:
        bench.end()
    facts = watch.end()
    write_results(args.out, found, facts, failed)
    print(machine.sentence(facts))
    print(text_table(found))
    for name, why in failed.items():
        print(f"\n{name}: FAILED: {why}")
    print(f"\n{os.path.join(args.out, 'results.json')}")
    if args.write_docs:
        write_docs(found, facts)
    wrong = empty_parts(found)
    for text in wrong if args.check else []:
        print(f"bench: no figure: {text}", file=sys.stderr)
    return 1 if failed or (args.check and wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
