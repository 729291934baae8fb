# SPDX-License-Identifier: Apache-2.0
"""Far behind: the newest windows are answered first, and the gap is worked through meanwhile."""

from __future__ import annotations

import os
import pty
import random
import select
import subprocess
import sys
import time
from typing import Any, BinaryIO

from decode import moment_ms
from kit import ROOT
from kit.check import Sampler, percentile
from kit.client import Client, Name, Refused
from kit.kafka import Kafka
from kit.service import Service, clean_environment, write_config, total
from kit.wait import let_run, now_ms, until
from kit.world import Scene
from scenarios.proof import produce

PARTITIONS = 4
PAGES, BOXES, VISITORS = 12, 60, 4000
COPY_PERCENT, COPY_APART_MS = 4, 8 * 60_000
LATE_PERCENT, LATE_MS = 3, 20 * 60_000
DELAY_MS = 1_500
WINDOWS = ("1m", "10m", "1h", "24h")
MINUTE_MS = 60_000


def write_gap(file: BinaryIO, topic: str, dice: random.Random, span_ms: int, count: int) -> int:
    """What was produced in the last span_ms: copies minutes apart, some late; how many records."""
    end_ms = now_ms() - 1000
    rows: list[tuple[int, int, bytes]] = []
    for number in range(count):
        ts = end_ms - dice.randrange(span_ms)
        page, visitor = dice.randrange(PAGES), dice.randrange(VISITORS)
        kind = b"click" if dice.random() < 0.1 else b"view"
        box = b',"box":"b%d"' % dice.randrange(BOXES) if dice.random() < 0.8 else b""
        value = b'{"id":"e%d","type":"%s","ts":%d,"page":"/p/%d"%s,"visitor":"v%d"}' % (
            number, kind, ts, page, box, visitor)
        at = ts + dice.randrange(LATE_MS if dice.random() * 100 < LATE_PERCENT else DELAY_MS)
        rows.append((min(at, end_ms), visitor, value))
        if dice.random() * 100 < COPY_PERCENT:
            rows.append((min(at + dice.randrange(COPY_APART_MS), end_ms), dice.randrange(64), value))
    rows.sort(key=lambda row: row[0])
    for at, place, value in rows:
        file.write(b"%s\t%d\t%d\traw\t%s\n" % (topic.encode(), place % PARTITIONS, at, value))
    return len(rows)


def fill(scene: Scene, kafka: Kafka, topic: str, span_ms: int, count: int) -> int:
    kafka.create(topic, PARTITIONS, retention__ms="-1")
    path = os.path.join(scene.home, "gap")
    with open(path, "wb") as file:
        made = write_gap(file, topic, scene.dice, span_ms, count)
    produce(kafka, path, made)
    os.remove(path)
    return made


