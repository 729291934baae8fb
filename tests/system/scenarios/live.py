# SPDX-License-Identifier: Apache-2.0
"""Answers while events come in: ten thousand a second, and out of order."""

from __future__ import annotations

import itertools
import random
import time

from kit.check import Sampler, conservation_faults, percentile
from kit.client import Client
from kit.kafka import Record, event
from kit.service import total
from kit.wait import now_ms
from kit.world import Scene

PARTITIONS = 8
PAGES, BOXES = 50, 20
RATE = 10_000
LAG_MAX_MS = 2000


def run(scene: Scene) -> None:
    """10,000 events/s for 60 s in 8 partitions: all counted, every answer right, lag under 2 s."""
    checks, world = scene.checks, scene.world
    seconds = 10 if world.quick else 60
    kafka = world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, PARTITIONS)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest").start()
    service.await_state("live")
    names = [(None, None)] + [(f"/offer/{page}", None) for page in range(PAGES)]
    names += [(None, f"opbox.carousel.{box}") for box in range(1, BOXES + 1)]
    names += [(f"/offer/{page}", f"opbox.carousel.{box}")
              for page in range(PAGES) for box in range(1, BOXES + 1)]
    windows = ["1m", "10m", "1h", "24h"]

    def ask(client: Client) -> list[dict]:
        return client.batch(scene.dice.sample(names, 60), scene.dice.choice(windows))

    cpu, begun = service.cpu_seconds(), time.monotonic()
    with Sampler(service.new_client(), lambda client: client.status(), 0.15) as statuses, \
            Sampler(service.new_client(), ask, 0.25) as answers:
        flood = scene.flood(kafka, topic, RATE, seconds, seed=world.seed, pages=PAGES, boxes=BOXES,
                            click_percent=5)
        produced = flood.finish(seconds + 60)
        cpu, took = service.cpu_seconds() - cpu, time.monotonic() - begun
        resident, peak = service.memory_mb(), service.memory_mb("VmHWM")
        service.await_status("everything counted",
                             lambda now: total(now, "counted") == RATE * seconds, 30)
    status = service.client.status()
    checks.equal("produced", produced, RATE * seconds)
    checks.equal("counted", total(status, "counted"), RATE * seconds)

    checks.figure("stragglers", total(status, "stragglers"))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    sampled = [answer for batch in answers.result() for answer in batch]
    judge.answers("sampled during the run", sampled)
    judge.everything("at the end", service.client)
    judge.whole("at the end", service.client.status())

    seen = statuses.result()
    checks.none("conservation in every status", conservation_faults(seen))
    judge.statuses("a sample of statuses", seen[::max(1, len(seen) // 12)])
    lags = [now["lag_ms"] for now in seen]
    checks.true("lag_ms under 2,000 throughout", max(lags) < LAG_MAX_MS, max(lags))
    checks.true("live throughout", all(now["state"] == "live" for now in seen))
    checks.true("sampled several times a second", len(seen) > 3 * seconds, len(seen))
    checks.figure("events", produced)
    checks.figure("seconds", round(took, 1))
    checks.figure("lag_ms_p50", percentile(lags, 0.5))
    checks.figure("lag_ms_max", max(lags))
    checks.figure("statuses", len(seen))
    checks.figure("answers", len(sampled))
    checks.figure("cpu_share", round(cpu / took, 3))
    checks.figure("rss_mb", round(resident, 1))
    checks.figure("rss_peak_mb", round(peak, 1))


# ---- out of order ------------------------------------------------------------------------------


def delay_ms(dice: random.Random) -> int:
    """How long after its event a record is written; negative: an event of the near future."""
    return dice.choice([0, dice.randrange(2000), dice.randrange(2000), dice.randrange(180_000),
                        dice.randrange(7_200_000), -dice.randrange(4000)])


def out_of_order(scene: Scene) -> None:
    """Events that are late by up to two hours, or early: each answer holds what had arrived."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 3)
    windows = ["5s", "1m", "10m", "1h", "24h"]
    # A broker on a busy machine may keep a producer waiting for half a second: settle covers it.
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", settle="2s",
                            windows=",".join(windows), page_impressions="box_views").start()
    service.await_state("live")
    names = [(None, None)] + [(f"p{page}", None) for page in range(4)]
    names += [(None, f"b{box}") for box in range(6)]
    names += [(f"p{page}", f"b{box}") for page in range(4) for box in range(6)]
    rate, seconds = 1000, 4 if scene.world.quick else 10
    begun = now_ms()
    records = []
    for at in range(rate * seconds):
        ts = begun + at * 1000 // rate - delay_ms(scene.dice)
        kind = "click" if scene.dice.random() < 0.2 else "view"
        records.append(Record(topic, at % 3, -1, event(kind, ts, f"p{at % 4}",
                                                       f"b{scene.dice.randrange(6)}")))
    asked = itertools.cycle(windows)
    with Sampler(service.new_client(), lambda client: client.batch(names, next(asked)),
                 0.02) as sampler:
        produced = kafka.produce(records, rate=rate)
        status = service.await_status("everything counted",
                                      lambda now: total(now, "counted") == produced, 30)
    checks.figure("stragglers", total(status, "stragglers"))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    sampled = [answer for batch in sampler.result() for answer in batch]
    judge.answers("sampled on the way", sampled)
    judge.everything("at the end", service.client)
    judge.whole("at the end", status)
    moments = {answer["to"] for answer in sampled}
    checks.true("seen at most seconds of the way", len(moments) >= seconds - 1, len(moments))
    checks.figure("events", produced)
    checks.figure("answers", len(sampled))
    checks.figure("seconds_seen", len(moments))
