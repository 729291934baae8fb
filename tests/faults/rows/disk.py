# SPDX-License-Identifier: Apache-2.0
"""R5 to R10: the disk fails, is full, read-only or slow, or has damaged what it was given."""

from __future__ import annotations

import os
import shutil
import time

from kit.service import Service, total
from kit.wait import NeverHappened, let_run, until
from kit.world import Scene

from tools import shim
from tools.load import Load, add_figure, most_figure
from tools.volume import Tmpfs

RESUMES_S = 10


def persisting(load: Load, wanted: bool, seconds: float = 20) -> float:
    """Until the status says so; how long that took."""
    begun = time.monotonic()
    load.service.await_status(f"persisting {wanted}",
                              lambda now: now["snapshot"]["persisting"] is wanted, seconds)
    return time.monotonic() - begun


def disk_full(scene: Scene, tries: int) -> None:
    """The disk is filled to the last byte and freed: memory goes on, the state is said, saving
    resumes by itself; a kill in between costs nothing."""
    with Tmpfs(scene, 8) as tmpfs:
        load = Load(scene, scene.world.kafka(), "full", seconds=3600,
                    data_dir=os.path.join(tmpfs.path, "data"))
        load.service.start()
        load.service.await_state("live", 30)
        for number in range(tries):
            tmpfs.fill()
            persisting(load, False)
            load.look()
            counted = total(load.statuses[-1], "counted")
            load.service.await_status("it counts on",
                                      lambda now: total(now, "counted") > counted, 10)
            load.look()
            if number % 5 == 4:
                load.service.kill9()
                tmpfs.free()
                load.check_files()
                load.service.start()
                load.service.await_state("live", 30)
                add_figure(scene, "kills", 1)
            else:
                tmpfs.free()
            most_figure(scene, "saves_again_max_s", round(persisting(load, True), 2))
            load.look()
            add_figure(scene, "filled", 1)
        scene.checks.true(f"saving resumed within {RESUMES_S} s",
                          scene.checks.figures["saves_again_max_s"] <= RESUMES_S)
        load.finish()


# ---- a disk that fails at a call ----------------------------------------------------------------


class Faulty:
    """A service whose disk does what a plan says (shim_disk.c)."""

    def __init__(self, scene: Scene, label: str) -> None:
        self.load = Load(scene, scene.world.kafka(), label, seconds=3600)
        self.plan = os.path.join(scene.home, "plan")
        self.counts = os.path.join(scene.home, "counts")
        self.environment = {"LD_PRELOAD": shim(scene, "disk"),
                            "FAULT_DISK_DIR": self.load.service.settings["data_dir"],
                            "FAULT_DISK_CONTROL": self.plan, "FAULT_DISK_COUNT": self.counts}

    def launch(self, *rules: str) -> None:
        self.say(*rules)
        self.load.service.launch(environment=self.environment)

    def start(self) -> None:
        self.launch()
        until("it listens", self.load.service.listening, 15, seen=self.load.service.log_tail)
        self.load.service.await_state("live", 30)

    def say(self, *rules: str) -> None:
        """Replaces the plan; every rule counts from one again."""
        with open(self.plan + ".new", "w", encoding="ascii") as file:
            file.write("".join(rule + "\n" for rule in rules))
        os.rename(self.plan + ".new", self.plan)

    def written(self) -> int:
        return int(self.load.service.client.status()["snapshot"]["written"])

    def saves_again(self) -> None:
        """All is well again: two more saves, and it says so."""
        before = self.written()
        begun = time.monotonic()
        self.load.service.await_status(
            "it saves again", lambda now: (now["snapshot"]["persisting"]
                                           and now["snapshot"]["written"] >= before + 2), 30)
        most_figure(self.load.scene, "saves_again_max_s", round(time.monotonic() - begun, 2))


def error_at_call(scene: Scene, tries: int) -> None:
    """EIO, ENOSPC or EROFS at the n-th call on the files of data_dir, n = 1 to `tries`, once and from
    then on, while it runs and while it starts: no wrong count, and it saves again by itself."""
    faulty = Faulty(scene, "errors")
    load = faulty.load
    faulty.start()
    for number in range(1, tries + 1):
        for mode in ("once", "always"):
            error = scene.dice.choice(("EIO", "ENOSPC", "EROFS"))
            before = faulty.written()
            faulty.say(f"fail {number} {error} {mode}")
            load.service.await_status(
                "the fault was met, or saves go on",
                lambda now, mode=mode, before=before: not now["snapshot"]["persisting"]
                or now["snapshot"]["written"] >= before + (2 if mode == "once" else 12), 30)
            faulty.say()
            faulty.saves_again()
            add_figure(scene, "errors_live", 1)
        load.look()
    load.service.kill9()
    for number in range(1, tries + 1):
        faulty.launch(f"fail {number} EIO {'once' if number % 2 else 'always'}")
        starts_or_says_why(scene, load)
        load.service.end()
        load.check_files(damaged=True)
        add_figure(scene, "errors_at_start", 1)
    faulty.say()
    load.finish()


