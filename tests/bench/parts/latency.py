# SPDX-License-Identifier: Apache-2.0
"""latency: from an event's being handed to the producer until an answer counts it, at 10,000 events
a second in 8 partitions, and the CPU that this takes.

One event in ten is a view of one placement. The producer notes when it was handed each; a client
asks for that placement all the time. When an answer says n, the n-th was visible.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from typing import IO

from kit.check import percentile
from kit.service import Service, total

from parts import Row, Unusable
from parts.bench import Bench, thread_seconds

RATE, MARK, SLICE_MS, PARTITIONS = 10_000, 10, 1_000, 8
WARM_S = 5


def run(bench: Bench) -> list[Row]:
    seconds = 5 if bench.quick else 30
    settle_ms = 500
    topic = "live"
    bench.kafka.create(topic, PARTITIONS)
    service = bench.service(topic, settle=f"{settle_ms}ms").start()
    service.await_state("live")
    begun_wall = time.time()
    with tempfile.TemporaryFile("w+") as said, \
            steady(bench, topic, seconds, said, MARK) as process:
        seen = watch(service, RATE * seconds // MARK, seconds + 20)
        process.wait(20)
        said.seek(0)
        out = said.read().splitlines()
    assert service.process is not None
    given = [int(line) / 1e6 for line in out if line.isdigit()]
    if json.loads(out[-1])["events"] != RATE * seconds or len(given) != len(seen["at"]):
        raise Unusable("not every event was delivered")
    service.await_status("all counted", lambda now: total(now, "held") == 0)
    alone = cpu_alone(bench, service, topic, seconds)
    warm = [at - handed for at, handed in zip(seen["at"], given) if handed > begun_wall + 1]
    delays = [delay * 1000 for delay in warm]
    service.end()
    mean_floor = settle_ms + SLICE_MS / 2
    last_floor = settle_ms + SLICE_MS * 0.99
    return [
        Row("produced to counted in an answer, p50", percentile(delays, 0.5), "ms",
            "floor: half a slice and settle", mean_floor, mean_floor / percentile(delays, 0.5),
            more={"events": len(delays), "rate": RATE}),
        Row("produced to counted in an answer, p99", percentile(delays, 0.99), "ms",
            "floor: a slice and settle", last_floor, last_floor / percentile(delays, 0.99)),
        Row("CPU at 10,000 events/s", alone["share"] * 100, "% of a core", "goal", 3,
            0.03 / alone["share"], "saving every 10 s is in it; nobody asks", more=alone),
        Row("CPU with a client that asks 200 times a second", seen["share"] * 100, "% of a core")]


def steady(bench: Bench, topic: str, seconds: int, said: IO[str] | int,
           mark: int = 0) -> subprocess.Popen:
    """A producer of so many seconds of events."""
    return subprocess.Popen([bench.program("tool_fill"), "-b", bench.kafka.bootstrap, "--topic",
                             topic, "--events", str(RATE * seconds), "--rate", str(RATE), "--mark",
                             str(mark), "--partitions", str(PARTITIONS), "--seed", str(mark + 1)],
                            stdout=said)


def cpu_alone(bench: Bench, service: Service, topic: str, seconds: int) -> dict:
    """The share of a core, by thread, while events come and nobody asks for anything."""
    warm = 1 if bench.quick else WARM_S
    with steady(bench, topic, warm + seconds + 1, subprocess.DEVNULL) as process:
        time.sleep(warm)
        begun, before = time.monotonic(), thread_seconds(service.process.pid)
        time.sleep(seconds)
        took, after = time.monotonic() - begun, thread_seconds(service.process.pid)
        process.wait(20)
    shares = {key: (value - before.get(key, 0)) / took for key, value in after.items()}
    return {"share": sum(shares.values()), "threads": shares}


def watch(service, count: int, seconds: float) -> dict:
    """When each of `count` events was first in an answer, and the CPU meanwhile."""
    at: list[float] = []
    pid = service.process.pid
    spent, begun = sum(thread_seconds(pid).values()), time.monotonic()
    while len(at) < count:
        if time.monotonic() - begun > seconds:
            raise Unusable(f"only {len(at)} of {count} events came into an answer")
        answer = service.client.request("GET", "/v1/ctr?page=/probe&box=probe&window=10m")
        now = time.time()
        if answer.status == 200:
            at += [now] * (answer.json()["impressions"] - len(at))
        time.sleep(0.005)
    share = (sum(thread_seconds(pid).values()) - spent) / (time.monotonic() - begun)
    return {"at": at, "share": share}
