# SPDX-License-Identifier: Apache-2.0
"""Views and clicks in topics of their own, and everything that can hold one of them back."""

from __future__ import annotations

import time
from typing import Any, Iterator, Mapping, Sequence

from decode import moment_ms
from kit.check import Checks, Judge, Sampler
from kit.client import Name
from kit.kafka import Failed, Kafka, Record, event
from kit.service import Service, total
from kit.wait import let_run, now_ms, until
from kit.wire import produce_one_by_one
from kit.world import Scene

SLOW, FAST = 2, 1  # brokers: views lie on the slow one, clicks on the other
SPAN_S = 600
PAGES, BOXES = 5, 30
VIEWS_PER_S = 1
NAMES: list[Name] = ([(None, None)] + [(f"p{page}", None) for page in range(PAGES)]
                     + [(None, f"b{box}") for box in range(BOXES)]
                     + [(f"p{box % PAGES}", f"b{box}") for box in range(BOXES)])
WIDE = "1h"  # holds everything of these scenarios: a click in it has its view in it
STALE_AFTER_S = 10
TURNS_LATER = 5


def where(at: int) -> tuple[str, str]:
    return f"p{at % BOXES % PAGES}", f"b{at % BOXES}"


def never_ahead(checks: Checks, answers: Sequence[Mapping[str, Any]]) -> None:
    """Each click comes after a view of the same thing: more clicks than views: views unread."""
    wrong = [f"{answer.get('page')} {answer.get('box')} to {answer['to']}: {answer['clicks']} "
             f"clicks, {answer['impressions']} views"
             for answer in answers if answer["clicks"] > answer["impressions"]]
    checks.compared += len(answers)
    checks.none("clicks without their view", wrong)


def two_topics(scene: Scene, kafka: Kafka) -> tuple[str, str]:
    """views with two partitions, the first on the slow broker; clicks on the other."""
    views, clicks = scene.topic("views"), scene.topic("clicks")
    kafka.create(views, 2, leaders=f"{SLOW},{FAST}")
    kafka.create(clicks, 2, leaders=f"{FAST},{FAST}")
    return views, clicks


def service_for(scene: Scene, kafka: Kafka, views: str, clicks: str, **more: str) -> Service:
    return scene.service(brokers=kafka.bootstrap, topics=f"{views}:view,{clicks}:click",
                         start="earliest", page_impressions="box_views", **more)


# ---- ten minutes behind ------------------------------------------------------------------------


def history(views: str, clicks: str, begun_ms: int) -> tuple[list[Record], list[Record]]:
    """SPAN_S seconds: views on the slow partition, a click 300 ms after each."""
    seen: list[Record] = []
    clicked: list[Record] = []
    for second in range(SPAN_S):
        for at in range(VIEWS_PER_S):
            time_ms = begun_ms + second * 1000 + at * 1000 // VIEWS_PER_S + 50
            page, box = where(second * VIEWS_PER_S + at)
            seen.append(Record(views, 0, time_ms, event(None, time_ms, page, box)))
            time_ms += 300
            clicked.append(Record(clicks, second % 2, time_ms, event(None, time_ms, page, box)))
    return seen, clicked


Sample = tuple[dict, list[dict], list[dict]]  # status, answers in WIDE, answers in 1m


def a_turn(kafka: Kafka, service: Service, seconds: float) -> None:
    """Lets the slow broker run while the service sleeps: it answers what waits and no more."""
    service.suspend()
    kafka.resume(SLOW)
    let_run(seconds)
    kafka.suspend(SLOW)
    service.resume()


def begin(kafka: Kafka, service: Service, views: str) -> None:
    """Turns until the slow partition has begun; then the others read all they have."""
    def slow_has_begun() -> bool:
        if any(row["topic"] == views and row["partition"] == 0 and row["position"]
               for row in service.client.status()["partitions"]):
            return True
        a_turn(kafka, service, 0.005)
        return False

    until("the slow partition has begun", slow_has_begun, 60)
    service.await_status("the others are at their end",
                         lambda now: all(row["lag"] == 0 for row in now["partitions"]
                                         if (row["topic"], row["partition"]) != (views, 0)))


