# SPDX-License-Identifier: Apache-2.0
"""A topic that grows while it is read."""

from __future__ import annotations

from kit.kafka import Record, event
from kit.service import total
from kit.wait import now_ms
from kit.world import Scene

OLD, NEW = 2, 6
EACH = 300


def run(scene: Scene) -> None:
    """Partitions made while the service runs are read from 0, whatever was in them when found."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, OLD)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            discover_interval="500ms").start()

    def feed(partitions: range) -> int:
        now = now_ms()
        return kafka.produce(Record(topic, number, -1,
                                    event("click" if at % 9 == 8 else "view", now, f"p{at % 7}",
                                          f"b{number}" if at % 3 else None))
                             for number in partitions for at in range(EACH))

    produced = feed(range(OLD))
    service.await_read(produced)
    kafka.grow(topic, NEW)
    produced += feed(range(NEW))
    status = service.await_status(
        f"{produced} records counted from {NEW} partitions",
        lambda now: len(now["partitions"]) == NEW and total(now, "counted") == produced, 60)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("after growing", status)
    judge.everything("after growing", service.client)
    for row in status["partitions"]:
        checks.equal(f"partition {row['partition']} from 0", row["position"],
                     [[0, EACH * (2 if row["partition"] < OLD else 1)]])
    checks.figure("stragglers", total(status, "stragglers"))
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    status = service.await_read(produced)
    checks.equal("read after a restart", total(status, "read"), produced)
    judge.everything("after a restart", service.client)


def under_load(scene: Scene) -> None:
    """A topic grows from 4 to 8 partitions under load: the new ones are found and read from 0."""
    checks, kafka, world = scene.checks, scene.world.kafka(), scene.world
    topic = scene.topic("events")
    kafka.create(topic, 4)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", windows="10m",
                            discover_interval="1s").start()
    floods = [scene.flood(kafka, topic, 500, 8, seed=world.seed, pages=8, boxes=3)]
    service.await_status("the load is on", lambda now: total(now, "counted") > 500)
    kafka.grow(topic, 8)
    grown = now_ms()
    floods.append(scene.flood(kafka, topic, 500, 4, seed=world.seed + 1, pages=8, boxes=3,
                              partitions="4,5,6,7"))
    service.await_status("the new ones are there", lambda now: len(now["partitions"]) == 8)
    found_ms = now_ms() - grown
    checks.true("found within discover_interval and a few seconds", found_ms < 5000, found_ms)
    checks.figure("found_after_ms", found_ms)
    produced = sum(flood.finish() for flood in floods)
    ends = kafka.ends(topic)
    # librdkafka 2.0's idempotent producer, on partitions made moments ago, now and then reports one
    # record more than the log has. The log is what counts.
    checks.true("nearly all of what was sent", produced - sum(ends.values()) in range(4), produced)
    status = service.await_read(sum(ends.values()))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("at the end", status)
    judge.everything("at the end", service.client, lists=False)
    for row in status["partitions"]:
        checks.equal(f"partition {row['partition']}", row["position"], [[0, ends[row["partition"]]]])
    checks.figure("events", sum(ends.values()))
    checks.figure("sent_but_not_in_the_log", produced - sum(ends.values()))
    checks.figure("stragglers", total(status, "stragglers"))
