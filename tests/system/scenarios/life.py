# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping and continuing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from typing import Any

from kit.kafka import Kafka, Record, event
from kit.service import Service, total
from kit.wait import let_run, now_ms, until
from kit.world import Scene

WEEK_MS = 7 * 86_400_000
BEGUN_MS = 1_574_553_600_000  # 2019-11-24T00:00:00Z
NOWHERE = "127.0.0.1:1"  # nobody listens on port 1


def past_events(topic: str, seed_dice: Any, count: int) -> list[Record]:
    """A week of the past: record time = event time, in order, some without a box."""
    times = sorted(BEGUN_MS + seed_dice.randrange(WEEK_MS) for _ in range(count))
    records = []
    for at, ts in enumerate(times):
        kind = "click" if seed_dice.random() < 0.1 else "view"
        box = f"b{seed_dice.randrange(12)}" if seed_dice.random() < 0.8 else None
        records.append(Record(topic, seed_dice.randrange(3), ts,
                              event(kind, ts, f"/p/{seed_dice.randrange(8)}", box, id=f"e{at}")))
    return records


def said(service: Service, names: list, windows: list[str]) -> list[dict]:
    """The numbers and edges of every key, without what depends on the moment of asking."""
    answers = [answer for window in windows for answer in service.client.batch(names, window)]
    return [{key: value for key, value in answer.items() if key not in ("lag_ms", "state")}
            for answer in answers]


def restart_event_mode(scene: Scene) -> None:
    """clock=event: SIGTERM, kill -9 and restarts in the middle of a week change no number."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("week")
    kafka.create(topic, 3)
    records = past_events(topic, scene.dice, 3000)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, clock="event",
                            snapshot_interval="300ms").start()
    judge = checks.judge(service.settings)
    done = 0
    for at, stop in enumerate((500, 1200, 1900, 2600, 3000)):
        cut = records[done:stop]
        done += kafka.produce(cut)
        judge.read(kafka.dump(topic))
        status = service.await_read(done)
        judge.everything(f"stop {at}", service.client)
        judge.whole(f"stop {at}", status)
        if at % 2 == 0:
            checks.equal("exit code of SIGTERM", service.terminate(), 0)
        else:
            service.kill9()
        service.start()
    status = service.await_read(done)
    judge.everything("after the last restart", service.client)
    judge.whole("after the last restart", status)
    other = scene.service("fresh", **{**service.settings, "data_dir": f"{scene.home}/fresh-data"})
    other.start().await_read(done)
    names = judge.oracle.names()
    checks.true("a fresh reader says the same",
                said(other, names, judge.windows) == said(service, names, judge.windows))
    checks.figure("events", done)
    checks.figure("restarts", service.starts - 1)
    checks.figure("keys", len(names))


def sigterm(scene: Scene) -> None:
    """SIGTERM: not ready at once, answers while draining, exit 0, and the snapshot holds it all."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 3)
    done = kafka.produce(past_events(topic, scene.dice, 1000))
    service = scene.service(brokers=kafka.bootstrap, topics=topic, clock="event", drain="2s",
                            snapshot_interval="1h").start()
    service.await_read(done)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("before", service.client)
    names = judge.oracle.names()
    before = said(service, names, judge.windows)
    admin, client = service.admin_client(), service.new_client()
    until("ready", admin.ready, 30)
    checks.equal("/livez", admin.request("GET", "/livez").status, 200)
    service.signal(signal.SIGTERM)
    asked = time.monotonic()
    until("/readyz says 503", lambda: admin.request("GET", "/readyz").status == 503, 2, step=0.002)
    unready = time.monotonic() - asked
    checks.equal("an answer while draining", client.batch(names[:1], "24h")[0]["window"], "24h")
    assert service.process is not None
    checks.equal("exit code", service.process.wait(timeout=25), 0)
    took = time.monotonic() - asked
    checks.true("gone within 25 s, after the drain", 2 <= took < 25, took)
    # Kafka away: what is said now is what the snapshot holds.
    service.settings["brokers"] = NOWHERE
    service.start()
    service.await_status("something to say", lambda now: now["to"] is not None)
    checks.true("the snapshot says the same", said(service, names, judge.windows) == before)
    status = service.client.status()
    judge.statuses("counters from the snapshot", [status])
    checks.equal("read, from the snapshot", total(status, "read"), done)
    checks.figure("readyz_503_after_ms", round(unready * 1000, 1))
    checks.figure("exit_after_s", round(took, 2))
    folder = service.settings["data_dir"]
    checks.figure("data_dir_bytes", sum(os.path.getsize(os.path.join(folder, name))
                                        for name in os.listdir(folder)))


