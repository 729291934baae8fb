# SPDX-License-Identifier: Apache-2.0
"""Records that are gone before they were read: deleted by retention, or damaged on the disk."""

from __future__ import annotations

import os

from kit.kafka import Kafka, Record, event
from kit.service import Service, total
from kit.wait import now_ms, until
from kit.world import Scene

EACH = 400


def feed(kafka: Kafka, topic: str, count: int = EACH, page: str = "p") -> int:
    now = now_ms()
    return kafka.produce(Record(topic, 0, -1, event("click" if at % 9 == 8 else "view", now,
                                                    f"{page}{at % 7}", id=f"{page}-{now}-{at}"))
                         for at in range(count))


def row(status: dict, number: int = 0) -> dict:
    return status["partitions"][number]


def in_state(service: Service, state: str, seconds: float = 30) -> dict:
    return row(service.await_status(f"partition in state {state}",
                                    lambda now: now["partitions"] and row(now)["state"] == state,
                                    seconds))


def at_start(scene: Scene) -> None:
    """Retention ran past the saved offset: the lost are counted exactly; gap = stop waits."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", windows="10m",
                            gap="stop").start()
    feed(kafka, topic)
    service.await_read(EACH)
    checks.equal("exit code", service.terminate(), 0)
    feed(kafka, topic, page="gone")
    before = EACH + 150
    kafka.delete_records(topic, 0, before)
    service.start()
    stands = in_state(service, "gap")
    checks.equal("stop: shown as lost", stands["lost"], before - EACH)
    checks.equal("stop: position", stands["position"], [[0, EACH]])
    checks.true("stop: the reason says the way out", "gap = continue" in stands["reason"],
                stands["reason"])
    service.await_state("stale")
    checks.equal("stop: nothing more is read", row(service.client.status())["read"], EACH)
    checks.equal("exit code while it stands", service.terminate(), 0)

    service.settings["gap"] = "continue"
    service.start()
    status = service.await_read(2 * EACH - (before - EACH))
    checks.equal("continue: lost", row(status)["lost"], before - EACH)
    checks.equal("continue: position", row(status)["position"], [[0, EACH], [before, 2 * EACH]])
    checks.equal("continue: unverified", row(status)["unverified"], 2)  # both starts found a gap
    answer = service.client.ctr((None, None), "10m")
    checks.true("coverage tells of the hole", answer["coverage"] < 1, answer["coverage"])
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    status = service.await_status("live again", lambda now: now["state"] == "live")
    checks.equal("lost survives a restart", row(status)["lost"], before - EACH)
    in_state(service, "at_end")
    checks.equal("exit code", service.terminate(), 0)
    kafka.delete_records(topic, 0, -1)  # all that was read, and nothing else
    service.start()
    status = service.await_status("at the end once more",
                                  lambda now: row(now)["state"] == "at_end")
    checks.equal("no record to know the log by, none lost",
                 (row(status)["unverified"], row(status)["lost"]), (3, before - EACH))


def first_start(scene: Scene) -> None:
    """Retention has taken a part of the window before the first start: coverage tells it."""
    checks, kafka = scene.checks, scene.world.kafka()
    gone = 150
    for label, before in (("whole", 0), ("cut", gone)):
        topic = scene.topic(label)
        kafka.create(topic, 1)
        feed(kafka, topic)
        if before:
            kafka.delete_records(topic, 0, before)
        service = scene.service(label, brokers=kafka.bootstrap, topics=topic, windows="10m").start()
        service.await_read(EACH - before)
        service.await_state("live")
        answer = service.client.ctr((None, None), "10m")
        checks.equal(f"{label}: coverage is 1", answer["coverage"] == 1, before == 0)
        checks.equal("exit code", service.terminate(), 0)


def live(scene: Scene) -> None:
    """Retention overtakes a reader that was stopped: exactly the unread are lost, then it goes on."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="10m").start()
    feed(kafka, topic)
    service.await_read(EACH)
    service.suspend()
    for part in range(3):  # the fetch under way takes what comes first
        feed(kafka, topic, page=f"gone{part}")
    high = kafka.ends(topic)[0]
    kafka.delete_records(topic, 0, -1)
    service.resume()
    # What the fetch under way had brought is read; the rest is lost; together they are all.
    status = service.await_status("the end is reached", lambda now: row(now)["lag"] == 0
                                  and row(now)["position"][-1][1] == high)
    checks.equal("read and lost", row(status)["read"] + row(status)["lost"], high)
    checks.figure("lost", row(status)["lost"])
    checks.true("something was lost", row(status)["lost"] > 0, row(status)["lost"])
    feed(kafka, topic, 50)
    status = service.await_status("goes on", lambda now: row(now)["position"][-1][1] == high + 50)
    checks.equal("all of it", row(status)["read"] + row(status)["lost"], high + 50)


def flip(kafka: Kafka, topic: str, marker: bytes) -> None:
    """Changes a byte of a record where the broker keeps it."""
    path = os.path.join(kafka.data(1), f"{topic}-0", "0" * 20 + ".log")
    with open(path, "r+b") as file:
        at = file.read().index(marker)
        file.seek(at)
        file.write(b"X")


def damaged(scene: Scene) -> None:
    """A batch whose checksum is wrong is asked for again, then lost as a whole and counted."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", windows="10m",
                            gap="stop").start()
    feed(kafka, topic, 10)
    service.await_read(10)
    checks.equal("exit code", service.terminate(), 0)
    # Three requests, three batches.
    kafka.produce([Record(topic, 0, -1, event("view", now_ms(), "before"))])
    bad = [Record(topic, 0, -1, event("view", now_ms(), f"marker-{at}")) for at in range(20)]
    kafka.produce(bad, lz4=False)
    first = kafka.ends(topic)[0] - len(bad)
    kafka.produce([Record(topic, 0, -1, event("view", now_ms(), "after"))])
    flip(kafka, topic, b"marker-0")
    service.start()
    stands = in_state(service, "damaged")
    checks.equal("stop: before the batch", stands["position"], [[0, first]])
    checks.equal("exit code", service.terminate(), 0)
    service.settings["gap"] = "continue"
    service.start()
    status = service.await_status("behind the batch",
                                  lambda now: row(now)["position"]
                                  and row(now)["position"][-1][1] == kafka.ends(topic)[0], 90)
    checks.equal("lost and read", row(status)["lost"] + row(status)["read"], first + len(bad) + 1)
    checks.true("no more than one batch", 0 < row(status)["lost"] <= len(bad), row(status)["lost"])
    checks.figure("lost", row(status)["lost"])
    until("the state goes back by itself",
          lambda: row(service.client.status())["state"] == "at_end")
    checks.equal("malformed", total(service.client.status(), "malformed"), 0)
