# SPDX-License-Identifier: Apache-2.0
"""hour: an hour of 10,000 events a second: memory, cost, and that nothing is lost. Only where named.

The slices of the longest window grow until it is full, which is a day here; what must not grow is
all the rest.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

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


class Look(NamedTuple):
    hours: float  # since the start
    rss_mb: float
    slices_mb: float  # by the service's own account


def looked_at(bench: Bench, service: Service, seconds: int, told: str) -> list[Look]:
    """Memory while the events come."""
    found: list[Look] = []
    begun = time.monotonic()
    with bench.producing("hour", "--events", RATE * seconds, "--rate", RATE, "--partitions",
                         PARTITIONS, "--tally", told) as process:
        while process.poll() is None:
            slices = service.client.status()["memory"]["slices"] / 2**20
            found.append(Look((time.monotonic() - begun) / 3600, service.memory_mb(), slices))
            if len(found) % 60 == 0:
                bench.say(f"{found[-1].hours * 60:.0f} min: {found[-1].rss_mb:.0f} MB, slices "
                          f"{found[-1].slices_mb:.0f}")
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
    kept = [look for look in found if look.hours * 3600 >= warm]
    rest = [(look.hours, look.rss_mb - look.slices_mb) for look in kept]
    service.end()
    return [
        Row("RSS after a quarter of an hour", kept[0].rss_mb, "MB", "in the end", kept[-1].rss_mb,
            kept[0].rss_mb / kept[-1].rss_mb, f"of which slices {kept[0].slices_mb:.0f} and "
            f"{kept[-1].slices_mb:.0f} MB: a day is not full yet; "
            f"{status['people']['pairs']:,} pairs", more={"looks": found}),
        Row("the same without slices", rest[0][1], "MB", "in the end", rest[-1][1],
            rest[0][1] / rest[-1][1],
            f"{min(mb for _, mb in rest):.0f} to {max(mb for _, mb in rest):.0f} MB"),
        Row("its growth from there on", slope(rest), "MB/h", may_be_zero=True),
        Row("CPU at 10,000 events/s", 100 * spent / seconds, "% of a core",
            note=f"{total(status, 'read'):,} events, loss 0: {compared:,} keys have what the "
            "producer counted")]
