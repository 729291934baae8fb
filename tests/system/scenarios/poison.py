# SPDX-License-Identifier: Apache-2.0
"""Broken clocks: times that must move nothing."""

from __future__ import annotations

import os
import time

from decode import moment_ms
from kit.kafka import Record, event
from kit.service import Service, total
from kit.wait import now_ms
from kit.world import Scene

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
PERSON = "somebody@example.org/"


def _minute(time_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(time_ms // 1000))


def _nobody_is_named(scene: Scene, service: Service) -> None:
    """No visitor's id on disk, in logs or in answers."""
    said = {path: service.client.request("GET", path).body
            for path in ("/v1/status", "/metrics", "/v1/boxes?page=p", "/v1/explain?page=p&box=b")}
    for folder, _, names in os.walk(os.path.join(scene.home, "main")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                said[name] = file.read()
    scene.checks.true("the snapshot is among what is looked through",
                      len(said.get("livectr.db", b"")) > 10_000, sorted(said))
    scene.checks.true("the broken record is told of", b"nonsense" in said["/v1/status"],
                      said["/v1/status"])
    for name, content in said.items():
        scene.checks.true(f"{name} names nobody", PERSON.encode() not in content)


def run(scene: Scene) -> None:
    """Next year, 1970, seconds for milliseconds, a clock two hours fast: each told, none counted."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, windows="1m,10m,1h", snapshot_interval="500ms",
                            start="earliest").start()
    service.await_state("live")
    now = now_ms()
    good = [Record(topic, at % 2, now - 30_000 + at, event(kind, now - 30_000 + at, "p", "b",
                                                           visitor=f"{PERSON}{at}"))
            for at, kind in enumerate(["view"] * 9 + ["click"])]
    kafka.produce(good)
    service.await_status("ten counted", lambda now: total(now, "counted") == 10)
    before = service.client.ctr(("p", "b"), "10m")

    now = now_ms()
    poison = {  # event time, record time -> where it must show
        "next year": (now + YEAR_MS, now, "future"),
        "1970": (0, now, "late"),
        "seconds": (now // 1000, now, "late"),
        "two hours fast": (now + 2 * HOUR_MS, now + 2 * HOUR_MS, "future"),
    }
    figures = {}
    for label, (ts_ms, record_ms, reason) in poison.items():
        status = service.client.status()
        kafka.produce([Record(topic, partition, record_ms,
                              event("view", ts_ms, "p", "b", visitor=PERSON + "0"))
                       for partition in (0, 1)])
        seen = service.await_status(f"{label} was read", lambda now, count=total(status, "read") + 2:
                                    total(now, "read") == count)
        checks.equal(f"{label}: {reason}", total(seen, reason) - total(status, reason), 2)
        checks.equal(f"{label}: counted", total(seen, "counted"), 10)
        checks.equal(f"{label}: held", total(seen, "held"), 0)
        told = service.client.get("/v1/explain", page="p", box="b", minute=_minute(ts_ms))
        if reason == "late":  # nothing is kept of minutes so long ago: the account alone tells
            checks.equal(f"{label}: its minute is unknown", told[reason], None)
        else:
            checks.true(f"{label}: its minute tells", told[reason] >= 2, told)
        checks.equal(f"{label}: its minute counts nothing",
                     (told["impressions"] or 0, told["clicks"] or 0), (0, 0))
        figures[label] = total(seen, reason)
        for row in seen["partitions"]:
            checks.true(f"{label}: no partition's clock runs ahead",
                        row["clock"] is None or moment_ms(row["clock"]) <= now_ms() + 1000, row)
    # The windows went on with the wall clock, and hold what they held.
    later = service.await_status("time goes on", lambda status:
                                 moment_ms(status["to"]) >= moment_ms(before["to"]) + 3000)
    checks.true("answers are of now", later["lag_ms"] < 2000, later["lag_ms"])
    checks.equal("state", later["state"], "live")
    after = service.client.ctr(("p", "b"), "10m")
    for key in ("impressions", "clicks", "viewers", "clickers", "unseen_clickers", "ctr"):
        checks.equal(key, after[key], before[key])
    checks.true("`to` is not ahead of the clock", moment_ms(after["to"]) <= now_ms(), after["to"])
    checks.figure("told", figures)
    kafka.produce([Record(topic, 0, now_ms(), event("nonsense", now_ms(), "p", visitor=PERSON))])
    service.await_status("the broken record was read", lambda now: total(now, "malformed") == 1)
    saves = service.client.status()["snapshot"]
    service.await_status("a save after it", lambda now: now["snapshot"] != saves)
    _nobody_is_named(scene, service)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("at the end", service.client)
    # Accounts were checked above: the oracle does not know when a record of a fast clock was read.
    service.kill9()
    service.start()
    service.await_state("live")
    checks.equal("the account after a restart",
                 [total(service.client.status(), key) for key in ("counted", "late", "future")],
                 [10, 4, 4])
