# SPDX-License-Identifier: Apache-2.0
"""R12 to R14, R42, R54: memory, descriptors and readers of what it writes run out."""

from __future__ import annotations

import time

from kit.client import Client, Refused
from kit.kafka import Record, event
from kit.service import Service, total
from kit.wait import now_ms, until
from kit.world import Scene
from scenarios import memory as ceilings
from scenarios import running

from tools.load import Load, add_figure
from tools.memory import ALL, CHANCE, ONE, Memory


def ask(service: Service, counts: dict[str, int]) -> None:
    """Any answer is right, 503 or none at all; a wrong one shows when all are judged."""
    try:
        with Client(service.http or ("", 0), 10) as client:
            client.batch([(None, None), ("/offer/1", None)], "1m")
            counts["answered"] += 1
    except Refused as refused:
        if refused.status != 503:
            raise
        counts["refused"] += 1
    except (OSError, EOFError):
        counts["cut"] += 1


def no_memory(scene: Scene, tries: int) -> None:
    """Allocations fail by chance, one at a time, or all for a while: it lives, and every count is
    right once there is memory again."""
    load = Load(scene, scene.world.kafka(), "memory", seconds=3600)
    memory = Memory(scene, "load")
    load.service.environment = memory.environment
    load.service.start()
    load.service.await_state("live", 30)
    counts = {"answered": 0, "refused": 0, "cut": 0}
    failed = 0
    for _ in range(tries):
        kind = scene.dice.choice((CHANCE, CHANCE, ONE, ALL))
        memory.fail(kind, scene.dice.choice((3, 20, 100, 1000)) if kind == CHANCE
                    else scene.dice.randrange(1, 3000))
        until_s = time.monotonic() + scene.dice.uniform(0.2, 1.2)
        while time.monotonic() < until_s:
            ask(load.service, counts)
        memory.lift()
        failed = memory.failed
        scene.checks.true("it lives", load.service.running(), load.service.log_tail())
        load.look()
        load.service.await_state("live", 30)
    load.finish()
    scene.checks.true("something failed", failed > tries, failed)
    for key, value in {**counts, "allocations_failed": failed}.items():
        add_figure(scene, key, value)


def no_memory_at_start(scene: Scene, tries: int) -> None:
    """The n-th allocation of a start fails, n over all of them: it starts, or says why and exits 1."""
    kafka = scene.world.kafka()
    topic = scene.topic("start")
    kafka.create(topic, 1)
    done = kafka.produce(Record(topic, 0, now_ms(), event("view", now_ms(), f"p{at}"))
                         for at in range(50))
    memory = Memory(scene, "start")
    service = scene.service("start", brokers=kafka.bootstrap, topics=topic, start="earliest",
                            log_level="error")
    service.environment = memory.environment
    service.start()
    service.await_status("counted", lambda status: total(status, "counted") == done)
    seen = memory.seen
    scene.checks.equal("exit code", service.terminate(), 0)
    for number in range(tries):
        memory.fail(ONE if number % 2 else ALL, 1 + scene.dice.randrange(seen))
        service.launch()
        assert service.process is not None
        until("it listens or is gone",
              lambda: service.process.poll() is not None or service.listening(), 20)
        memory.lift()
        if service.process.poll() is None:
            service.await_status("all there", lambda status: total(status, "counted") == done)
            service.kill9()
            add_figure(scene, "started", 1)
        else:
            scene.checks.equal("exit code", service.process.returncode, 1)
            scene.checks.true("it says why", "livectr: " in service.log_tail(), service.log_tail())
            add_figure(scene, "refused_to_start", 1)
    service.start()
    service.await_status("all there", lambda status: total(status, "counted") == done)
    add_figure(scene, "allocations_of_a_start", seen)


def ceiling(scene: Scene, tries: int) -> None:
    """R13 and R42: max_memory holds under a flood of new keys, visitors and ids; totals stay right."""
    for _ in range(tries):
        ceilings.ceiling(scene)


def few_files(scene: Scene, tries: int) -> None:
    """R14: 64 descriptors and more clients than that."""
    del tries
    running.few_files(scene)


def sinks(scene: Scene, tries: int) -> None:
    """R54: stdout and stderr closed, broken, full or never there."""
    del tries
    running.sinks(scene)
