# SPDX-License-Identifier: Apache-2.0
"""A topic that is another one than before: deleted, made anew, cut short."""

from __future__ import annotations

from kit.kafka import Kafka, Record, event
from kit.service import Service, total
from kit.wait import now_ms, until
from kit.world import Scene

from scenarios.gaps import in_state, row

EACH = 300


def feed(kafka: Kafka, topic: str, partitions: int, each: int, page: str) -> int:
    now = now_ms()
    return kafka.produce(Record(topic, number, -1, event("view", now, f"{page}{at % 5}"))
                         for number in range(partitions) for at in range(each))


def made_anew(kafka: Kafka, topic: str, partitions: int, each: int) -> None:
    kafka.delete(topic)
    kafka.create(topic, partitions)
    feed(kafka, topic, partitions, each, "new")


def both(service: Service, state: str, seconds: float = 30) -> dict:
    return service.await_status(
        f"both partitions in state {state}",
        lambda now: [row["state"] for row in now["partitions"]] == [state] * 2, seconds)


def at_start(scene: Scene) -> None:
    """A topic made anew while the service was down is noticed by its records or its length."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="10m").start()
    feed(kafka, topic, 2, EACH, "old")
    service.await_read(2 * EACH)
    before = service.client.ctr((None, None), "10m")
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    both(service, "at_end")
    checks.equal("a log that is the same is known again", total(service.client.status(),
                                                                "unverified"), 0)
    checks.equal("exit code", service.terminate(), 0)

    made_anew(kafka, topic, 2, EACH + 20)  # longer than before: only its records tell
    service.start()
    status = both(service, "replaced")
    checks.equal("nothing of it was read", total(status, "read"), 2 * EACH)
    checks.true("the reason says the way out", "log_changed = restart" in row(status)["reason"],
                row(status)["reason"])
    checks.equal("the numbers are the old log's", service.client.ctr((None, None), "10m")
                 ["impressions"], before["impressions"])
    checks.equal("exit code", service.terminate(), 0)

    made_anew(kafka, topic, 2, 20)  # shorter
    service.start()
    both(service, "truncated")
    checks.equal("exit code", service.terminate(), 0)

    service.settings["log_changed"] = "restart"
    service.start()
    status = service.await_read(2 * EACH + 40)
    for number in range(2):
        checks.equal("intervals of both logs", row(status, number)["position"],
                     [[0, EACH], [0, 20]])
        checks.equal("log_changes", row(status, number)["log_changes"], 1)
    checks.equal("both logs are counted", service.client.ctr((None, None), "10m")["impressions"],
                 2 * EACH + 40)
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    status = both(service, "at_end")
    checks.equal("it is known again", (total(status, "log_changes"), total(status, "read")),
                 (2, 2 * EACH + 40))


def under_us(scene: Scene) -> None:
    """A topic deleted while it is read is gone; made anew, it is not mixed with the old one."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", windows="10m",
                            discover_interval="2s").start()
    feed(kafka, topic, 2, EACH, "old")
    service.await_read(2 * EACH)
    begun = now_ms()
    kafka.delete(topic)
    both(service, "gone", 60)
    checks.figure("gone_after_ms", now_ms() - begun)
    until("the source says so",
          lambda: service.client.status()["source"]["state"] == "topic_missing", 10)
    begun = now_ms()
    kafka.create(topic, 2)
    feed(kafka, topic, 2, 20, "new")
    status = both(service, "truncated", 60)
    checks.figure("truncated_after_ms", now_ms() - begun)
    checks.equal("nothing of it was read", total(status, "read"), 2 * EACH)
    until("the source is well again",
          lambda: service.client.status()["source"]["state"] == "reading", 10)

    service.settings["log_changed"] = "restart"
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    service.await_read(2 * EACH + 40)
    # While it runs, and longer than before. Seen gone in between: where not a single request fails,
    # the client library cannot tell the two logs apart until they are looked at again.
    kafka.delete(topic)
    both(service, "gone", 60)
    kafka.create(topic, 2)
    feed(kafka, topic, 2, 35, "newest")
    status = service.await_read(2 * EACH + 40 + 70)
    checks.equal("a second time", [row["log_changes"] for row in status["partitions"]], [2, 2])
    checks.equal("position", row(status)["position"], [[0, EACH], [0, 20], [0, 35]])
    in_state(service, "at_end")


def fewer(scene: Scene) -> None:
    """Made anew with fewer partitions: those that are missing are gone, and hold the clock."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 3)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", windows="10m",
                            discover_interval="1s", log_changed="restart").start()
    feed(kafka, topic, 3, EACH, "old")
    service.await_read(3 * EACH)
    made_anew(kafka, topic, 2, 10)
    status = service.await_status("the third is gone, the others are read anew",
                                  lambda now: [(row["state"], row["log_changes"])
                                               for row in now["partitions"]]
                                  == [("at_end", 1), ("at_end", 1), ("gone", 0)])
    until("the source says so",
          lambda: service.client.status()["source"]["state"] == "partitions_shrunk", 10)
    checks.equal("read", total(status, "read"), 3 * EACH + 20)
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    in_state(service, "at_end")
    checks.equal("after a restart", row(service.client.status(), 2)["state"], "gone")