class Questions:
    """What a caller asks all the time: some keys in a window; a status; kept with when it came."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.answers: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []

    def name(self) -> Name:
        page, box = f"/p/{self.dice.randrange(PAGES)}", f"b{self.dice.randrange(BOXES)}"
        return self.dice.choice(((None, None), (page, None), (None, box), (page, box)))

    def ask(self, client: Client) -> None:
        self.answers += client.batch([(None, None)] + [self.name() for _ in range(9)],
                                     self.dice.choice(WINDOWS))
        self.statuses.append(client.status())


def first_answer(service: Service, begun: float) -> tuple[float, dict[str, Any]]:
    """Seconds from exec to the first answer that claims to be whole and now, and that answer."""

    def look() -> dict[str, Any] | None:
        try:
            answer = service.client.ctr((None, None), "10m")
        except (Refused, OSError, EOFError):
            return None
        fresh = answer["state"] in ("backfilling", "live") and answer["coverage"] == 1
        return answer if fresh else None

    answer = until("an answer that is whole and now", look, 60, step=0.01, seen=service.log_tail)
    return time.monotonic() - begun, answer


def line_of(service: Service, happening: str) -> str:
    """The line of the log with event=happening, or ""."""
    with open(service.log_path, encoding="utf-8", errors="replace") as file:
        return next((line for line in file if f" event={happening} " in line), "")


def settled(status: dict[str, Any]) -> bool:
    return (status["state"] == "live" and status["backfill"] is None
            and total(status, "held") == 0 and all(row["lag"] == 0 for row in status["partitions"]))


def part_read(service: Service, made: int) -> float:
    """The part of what was there at first that main has read, in all runs."""
    return total(service.client.status(), "read") / made


def never_back(scene: Scene, answers: list[dict[str, Any]], what: str) -> None:
    """`to` of what one reader sees never falls, whoever answers."""
    edges = [moment_ms(answer["to"]) for answer in answers
             if answer["state"] in ("backfilling", "live")]
    scene.checks.true(f"`to` never goes back {what}", edges == sorted(edges))


def run(scene: Scene) -> None:
    """A first start hours back, killed on the way: right answers in seconds, then the whole gap."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    count, span_ms = (150_000, 60 * MINUTE_MS) if scene.world.quick else (500_000, 120 * MINUTE_MS)
    made = fill(scene, kafka, topic, span_ms, count)
    flood = scene.flood(kafka, topic, 100, 600, pages=PAGES, boxes=BOXES)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            snapshot_interval="200ms", people_horizon="1h")
    judge = checks.judge(service.settings)
    asked: list[Questions] = []
    firsts: list[float] = []
    for kill in range(4):
        begun = time.monotonic()
        reached = scene.dice.uniform(0.05, 0.2) + kill / 5
        service.start()
        questions = Questions(scene.dice)
        with Sampler(service.new_client(), questions.ask, 0.03) as sampler:
            seconds, answer = first_answer(service, begun)
            firsts.append(seconds)
            asked.append(questions)
            questions.answers.append(answer)
            if kill < 3:
                status = service.client.status()
                checks.true(f"killed in the middle ({kill})", status["backfill"], status["state"])
                until("some more of it is read", lambda: part_read(service, made) >= reached, 60,
                      step=0.002)
                service.kill9()
            else:
                status = service.await_status("the gap is filled",
                                              lambda now: now["backfill"] is None, 300)
                filled = time.monotonic() - begun
                let_run(0.5)
        if kill == 3:
            sampler.result()
    flood.end()
    status = service.await_status("all is read and counted", settled, 60)
    checks.equal("hand-overs", status["handovers"]["made"], 1)
    checks.equal("hand-overs that differ", status["handovers"]["differs"], 0)
    checks.equal("hand-overs without proof", status["handovers"]["unproven"], 0)
    checks.true("rows were compared", status["handovers"]["rows"] > 100)

    judge.read(kafka.dump(topic))
    answers = [answer for questions in asked for answer in questions.answers]
    judge.answers("answers on the way", answers)
    for at, questions in enumerate(asked):
        never_back(scene, questions.answers[:-1], f"in run {at}")
        judge.statuses(f"statuses of run {at}", questions.statuses)
    check_contract(scene, answers, [status for questions in asked for status in questions.statuses])
    check_words(scene, [status for questions in asked for status in questions.statuses])
    judge.everything("after the hand-over", service.client)
    judge.whole("after the hand-over", status)
    backfilling = [answer for answer in answers if answer["state"] == "backfilling"]
    checks.true("whole answers while backfilling",
                any(answer["coverage"] == 1 and answer["impressions"] > 0
                    for answer in backfilling))
    checks.true("partly covered ones, too", any(answer["coverage"] < 1 for answer in backfilling))
    checks.figure("records", made)
    checks.figure("first_answer_s", [round(first, 2) for first in firsts])
    checks.figure("gap_filled_s", round(filled, 1))
    checks.figure("backfilling_answers", len(backfilling))
    lags = [answer["lag_ms"] for answer in backfilling]
    checks.figure("lag_p50_ms", round(percentile(lags, 0.5)))
    checks.figure("lag_max_ms", max(lags))
    checks.figure("rows_compared", status["handovers"]["rows"])
    checks.figure("rss_mb", round(service.memory_mb("VmHWM")))


def check_contract(scene: Scene, answers: list[dict[str, Any]],
                   statuses: list[dict[str, Any]]) -> None:
    """What was said on the way is what openapi.yaml describes."""
    sys.path.insert(0, os.path.join(ROOT, "tests", "contract"))
    from check_contract import Contract  # pylint: disable=import-outside-toplevel

    contract = Contract(os.path.join(ROOT, "openapi.yaml"))
    for name, bodies in (("Answer", answers[::7]), ("Status", statuses[::3])):
        schema = {"$ref": f"#/components/schemas/{name}"}
        scene.checks.compared += len(bodies)
        scene.checks.none(f"{name} as openapi.yaml has it",
                          [fault for body in bodies for fault in contract.faults(body, schema)])
    scene.checks.none("members of Status.backfill that no answer had",
                      [member for member in contract.declared_members(
                          {"$ref": "#/components/schemas/Status"})
                       if member.startswith("Status.backfill.")
                       and member not in contract.seen_members])


