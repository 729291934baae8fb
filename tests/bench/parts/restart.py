# SPDX-License-Identifier: Apache-2.0
"""restart: a million keys, ten million pairs of a visitor and a key; killed, then from exec to the
first right answer."""

from __future__ import annotations

import time

from kit.service import total
from kit.wait import until

from parts import Row, Unusable
from parts.bench import Bench

GOAL_MS = 1_000


def run(bench: Bench) -> list[Row]:
    boxes, visitors = (2_000, 5_000) if bench.quick else (444_000, 1_000_000)
    topic = bench.topic("restart", bench.events, boxes=boxes, visitors=visitors)
    figures = bench.ingest(topic, keep=True, max_keys="4000000", max_visitors="100000000",
                           people_horizon="1h", snapshot_interval="2s", http_threads="1")
    service = figures["service"]
    clicks = answer(service)
    written = service.client.status()["snapshot"]["written"]
    service.await_status("two saves more", lambda now: now["snapshot"]["written"] >= written + 2, 120)
    times = []
    for _ in range(1 if bench.quick else 3):
        service.kill9()
        begun = time.monotonic()
        service.launch()
        until("it listens", service.listening, 60, 0.002)
        until("the right answer", lambda: answer(service) == clicks, 60, 0.002,
              seen=lambda: answer(service))
        times.append((time.monotonic() - begun) * 1000)
        now = service.client.status()
        if total(now, "counted") != bench.topics[topic]:
            raise Unusable(f"{total(now, 'counted')} events after the start")
        if now["people"]["pairs"] < figures["pairs"] * 0.5:
            raise Unusable(f"{now['people']['pairs']} pairs after the start, {figures['pairs']} before")
    service.end()
    return [Row("exec to the first right answer", min(times), "ms", "goal", GOAL_MS,
                GOAL_MS / min(times),
                f"{figures['keys']:,} keys, {figures['pairs']:,} pairs; tries: "
                + " ".join(f"{one:.0f}" for one in times), more={"tries_ms": times})] \
        + memory(figures)


def memory(figures: dict) -> list[Row]:
    """What it took by its own account."""
    account, keys, pairs = figures["account"], figures["keys"], figures["pairs"]
    return [Row("a key: its row and names", (account["keys"] + account["names"]) / keys, "bytes",
                note=f"with its cells in slices {(account['slices']) / keys:.0f} more"),
            Row("a pair of a visitor and a key", account["people"] / pairs, "bytes",
                "what it holds", 10, 10 / (account["people"] / pairs),
                f"crowds of slices are in it; {pairs:,} pairs"),
            Row("all resident memory by key", figures["rss_mb"] * 1048576 / keys, "bytes",
                note=f"{figures['rss_mb']:,} MB")]


def answer(service) -> int:
    """The site's clicks in the widest window; -1: no answer yet."""
    try:
        said = service.client.request("GET", "/v1/ctr?window=24h")
    except (OSError, EOFError):
        service.close_client()
        return -1
    if said.status != 200:
        return -1
    return said.json()["clicks"]