def feed_in_slices(kafka: Kafka, service: Service, wanted: int) -> list[Sample]:
    """Lets the slow broker and the service run in turns, looking after each, until all was read.

    A turn brings one batch, one second of event time; the service gets a moment to take it in.
    Turns grow while nothing comes, for it may be a busy machine.
    """
    taken: list[Sample] = []
    turn_s, read = 0.001, 0
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and read < wanted:
        a_turn(kafka, service, turn_s)
        taken_in_by = time.monotonic() + 0.03
        status = service.client.status()
        while total(status, "read") == read and time.monotonic() < taken_in_by:
            status = service.client.status()
        came = total(status, "read") - read
        read += came
        if came and status["to"] is not None:
            taken.append((status, service.client.batch(NAMES, WIDE),
                          service.client.batch(NAMES, "1m")))
        turn_s = max(turn_s * 0.98, 0.0005) if came else min(turn_s * 1.3, 0.02)
    return taken


def lagging_views(scene: Scene) -> None:
    """Views ten minutes behind clicks, then catching up: no answer ever holds a click too early."""
    checks, kafka = scene.checks, scene.world.kafka(brokers=2)
    views, clicks = two_topics(scene, kafka)
    begun_ms = now_ms() // 1000 * 1000 - (SPAN_S + 20) * 1000
    seen, clicked = history(views, clicks, begun_ms)
    kafka.produce(clicked)
    # Batches of one record, one batch per answer of the broker: the backlog of views is read a
    # second of event time at a time.
    produce_one_by_one(kafka.ports[SLOW], views, 0, ((one.time_ms, one.value) for one in seen))
    service = service_for(scene, kafka, views, clicks, kafka__fetch__message__max__bytes="1")
    wanted = len(seen) + len(clicked)
    kafka.suspend(SLOW)
    try:
        service.start()
        begin(kafka, service, views)
        samples = feed_in_slices(kafka, service, wanted)
    finally:
        kafka.resume(SLOW)
        service.resume()
    service.await_status("live with everything counted",
                         lambda now: now["state"] == "live" and total(now, "counted") == wanted)
    judge = checks.judge(service.settings).read(kafka.dump(views, clicks))
    statuses = [status for status, _, _ in samples]
    wide = [answer for _, in_hour, _ in samples for answer in in_hour]
    narrow = [answer for _, _, in_minute in samples for answer in in_minute]
    never_ahead(checks, wide)
    judge.answers("while catching up", wide)
    judge.answers("while catching up, 1m", narrow)
    judge.statuses("while catching up", statuses)
    backlog_holds_time(checks, judge, statuses, views)
    judge.everything("at the end", service.client)
    judge.whole("at the end", service.client.status())
    last_ms = begun_ms + SPAN_S * 1000
    moments = {answer["to"] for answer in wide if begun_ms < moment_ms(answer["to"]) <= last_ms}
    # A busy machine may read two seconds in one turn; then nobody could have asked in between.
    checks.true("the seconds on the way were seen", len(moments) >= SPAN_S * 95 // 100,
                len(moments))
    checks.figure("event_seconds", SPAN_S)
    checks.figure("seconds_seen", len(moments))
    checks.figure("answers", len(wide) + len(narrow))
    checks.figure("states", sorted({status["state"] for status in statuses}))
    checks.figure("stragglers", total(service.client.status(), "stragglers"))


def backlog_holds_time(checks: Checks, judge: Judge, statuses: Sequence[Mapping[str, Any]],
                       views: str) -> None:
    """While views/0 has unread records, `to` is not past the arrival of its last read one.

    What was read is taken from a status a few turns later: `to` may be newer than the rows beside
    it, the more so where the service was put to sleep between the two. The oracle is stricter.
    """
    part = judge.oracle.partitions[views, 0]
    read = [next(row["read"] for row in status["partitions"]
                 if (row["topic"], row["partition"]) == (views, 0)) for status in statuses]
    wrong, held = [], 0
    for status, after in zip(statuses, read[TURNS_LATER:]):
        if after == len(part.offsets):
            break
        held += 1
        if moment_ms(status["to"]) > max(part.gates_ms[:after], default=0):
            wrong.append(f"to {status['to']} with {after} records of views/0 read")
    checks.none("a backlog stops time", wrong)
    checks.true("the backlog was seen", held > 50, held)
    checks.figure("statuses_with_backlog", held)


# ---- silence -----------------------------------------------------------------------------------


