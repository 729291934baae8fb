# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand keys: what each costs, how fast a hundred of them are, and the limit."""

from __future__ import annotations

import time
from typing import Any, Mapping

from kit.check import Judge, percentile
from kit.client import Client, Name, batch_body
from kit.kafka import Kafka, Record, event
from kit.service import Service, total
from kit.wait import let_run, now_ms
from kit.world import Scene

PAGES = BOXES = 315  # 99,225 placements and 630 pages and boxes
RATE = 10_000
BATCH = 100
ASK_EVERY_S = 0.005
LIMIT = 100


def ids(at: int) -> tuple[str, str]:
    """The ids of ktool's flood, so that it meets these keys."""
    return f"/offer/{at % PAGES}", f"opbox.carousel.{at // PAGES + 1}"


def measured(service: Service) -> tuple[float, int]:
    """Resident MB and the service's own figure, once nothing is on its way."""
    return service.memory_mb(), service.client.status()["memory_bytes"]


def fill(kafka: Kafka, topic: str, count: int, one_key: bool) -> int:
    now = now_ms()
    return kafka.produce((Record(topic, at % 4, now, event("view", now, *ids(0 if one_key else at)))
                          for at in range(count)), lz4=True)


def latencies_ms(client: Client, names: list[Name], seconds: float, scene: Scene) -> list[float]:
    """One batchGet of 100 placements each few milliseconds on one connection."""
    requests = []
    for _ in range(50):
        body = batch_body(scene.dice.sample(names, BATCH), "10m")
        head = ("POST /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n")
        requests.append(head.encode() + body)
    taken = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        begun = time.perf_counter()
        response = client.exchange(requests[len(taken) % len(requests)])
        taken.append((time.perf_counter() - begun) * 1000)
        scene.checks.equal("status of batchGet", response.status, 200)
        let_run(ASK_EVERY_S)
    return taken


def with_other(said: Mapping[str, Any], column: str) -> int:
    """The sum of a list's rows and of what the limit folded together."""
    return sum(row[column] for row in said["items"]) + said.get("other", {}).get(column, 0)


def limited(scene: Scene, kafka: Kafka, topic: str, judge: Judge, produced: int) -> None:
    """max_keys = 100: rows + other = the totals, of pages and of boxes; the site is exact."""
    checks = scene.checks
    service = scene.service("limited", brokers=kafka.bootstrap, topics=topic, start="earliest",
                            max_keys=str(LIMIT)).start()
    status = service.await_status("everything counted",
                                  lambda now: total(now, "counted") == produced, 60)
    window = "24h"
    site = service.client.ctr((None, None), window)
    judge.answers("the site is exact whatever is folded", [site])
    pages = service.client.pages(window, limit=1000)
    boxes = service.client.boxes(window, limit=1000)
    for column in ("impressions", "clicks"):
        checks.equal(f"pages: rows + other, {column}", with_other(pages, column), site[column])
    edges = judge.oracle.edges(window, judge.oracle.last_moment_ms())
    every = judge.oracle.every(*edges)
    of_boxes = [counts for name, counts in every.items() if name[0] is None and name[1] is not None]
    for column, at in (("impressions", 0), ("clicks", 1)):
        checks.equal(f"boxes: rows + other, {column}", with_other(boxes, column),
                     sum(counts[at] for counts in of_boxes))
    keys = status["keys"]
    own = keys["pages"] + keys["boxes"] + keys["placements"]
    checks.true("no more keys than the limit", own <= LIMIT, keys)
    checks.true("something was folded", keys["folded"] > 0, keys)
    judge.whole("accounts with a limit", status)
    checks.figure("limited_keys", own)
    checks.figure("limited_folded", keys["folded"])
    service.end()


def run(scene: Scene) -> None:
    """100,000 keys: bytes per key, batchGet of 100 under 10,000 events/s, and max_keys."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 4)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            max_keys="200000").start()
    placements = PAGES * BOXES

    def counted(wanted: int) -> None:
        service.await_status(f"{wanted} counted", lambda now: total(now, "counted") == wanted, 60)

    # As many records on one key first: what reading them leaves behind is no cost of the keys.
    produced = fill(kafka, topic, placements, one_key=True)
    counted(produced)
    before = measured(service)
    produced += fill(kafka, topic, placements, one_key=False)
    counted(produced)
    after = measured(service)
    status = service.client.status()["keys"]
    keys = status["pages"] + status["boxes"] + status["placements"]
    checks.equal("keys", keys, placements + PAGES + BOXES)

    names: list[Name] = [ids(at) for at in range(placements)]
    seconds = 5 if scene.world.quick else 15
    flood = scene.flood(kafka, topic, RATE, seconds + 3, seed=scene.world.seed, pages=PAGES,
                        boxes=BOXES)
    client = service.new_client()
    start = service.client.status()
    taken = latencies_ms(client, names, seconds, scene)
    rate = (total(service.client.status(), "read") - total(start, "read")) / seconds
    produced += flood.finish()
    counted(produced)
    checks.equal("one connection for all requests", client.connections, 1)
    checks.true("the flood was on", rate > RATE * 0.9, rate)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.answers("placements", service.client.batch(names[::37], "10m"))
    judge.answers("the site", [service.client.ctr((None, None), "24h")])
    judge.whole("accounts", service.client.status())
    service.end()
    limited(scene, kafka, topic, judge, produced)
    checks.figure("keys", keys)
    checks.figure("bytes_per_key_rss", round((after[0] - before[0]) * 1024 * 1024 / keys))
    checks.figure("bytes_per_key_own", round((after[1] - before[1]) / keys))
    checks.figure("rss_mb", round(after[0], 1))
    checks.figure("batch_of_100_p50_ms", round(percentile(taken, 0.5), 2))
    checks.figure("batch_of_100_p99_ms", round(percentile(taken, 0.99), 2))
    checks.figure("batches", len(taken))
    checks.figure("events_per_s_meanwhile", round(rate))