def second_instance(scene: Scene) -> None:
    """A second process on the same data_dir refuses to start; the first does not notice."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic,
                            snapshot_interval="300ms").start()
    service.await_state("live")
    times = []
    for _ in range(3):
        second = Service(scene.world.binary, f"{scene.home}/second",
                         {**service.settings, "log_level": "error"})
        scene.services.append(second)
        begun = time.monotonic()
        second.launch()
        assert second.process is not None
        try:
            code = second.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        times.append(time.monotonic() - begun)
        lines = second.log_tail(50).splitlines()
        checks.true("the second ends within 5 s, not with 0", code not in (0, None), code)
        checks.equal("lines on stderr", len(lines), 1)
        checks.true("it says why", "data" in lines[0], lines[0])
    now = now_ms()
    kafka.produce([Record(topic, 0, now, event("view", now, "p"))])
    service.await_status("the first goes on", lambda status: total(status, "counted") == 1)
    written = service.client.status()["snapshot"]["written"]
    service.await_status("its snapshots too",
                         lambda status: (status["snapshot"]["written"] > written
                                         and status["snapshot"]["persisting"]), 10)
    checks.figure("refused_after_ms", round(max(times) * 1000))
    checks.figure("says", lines[0][:160])


# ---- Kafka is away at the start ----------------------------------------------------------------


class Door:
    """A bootstrap address that nobody answers until open() is called; then leads to the broker."""

    def __init__(self, broker: str) -> None:
        host, _, port = broker.split(",")[0].rpartition(":")
        self._target = (host, int(port))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # taken, but not listening: connections are refused
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def open(self) -> None:
        self._socket.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._socket.accept()
                outer = socket.create_connection(self._target)
            except OSError:
                return
            for one, other in ((inner, outer), (outer, inner)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    try:
        while part := one.recv(65536):
            other.sendall(part)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def broker_away_at_start(scene: Scene) -> None:
    """No broker at the start: state starting, 503, no exit; when it comes, everything is there."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    now = now_ms()
    done = kafka.produce(Record(topic, at % 2, now, event("view", now, f"p{at}"))
                         for at in range(20))
    door = Door(kafka.bootstrap)
    service = scene.service(brokers=door.address, topics=topic, start="earliest").start()
    try:
        let_run(1 if scene.world.quick else 3)
        status = service.client.status()
        checks.equal("state", status["state"], "starting")
        checks.equal("to", status["to"], None)
        response = service.client.request("GET", "/v1/ctr")
        checks.equal("/v1/ctr", response.status, 503)
        checks.true("Retry-After", int(response.headers.get("retry-after", "0")) > 0,
                    response.headers)
        checks.true("problem+json", "problem+json" in response.headers["content-type"])
        checks.equal("/readyz", service.admin_client().request("GET", "/readyz").status, 503)
        checks.equal("/livez", service.admin_client().request("GET", "/livez").status, 200)
        checks.true("still running", service.running())
        door.open()
        opened = time.monotonic()
        status = service.await_status("everything counted",
                                      lambda now: total(now, "counted") == done, 40)
        checks.figure("healed_after_s", round(time.monotonic() - opened, 1))
        judge = checks.judge(service.settings).read(kafka.dump(topic))
        judge.everything("healed", service.client)
        judge.whole("healed", service.client.status())
        until("ready", service.admin_client().ready, 30)
        door.close()
        hung(scene, kafka, topic, done)
    finally:
        door.close()


def hung(scene: Scene, kafka: Kafka, topic: str, done: int) -> None:
    """The same with a broker that takes connections and says nothing (SIGSTOP)."""
    checks = scene.checks
    broker = min(kafka.pids)
    kafka.suspend(broker)
    try:
        service = scene.service("hung", brokers=kafka.bootstrap, topics=topic,
                                start="earliest").start()
        let_run(1)
        checks.equal("state with a hanging broker", service.client.status()["state"], "starting")
    finally:
        kafka.resume(broker)
    service.await_status("everything counted", lambda now: total(now, "counted") == done, 60)
