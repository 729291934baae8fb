# SPDX-License-Identifier: Apache-2.0
"""Going down: nobody who asked in time goes without an answer, and it ends in time."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

from kit.check import conservation_faults
from kit.client import Client
from kit.kafka import Kafka, Record, event
from kit.service import Service, total
from kit.wait import let_run, now_ms, until
from kit.world import Scene
from scenarios.disk import Disk

STUBBORN, BALANCED, IDLE = 6, 4, 8


class Caller:
    """Asks without a pause, keeping its connection as long as it may; a failure is what nobody who
    was connected should see."""

    def __init__(self, address: tuple[str, int], stop: threading.Event) -> None:
        self.client = Client(address, 10)
        self.stop = stop
        self.answers = 0
        self.closing = 0
        self.failure = ""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            fresh = not self.client.connected()
            try:
                if fresh:
                    self.client.connect()
            except OSError:
                return  # not let in any more: that is no failure
            try:
                response = self.client.request_once("GET", "/v1/ctr")
            except (OSError, EOFError) as error:
                # An old connection may be closed between two requests (RFC 9112, 9.3.1).
                if fresh or self.answers == 0:
                    self.failure = f"{type(error).__name__} after {self.answers} answers"
                    return
                self.client.close()
                continue
            self.answers += 1
            self.closing += response.headers.get("connection", "").lower() == "close"
            if response.status != 200:
                self.failure = f"status {response.status}"
                return


def closed_cleanly(connection: socket.socket) -> bool:
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except OSError:
        return False


def one_end(scene: Scene, service: Service, drain_s: float) -> tuple[int, float, float]:
    """Answers given while draining, seconds to 503 and to the end."""
    checks = scene.checks
    assert service.http is not None and service.process is not None
    until("ready", service.admin_client().ready, 30)
    over, unready = threading.Event(), threading.Event()
    idle = [socket.create_connection(service.http) for _ in range(IDLE)]
    stubborn = [Caller(service.http, over) for _ in range(STUBBORN)]
    balanced = [Caller(service.http, unready) for _ in range(BALANCED)]
    until("all of them are answered", lambda: all(one.answers > 3 for one in stubborn + balanced))
    admin = service.admin_client()
    before = sum(one.answers for one in stubborn)
    asked = time.monotonic()
    service.signal(signal.SIGTERM)
    until("/readyz says 503", lambda: admin.request("GET", "/readyz").status == 503, 2, step=0.002)
    unready_s = time.monotonic() - asked
    public = Client(service.http, 5)
    checks.equal("/readyz of the API too", public.request("GET", "/readyz").status, 503)
    unready.set()
    code = service.process.wait(timeout=25)
    took = time.monotonic() - asked
    over.set()
    for one in stubborn + balanced:
        one.thread.join(15)
    checks.equal("exit code", code, 0)
    checks.none("requests that went without an answer",
                [one.failure for one in stubborn + balanced if one.failure])
    checks.none("idle connections that were reset",
                [str(at) for at, one in enumerate(idle) if not closed_cleanly(one)])
    for one in idle:
        one.close()
    checks.true("answers said that they close",
                all(one.closing > 0 for one in stubborn), [one.closing for one in stubborn])
    checks.true("it took the drain, and not much more", drain_s <= took < drain_s + 5, took)
    return sum(one.answers for one in stubborn) - before, unready_s, took


def drain(scene: Scene) -> None:
    """SIGTERM under a read load, again and again: no request of anybody connected goes unanswered."""
    checks, kafka = scene.checks, scene.world.kafka()
    rounds = 4 if scene.world.quick else 8
    topic = scene.topic("events")
    kafka.create(topic, 2)
    now = now_ms()
    done = kafka.produce(Record(topic, at % 2, now, event("view", now, f"p{at % 9}", "b"))
                         for at in range(500))
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            drain="400ms", snapshot_interval="1h")
    results = []
    for _ in range(rounds):
        service.start()
        service.await_status("all of it", lambda status: total(status, "counted") == done)
        results.append(one_end(scene, service, 0.4))
    checks.figure("ends", rounds)
    checks.figure("answers_while_draining", sum(answers for answers, _, _ in results))
    checks.figure("readyz_503_max_ms", round(max(seconds for _, seconds, _ in results) * 1000, 1))
    checks.figure("exit_max_s", round(max(seconds for _, _, seconds in results), 2))


# ---- what hangs --------------------------------------------------------------------------------


def end_while_broker_hangs(scene: Scene, service: Service, kafka: Kafka) -> float:
    """Seconds from SIGTERM to the end, the broker being stopped since before."""
    broker = min(kafka.pids)
    kafka.suspend(broker)
    try:
        let_run(scene.dice.uniform(0.2, 1.5))
        begun = time.monotonic()
        scene.checks.equal("exit code with a hanging broker", service.terminate(), 0)
        return time.monotonic() - begun
    finally:
        kafka.resume(broker)


def hanging(scene: Scene) -> None:
    """SIGTERM while the broker hangs: exit 0 in time, everything saved; a second one skips the drain."""
    checks, kafka = scene.checks, scene.world.kafka()
    rounds = 2 if scene.world.quick else 3
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            drain="200ms", snapshot_interval="1h")
    done, times = 0, []
    for _ in range(rounds):
        service.start()
        now = now_ms()
        done += kafka.produce(Record(topic, at % 2, now, event("view", now, f"p{at % 9}"))
                              for at in range(300))
        service.await_status("all of it", lambda status: total(status, "counted") == done, 60)
        times.append(end_while_broker_hangs(scene, service, kafka))
    service.settings["drain"] = "20s"
    service.start()
    status = service.await_status("all of it", lambda status: total(status, "counted") == done, 60)
    checks.none("conservation", conservation_faults([status]))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("after the ends", service.client)
    service.close_client()
    begun = time.monotonic()
    service.signal(signal.SIGTERM)
    admin = service.admin_client()
    until("draining", lambda: admin.request("GET", "/readyz").status == 503, 2, step=0.005)
    checks.equal("exit code of the second signal", service.terminate(), 0)
    second = time.monotonic() - begun
    checks.true("the second SIGTERM skips the drain", second < 10, second)
    checks.true("in time", max(times) < 25, times)
    checks.figure("ends_with_a_hanging_broker", rounds)
    checks.figure("exit_max_s", round(max(times), 2))
    checks.figure("second_sigterm_s", round(second, 2))


def end_on_a_bad_disk(scene: Scene) -> None:
    """SIGTERM while the disk fails or hangs: exit 3 in time, and the next start misses nothing."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            drain="100ms", snapshot_interval="1h")
    bad = Disk(scene, service)
    service.environment = bad.environment
    plans = ["fail 1 ENOSPC always write,sync,truncate"]
    plans += [] if scene.world.quick else ["delay 60000 write,sync"]
    done, times = 0, []
    for plan in plans:
        bad.set("")
        service.start()
        now = now_ms()
        done += kafka.produce(Record(topic, at % 2, now, event("view", now, f"p{at % 9}"))
                              for at in range(200))
        service.await_status("all of it", lambda status: total(status, "counted") == done, 60)
        bad.set(plan)
        begun = time.monotonic()
        checks.equal(f"exit code with {plan}", service.terminate(), 3)
        times.append(round(time.monotonic() - begun, 1))
    bad.set("")
    service.start()
    status = service.await_status("all of it", lambda status: total(status, "counted") == done, 60)
    checks.none("conservation", conservation_faults([status]))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("after the ends", service.client)
    checks.equal("exit code on a good disk", service.terminate(), 0)
    checks.true("in time", max(times) < 25, times)
    checks.figure("exit_s", times)


