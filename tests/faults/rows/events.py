# SPDX-License-Identifier: Apache-2.0
"""R22, R44, and the rows that a system or unit test is the try of."""

from __future__ import annotations

import os
import subprocess
from typing import Callable

from kit.kafka import Record, event
from kit.service import total
from kit.wait import let_run, now_ms, until
from kit.world import Scene

from tools.load import Load, add_figure

HOUR_MS = 3_600_000


def system_test(scenario: Callable[[Scene], None]) -> Callable[[Scene, int], None]:
    """A row whose try is a scenario of tests/system."""

    def play(scene: Scene, tries: int) -> None:
        for number in range(tries):
            one = Scene(scene.world, f"{scene.name}{number}")
            try:
                scenario(one)
            finally:
                one.end()
            scene.checks.compared += one.checks.compared
            for name, value in one.checks.figures.items():
                scene.checks.figure(name, value)

    return play


def unit_test(name: str) -> Callable[[Scene, int], None]:
    """A row whose try is a program of tests/unit: where a real broker cannot be made to do it, the
    mock cluster or a fake source can."""

    def play(scene: Scene, tries: int) -> None:
        program = os.path.join(os.path.dirname(scene.world.ktool), f"unit_{name}")
        for _ in range(tries):
            done = subprocess.run([program], capture_output=True, text=True, timeout=300,
                                  check=False)
            scene.checks.true(f"{name} passes", done.returncode == 0, done.stderr[-2000:])
            add_figure(scene, "runs", 1)

    return play


def old_events_arrive(scene: Scene, tries: int) -> None:
    """Whoever feeds the log was away for 20 hours and delivers what it had, mixed with live events:
    the old minutes are corrected, the live windows do not move."""
    load = Load(scene, scene.world.kafka(), "old", seconds=3600)
    load.service.start()
    load.service.await_state("live", 30)
    old_ms = now_ms() // 60_000 * 60_000 - 20 * HOUR_MS
    given = 0
    for number in range(tries):
        records = [Record(load.topic, at % 4, -1, event("view" if at % 5 else "click",
                                                        old_ms + at, "/offer/1", id=f"o{number}-{at}"))
                   for at in range(500)]
        given += load.kafka.produce(records)
        load.look()
        if number % 3 == 2:
            load.service.kill9()
            load.service.start()
        let_run(0.2)
    status = load.finish()
    scene.checks.true("all of them were counted", total(status, "late") == 0, status)
    scene.checks.figure("old_events", given)


def hot_key(scene: Scene, tries: int) -> None:
    """99 % of all events in one box: as fast as events of many."""
    kafka = scene.world.kafka()
    cpu: dict[str, float] = {"hot": 0.0, "spread": 0.0}
    for number in range(tries):
        for name, pages, boxes in (("spread", 100, 50), ("hot", 1, 1)):
            topic = scene.topic(f"{name}{number}")
            kafka.create(topic, 2)
            scene.flood(kafka, topic, 50_000, 3, pages=pages, boxes=boxes).finish()
            service = scene.service(f"{name}{number}", brokers=kafka.bootstrap, topics=topic,
                                    start="earliest").start()
            until("all counted", lambda service=service: total(service.client.status(), "counted")
                  == 150_000, 60)
            cpu[name] += service.cpu_seconds()
            service.end()
        add_figure(scene, "pairs", 1)
    scene.checks.figure("rate_of_hot_to_spread", round(cpu["spread"] / cpu["hot"], 2))
    scene.checks.true("at least nine tenths of the rate", cpu["spread"] >= cpu["hot"] * 0.9, cpu)
