# SPDX-License-Identifier: Apache-2.0
"""How soon it is back, and with what: images of people and ids beside the snapshot."""

from __future__ import annotations

import os
import time
from typing import Callable

from kit.kafka import Record, event
from kit.service import Service
from kit.wait import until
from kit.world import Scene
from scenarios.life import BEGUN_MS, NOWHERE, said

BACK_SECONDS_MAX = 10  # generous: only a start that replays for ever is wrong; the figure counts


def timed(service: Service, back: Callable[[], object]) -> float:
    """Milliseconds from exec until back()."""
    begun = time.monotonic()
    service.launch()
    until("back", lambda: service.listening() and back(), 30, step=0.002, seen=service.log_tail)
    return round((time.monotonic() - begun) * 1000, 1)


def ten_minutes(topic: str, count: int, begin_ms: int, first: int) -> list[Record]:
    """Visitors who come back to places, each event with an id."""
    records = []
    for at in range(first, first + count):
        ts = begin_ms + (at - first) * 300_000 // count
        kind = "click" if at % 17 == 0 else "view"
        records.append(Record(topic, at % 3, ts,
                              event(kind, ts, f"/p/{at * 7919 % 40}", f"b{at * 104729 % 7}",
                                    id=f"e{at}", visitor=f"v{at * 31337 % 5000}")))
    return records


def images(scene: Scene) -> None:
    """A stop writes an image; with it, without it and with a damaged one a start says the same."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 3)
    done = kafka.produce(ten_minutes(topic, 30_000, BEGUN_MS, 0))
    service = scene.service(brokers=kafka.bootstrap, topics=topic, clock="event",
                            snapshot_interval="300ms", log_level="debug").start()
    service.await_read(done)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    names = judge.oracle.names()
    checks.equal("exit code", service.terminate(), 0)
    folder = service.settings["data_dir"]
    written = [name for name in os.listdir(folder) if ".image-" in name]
    checks.true("an image was written", written, os.listdir(folder))
    service.settings["brokers"] = NOWHERE
    took = timed(service, lambda: service.client.status()["to"] is not None)
    before = said(service, names, judge.windows)
    judge.everything("with an image", service.client)
    checks.figure("exec_to_answer_ms", took)
    checks.true("back in time", took < BACK_SECONDS_MAX * 1000, took)
    service.kill9()
    for name in written:
        path = os.path.join(folder, name)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b"\xff\x00\xff\x00")
    service.start()
    checks.true("the same with a damaged image", said(service, names, judge.windows) == before)
    service.kill9()
    for name in written:
        os.unlink(os.path.join(folder, name))
    service.start()
    checks.true("the same without", said(service, names, judge.windows) == before)
    service.kill9()
    service.settings["brokers"] = kafka.bootstrap
    done += kafka.produce(ten_minutes(topic, 3_000, BEGUN_MS + 300_000, 30_000))
    service.start().await_read(done)
    judge.read(kafka.dump(topic))
    judge.everything("and it goes on", service.client)


def short_stop(scene: Scene) -> None:
    """After a short stop under load, /readyz says 200 soon."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 3)
    flood = scene.flood(kafka, topic, 500, 60)
    service = scene.service(brokers=kafka.bootstrap, topics=topic,
                            snapshot_interval="300ms").start()
    service.await_state("live")
    until("ready", service.admin_client().ready, 30)
    times = []
    for _ in range(3 if scene.world.quick else 10):
        service.terminate()
        times.append(timed(service, lambda: service.admin_client().ready()))
    flood.end()
    checks.figure("exec_to_ready_ms", sorted(times))
    checks.true("ready in time", max(times) < BACK_SECONDS_MAX * 1000, times)
