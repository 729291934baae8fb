# SPDX-License-Identifier: Apache-2.0
"""Time moves windows, not arrivals."""

from __future__ import annotations

from kit.kafka import Record, event
from kit.service import total
from kit.wait import now_ms, until
from kit.world import Scene


def run(scene: Scene) -> None:
    """Traffic stops: after a window's length its counts are 0 and its CTR null, with no event."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, windows="5s,1m",
                            start="earliest").start()
    service.await_state("live")
    # Records of 50 s ago let the minute run out in ten seconds; those of now, the five seconds.
    now = now_ms()
    records = [Record(topic, at % 2, time_ms, event(kind, time_ms, page))
               for time_ms, page in ((now - 50_000, "old"), (now - 100, "new"))
               for at, kind in enumerate(["view", "view", "view", "click"])]
    kafka.produce(records)
    status = service.await_status("8 records counted", lambda now: total(now, "counted") == 8)
    full = {"old": service.client.ctr(("old", None), "1m"),
            "new": service.client.ctr(("new", None), "5s")}
    for page, answer in full.items():
        checks.equal(f"{page} before", (answer["impressions"], answer["clicks"]), (3, 1))
    empty = {}
    for page, window in (("new", "5s"), ("old", "1m")):
        empty[page] = until(
            f"{page} empty in {window}",
            lambda page=page, window=window: _if_empty(service.client.ctr((page, None), window)))
        checks.equal(f"{page}: clicks", empty[page]["clicks"], 0)
        for key in ("ctr", "ctr_low", "ctr_high"):
            checks.equal(f"{page}: {key}", empty[page][key], None)
    checks.equal("new still counts in the minute",
                 service.client.ctr(("new", None), "1m")["impressions"], 3)
    after = service.client.status()
    checks.equal("records read meanwhile", total(after, "read"), total(status, "read"))
    checks.equal("records in the log", sum(kafka.ends(topic).values()), 8)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.answers("before and after", [*full.values(), *empty.values()])
    judge.everything("at the end", service.client)
    checks.true("lag stays small in silence", after["lag_ms"] < 2000, after["lag_ms"])


def _if_empty(answer: dict) -> dict | None:
    return answer if answer["impressions"] == 0 else None
