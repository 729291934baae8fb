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
