# SPDX-License-Identifier: Apache-2.0
"""Transactions and compaction: offsets without records, and records that may yet appear."""

from __future__ import annotations

from kit.kafka import Kafka, Record, event
from kit.service import total
from kit.wait import let_run, now_ms, until
from kit.world import Scene

from scenarios.gaps import in_state, row


def views(topic: str, count: int, page: str) -> list[Record]:
    return [Record(topic, 0, -1, event("view", now_ms(), page)) for _ in range(count)]


def run(scene: Scene) -> None:
    """Aborted records are no gap; an open transaction stops the clock, is named, and ends exactly."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    # The broker's times: how long a producer needs to deliver is not the subject.
    kafka.create(topic, 1, message__timestamp__type="LogAppendTime")
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="1m,10m").start()
    kafka.transact("writer", "commit", views(topic, 100, "committed"))
    kafka.transact("writer", "abort", views(topic, 50, "aborted"))
    kafka.transact("writer", "commit", views(topic, 10, "committed"))
    status = service.await_read(110)
    in_state(service, "at_end")
    checks.equal("no gap", (row(status)["lost"], row(status)["redelivered"]), (0, 0))
    end = kafka.ends(topic)[0]
    status = service.await_status("at the end, markers included",
                                  lambda now: row(now)["position"] == [[0, end]])
    service.await_state("live")

    # An open transaction, and behind it what others write.
    kafka.transact("writer", "hang", views(topic, 30, "open"))
    kafka.produce(views(topic, 20, "behind"))
    begun = now_ms()
    status = service.await_status("blocked", lambda now: row(now)["state"] == "blocked", 60)
    checks.figure("blocked_after_ms", now_ms() - begun)
    checks.true("the reason names the transaction", "transaction" in row(status)["reason"])
    checks.equal("what is behind it is not read", row(status)["read"], 110)
    checks.equal("lag says what waits", row(status)["lag"], 50)
    stood = service.client.status()["as_of"]
    let_run(2)
    checks.equal("as_of stands", service.client.status()["as_of"], stood)
    service.await_status("not live", lambda now: now["state"] == "catching_up", 20)

    kafka.transact("writer", "none")  # the broker aborts it
    status = service.await_read(130)
    checks.equal("no straggler", total(status, "stragglers"), 0)
    checks.equal("no gap", row(status)["lost"], 0)
    in_state(service, "at_end")
    for page, count in (("committed", 110), ("aborted", 0), ("open", 0), ("behind", 20)):
        checks.equal(page, service.client.ctr((page, None), "10m")["impressions"], count)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("at the end", status)
    judge.everything("at the end", service.client)
    checks.equal("exit code", service.terminate(), 0)
    service.start()
    status = service.await_read(130)
    checks.equal("a restart behind a marker", (row(status)["unverified"], row(status)["lost"]),
                 (0, 0))


def late_commit(scene: Scene) -> None:
    """A transaction that commits seconds after its records makes no straggler of them."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    # The broker's times: how long a producer needs to deliver is not the subject.
    kafka.create(topic, 1, message__timestamp__type="LogAppendTime")
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="1m,10m").start()
    kafka.produce(views(topic, 5, "first"))
    service.await_read(5)
    kafka.transact("slow", "commit-late", views(topic, 40, "slow"))
    status = service.await_read(45)
    checks.equal("stragglers", total(status, "stragglers"), 0)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("at the end", status)
    judge.everything("at the end", service.client)


def compacted(scene: Scene) -> None:
    """Holes of compaction are neither lost nor read; a compacted position is known or unverified."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1, cleanup__policy="compact", segment__ms=100,
                 min__cleanable__dirty__ratio="0.01", min__compaction__lag__ms=0)
    for _ in range(4):
        kafka.produce(views(topic, 25, "p"), key="one")
        let_run(0.15)  # the next record begins a new segment
    kafka.produce(views(topic, 1, "p"), key="two")
    until("compacted", lambda: sum(1 for _ in kafka.dump(topic)) < 60, 60, step=0.5)
    left = sum(1 for _ in kafka.dump(topic))
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="10m").start()
    status = service.await_read(left)
    checks.equal("no gap", (row(status)["lost"], row(status)["position"]), (0, [[0, 101]]))
    checks.figure("records_left", left)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("at the end", status)
