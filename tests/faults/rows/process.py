# SPDX-License-Identifier: Apache-2.0
"""R11, R15 to R18, R41, R51: the process is stopped, starved, asked to end, told another time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from kit.client import Client, Refused
from kit.kafka import Kafka
from kit.service import Service, total
from kit.wait import let_run, until
from kit.world import Scene

from tools import shim
from tools.load import Load, add_figure, most_figure


def second_instance(scene: Scene, tries: int) -> None:
    """A second process on the same data_dir ends within 2 s; the first does not notice."""
    load = Load(scene, scene.world.kafka(), "second", seconds=3600)
    load.service.start()
    load.service.await_state("live", 30)
    second = Service(scene.world.binary, os.path.join(scene.home, "other"),
                     {**load.service.settings})
    for _ in range(tries):
        begun = time.monotonic()
        second.launch()
        assert second.process is not None
        code = second.process.wait(timeout=10)
        most_figure(scene, "refused_max_s", round(time.monotonic() - begun, 2))
        scene.checks.true("the second ends, and not with 0", code not in (0, None), code)
        scene.checks.true("it names the folder", "data" in second.log_tail(), second.log_tail())
        load.look()
    scene.checks.true("refused within 2 s", scene.checks.figures["refused_max_s"] <= 2,
                      scene.checks.figures)
    load.finish()


def stalls(scene: Scene, tries: int) -> None:
    """SIGSTOP and SIGCONT: no count is lost or doubled, and it is live again."""
    load = Load(scene, scene.world.kafka(), "stalls", seconds=3600)
    load.service.start()
    load.service.await_state("live", 30)
    for number in range(tries):
        load.service.suspend()
        let_run(12 if number == 0 else scene.dice.uniform(0.1, 2))
        load.service.resume()
        load.look()
        begun = time.monotonic()
        load.service.await_state("live", 30)
        most_figure(scene, "live_again_max_s", round(time.monotonic() - begun, 2))
        add_figure(scene, "stalls", 1)
    load.finish()


def starved(scene: Scene, tries: int) -> None:
    """Eight busy loops beside it, itself at the lowest priority: /livez answers within a second."""
    load = Load(scene, scene.world.kafka(), "starved", seconds=3600)
    load.service.start()
    load.service.await_state("live", 30)
    assert load.service.process is not None
    os.setpriority(os.PRIO_PROCESS, load.service.process.pid, 10)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        with load.service.admin_client() as client:
            for _ in range(tries):
                begun = time.monotonic()
                scene.checks.equal("/livez", client.request("GET", "/livez").status, 200)
                most_figure(scene, "livez_max_s", round(time.monotonic() - begun, 3))
                load.look()
                let_run(0.2)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    scene.checks.true("/livez within a second", scene.checks.figures["livez_max_s"] <= 1,
                      scene.checks.figures)
    load.finish()


# ---- SIGTERM -----------------------------------------------------------------------------------

DRAIN_S = 0.6


class Readers:
    """Keep-alive clients that stop a little before the drain time has passed, as those behind a
    balancer do that has seen /readyz turn."""

    def __init__(self, service: Service, count: int = 4) -> None:
        self._clients = [service.new_client(5) for _ in range(count)]
        self._threads = [threading.Thread(target=self._read, args=(client,), daemon=True)
                         for client in self._clients]
        self.until_s = float("inf")
        self.requests = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        for thread in self._threads:
            thread.start()

    def _read(self, client: Client) -> None:
        done = 0
        while time.monotonic() < self.until_s:
            try:
                response = client.request("GET", "/v1/ctr")
                if response.status != 200:
                    self.failures.append(f"status {response.status}")
            except (OSError, EOFError, Refused) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                break
            done += 1
        client.close()
        with self._lock:
            self.requests += done

    def join(self) -> None:
        for thread in self._threads:
            thread.join(10)


def sigterm(scene: Scene, tries: int) -> None:
    """SIGTERM under a read load: no request fails until the drain time has passed; exit 0; the last
    save holds everything that was counted."""
    load = Load(scene, scene.world.kafka(), "term", rate=300, seconds=3600,
                drain=f"{round(DRAIN_S * 1000)}ms", snapshot_interval="1h")
    for _ in range(tries):
        load.keep_pouring()
        load.service.start()
        load.service.await_state("live", 30)
        until("ready", load.service.admin_client().ready, 30)
        readers = Readers(load.service)
        admin = load.service.admin_client()
        let_run(scene.dice.uniform(0.05, 0.3))
        assert load.service.process is not None
        load.service.process.terminate()
        begun = time.monotonic()
        until("/readyz turns 503", lambda: admin.request("GET", "/readyz").status == 503, 5,
              step=0.005)
        turned = time.monotonic()
        most_figure(scene, "ready_turned_max_s", round(turned - begun, 3))
        readers.until_s = turned + DRAIN_S * 0.75
        load.look()
        readers.join()
        load.service.close_client()
        code = load.service.process.wait(timeout=25)
        most_figure(scene, "ended_max_s", round(time.monotonic() - begun, 2))
        scene.checks.equal("exit code", code, 0)
        scene.checks.none("requests while draining", readers.failures)
        load.check_files()
        add_figure(scene, "requests", readers.requests)
        add_figure(scene, "failed", len(readers.failures))
    load.finish()


def sigterm_broker_hung(scene: Scene, tries: int) -> None:
    """SIGTERM while the broker hangs: it ends within 25 s, with everything saved."""
    world = scene.world
    kafka = Kafka(world.ktool, world.versions[-1], 1, "-hung")
    try:
        load = Load(scene, kafka, "hung", seconds=3600)
        for _ in range(tries):
            load.keep_pouring()
            load.service.start()
            load.service.await_state("live", 30)
            load.look()
            kafka.suspend(1)
            begun = time.monotonic()
            try:
                code = load.service.terminate(25)
            finally:
                kafka.resume(1)
            most_figure(scene, "ended_max_s", round(time.monotonic() - begun, 2))
            scene.checks.equal("exit code", code, 0)
            load.check_files()
        load.finish()
    finally:
        kafka.stop()


# ---- time --------------------------------------------------------------------------------------

JUMPS_MS = (1_000, -1_000, 37_000, 3_600_000, -3_600_000, 31_536_000_000, -86_400_000)


def clock_jumps(scene: Scene, tries: int) -> None:
    """The host's time of day jumps by a second, an hour, a year, and back: no count changes."""
    path = os.path.join(scene.home, "moved")
    load = Load(scene, scene.world.kafka(), "clock", seconds=3600)
    load.service.launch(environment={"LD_PRELOAD": shim(scene, "clock"), "FAULT_CLOCK_FILE": path})
    until("it listens", load.service.listening, 15)
    load.service.await_state("live", 30)
    for number in range(tries):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(JUMPS_MS[number % len(JUMPS_MS)]))
        os.rename(path + ".new", path)
        let_run(scene.dice.uniform(0.3, 1.5))
        load.look()
        os.remove(path)
        let_run(scene.dice.uniform(0.1, 0.5))
        load.look()
        add_figure(scene, "jumps", 2)
    before = total(load.service.client.status(), "counted")
    load.service.await_status("counting goes on", lambda now: total(now, "counted") > before, 10)
    load.finish()


def readers_meanwhile(scene: Scene, tries: int) -> None:
    """Readers while cuts are made ten times a second: every answer is of one moment."""
    load = Load(scene, scene.world.kafka(), "readers", rate=2000, seconds=3600)
    load.service.start()
    load.service.await_state("live", 30)
    ended = time.monotonic() + tries
    while time.monotonic() < ended:
        load.look()
    load.finish()
