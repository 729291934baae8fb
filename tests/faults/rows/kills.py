# SPDX-License-Identifier: Apache-2.0
"""R1, R3, R4: the process or the machine goes, at any moment."""

from __future__ import annotations

import time

from kit.wait import let_run, until
from kit.world import Scene

from tools import shim
from tools.load import Load, add_figure, most_figure
from tools.volume import Volume

GROUP = 25  # kills of one topic: what the oracle recounts stays small


def groups(tries: int) -> list[int]:
    """The tries, cut into groups."""
    return [min(GROUP, tries - begun) for begun in range(0, tries, GROUP)]


def kill_at_random(scene: Scene, tries: int) -> None:
    """kill -9 at a random moment of life or start, under load."""
    kafka = scene.world.kafka()
    for number, kills in enumerate(groups(tries)):
        load = Load(scene, kafka, f"random{number}", seconds=kills * 2 + 10)
        for _ in range(kills):
            load.keep_pouring()
            load.service.launch()
            let_run(scene.dice.uniform(0.005, 1.5))
            load.look()
            load.service.kill9()
            load.check_files()
            add_figure(scene, "kills", 1)
        begun = time.monotonic()
        load.service.start()
        load.service.await_state("live", 30)
        most_figure(scene, "live_again_max_s", round(time.monotonic() - begun, 2))
        load.finish()


def kill_in_recovery(scene: Scene, tries: int) -> None:
    """Three kills in a row while it is starting: no progress is lost, nothing counts twice."""
    kafka = scene.world.kafka()
    for number, triples in enumerate(groups(tries)):
        load = Load(scene, kafka, f"again{number}", seconds=triples * 4 + 10)
        for _ in range(triples):
            load.keep_pouring()
            load.service.start()
            load.service.await_state("live", 30)
            load.look()
            load.service.kill9()
            for _ in range(3):
                load.service.launch()
                let_run(scene.dice.uniform(0.002, 0.25))
                load.look()
                load.service.kill9()
                load.check_files()
                add_figure(scene, "kills", 1)
            add_figure(scene, "triples", 1)
        load.finish()


# ---- power -------------------------------------------------------------------------------------


def power_cut(scene: Scene, tries: int) -> None:
    """The power goes: what the file system had not written is lost. A control without any sync must
    lose a save that had been made."""
    kafka = scene.world.kafka()
    with Volume(scene, 48) as volume:
        for number, cuts in enumerate(groups(tries)):
            load = Load(scene, kafka, f"power{number}", seconds=cuts * 3 + 10)
            load.service.settings["data_dir"] = volume.folder(f"data{number}")
            for _ in range(cuts):
                cut_power(load, volume)
                add_figure(scene, "cuts", 1)
            load.finish()
        lost = sum(control(scene, volume, number) for number in range(max(2, tries // 10)))
    scene.checks.true("without sync, a cut loses a save that was made", lost > 0, lost)
    scene.checks.figure("control_lost", lost)


def cut_power(load: Load, volume: Volume) -> None:
    load.keep_pouring()
    load.service.start()
    load.service.await_state("live", 30)
    let_run(load.scene.dice.uniform(0.05, 0.8))
    told = load.newest_cut + load.service.client.status()["snapshot"]["written"]
    load.look()
    volume.cut(load.service)
    load.check_files()
    add_figure(load.scene, "saves_lost", max(0, told - load.newest_cut))


def control(scene: Scene, volume: Volume, number: int) -> bool:
    """The same with fsync and fdatasync that do nothing: is a save that was told lost (or worse)?"""
    kafka = scene.world.kafka()
    load = Load(scene, kafka, f"control{number}", seconds=20)
    load.service.settings["data_dir"] = volume.folder(f"control{number}")
    load.service.launch(environment={"LD_PRELOAD": shim(scene, "nosync")})
    until("it listens", load.service.listening, 15)
    status = load.service.await_status("saves were made",
                                       lambda now: now["snapshot"]["written"] > 4, 20)
    volume.cut(load.service)
    found = volume.examine(f"control{number}")
    load.give_up()
    return bool(found.faults) or found.newest_cut < status["snapshot"]["written"]