# ---- one process per folder --------------------------------------------------------------------


def refuse(scene: Scene, first: Service) -> float:
    """A second process on the same folder; seconds until it is gone."""
    second = Service(scene.world.binary, f"{scene.home}/second",
                     {**first.settings, "log_level": "error"})
    scene.services.append(second)
    begun = time.monotonic()
    second.launch()
    assert second.process is not None
    scene.checks.equal("its exit code", second.process.wait(timeout=5), 1)
    took = time.monotonic() - begun
    lines = second.log_tail(5).splitlines()
    scene.checks.true("it names the folder",
                      len(lines) == 1 and first.settings["data_dir"] in lines[0], lines)
    return took


def one_survives(scene: Scene, label: str, settings: dict[str, str]) -> float:
    """Two processes at the same moment: exactly one stays. Seconds until the other is gone."""
    checks = scene.checks
    pair = [scene.service(f"{label}-{at}", **{**settings, "data_dir": f"{scene.home}/{label}"})
            for at in range(2)]
    begun = time.monotonic()
    for one in pair:
        one.launch()
    gone = until("one of them is gone", lambda: [one for one in pair if not one.running()], 5)
    took = time.monotonic() - begun
    stays = [one for one in pair if one not in gone]
    checks.equal("how many stay", len(stays), 1)
    checks.equal("exit code of the other", [one.process.returncode for one in gone if one.process],
                 [1])
    until("the one listens", stays[0].listening, 10)
    checks.equal("and ends well", stays[0].terminate(), 0)
    return took


def instances(scene: Scene) -> None:
    """A second process on a data_dir ends at once, also when the first is stopped or as young as it."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    rounds = 3 if scene.world.quick else 10
    settings = {"brokers": kafka.bootstrap, "topics": topic, "snapshot_interval": "200ms"}
    first = scene.service(**settings).start()
    first.await_state("live")
    times = [refuse(scene, first) for _ in range(rounds)]
    first.suspend()
    times += [refuse(scene, first) for _ in range(rounds)]
    first.resume()
    now = now_ms()
    kafka.produce([Record(topic, 0, now, event("view", now, "p"))])
    first.await_status("the first goes on", lambda status: total(status, "counted") == 1)
    for at in range(rounds):
        times.append(one_survives(scene, f"young-{at}", settings))
    first.kill9()
    first.start()
    first.await_status("a killed one leaves no lock", lambda status: total(status, "read") == 1)
    checks.true("gone within 2 s", max(times) < 2, times)
    checks.figure("refused", len(times))
    checks.figure("refused_max_ms", round(max(times) * 1000))
    checks.true("the lock is no data", os.path.getsize(
        os.path.join(first.settings["data_dir"], "livectr.lock")) == 0)
