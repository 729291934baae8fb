# SPDX-License-Identifier: Apache-2.0
"""The process is killed, again and again."""

from __future__ import annotations

import time

from kit.check import Sampler, conservation_faults
from kit.client import Client
from kit.service import total
from kit.wait import let_run
from kit.world import Scene

PARTITIONS = 4
PAGES, BOXES = 20, 10
RATE = 5000
WINDOWS = ["1m", "10m"]


def kill9(scene: Scene) -> None:
    """Ten kill -9 at random moments under load: after each restart the answers equal the oracle."""
    checks, world = scene.checks, scene.world
    rounds = 3 if world.quick else 10
    kafka = world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, PARTITIONS)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows=",".join(WINDOWS), snapshot_interval="500ms").start()
    names = [(None, None)] + [(f"/offer/{page}", None) for page in range(PAGES)]
    names += [(f"/offer/{page}", f"opbox.carousel.{box}")
              for page in range(PAGES) for box in range(1, BOXES + 1)]

    def ask(client: Client) -> tuple[dict, list[dict]]:
        return client.status(), client.batch(names, scene.dice.choice(WINDOWS))

    flood = scene.flood(kafka, topic, RATE, 8 + rounds * 5 // 2, seed=world.seed, pages=PAGES,
                        boxes=BOXES, click_percent=10)
    service.await_status("the load is on", lambda now: total(now, "counted") >= RATE, 60)
    statuses, answers, delays, back = [], [], [], []
    for _ in range(rounds):
        with Sampler(service.new_client(), ask, 0.1) as sampler:
            delays.append(round(scene.dice.uniform(0.05, 2.5), 3))
            let_run(delays[-1])
            checks.true("still under load", flood.running())
            service.kill9()
        for status, batch in sampler.result():
            statuses.append(status)
            answers += batch
        begun = time.monotonic()
        service.start()
        status = service.await_state("live", 60)
        back.append(time.monotonic() - begun)
        statuses.append(status)
        for window in WINDOWS:
            answers += service.client.batch(names, window)
    produced = flood.finish()
    final = service.await_status(f"{produced} counted",
                                 lambda now: total(now, "counted") == produced, 60)
    statuses.append(final)

    checks.figure("stragglers", total(final, "stragglers"))
    with_numbers = sum(answer["impressions"] > 0 for answer in answers)
    checks.true("the answers hold numbers", with_numbers > len(answers) // 2, with_numbers)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.answers("answers between and after the kills", answers)
    judge.everything("at the end", service.client)
    judge.statuses("every status seen", statuses)
    checks.none("conservation in every status", conservation_faults(statuses))
    judge.whole("at the end", final)
    for row in final["partitions"]:
        checks.equal(f"partition {row['partition']}: read is the log's count", row["read"],
                     kafka.ends(topic)[row["partition"]])
    checks.figure("kills", rounds)
    checks.figure("seed", world.seed)
    checks.figure("killed_after_s", delays)
    checks.figure("back_live_max_s", round(max(back), 2))
    checks.figure("events", produced)
    checks.figure("answers", len(answers))
    checks.figure("statuses", len(statuses))
