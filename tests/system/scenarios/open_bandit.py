# SPDX-License-Identifier: Apache-2.0
"""A real week of views and clicks, read in event time and stopped at ten moments."""

from __future__ import annotations

import csv
import os
import zlib
from typing import Iterator

from decode import moment_ms, moment_text
from kit import ROOT
from kit.kafka import Kafka, Record, event, run as run_tool
from kit.service import Service
from kit.wait import until
from kit.world import Scene

FILES = ("random-men.csv", "random-women.csv", "bts-men.csv", "bts-women.csv")
FULL = os.path.join(ROOT, "..", "shared", "data", "open-bandit")
CUT = os.path.join(ROOT, "tests", "data", "open-bandit")
CLICK_AFTER_MS = 2000
STOPS = 10
PARTITIONS = 4
WINDOWS = "1m,10m,1h,24h,8d"


def data_folder() -> str:
    """The whole data where it lies beside the repository, else the cut that comes with it."""
    return FULL if all(os.path.exists(os.path.join(FULL, name)) for name in FILES) else CUT


def events_of(folder: str) -> Iterator[tuple[int, str, bytes]]:
    """(event time, visitor, event): page = campaign, box = item_id, visitor = the cohort's hash."""
    for name in FILES:
        with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                ts = moment_ms(row["timestamp"])
                visitor = row["user_features"]
                what = (row["campaign"], row["item_id"])
                yield ts, visitor, event("view", ts, *what, visitor=visitor,
                                         id=f"{name}:{number}:v")
                if row["click"] == "1":
                    ts += CLICK_AFTER_MS
                    yield ts, visitor, event("click", ts, *what, visitor=visitor,
                                             id=f"{name}:{number}:c")


class ByKtool:
    """Loads one topic, both types in it."""

    def __init__(self, kafka: Kafka, topic: str, folder: str) -> None:
        self.kafka = kafka
        self.topics = topic
        self.topic = topic
        self.events = sorted(events_of(folder))
        self.done = 0
        kafka.create(topic, PARTITIONS)

    def load(self, from_ms: int, until_ms: int) -> None:
        records = [Record(self.topic, zlib.crc32(visitor.encode()) % PARTITIONS, ts, value)
                   for ts, visitor, value in self.events if from_ms <= ts < until_ms]
        self.kafka.produce(records)


class ByReplay:
    """Loads two topics with `livectr replay`, straight from the CSV files."""

    def __init__(self, kafka: Kafka, topic: str, folder: str, binary: str) -> None:
        self.kafka = kafka
        views, clicks = f"{topic}.views", f"{topic}.clicks"
        self.topics = f"{views}:view,{clicks}:click"
        self.command = [
            binary, "replay", "--brokers", kafka.bootstrap, "--split-topics", f"{views},{clicks}",
            "--csv", "--map", "ts=timestamp", "--map", "page=campaign", "--map", "box=item_id",
            "--map", "visitor=user_features", "--click-if", "click=1", "--click-after", "2s"]
        self.files = [os.path.join(folder, name) for name in FILES]
        kafka.create(views, PARTITIONS)
        kafka.create(clicks, 1)

    def load(self, from_ms: int, until_ms: int) -> None:
        run_tool([*self.command, "--from", moment_text(from_ms), "--until", moment_text(until_ms),
                  *self.files])


def stops_of(times: list[int], dice_ms: list[int]) -> list[int]:
    """Ten whole seconds spread over the week, the last after everything."""
    first, last = min(times), max(times)
    step = (last - first) // STOPS
    stops = [(first + step * at + shift) // 1000 * 1000 for at, shift in enumerate(dice_ms, 1)]
    return stops[:-1] + [(last // 1000 + 1) * 1000]


def await_moment(service: Service, produced: int, to_ms: int) -> dict:
    """Everything produced is read and counted, and `to` is the end of the newest event's second."""
    return service.await_status(
        f"live with {produced} records read, to {moment_text(to_ms)}",
        lambda now: (now["state"] == "live" and now["to"] == moment_text(to_ms)
                     and sum(row["read"] for row in now["partitions"]) == produced), 60)


def run(scene: Scene, version: str, by_replay: bool) -> None:
    """The four files, clock=event: every key in every window at ten moments equals the oracle."""
    checks = scene.checks
    kafka = scene.world.kafka(version)
    folder = data_folder()
    everything = list(events_of(folder))
    times = [ts for ts, _, _ in everything]
    clicks = sum(b'"type":"click"' in value for _, _, value in everything)
    topic = scene.topic("week")
    loader: ByKtool | ByReplay
    if by_replay:
        loader = ByReplay(kafka, topic, folder, scene.world.binary)
    else:
        loader = ByKtool(kafka, topic, folder)
    names = [entry.partition(":")[0] for entry in loader.topics.split(",")]
    service = scene.service(brokers=kafka.bootstrap, topics=loader.topics, clock="event",
                            windows=WINDOWS, page_impressions="box_views").start()
    judge = checks.judge(service.settings)
    shift = [scene.dice.randrange(-3_600_000, 3_600_000) for _ in range(STOPS)]
    stops = stops_of(times, shift)
    begun = min(times) // 1000 * 1000
    for at, stop in enumerate(stops, 1):
        loader.load(begun, stop)
        begun = stop
        produced = sum(sum(kafka.ends(name).values()) for name in names)
        checks.equal(f"stop {at}: produced", produced, sum(ts < stop for ts in times))
        judge.read(kafka.dump(*names))
        status = await_moment(service, produced, judge.oracle.last_moment_ms())
        judge.everything(f"stop {at} of {STOPS}", service.client)
        judge.whole(f"stop {at} of {STOPS}", status)
    site = until("an answer", lambda: service.client.ctr((None, None), "8d"))
    checks.equal("impressions of the week", site["impressions"], len(everything) - clicks)
    checks.equal("clicks of the week", site["clicks"], clicks)
    if folder == FULL:
        checks.equal("views", len(everything) - clicks, 40_000)
        checks.equal("clicks", clicks, 207)
    checks.figure("loaded_by", "livectr replay" if by_replay else "ktool")
    checks.figure("data", "full" if folder == FULL else "cut")
    checks.figure("views", site["impressions"])
    checks.figure("clicks", site["clicks"])
    checks.figure("keys", len(judge.oracle.names()))
    checks.figure("stops", STOPS)