def check_words(scene: Scene, statuses: list[dict[str, Any]]) -> None:
    """What /v1/status says of the gap on the way."""
    running = [status for status in statuses if status["backfill"] is not None]
    scene.checks.true("statuses while backfilling", running)
    for status in statuses:
        backfill = status["backfill"]
        if status["state"] == "backfilling":
            scene.checks.true("backfilling says how it gets on", backfill, status)
            scene.checks.true("within ten seconds of now", status["lag_ms"] <= 10_000, status)
        if backfill is not None and backfill["answers"] and backfill["to"] and backfill["target"]:
            scene.checks.true("main is behind its target",
                              moment_ms(backfill["to"]) <= moment_ms(backfill["target"]) + 2000,
                              backfill)
            lags = [row["lag"] for row in status["partitions"]]
            left = None if None in lags else sum(lags)
            scene.checks.equal("what is left is the sum of the lags", backfill["records_left"], left)


def no_broker(scene: Scene) -> None:
    """Far behind, and no broker answers: no scout until one does, then it is there at once."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    fill(scene, kafka, topic, 60 * MINUTE_MS, 300_000)  # not all read when something is saved
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            snapshot_interval="50ms").start()
    status = service.await_status("something is counted",
                                  lambda now: now["backfill"] and now["backfill"]["to"], step=0.005)
    service.await_status("and saved", lambda now: now["snapshot"]["written"]
                         >= status["snapshot"]["written"] + 2, step=0.005)
    service.kill9()
    broker = next(iter(kafka.pids))
    kafka.suspend(broker)
    try:
        service.start()
        status = service.await_status("the first scout gives up",
                                      lambda now: now["handovers"]["scouts"] == 1
                                      and now["backfill"] is None, 20)
        checks.true("it says catching_up or stale", status["state"] in ("catching_up", "stale"))
        checks.true("why", "reason=no_contact" in line_of(service, "scout_dropped"))
        let_run(1.5)
        checks.equal("no other one meanwhile", service.client.status()["handovers"]["scouts"], 1)
    finally:
        kafka.resume(broker)
    begun = time.monotonic()
    service.await_status("live again", settled, 60)
    checks.figure("live_after_resume_s", round(time.monotonic() - begun, 2))
    status = service.client.status()
    checks.equal("hand-overs that differ", status["handovers"]["differs"], 0)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("at rest", service.client)
    judge.whole("at rest", status)


def on_a_terminal(service: Service) -> bytes:
    """What a start says to a terminal until it has said how it gets on; ends it by SIGTERM."""
    screen, terminal = pty.openpty()
    said = b""
    write_config(service.config, service.settings)
    with subprocess.Popen([service.binary, "serve", "--config", service.config], stderr=terminal,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          env=clean_environment()) as process:
        os.close(terminal)
        deadline = time.monotonic() + 15
        while b"backfilling: " not in said and time.monotonic() < deadline:
            if select.select([screen], [], [], 0.1)[0]:
                said += os.read(screen, 65536)
        process.terminate()
        while True:  # a screen that nobody reads would hold it up
            try:
                said += os.read(screen, 65536)
            except OSError:  # the last one has closed it
                break
        process.wait(timeout=25)
    os.close(screen)
    return said


def sigterm(scene: Scene) -> None:
    """SIGTERM while backfilling: exit 0, main's place is saved, the next start goes on from there."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    fill(scene, kafka, topic, 60 * MINUTE_MS, 600_000)  # seconds of work: there is something to tell
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest", drain="200ms")
    took: list[float] = []
    read = 0
    checks.true("a terminal is told how it gets on, in one line",
                b"\r\x1b[Kbackfilling: " in on_a_terminal(service))
    for stop in range(3):
        service.start()
        status = service.await_status("the scout answers, or main was quicker",
                                      lambda now: now["state"] in ("backfilling", "live"), 20,
                                      step=0.005)
        if status["state"] == "live":
            checks.equal("exit code at the end of the gap", service.terminate(), 0)
            break
        checks.true(f"it went on from where it was ({stop})", total(status, "read") >= read, read)
        read = total(status, "read")
        checks.true("ready", service.admin_client().ready())
        begun = time.monotonic()
        checks.equal("exit code", service.terminate(), 0)
        took.append(time.monotonic() - begun)
    checks.true("stopped while backfilling", took)
    service.start()
    status = service.await_status("live again", settled, 60)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("at rest", service.client)
    judge.whole("at rest", status)
    checks.equal("hand-overs that differ", status["handovers"]["differs"], 0)
    checks.figure("exit_s", [round(seconds, 2) for seconds in took])
