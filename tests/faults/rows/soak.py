# SPDX-License-Identifier: Apache-2.0
"""R55: everything at once, for as long as one likes; exact at every quiet point."""

from __future__ import annotations

import os
import time
from typing import Callable

from kit.check import conservation_faults
from kit.kafka import Kafka
from kit.wait import let_run, until
from kit.world import Scene

from rows.network import SESSION
from tools import shim
from tools.load import Load, add_figure
from tools.proxy import Proxy
from tools.volume import Tmpfs

STORM_S, QUIET_S, EVERY_S = 90, 60, 5
RATE = 200


class Storm:
    """One long-lived service, and everything that can be done to it."""

    def __init__(self, scene: Scene, kafka: Kafka, proxy: Proxy, tmpfs: Tmpfs) -> None:
        self.scene, self.kafka, self.proxy, self.tmpfs = scene, kafka, proxy, tmpfs
        self.clock = os.path.join(scene.home, "moved")
        self.load = Load(scene, kafka, "soak", rate=RATE, seconds=100_000,
                         bootstrap=proxy.address, data_dir=os.path.join(tmpfs.path, "data"))
        self.faults: dict[str, Callable[[], None]] = {
            "kill": self.kill, "kill_twice": self.kill_twice, "term": self.term,
            "stall": self.stall, "broker_kill": self.broker_kill, "broker_stall":
            self.broker_stall, "cut": self.cut, "slow": self.slow, "silent": self.silent,
            "flip": self.flip, "disk_full": self.disk_full, "clock": self.jump}

    def start(self) -> None:
        self.load.service.launch(environment={"LD_PRELOAD": shim(self.scene, "clock"),
                                              "FAULT_CLOCK_FILE": self.clock})
        until("it listens", self.load.service.listening, 20, seen=self.load.service.log_tail)

    def one(self) -> None:
        name = self.scene.dice.choice(sorted(self.faults))
        self.faults[name]()
        add_figure(self.scene, name, 1)
        add_figure(self.scene, "faults", 1)
        self.load.look()

    def heal(self) -> None:
        """Whatever is still wrong ends here."""
        self.proxy.set()
        self.tmpfs.free()
        if os.path.exists(self.clock):
            os.remove(self.clock)
        if not self.load.service.running():
            self.start()

    # ---- faults --------------------------------------------------------------------------------

    def kill(self) -> None:
        self.load.service.kill9()
        self.load.check_files()
        self.start()

    def kill_twice(self) -> None:
        self.kill()
        let_run(self.scene.dice.uniform(0, 0.3))
        self.kill()

    def term(self) -> None:
        """Exit 3 says that the last save failed, which it may while the disk is full."""
        full = os.path.exists(self.tmpfs.ballast)
        code = self.load.service.terminate(25)
        self.scene.checks.true("exit code", code == 0 or (full and code == 3), (code, full))
        self.start()

    def stall(self) -> None:
        self.load.service.suspend()
        let_run(self.scene.dice.uniform(0.1, 3))
        self.load.service.resume()

    def broker_kill(self) -> None:
        self.kafka.kill(1)
        let_run(self.scene.dice.uniform(0, 2))
        self.kafka.revive()

    def broker_stall(self) -> None:
        self.kafka.suspend(1)
        let_run(self.scene.dice.uniform(0.1, 4))
        self.kafka.resume(1)

    def cut(self) -> None:
        self.proxy.cut()

    def slow(self) -> None:
        self.proxy.set(delay_s=self.scene.dice.uniform(0.01, 0.5), jitter_s=0.2,
                       bytes_per_s=200_000)

    def silent(self) -> None:
        self.proxy.set(silent=True)
        let_run(self.scene.dice.uniform(0.5, 5))
        self.proxy.set()

    def flip(self) -> None:
        self.proxy.set(flip=0.1)
        let_run(1)
        self.proxy.set()

    def disk_full(self) -> None:
        if os.path.exists(self.tmpfs.ballast):
            self.tmpfs.free()
        else:
            self.tmpfs.fill()

    def jump(self) -> None:
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(str(self.scene.dice.choice((-3_600_000, -1000, 1000, 86_400_000))))
        os.rename(self.clock + ".new", self.clock)
        let_run(self.scene.dice.uniform(0.1, 2))
        os.remove(self.clock)

    # ---- quiet ---------------------------------------------------------------------------------

    def quiet(self) -> tuple[float, int]:
        """All is well again for QUIET_S (20 s in a short run): exact. RSS in MB and open files."""
        begun = time.monotonic()
        quiet_s = QUIET_S if self.scene.world.hours else 20
        load, checks = self.load, self.scene.checks
        self.heal()
        load.keep_pouring()
        load.service.await_state("live", 60)
        let_run(quiet_s / 2)
        assert load.flood is not None
        load.flood.end()
        status = until("everything counted", load.all_counted, 60, step=0.2,
                       seen=lambda: (load.produced_or_none(), load.service.log_tail(6)))
        load.look()
        judge = checks.judge(load.service.settings).read(self.kafka.dump(load.topic))
        judge.answers("answers in the storm", load.answers)
        judge.everything("at the quiet point", load.service.client)
        judge.statuses("every status", load.statuses)
        checks.none("conservation", conservation_faults(load.statuses))
        judge.whole("at the quiet point", status)
        add_figure(self.scene, "answers", len(load.answers))
        load.answers.clear()
        load.statuses.clear()
        assert load.service.process is not None
        found = (load.service.memory_mb(),
                 len(os.listdir(f"/proc/{load.service.process.pid}/fd")))
        load.pour()
        let_run(quiet_s - (time.monotonic() - begun))
        return found


def soak(scene: Scene, tries: int) -> None:
    """Random faults, one each five seconds for a minute and a half, then a minute of quiet in which
    everything must be exact; nothing is deleted in between, so that errors would add up. In a long
    run it goes on until the hours are over."""
    world = scene.world
    ends = world.began + world.hours * 3600
    proxy = Proxy(scene.dice.randrange(1 << 30))
    kafka = Kafka(world.ktool, world.versions[-1], 1, "-soak",
                  ("--through", str(proxy.port), *SESSION))
    points: list[tuple[float, float, int]] = []
    try:
        proxy.connect(kafka.through_port)
        with Tmpfs(scene, 64) as tmpfs:
            storm = Storm(scene, kafka, proxy, tmpfs)
            storm.start()
            storm.load.service.await_state("live", 30)
            while len(points) < tries or time.monotonic() + STORM_S + QUIET_S < ends:
                begun = time.monotonic()
                while time.monotonic() < begun + (STORM_S if world.hours else 20):
                    next_at = time.monotonic() + EVERY_S
                    storm.one()
                    let_run(next_at - time.monotonic())
                points.append((time.monotonic(), *storm.quiet()))
                print(f"   quiet point {len(points)}: exact; {points[-1][1]:.0f} MB, "
                      f"{points[-1][2]} files, {scene.checks.figures}", flush=True)
            storm.load.give_up()
    finally:
        proxy.close()
        kafka.stop()
    scene.checks.figure("quiet_points", len(points))
    scene.checks.figure("rss_mb", [round(point[1]) for point in (points[0], points[-1])])
    scene.checks.figure("open_files", [point[2] for point in (points[0], points[-1])])
    scene.checks.figure("rss_mb_per_hour", round(slope([(at / 3600, mb) for at, mb, _ in points]), 1))


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line of least squares; 0 for a single point."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