def starts_or_says_why(scene: Scene, load: Load) -> None:
    """With a disk that fails while it starts: it listens, or ends with one line that says why."""
    try:
        until("it listens or ends", load.service.listening, 15)
        load.look()
    except NeverHappened:
        scene.checks.true("it ended by itself", not load.service.running())
        scene.checks.true("and said why", "livectr: " in load.service.log_tail(),
                          load.service.log_tail())
        add_figure(scene, "starts_refused", 1)


def torn_write(scene: Scene, tries: int) -> None:
    """The n-th write to a file of data_dir writes half of its bytes, and the process is gone."""
    faulty = Faulty(scene, "torn")
    load = faulty.load
    faulty.start()
    load.service.await_status("both files hold it", lambda now: now["snapshot"]["written"] > 3, 20)
    load.service.kill9()
    for number in range(1, tries + 1):
        faulty.launch(f"tear {number} write")
        until("it dies", lambda: not load.service.running(), 20, seen=load.service.log_tail)
        load.service.close_client()
        load.check_files()
        add_figure(scene, "torn", 1)
    faulty.say()
    load.finish()


def read_only(scene: Scene, tries: int) -> None:
    """The file system refuses every write, and then takes them again."""
    faulty = Faulty(scene, "readonly")
    load = faulty.load
    faulty.start()
    for _ in range(tries):
        faulty.say("fail 1 EROFS always write,truncate,unlink,rename,allocate")
        persisting(load, False)
        load.look()
        with load.service.admin_client() as client:
            scene.checks.equal("/livez", client.request("GET", "/livez").status, 200)
        faulty.say()
        faulty.saves_again()
        load.look()
        add_figure(scene, "read_only", 1)
    load.finish()


def slow(scene: Scene, tries: int) -> None:
    """Every sync takes five seconds: answers do not notice, and a kill in between costs nothing."""
    faulty = Faulty(scene, "slow")
    load = faulty.load
    faulty.start()
    took: list[float] = []
    for _ in range(tries):
        faulty.say("delay 5000 sync")
        ended = time.monotonic() + 6
        with load.service.new_client() as client:
            while time.monotonic() < ended:
                begun = time.monotonic()
                client.ctr((None, None), "1m")
                took.append(time.monotonic() - begun)
                let_run(0.005)
        load.look()
        faulty.say()
        faulty.saves_again()
        load.look()
    took.sort()
    scene.checks.figure("answer_p99_ms", round(took[len(took) * 99 // 100] * 1000, 1))
    scene.checks.figure("answer_max_ms", round(took[-1] * 1000, 1))
    load.finish()


def damaged(scene: Scene, tries: int) -> None:
    """One bit turned, a page of zeros, the end cut off, anywhere in the newest file: noticed, the
    older copy is taken, and no answer is wrong."""
    kafka = scene.world.kafka()
    load = Load(scene, kafka, "damaged", seconds=12)
    load.service.start()
    assert load.flood is not None
    until("the load ends", lambda: not load.flood.running(), 60)
    load.service.await_state("live", 30)
    scene.checks.equal("exit code", load.service.terminate(), 0)
    whole = load.service.settings["data_dir"]
    judge = scene.checks.judge(load.service.settings).read(kafka.dump(load.topic))
    for number in range(tries):
        hurt = Service(scene.world.binary, os.path.join(scene.home, "hurt"),
                       {**load.service.settings,
                        "data_dir": os.path.join(scene.home, "hurt", "data")})
        shutil.rmtree(hurt.settings["data_dir"], ignore_errors=True)
        shutil.copytree(whole, hurt.settings["data_dir"])
        how = hurt_file(scene, os.path.join(hurt.settings["data_dir"], "livectr.db"), number % 3)
        add_figure(scene, how, 1)
        hurt.launch()
        try:
            until("it listens", hurt.listening, 15)
            hurt.await_state("live", 30)
            judge.answers(f"{how}, try {number}", hurt.client.batch(load.names(), "10m"))
        except NeverHappened as never:
            raise NeverHappened(f"{how}, try {number}: {never}") from never
        finally:
            hurt.end()
    load.finish()


def hurt_file(scene: Scene, path: str, how: int) -> str:
    """Damages a file at a random place; the damage's name."""
    size = os.path.getsize(path)
    at = scene.dice.randrange(size)
    with open(path, "r+b") as file:
        if how == 0:
            file.seek(at)
            byte = file.read(1)[0] ^ 1 << scene.dice.randrange(8)
            file.seek(at)
            file.write(bytes([byte]))
            return "bit"
        if how == 1:
            file.seek(at // 4096 * 4096)
            file.write(b"\0" * 4096)
            return "zeros"
        file.truncate(at)
        return "cut_off"
