# SPDX-License-Identifier: Apache-2.0
"""R21: hours were written while nobody read."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from decode import moment_ms
from kit.client import Client, Name, Refused
from kit.kafka import Failed, Kafka
from kit.service import Service, total
from kit.wait import until
from kit.world import Scene

from tools.load import most_figure
from tools.outage import BOXES, MINUTE_MS, PAGES, Minutes, Stream, Window

HOUR_MS = 3_600_000
KILLS = 3
Key = tuple["int | None", "int | None"]
KEYS: list[Key] = [(None, None), *((page, None) for page in range(PAGES)),
                   *((None, box) for box in range(1, BOXES)),
                   *((page, box) for page in range(PAGES) for box in range(1, BOXES))]


def named(key: Key) -> Name:
    page, box = key
    return (None if page is None else f"/page/{page}", None if box is None else f"box.{box}")


def check_window(scene: Scene, stream: Stream, answers: list[dict[str, Any]], what: str) -> None:
    """Answers for KEYS in one window against the formula."""
    window = Window(stream, moment_ms(answers[0]["from"]), moment_ms(answers[0]["to"]))
    wrong = []
    for key, answer in zip(KEYS, answers):
        got = tuple(answer[name] for name in ("impressions", "clicks", "viewers", "clickers"))
        if got != window.expected(key):
            wrong.append(f"{named(key)} to {answer['to']}: {got}, expected {window.expected(key)}")
    scene.checks.compared += len(answers)
    scene.checks.none(what, wrong)


def first_right(client: Client) -> list[dict[str, Any]] | None:
    """Answers of the ten-minute window, once it is about now and whole."""
    try:
        answers = client.batch([named(key) for key in KEYS], "10m")
    except (Refused, OSError, EOFError):
        return None
    now = answers[0]["coverage"] == 1 and answers[0]["lag_ms"] < 10_000
    return answers if now else None


def outage(scene: Scene, tries: int) -> None:
    """`tries` hours at 500 events a second are written while the service is down, and it goes on. It
    is killed three times on the way; then every minute of every key is compared."""
    world, rate = scene.world, 500
    kafka = Kafka(world.ktool, world.versions[-1], 1, "-outage")
    topic = scene.topic("events")
    kafka.create(topic, 8)
    begin_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS - tries * HOUR_MS
    stream = Stream(begin_ms, rate, int(time.time() * 1000) + 3 * HOUR_MS)
    writer = subprocess.Popen(
        [world.ktool, "outage", topic, "-b", kafka.bootstrap, "--begin", str(begin_ms), "--until",
         str(stream.until_ms), "--rate", str(rate), "--lz4"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        begun = time.monotonic()
        until("the backlog is written",
              lambda: there(kafka, topic) >= (time.time() * 1000 - begin_ms) * rate / 1000
              - 20 * rate, 600, step=0.5)
        scene.checks.figure("backlog", sum(kafka.ends(topic).values()))
        scene.checks.figure("written_s", round(time.monotonic() - begun))
        service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                                windows="1m,10m,1h,24h")
        recover(scene, stream, service)
        check_minutes(scene, stream, service, written(writer))
    finally:
        writer.kill()
        writer.wait()
        kafka.stop()


def written(writer: "subprocess.Popen[bytes]") -> int:
    """Ends the writer; how many records there are."""
    writer.terminate()
    out, _ = writer.communicate(timeout=60)
    words = out.split()
    if writer.returncode != 0 or words[:1] != [b"written"]:
        raise Failed(f"ktool outage: exit {writer.returncode}: {out!r}")
    return int(words[1])


def there(kafka: Kafka, topic: str) -> int:
    """How many records the topic holds; 0 while its leaders are not chosen yet."""
    try:
        return sum(kafka.ends(topic).values())
    except Failed:
        return 0


def recover(scene: Scene, stream: Stream, service: Service) -> None:
    gap_s = (time.time() * 1000 - stream.begin_ms) / 1000
    begun = time.monotonic()
    for number in range(KILLS + 1):
        started = time.monotonic()
        service.start()
        answers = until("a right answer of the last ten minutes",
                        lambda: first_right(service.client), 120, step=0.05,
                        seen=lambda: service.log_tail(5))
        most_figure(scene, "first_right_answer_max_s", round(time.monotonic() - started, 1))
        check_window(scene, stream, answers, f"the ten-minute window, start {number}")
        if number < KILLS:
            reached = done(service) + (1 - done(service)) * scene.dice.uniform(0.15, 0.3)
            until(f"{reached:.0%} of the gap is read",
                  lambda: done(service) >= reached, 1800, step=0.2)
            most_figure(scene, "rss_peak_mb", round(service.memory_mb("VmHWM")))
            service.kill9()
    until("the gap is filled", lambda: service.client.status()["state"] == "live", 1800, step=0.2,
          seen=lambda: service.log_tail(5))
    filled = time.monotonic() - begun
    most_figure(scene, "rss_peak_mb", round(service.memory_mb("VmHWM")))
    scene.checks.figure("kills", KILLS)
    scene.checks.figure("gap_filled_s", round(filled))
    scene.checks.figure("times_real_time", round(gap_s / filled))
    answers = until("a whole window", lambda: first_right(service.client), 60)
    check_window(scene, stream, answers, "the ten-minute window, after the gap")


def done(service: Service) -> float:
    """The part of the log that was read."""
    status = service.client.status()
    ends = sum(row["end"] or 0 for row in status["partitions"])
    return total(status, "read") / ends if ends else 0.0


def check_minutes(scene: Scene, stream: Stream, service: Service, count: int) -> None:
    """Every minute of every key, from the first record to the last."""
    status = service.await_read(count)
    last_ms = moment_ms(status["to"]) // MINUTE_MS * MINUTE_MS
    minutes = Minutes(stream._replace(until_ms=stream.due_ms(count)))
    scene.checks.equal("records", minutes.stream.count(), count)
    wrong = []
    compared = 0
    for key in KEYS:
        page, box = named(key)
        expected = minutes.of(*key)
        answer = service.client.get("/v1/series", page=page, box=box, step="1m",
                                    **{"from": text(minutes.first_ms), "to": text(last_ms)})
        for at, point in enumerate(answer["points"]):
            got = (point["impressions"], point["clicks"])
            compared += 1
            if got != (expected[at] if at < len(expected) else (0, 0)):
                wrong.append(f"{named(key)} {point['start']}: {got}, expected {expected[at]}")
    scene.checks.compared += compared
    scene.checks.figure("minutes_compared", compared)
    scene.checks.none("every minute of the gap", wrong)


def text(time_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms // 1000))
