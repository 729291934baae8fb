# SPDX-License-Identifier: Apache-2.0
"""The disk under data_dir fails, hangs and loses the process in the middle of a call."""

from __future__ import annotations

import os
import time

from kit.check import conservation_faults
from kit.service import Service, total
from kit.wait import let_run, until
from kit.world import Scene

RESUMES_S = 10
WINDOWS = ("1m", "10m")
# What is planned, what the status must then say of it.
FAULTS = (("fail 1 ENOSPC always write", "full"),
          ("fail 1 EIO always write", "I/O error"),
          ("fail 1 EIO always sync", ""),
          ("fail 1 EROFS always open,write,truncate", ""),
          ("fail 3 ENOSPC once write\nfail 5 EIO once write\nshort 8", ""))


class Disk:
    """A plan for the shim, and the environment that a process runs under it with."""

    def __init__(self, scene: Scene, service: Service) -> None:
        self.plan = os.path.join(scene.home, "disk.plan")
        self.count = os.path.join(scene.home, "disk.count")
        shim = os.path.join(os.path.dirname(scene.world.ktool), "faults", "libshim_disk.so")
        self.environment = {"LD_PRELOAD": shim, "FAULT_DISK_DIR": service.settings["data_dir"],
                            "FAULT_DISK_CONTROL": self.plan, "FAULT_DISK_COUNT": self.count}

    def set(self, rules: str) -> None:
        with open(self.plan + ".new", "w", encoding="ascii") as file:
            file.write(rules + "\n")
        os.replace(self.plan + ".new", self.plan)

    def calls(self) -> dict[str, int]:
        with open(self.count, encoding="ascii") as file:
            return {kind: int(number) for kind, number in
                    (line.split() for line in file if line.strip())}


def start(service: Service, disk: Disk) -> None:
    service.launch(environment=disk.environment)
    until("it listens", service.listening, 15, seen=service.log_tail)


def persisting(service: Service, wanted: bool, seconds: float) -> dict:
    return service.await_status(f"persisting {wanted}",
                                lambda now: now["snapshot"]["persisting"] is wanted, seconds)


def lines(service: Service, event: str) -> int:
    with open(service.log_path, encoding="utf-8", errors="replace") as file:
        return sum(event in line for line in file)


def run(scene: Scene) -> None:
    """A disk that is full, read-only, slow, failing or gone in the middle of a call: memory serves
    on, the state says so, saving resumes by itself, and no number is wrong."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2, message__timestamp__type="LogAppendTime")
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows=",".join(WINDOWS), snapshot_interval="200ms")
    disk = Disk(scene, service)
    disk.set("")
    flood = scene.flood(kafka, topic, 500, 600, seed=scene.world.seed, pages=5, boxes=3,
                        click_percent=10)
    names = [(None, None), *((f"/offer/{page}", None) for page in range(5))]
    statuses, answers, resumed = [], [], []

    def look() -> None:
        statuses.append(service.client.status())
        answers.extend(service.client.batch(names, scene.dice.choice(WINDOWS)))

    start(service, disk)
    service.await_state("live", 30)
    persisting(service, True, 10)
    for rules, words in FAULTS:
        before = lines(service, "not_persisting")
        disk.set(rules)
        if "once" not in rules:
            status = persisting(service, False, 20)
            checks.true(f"{rules}: the reason", words in (status["snapshot"]["error"] or ""),
                        status["snapshot"]["error"])
            counted = total(status, "counted")
            service.await_status("it counts on", lambda now: total(now, "counted") > counted, 10)
        let_run(1.5)
        look()
        checks.true(f"{rules}: said when it changes, not each time",
                    lines(service, "not_persisting") - before <= 4,
                    lines(service, "not_persisting") - before)
        disk.set("")
        begun = time.monotonic()
        persisting(service, True, 20)
        service.await_status("both files are good",
                             lambda now: now["snapshot"]["files"]["good"] == 2, 20)
        resumed.append(round(time.monotonic() - begun, 2))
        look()
    checks.true("saving resumed by itself in time", max(resumed) <= RESUMES_S, resumed)
    slow(scene, service, disk, names)
    kills(scene, service, disk, look)
    disk.set("")
    flood.end()
    produced = sum(kafka.ends(topic).values())
    final = service.await_status(f"{produced} counted",
                                 lambda now: total(now, "counted") == produced, 60)
    look()
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.answers("answers on the way", answers)
    judge.everything("at the end", service.client)
    checks.none("conservation", conservation_faults([*statuses, final]))
    hang(scene, service, disk)
    checks.figure("resumed_s", resumed)
    checks.figure("calls", disk.calls()["total"])


def slow(scene: Scene, service: Service, disk: Disk, names: list) -> None:
    """Each sync takes two seconds: readers do not notice."""
    disk.set("delay 2000 sync")
    took = []
    begun = time.monotonic()
    while time.monotonic() - begun < 5:
        asked = time.monotonic()
        service.client.batch(names, "10m")
        took.append(time.monotonic() - asked)
        let_run(0.01)
    scene.checks.figure("slow_read_p99_ms", round(sorted(took)[len(took) * 99 // 100] * 1000, 1))
    scene.checks.true("readers go on while the disk is slow",
                      sorted(took)[len(took) * 99 // 100] < 0.2)
    disk.set("")
    persisting(service, True, 20)


def hang(scene: Scene, service: Service, disk: Disk) -> None:
    """A sync that does not come back: the end comes in time, and what was saved before is there."""
    written = service.client.status()["snapshot"]["written"]
    disk.set("delay 60000 sync")
    service.client.status()
    until("a save hangs", lambda: disk.calls()["sync"] > 0, 10)
    begun = time.monotonic()
    scene.checks.equal("exit code: the last of it was not saved", service.terminate(25), 3)
    scene.checks.figure("exit_while_it_hangs_s", round(time.monotonic() - begun, 2))
    disk.set("")
    start(service, disk)
    service.await_state("live", 30)
    scene.checks.true("it had saved", written > 0, written)


def kills(scene: Scene, service: Service, disk: Disk, look) -> None:
    """The process ends at a call that is named; the next start goes on from what is there."""
    tries = 6 if scene.world.quick else 10
    for number in range(tries):
        verb = scene.dice.choice(("kill", "tear"))
        kinds = "all" if verb == "kill" else "write"
        disk.set(f"{verb} {scene.dice.randrange(1, 120)} {kinds}")
        assert service.process is not None
        service.process.wait(timeout=30)
        service.close_client()
        disk.set("")
        start(service, disk)
        service.await_state("live", 30)
        look()
    scene.checks.figure("kills_at_a_call", tries)
