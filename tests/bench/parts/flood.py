# SPDX-License-Identifier: Apache-2.0
"""flood: two minutes at the highest rate at which producer, broker and service, all on this machine,
keep up with each other: lag, cost, and that nothing is lost. Only where named."""

from __future__ import annotations

import os
import time
from typing import Any

from kit.check import percentile
from kit.service import Service, total

from parts import Row, Unusable, tally
from parts.bench import Bench, thread_seconds

RATES = (50_000, 100_000, 150_000, 200_000, 300_000, 400_000, 600_000, 1_000_000)
TRIED_S, SECONDS, LOOK_S = 10, 120, 0.1
LAG_MS = 3_000  # more: it does not keep up
ROOM = {"max_visitors": "400000000", "max_ids": "200000000", "page_impressions": "box_views",
        "windows": "1m,10m,1h"}


def phase(bench: Bench, name: str, rate: int, seconds: int) -> dict[str, Any]:
    """A service of its own on a topic of its own, from before the first event until the last one is
    counted."""
    bench.kafka.create(name, 4)
    service = bench.service(name, **ROOM).start()
    try:
        service.await_state("live")
        return driven(bench, service, name, rate, seconds)
    finally:
        service.end()


def driven(bench: Bench, service: Service, name: str, rate: int, seconds: int) -> dict[str, Any]:
    assert service.process is not None
    events, pid = rate * seconds, service.process.pid
    told = os.path.join(bench.scene.home, f"{name}.tally")
    lags: list[float] = []
    spent, begun = sum(thread_seconds(pid).values()), time.monotonic()
    with bench.producing(name, "--events", events, "--rate", rate, "--tally", told) as process:
        while process.poll() is None:
            status = service.client.status()
            if time.monotonic() - begun > 2 and status["lag_ms"] is not None:
                lags.append(status["lag_ms"])
            time.sleep(LOOK_S)
    produced_s = time.monotonic() - begun
    status = service.await_status(
        "every event was counted", lambda now: total(now, "counted") >= events, 600)
    if process.returncode != 0 or total(status, "counted") != total(status, "read") or not lags:
        raise Unusable(f"{total(status, 'counted')} counted of {total(status, 'read')} read")
    spent = sum(thread_seconds(pid).values()) - spent
    compared, wrong = tally.differences(told, service, "1h")
    if wrong:
        raise Unusable(f"counts are wrong: {wrong}")
    return {"rate": events / produced_s, "lags": lags, "events": total(status, "read"),
            "compared": compared, "cpu": spent, "produced_s": produced_s,
            "peak_mb": service.memory_mb("VmHWM"), "pairs": status["people"]["pairs"]}


def highest(bench: Bench) -> int:
    best = 0
    for rate in RATES[:2] if bench.quick else RATES:
        found = phase(bench, f"flood-{rate}", rate, 3 if bench.quick else TRIED_S)
        lag = found["lags"][-1]
        bench.say(f"{rate:,} a second: {found['rate']:,.0f} came, lag {lag:,.0f} ms at the end")
        if lag > LAG_MS or found["rate"] < rate * 0.97:
            break
        best = rate
    if best == 0:
        raise Unusable("not even the lowest rate was kept up with")
    return best


def run(bench: Bench) -> list[Row]:
    rate = highest(bench)
    found = phase(bench, "flood", rate, 5 if bench.quick else SECONDS)
    return [
        Row("events a second for two minutes", found["rate"], "1/s", "goal", 1_000_000,
            found["rate"] / 1_000_000,
            f"{found['events']:,} events, loss 0: {found['compared']:,} keys have what the producer "
            "counted; producer and broker beside",
            more=found),
        Row("lag meanwhile, p50", percentile(found["lags"], 0.5), "ms"),
        Row("lag meanwhile, p99", percentile(found["lags"], 0.99), "ms",
            note=f"at most {max(found['lags']):,.0f} ms"),
        Row("CPU meanwhile", 100 * found["cpu"] / found["produced_s"], "% of a core",
            note=f"{found['cpu'] / found['events'] * 1e9:,.0f} ns/event; "
                 f"{found['peak_mb']:,.0f} MB, {found['pairs']:,} pairs")]
