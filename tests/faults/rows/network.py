# SPDX-License-Identifier: Apache-2.0
"""R19, R20, R23, R31, R33, R34: the broker goes, or the way to it."""

from __future__ import annotations

import time
from typing import Callable

from kit.kafka import Kafka
from kit.service import total
from kit.wait import let_run, until
from kit.world import Scene

from tools.load import Load, add_figure, most_figure
from tools.proxy import Proxy

SESSION = ("--set", "broker.session.timeout.ms=1000", "--set", "broker.heartbeat.interval.ms=200")


def read_more(load: Load, seconds: float) -> float:
    """Until what came to the log by now, and there must be something, is read; how long that took."""
    load.keep_pouring()
    before = load.produced_or_none() or 0
    there = until("something comes to the log",
                  lambda: max(0, (load.produced_or_none() or 0) - before), 60, step=0.1) + before
    begun = time.monotonic()
    load.service.await_status("it is read", lambda now: total(now, "read") >= there, seconds)
    return time.monotonic() - begun


def broker_killed(scene: Scene, tries: int) -> None:
    """kill -9 of the broker, and its return: reading goes on within 15 s."""
    world = scene.world
    kafka = Kafka(world.ktool, world.versions[-1], 1, "-killed", SESSION)
    try:
        load = Load(scene, kafka, "killed", rate=300, seconds=3600)
        load.service.start()
        load.service.await_state("live", 30)
        for _ in range(tries):
            let_run(scene.dice.uniform(0.1, 1))
            load.look()
            kafka.kill(1)
            let_run(scene.dice.uniform(0.05, 1))
            load.look()
            kafka.revive()
            most_figure(scene, "reads_again_max_s", round(read_more(load, 15), 1))
            load.look()
            add_figure(scene, "broker_kills", 1)
        load.finish()
    finally:
        kafka.stop()


def through_proxy(scene: Scene, label: str, play: Callable[[Load, Proxy], None],
                  **settings: str) -> None:
    """A cluster whose clients come through a proxy; the load goes past it."""
    world = scene.world
    proxy = Proxy(scene.dice.randrange(1 << 30))
    kafka = Kafka(world.ktool, world.versions[-1], 1, f"-{label}",
                  ("--through", str(proxy.port)))
    try:
        proxy.connect(kafka.through_port)
        load = Load(scene, kafka, label, seconds=3600, bootstrap=proxy.address, **settings)
        load.service.start()
        load.service.await_state("live", 30)
        play(load, proxy)
        proxy.set()
        load.finish(90)
        scene.checks.true("the service came through the proxy", proxy.accepted > 0)
    finally:
        proxy.close()
        kafka.stop()


def slow_or_torn(scene: Scene, tries: int) -> None:
    """Delay, jitter, 20 KB/s, silence with open connections, refusal, cuts in the middle of a
    byte stream: the lag grows, then it recovers."""

    def play(load: Load, proxy: Proxy) -> None:
        dice = scene.dice
        faults: list[tuple[str, dict[str, object]]] = [
            ("delay", {"delay_s": 0.3}), ("jitter", {"jitter_s": 0.5}),
            ("narrow", {"bytes_per_s": 20_000}), ("silent", {"silent": True}),
            ("refused", {"refused": True}), ("cut", {})]
        for number in range(tries):
            name, fault = faults[number % len(faults)]
            proxy.set(**fault)
            if name in ("cut", "refused"):
                proxy.cut()
            let_run(dice.uniform(0.2, 1.5))
            load.look()
            if dice.random() < 0.5:
                proxy.cut()
            proxy.set()
            most_figure(scene, "reads_again_max_s", round(read_more(load, 30), 1))
            load.look()
            add_figure(scene, name, 1)
        scene.checks.figure("connections_torn", proxy.cuts)

    through_proxy(scene, "network", play)


def partitioned(scene: Scene, tries: int) -> None:
    """Nothing gets through in either direction for 1 to 12 s; after 10 s the state is stale, answers
    go on, /readyz stays 200."""

    def play(load: Load, proxy: Proxy) -> None:
        for number in range(tries):
            long = number == 0
            proxy.set(silent=True)
            if long:
                load.service.await_state("stale", 30)
                scene.checks.equal("/readyz while cut off",
                                   load.service.admin_client().request("GET", "/readyz").status,
                                   200)
            else:
                let_run(scene.dice.uniform(1, 4))
            load.look()
            proxy.set()
            most_figure(scene, "reads_again_max_s", round(read_more(load, 40), 1))
            load.service.await_state("live", 40)
            load.look()
            add_figure(scene, "partitions", 1)

    through_proxy(scene, "cutoff", play)


def flipped(scene: Scene, tries: int) -> None:
    """Bits of records turned on the way from the broker: noticed by the batch's checksum, read
    again, nothing lost in silence. (Kafka has no checksum over the rest of an answer; TLS has.)"""

    def play(load: Load, proxy: Proxy) -> None:
        while proxy.flips < tries:
            proxy.set(flip=0.2)
            before = proxy.flips
            load.service.await_status("a bit was turned", lambda _: proxy.flips > before, 60)
            load.look()
            proxy.set()
            most_figure(scene, "reads_again_max_s", round(read_more(load, 60), 1))
        scene.checks.figure("bits_turned", proxy.flips)

    through_proxy(scene, "flipped", play)


def away(scene: Scene, tries: int) -> None:
    """No broker for `tries` seconds: stale, said to be; /readyz stays 200, memory is flat."""

    def play(load: Load, proxy: Proxy) -> None:
        with load.service.admin_client() as client:
            until("ready", client.ready, 30)
        proxy.set(refused=True)
        proxy.cut()
        load.service.await_state("stale", 30)
        before = load.service.memory_mb()
        ended = time.monotonic() + tries
        while time.monotonic() < ended:
            load.look()
            with load.service.admin_client() as client:
                scene.checks.equal("/readyz", client.request("GET", "/readyz").status, 200)
            let_run(1)
        after = load.service.memory_mb()
        scene.checks.figure("rss_mb", [round(before, 1), round(after, 1)])
        scene.checks.true("memory is flat", after < before * 1.02 + 2, (before, after))
        proxy.set()
        most_figure(scene, "reads_again_max_s", round(read_more(load, 60), 1))

    through_proxy(scene, "away", play)
