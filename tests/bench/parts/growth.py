# SPDX-License-Identifier: Apache-2.0
"""growth: how the cost of an event grows with keys, visitors, windows, partitions and readers."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Iterator

from parts import Row, plot
from parts.bench import Bench, Work

WINDOWS = ("1m", "1m,10m", "1m,10m,1h,24h", "1m,5m,10m,30m,1h,3h,12h,24h")
ROOM = {"max_keys": "4000000", "max_visitors": "100000000"}


def points(bench: Bench) -> Iterator[tuple[str, float, str, dict[str, str], int]]:
    """(sweep, where, topic, settings, readers)"""
    events = bench.events // 5
    quick = bench.quick
    for keys in (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        boxes = int(keys / 2.25)
        yield "keys", keys, bench.topic(f"keys-{keys}", events, boxes=boxes), ROOM, 0
    for visitors in (1_000, 100_000) if quick else (100_000, 1_000_000, 10_000_000):
        topic = bench.topic(f"visitors-{visitors}", events * (1 if quick else 2), visitors=visitors)
        yield "visitors", visitors, topic, ROOM, 0
    base = bench.topic("partitions-4", events, 4)
    for windows in WINDOWS[:2] if quick else WINDOWS:
        yield "windows", windows.count(",") + 1, base, {"windows": windows}, 0
    for partitions in (1, 4) if quick else (1, 4, 16, 64):
        topic = bench.topic(f"partitions-{partitions}", events, partitions)
        yield "partitions", partitions, topic, {}, 0
    for readers in (0, 2) if quick else (0, 4, 16, 64):
        yield "readers", readers, base, {}, readers


def measure(bench: Bench, topic: str, settings: dict[str, str], readers: int) -> dict[str, Any]:
    service = bench.service(topic, **settings).start()
    load = None
    try:
        if readers > 0:
            url = "http://%s:%d/v1/ctr?window=1m" % service.http  # type: ignore[operator]
            load = subprocess.Popen(["wrk", "-t1", f"-c{readers}", "-d300s", url],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        work = Work(service, bench.topics[topic])
        work.wait()
        return work.figures()
    finally:
        if load is not None:
            load.kill()
            load.wait()
        service.end()


def run(bench: Bench) -> list[Row]:
    sweeps: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for name, where, topic, settings, readers in points(bench):
        if readers > 0 and not shutil.which("wrk"):
            bench.say("no wrk: no readers")
            continue
        figures = measure(bench, topic, settings, readers)
        sweeps.setdefault(name, []).append((where, figures))
        bench.say(f"{name} {where:,.0f}: {cost(name, figures):,.0f} ns an event, "
                  f"{figures['rss_mb']} MB")
    rows = []
    for name, taken in sweeps.items():
        costs = [cost(name, figures) for _, figures in taken]
        rows.append(Row(f"{name} {plot.short(taken[0][0])} to {plot.short(taken[-1][0])}", costs[-1],
                        "ns/event", f"at {plot.short(taken[0][0])}", costs[0], costs[0] / costs[-1],
                        " ".join(f"{plot.short(at)}: {figures['rss_mb']} MB"
                                 for at, figures in taken), line=costs,
                        more={"sweep": name, "at": [at for at, _ in taken],
                              "points": [figures for _, figures in taken]}))
    return rows


def cost(name: str, figures: dict[str, Any]) -> float:
    """CPU of all threads; beside readers, who have threads of their own, of the ingest thread."""
    return figures["ns_per_event"]["ingest"] if name == "readers" \
        else 1e9 / figures["events_per_cpu_s"]


def graphs(rows: list[Row]) -> list[tuple[str, str, list[float], list[float]]]:
    return [(row.more["sweep"], "ns", row.more["at"], row.line) for row in rows if row.line]