def silent_partition(scene: Scene) -> None:
    """Partitions without a record, or silent for long, do not stop time; new ones are counted."""
    checks, kafka = scene.checks, scene.world.kafka()
    views, clicks = scene.topic("views"), scene.topic("clicks")
    kafka.create(views, 3)
    kafka.create(clicks, 2)
    service = service_for(scene, kafka, views, clicks).start()
    service.await_state("live")
    produced = kafka.produce([Record(views, 0, -1, event(None, now_ms(), "p", "b"))])
    with Sampler(service.new_client(), lambda client: client.status(), 0.1) as sampler:
        for _ in range(2 if scene.world.quick else 4):
            produced += kafka.produce([Record(clicks, 0, -1, event(None, now_ms(), "p", "b"))])
            service.await_status("the click is counted",
                                 lambda status: total(status, "counted") == produced, 10)
    statuses = sampler.result()
    judge = checks.judge(service.settings).read(kafka.dump(views, clicks))
    judge.everything("at the end", service.client)
    judge.statuses("on the way", statuses)
    lag = max(status["lag_ms"] for status in statuses)
    checks.true("time went on", lag < 2000, lag)
    checks.true("always live", all(status["state"] == "live" for status in statuses))
    edges = [moment_ms(status["to"]) for status in statuses]
    checks.true("to never goes back", edges == sorted(edges))
    checks.figure("lag_ms_max", lag)
    checks.figure("silent_partitions", 3)


# ---- a broker hangs ----------------------------------------------------------------------------


def slices_of(views: str, count: int) -> Iterator[Record]:
    for at in range(count):
        yield Record(views, 0, -1, event(None, now_ms(), *where(at)))


def _readable(judge: Judge, kafka: Kafka, *topics: str) -> bool:
    """Kafka takes a while to trust a broker again that was away: until then the log has no end."""
    try:
        judge.read(kafka.dump(*topics))
    except Failed:
        return False
    return True


def hanging_broker(scene: Scene) -> None:
    """A broker that hangs with unread views stops time, the state says stale, and it heals."""
    checks, kafka = scene.checks, scene.world.kafka(brokers=2)
    views, clicks = two_topics(scene, kafka)
    service = service_for(scene, kafka, views, clicks).start()
    produced = kafka.produce(slices_of(views, BOXES))
    service.await_status("the first views", lambda now: (now["state"] == "live"
                                                         and total(now, "counted") == produced))
    # While the service sleeps: its waiting fetch is answered with nothing, so that for all it knows
    # the views are at their end; then come views, which nothing can bring; then the slow broker
    # hangs; then clicks on the other.
    service.suspend()
    try:
        let_run(0.5)
        unread_ms = now_ms()
        produced += kafka.produce(slices_of(views, BOXES))
        kafka.suspend(SLOW)
        hung_at = time.monotonic()
        produced += kafka.produce(Record(clicks, at % 2, -1, event(None, now_ms(), *where(at)))
                                  for at in range(BOXES))
    finally:
        service.resume()
    try:
        with Sampler(service.new_client(),
                     lambda client: (client.status(), client.batch(NAMES, WIDE)), 0.05) as sampler:
            service.await_state("stale", STALE_AFTER_S + 10)
            stale_after = time.monotonic() - hung_at
            let_run(2)
            held = sampler.result()
            ready = service.admin_client().ready()
    finally:
        kafka.resume(SLOW)
    healing = time.monotonic()
    with Sampler(service.new_client(), lambda client: client.batch(NAMES, WIDE), 0.02) as after:
        service.await_status("healed", lambda now: (now["state"] == "live"
                                                    and total(now, "counted") == produced), 60)
        healed = time.monotonic() - healing
    judge = checks.judge(service.settings)
    until("Kafka itself has healed", lambda: _readable(judge, kafka, views, clicks), 60, step=0.2)
    answers = [answer for _, batch in held for answer in batch]
    answers += [answer for batch in after.result() for answer in batch]
    never_ahead(checks, answers)
    judge.answers("while it hung and while it healed", answers)
    judge.statuses("while it hung", [status for status, _ in held])
    passed = [status["to"] for status, _ in held if moment_ms(status["to"]) > unread_ms]
    checks.none("time stood before the unread views", passed)
    checks.true("still ready: Kafka never takes a replica out", ready)
    checks.true("many answers meanwhile", len(held) > 50, len(held))
    judge.everything("healed", service.client)
    judge.whole("healed", service.client.status())
    checks.figure("stale_after_s", round(stale_after, 1))
    checks.figure("healed_after_s", round(healed, 1))
    checks.figure("answers", len(answers))
    checks.figure("stragglers", total(service.client.status(), "stragglers"))
