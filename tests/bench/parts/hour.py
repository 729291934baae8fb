# SPDX-License-Identifier: Apache-2.0
"""hour: an hour of 10,000 events a second: memory, cost, and that nothing is lost. Only where named."""

from __future__ import annotations

import os
import subprocess
import time

from kit.service import Service, total

from parts import Row, Unusable, tally
from parts.bench import Bench, thread_seconds

RATE, PARTITIONS = 10_000, 8
SECONDS, WARM_S, LOOK_S = 3600, 900, 10  # all that is kept for 10 minutes is there long before
SETTINGS = {"page_impressions": "box_views", "windows": "1m,10m,1h,24h"}


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line with the least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def looked_at(bench: Bench, service: Service, seconds: int, told: str) -> list[tuple[float, float]]:
    """RSS in MB by hours since the start, while the events come."""
    found: list[tuple[float, float]] = []
    begun = time.monotonic()
    with subprocess.Popen([bench.program("tool_fill"), "-b", bench.kafka.bootstrap, "--topic",
                           "hour", "--events", str(RATE * seconds), "--rate", str(RATE),
                           "--partitions", str(PARTITIONS), "--tally", told],
                          stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found.append(((time.monotonic() - begun) / 3600, service.memory_mb()))
            if len(found) % 60 == 0:
                bench.say(f"{found[-1][0] * 60:.0f} min: {found[-1][1]:.1f} MB")
            time.sleep(1 if bench.quick else LOOK_S)
        if process.returncode != 0:
            raise Unusable("not every event was delivered")
    return found


def run(bench: Bench) -> list[Row]:
    seconds, warm = (15, 5) if bench.quick else (SECONDS, WARM_S)
    told = os.path.join(bench.scene.home, "hour.tally")
    bench.kafka.create("hour", PARTITIONS)
    service = bench.service("hour", **SETTINGS).start()
    service.await_state("live")
    assert service.process is not None
    spent = sum(thread_seconds(service.process.pid).values())
    found = looked_at(bench, service, seconds, told)
    spent = sum(thread_seconds(service.process.pid).values()) - spent
    status = service.await_status("every event was counted",
                                  lambda now: total(now, "counted") >= RATE * seconds)
    compared, wrong = tally.differences(told, service, "24h")
    if wrong:
        raise Unusable(f"counts are wrong: {wrong}")
    kept = [point for point in found if point[0] * 3600 >= warm]
    memory = [megabytes for _, megabytes in kept]
    service.end()
    return [
        Row("RSS after a quarter of an hour", memory[0], "MB", "in the end", memory[-1],
            memory[0] / memory[-1], f"{min(memory):.0f} to {max(memory):.0f} MB; "
            f"{status['people']['pairs']:,} pairs", more={"rss": found}),
        Row("growth of RSS from there on", slope(kept), "MB/h", may_be_zero=True),
        Row("CPU at 10,000 events/s", 100 * spent / seconds, "% of a core",
            note=f"{total(status, 'read'):,} events, loss 0: {compared:,} keys have what the "
            "producer counted")]
