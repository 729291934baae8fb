# SPDX-License-Identifier: Apache-2.0
"""R2, R53: kill -9 at each named point of the code (storage/fault_point.h).

Some points lie on every path; others are reached only where something was provoked before: an end,
a damaged file, an empty folder, a file of an older version, a gap that a scout answers over."""

from __future__ import annotations

import os
import re
import shutil
import struct
from typing import Callable

from decode import moment_ms
from kit import ROOT
from kit.kafka import Failed, run
from kit.service import Service
from kit.wait import NeverHappened, let_run, now_ms, until
from kit.world import Scene

from tools import files
from tools.load import Load, add_figure
from tools.outage import MINUTE_MS, Stream
from rows.outage import check_window, first_right, named, KEYS

POINT = re.compile(r'FAULT_POINT\("([a-z0-9_]+)"\)')
DIES_S = 20


def point_names() -> list[str]:
    """Every name in the sources."""
    found: set[str] = set()
    for layer in ("storage", "service", "api"):
        for folder, _, names in os.walk(os.path.join(ROOT, layer)):
            for name in names:
                if name.endswith(".c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found |= set(POINT.findall(file.read()))
    return sorted(found)


def faulty_binary() -> str:
    binary = os.path.join(ROOT, "build", "faults", "livectr")
    if not os.path.exists(binary):
        raise Failed(f"{binary} is missing; ./dev faults builds it")
    return binary


def launch_to_die(service: Service, name: str, times: int) -> None:
    service.launch(environment={"FAULT_KILL_AT": f"{name}:{times}"}, binary=faulty_binary())


def dies(service: Service, look: Callable[[], object], seconds: float = DIES_S) -> bool:
    """Waits until the process has killed itself, and looks at it meanwhile."""

    def gone() -> bool:
        if service.running():
            look()
        return not service.running()

    try:
        until("it dies", gone, seconds)
        return True
    except NeverHappened:
        if not service.running():
            return True
        service.kill9()
        return False
    finally:
        service.close_client()


# ---- what has to be provoked -------------------------------------------------------------------


def no_preparation(load: Load) -> None:
    del load


def damage_a_file(load: Load) -> None:
    """Of two good files, one is damaged."""
    load.service.start()
    load.service.await_status("two good files", lambda now: now["snapshot"]["files"]["good"] == 2
                              and now["snapshot"]["written"] > 1, 30)
    load.service.kill9()
    path = load.scene.dice.choice(files.databases(load.service.settings["data_dir"]))
    with open(path, "r+b") as file:
        file.seek(load.scene.dice.choice((0, 4096 * 2)))
        file.write(b"\0" * 4096)
    load.newest_cut = 0  # the newest may have been in the damaged one


def empty_folder(load: Load) -> None:
    shutil.rmtree(load.service.settings["data_dir"])
    load.newest_cut = 0


def ask_to_end(load: Load) -> None:
    """Once it is live, SIGTERM."""
    service = load.service
    until("it listens", service.listening, 15)
    service.await_state("live", 30)
    load.look()
    assert service.process is not None
    service.process.terminate()


def under_load(scene: Scene, name: str, tries: int, prepare: Callable[[Load], None],
               provoke: Callable[[Load], None]) -> int:
    """Kills at one point under load; how many there were."""
    load = Load(scene, scene.world.kafka(), name, rate=400, seconds=tries * 4 + 20, drain="100ms")
    load.service.start()
    load.service.await_state("live", 30)
    load.service.await_status("both files hold it", lambda now: now["snapshot"]["written"] > 3, 20)
    load.service.kill9()
    hits = 0
    for number in range(tries):
        load.keep_pouring()
        prepare(load)
        launch_to_die(load.service, name, scene.dice.randint(1, 2) if prepare is no_preparation
                      and provoke is no_preparation else 1)
        provoke(load)
        hits += dies(load.service, load.look)
        if hits == 0 and number == 2:
            break
        load.check_files(damaged=prepare is damage_a_file)
    load.finish()
    return hits


# ---- an older file -----------------------------------------------------------------------------

MASK = (1 << 64) - 1


def _mix(a: int, b: int, c: int) -> int:
    """hash_mix() of storage/hash.h: the secret that the file of tests/data was made with."""
    bits = a * 0x9E3779B97F4A7C15 + b * 0xD6E8FEB86659FD93 + (c << 1 | 1) * 0xC2B2AE3D27D4EB4F & MASK
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & MASK
    return bits ^ bits >> 31


def old_folder(service: Service, version: int) -> None:
    folder = service.settings["data_dir"]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    shutil.copyfile(os.path.join(ROOT, "tests", "data", "snapshots", f"version-{version}.db"),
                    os.path.join(folder, "livectr.db"))
    with open(os.path.join(folder, "hash.key"), "wb") as file:
        file.write(struct.pack("<24Q", *(_mix(at, 2, 3) for at in range(24))))


def said(service: Service) -> list[object]:
    """All lists in all windows, without what depends on the moment of asking."""
    answers = []
    for window in ("1m", "10m"):
        for page in (service.client.pages(window, limit=1000, sort="id"),
                     service.client.boxes(window, limit=1000, sort="id")):
            answers.append((page["from"], page["to"], page["items"], page.get("other")))
    return answers


def in_migration(scene: Scene, name: str, tries: int) -> int:
    """Kills while a file of version 2 becomes one of today: afterwards it says the same."""
    service = scene.service(name, brokers="127.0.0.1:1", topics="events", windows="1m,10m",
                            click_gap="10s")
    old_folder(service, 2)
    service.start()
    expected = said(service)
    service.kill9()
    hits = 0
    for number in range(tries):
        old_folder(service, 2)
        launch_to_die(service, name, 1)
        hits += dies(service, service.listening)
        if hits == 0 and number == 1:
            break
        scene.checks.none("integrity", files.examine(service.settings["data_dir"]).faults)
        service.start()
        scene.checks.equal(f"{name}: what it says", said(service), expected)
        service.kill9()
    return hits


def upgrade(scene: Scene, tries: int) -> None:
    """A file of an older version: killed at each point of its migration."""
    for name in point_names():
        if name.startswith("migrate"):
            hits = in_migration(scene, name, tries)
            scene.checks.equal(f"{name}: every try died there", hits, tries)
            add_figure(scene, "kills", hits)


# ---- a gap -------------------------------------------------------------------------------------

GAP_MIN, RATE = 30, 400  # 0.7 M records: main has work for long after the scout has answered


class Gap:
    """A log of which a saved state knows the beginning only."""

    def __init__(self, scene: Scene) -> None:
        self.scene, kafka = scene, scene.world.kafka()
        self.topic = scene.topic("gap")
        kafka.create(self.topic, 4)
        begin_ms = now_ms() // MINUTE_MS * MINUTE_MS - GAP_MIN * MINUTE_MS
        self.stream = Stream(begin_ms, RATE, now_ms())
        run([scene.world.ktool, "outage", self.topic, "-b", kafka.bootstrap, "--begin",
             str(begin_ms), "--until", str(self.stream.until_ms), "--rate", str(RATE)])
        self.service = scene.service("gap", brokers=kafka.bootstrap, topics=self.topic,
                                     start="earliest", windows="1m,10m", scout_after="1s",
                                     scout_window="1m", snapshot_interval="100ms")
        self.service.start()
        self.service.await_status("a first save", lambda now: now["snapshot"]["written"] > 0, 20,
                                  step=0.005)
        self.service.kill9()
        self.early = os.path.join(scene.home, "early")
        shutil.copytree(self.service.settings["data_dir"], self.early)

    def again(self) -> None:
        """Back to the beginning."""
        shutil.rmtree(self.service.settings["data_dir"])
        shutil.copytree(self.early, self.service.settings["data_dir"])

    def check(self) -> None:
        """An undisturbed start: while main is far behind and after it, the windows are right."""
        self.service.start()
        self.service.await_read(self.stream.count())
        answers = until("a whole window", lambda: first_right(self.service.client), 30)
        check_window(self.scene, self.stream, answers, "after the kill")
        status = self.service.client.status()
        self.scene.checks.equal("hand-overs that differed", status["handovers"]["differs"], 0)
        self.service.kill9()


def over_gap(gap: Gap, name: str, tries: int) -> int:
    hits = 0
    for number in range(tries):
        gap.again()
        launch_to_die(gap.service, name, 1)
        if name == "scout_drop":  # given up before it has done its work
            until("it listens", gap.service.listening, 15)
            gap.service.await_status("a scout", lambda now: now["backfill"] is not None, 15,
                                     step=0.005)
            assert gap.service.process is not None
            gap.service.process.terminate()
        hits += dies(gap.service, gap.service.listening, 20)
        if hits == 0 and number == 2:
            break
        gap.check()
    return hits


# ---- all of them -------------------------------------------------------------------------------


def kill_at_points(scene: Scene, tries: int) -> None:
    """kill -9 at each named point of the code (or those that FAULT_POINTS names, with commas),
    `tries` times each; exact afterwards."""
    gap: Gap | None = None
    missed: list[str] = []
    for name in os.environ.get("FAULT_POINTS", "").split(",") if "FAULT_POINTS" in os.environ \
            else point_names():
        if name.startswith("migrate"):
            hits = in_migration(scene, name, tries)
        elif name.startswith(("scout", "handover")):
            gap = gap or Gap(scene)
            hits = over_gap(gap, name, tries)
        elif name.startswith(("stop", "image")):
            hits = under_load(scene, name, tries, no_preparation, ask_to_end)
        elif name.startswith(("mend", "install", "aside", "settle")):
            hits = under_load(scene, name, tries, damage_a_file, no_preparation)
        elif name.startswith("create"):
            hits = under_load(scene, name, tries, empty_folder, no_preparation)
        else:
            hits = under_load(scene, name, tries, no_preparation, no_preparation)
        add_figure(scene, "kills", hits)
        if hits < tries:
            missed.append(f"{name}:{hits}")
        else:
            add_figure(scene, "points", 1)
        let_run(0)
    scene.checks.true("every point was met every time", not missed, missed)
