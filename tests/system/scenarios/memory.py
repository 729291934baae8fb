# SPDX-License-Identifier: Apache-2.0
"""Memory: a ceiling that holds, whatever comes."""

from __future__ import annotations

import random
from typing import Any, Iterator

from kit.check import conservation_faults
from kit.kafka import Record, event
from kit.service import Service, total
from kit.wait import now_ms, until
from kit.world import Scene

KNOWN_PAGES, KNOWN_BOXES = 5, 4
MIB = 1 << 20


def known(at: int) -> tuple[str, str]:
    return f"/known/{at % KNOWN_PAGES}", f"known.{at // KNOWN_PAGES % KNOWN_BOXES}"


def flood_of_ids(topic: str, dice: random.Random, count: int, partitions: int) -> Iterator[Record]:
    """Views: every 50th of a known box, all others of pages, boxes, visitors and ids never seen."""
    now = now_ms()
    for at in range(count):
        page, box = known(at // 50) if at % 50 == 0 else ("/new/" + "x" * (0, 40, 400)[at % 3]
                                                          + f"{dice.getrandbits(48):x}",
                                                          f"new.{at}.{'y' * (at % 90)}")
        yield Record(topic, at % partitions, now, event(
            "view", now, page, box, id=f"{at}-{'i' * 30}", visitor=f"{dice.getrandbits(60):x}"))


def peak_mb(service: Service) -> float:
    return service.memory_mb("VmHWM")


def read_all(service: Service, done: int) -> dict[str, Any]:
    return service.await_status("all of it is counted",
                                lambda now: total(now, "counted") == done, 180, step=0.3)


def ceiling(scene: Scene) -> None:
    """max_memory = 256m under a flood of new keys, visitors and ids: it holds, and totals stay right."""
    checks, kafka = scene.checks, scene.world.kafka()
    count = 300_000 if scene.world.quick else 750_000
    limit = 256 * MIB
    topic = scene.topic("events")
    kafka.create(topic, 4)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="1m,10m,1h,24h", max_memory="256m", snapshot_interval="1s",
                            settle="5s", late="off", dedup_horizon="1h", people_horizon="1h")
    service.start()
    done = kafka.produce(Record(topic, at % 4, now_ms(), event("view", now_ms(), *known(at)))
                         for at in range(KNOWN_PAGES * KNOWN_BOXES))
    status = read_all(service, done)
    checks.equal("the limit is told", status["memory"]["limit"], limit)
    for name in ("keys", "people", "ids", "held", "minutes"):
        checks.true(f"{name}: a limit of its own", 0 < status[name]["limit"], status[name])
    limits = {name: status[name]["limit"] for name in ("keys", "people", "ids", "held", "minutes")}
    done += kafka.produce(flood_of_ids(topic, scene.dice, count, 4), lz4=True)
    status = read_all(service, done)
    before = peak_mb(service)
    checks.true("the limit on keys was reached", status["keys"]["folded"] > 0, status["keys"])
    checks.true("the limit on pairs was reached", status["people"]["refused"] > 0,
                status["people"])
    checks.true("the limit on ids was reached", total(status, "unchecked") > 0, limits)
    checks.none("conservation", conservation_faults([status]))
    right(scene, service, count, done)
    # Again from the snapshot: loading it is no way around the ceiling.
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    read_all(service, done)
    right(scene, service, count, done)
    peak = max(before, peak_mb(service))
    checks.true("the ceiling holds, within a tenth", peak * MIB <= limit * 1.1, (before, peak))
    checks.figure("events", done)
    checks.figure("limits", limits)
    checks.figure("peak_rss_mb", round(before))
    checks.figure("peak_rss_after_restart_mb", round(peak_mb(service)))
    checks.figure("accounted_mb", round(status["memory_bytes"] / MIB))
    checks.figure("parts_mb", {key: round(value / MIB, 1)
                               for key, value in status["memory"].items() if value})


def right(scene: Scene, service: Service, count: int, done: int) -> None:
    """Known boxes are exact, and rows and `other` add up to the total."""
    checks, client = scene.checks, service.client
    wanted: dict[tuple[str, str], int] = {}
    for at in range(KNOWN_PAGES * KNOWN_BOXES):
        wanted[known(at)] = 1
    for at in range(0, count, 50):
        wanted[known(at // 50)] += 1
    names = sorted(wanted)
    answers = client.batch(names, "24h")
    checks.equal("known boxes", {name: answer["impressions"]
                                 for name, answer in zip(names, answers)}, wanted)
    boxes = client.boxes("24h", sort="impressions", limit=1000)
    rows = sum(row["impressions"] for row in boxes["items"])
    rows += boxes["total"] - len(boxes["items"])  # each of the others was seen once
    checks.equal("rows and other", rows + boxes["other"]["impressions"], done)
