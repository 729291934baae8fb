# SPDX-License-Identifier: Apache-2.0
"""The numbers are true: everything at once, on a log as large as one asks for."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
import time
from typing import Any

from decode import moment_ms
from kit.check import Checks, Judge, Sampler
from kit.client import Client, Name
from kit.kafka import Failed, Kafka
from kit.service import Service, clean_environment
from kit.traffic import Shape, write_log
from kit.wait import until
from kit.world import Scene

WINDOWS = ("1m", "10m", "1h", "24h")
SETTINGS = {"people_horizon": "1h", "click_gap": "10s", "filter": "bot=true",
            "windows": ",".join(WINDOWS), "max_visitors": "200000000",
            "scout_after": "off"}  # answers are to be of many moments of the past
BATCH = 50
HOUR_MS = 3_600_000


def shape_of(scene: Scene) -> Shape:
    """LIVECTR_PROOF_EVENTS says how many; visitors and boxes grow along, up to a million and 20,000."""
    events = int(os.environ.get("LIVECTR_PROOF_EVENTS", "20000" if scene.world.quick else "150000"))
    return Shape(events=events, visitors=min(1_000_000, events // 5 + 1),
                 boxes=min(20_000, events // 50 + 1))


def produce(kafka: Kafka, path: str, count: int) -> None:
    with open(path, "rb") as file:
        done = subprocess.run([kafka.ktool, "produce", "-b", kafka.bootstrap, "--lz4",
                               "--timeout", "600"],
                              stdin=file, capture_output=True, timeout=1200, check=False)
    if done.stdout.split() != [b"produced", b"%d" % count]:
        raise Failed(f"ktool produce: {done.stdout!r} {done.stderr[-500:]!r}")


class Questions:
    """Random keys of every level, popular and rare ones, in a random window."""

    def __init__(self, scene: Scene, shape: Shape, wanted: int) -> None:
        self.dice = scene.dice
        self.shape = shape
        self.left = wanted
        self.enough = threading.Event()

    def name(self) -> Name:
        box = int(self.shape.boxes ** self.dice.random())  # as many of the first 10 as of all
        page = f"/page/{box * 7 % self.shape.pages}"
        return self.dice.choice(((None, None), (page, None), (None, f"box.{box}"),
                                 (page, f"box.{box}"), (page, f"box.{box}")))

    def ask(self, client: Client) -> list[dict[str, Any]]:
        if self.left <= 0:
            self.enough.set()
            return []
        answers = client.batch([self.name() for _ in range(BATCH)], self.dice.choice(WINDOWS))
        self.left -= len(answers)
        return answers


def check_minutes(scene: Scene, judge: Judge, service: Service, shape: Shape) -> None:
    """Explained minutes and series of some keys, at rest."""
    questions = Questions(scene, shape, 1)
    status = service.client.status()
    newest_ms = moment_ms(status["to"])
    explained, series = [], []
    for _ in range(60):
        page, box = questions.name()
        at = newest_ms - scene.dice.randrange(3 * HOUR_MS, 10 * HOUR_MS)
        minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(at // 1000))
        explained.append(service.client.get("/v1/explain", page=page, box=box, minute=minute))
    for step in ("1m", "10m", "1h"):
        page, box = questions.name()
        first = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(newest_ms // 1000 - 10 * 3600))
        last = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(newest_ms // 1000 - 3 * 3600))
        series.append(service.client.get("/v1/series", page=page, box=box, step=step,
                                         **{"from": first, "to": last}))
    judge.minutes("explained minutes", explained)
    judge.series("series", series)
    scene.checks.figure("explained", len(explained))


APART = ("duplicates", "late", "future", "filtered", "repeated")


def count_offline(scene: Scene, name: str, *source: str) -> str:
    """The path of the minutes that `livectr replay --offline` finds in `source`."""
    path = os.path.join(scene.home, name)
    flags = [part for key, value in SETTINGS.items()
             for part in ("--" + key.replace("_", "-"), value)]
    begun = time.monotonic()
    done = subprocess.run([scene.world.binary, "replay", "--offline", "--output", path, *source,
                           *flags], capture_output=True, text=True, timeout=1200, check=False,
                          env=clean_environment())
    if done.returncode != 0:
        raise Failed(f"replay --offline {source}: {done.stderr}")
    scene.checks.figure(name + "_s", round(time.monotonic() - begun, 1))
    return path


def check_offline(scene: Scene, service: Service, shape: Shape, topics: str, dump: str) -> None:
    """Without a server, from a dump and from the topics: the minutes that the service tells."""
    path = count_offline(scene, "offline", "--dump", dump, "--topics", topics)
    again = count_offline(scene, "offline_topics", "--brokers", service.settings["brokers"],
                          "--topics", topics)
    with open(path, "rb") as one, open(again, "rb") as two:
        same = all(left == right for left, right in itertools.zip_longest(one, two))
    scene.checks.true("a dump and its topics count alike", same, f"{path} {again}")
    questions = Questions(scene, shape, 1)
    names = {(None, None)} | {questions.name() for _ in range(30)}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    with open(path, encoding="utf-8") as file:
        for row in map(json.loads, file):
            if not row["other"] and (row["page"], row["box"]) in names:
                found[row["page"], row["box"], row["minute"]] = row
    newest_ms = moment_ms(service.client.status()["to"])
    first = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(newest_ms // 1000 - 10 * 3600))
    last = time.strftime("%Y-%m-%dT%H:00:00Z", time.gmtime(newest_ms // 1000 - 3600))
    seen = 0
    for page, box in sorted(names, key=repr):
        answer = service.client.get("/v1/series", page=page, box=box, **{"from": first, "to": last})
        for point in answer["points"]:
            row = found.get((page, box, point["start"]))
            if row is None:
                scene.checks.equal("a minute without a row", (point["impressions"],
                                   point["clicks"], point["revision"]), (0, 0, 0))
                continue
            seen += 1
            scene.checks.equal(f"{page} {box} {point['start']}",
                               {key: row[key] for key in row if key in point},
                               {key: point[key] for key in row if key in point})
    for page, box, minute in scene.dice.sample(sorted(found, key=repr), min(40, len(found))):
        row = found[page, box, minute]
        answer = service.client.get("/v1/explain", page=page, box=box, minute=minute)
        scene.checks.equal(f"explain {page} {box} {minute}", [answer[key] for key in APART],
                           [row[key] for key in APART])
    scene.checks.figure("offline_minutes", seen)


def orders(scene: Scene, dump: str, topics: tuple[str, str]) -> None:
    """The same log read in seven ways, kills among them: byte-identical answers at each minute."""
    program = os.path.join(os.path.dirname(scene.world.ktool), "proof", "proof_orders")
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    done = subprocess.run(
        [program, dump, os.path.join(scene.home, "orders.db"), f"data_dir={scene.home}",
         f"topics={topics[0]}:view,{topics[1]}:click", *settings],
        capture_output=True, text=True, timeout=3000, check=False)
    lines = done.stdout.splitlines()
    scene.checks.true("every way of reading gives the same answers", done.returncode == 0,
                      done.stdout + done.stderr)
    scene.checks.equal("one hash for all ways", len({line.split()[0] for line in lines[1:-1]}), 1)
    scene.checks.figure("ways", len(lines) - 2)
    scene.checks.figure("hash", lines[1].split()[0])


def run(scene: Scene) -> None:
    """Millions of events with copies, late ones, bots and skew: sampled answers equal the oracle."""
    checks: Checks = scene.checks
    kafka = scene.world.kafka()
    shape = shape_of(scene)
    views, clicks = scene.topic("views"), scene.topic("clicks")
    kafka.create(views, shape.view_partitions)
    kafka.create(clicks, shape.click_partitions)
    path = os.path.join(scene.home, "log")
    begin_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 9 * HOUR_MS
    with open(path, "wb") as file:
        count = write_log(file, shape, views, clicks, begin_ms, scene.world.seed)
    produce(kafka, path, count)
    os.remove(path)

    wanted = min(10_000, shape.events // 20)
    questions = Questions(scene, shape, wanted)
    service = scene.service(brokers=kafka.bootstrap, topics=f"{views}:view,{clicks}:click",
                            start="earliest", **SETTINGS).start()
    begun = time.monotonic()
    # Asked on the way, so that answers are of many moments; the pauses fit the size of the log.
    with Sampler(service.new_client(), questions.ask, shape.events / 120_000 / (wanted / BATCH)) \
            as sampler:
        status = service.await_status(
            "everything is read and counted",
            lambda now: (now["state"] == "live" and sum(row["read"] for row in now["partitions"])
                         == count and sum(row["held"] for row in now["partitions"]) == 0), 1200)
        wall = time.monotonic() - begun
        cpu = service.cpu_seconds()
        until("enough answers", questions.enough.is_set, 300)
    answers = [answer for batch in sampler.result() for answer in batch]
    checks.figure("events", count)
    checks.figure("answers", len(answers))
    checks.figure("moments", len({answer["to"] for answer in answers}))
    checks.figure("with_people", sum(answer["viewers"] is not None for answer in answers))
    checks.figure("wall_s", round(wall, 1))
    checks.figure("cpu_s", round(cpu, 1))
    checks.figure("rss_mb", round(service.memory_mb()))
    checks.figure("duplicates", sum(row["duplicate"] for row in status["partitions"]))
    checks.figure("pairs", status["people"]["pairs"])

    judge = checks.judge(service.settings)
    judge.read(kafka.dump(views, clicks))
    judge.answers("sampled answers", answers)
    judge.whole("at rest", status)
    check_minutes(scene, judge, service, shape)
    dump = os.path.join(scene.home, "dump")
    with open(dump, "wb") as file:
        file.writelines(kafka.dump(views, clicks))
    check_offline(scene, service, shape, service.settings["topics"], dump)
    orders(scene, dump, (views, clicks))
    os.remove(dump)
