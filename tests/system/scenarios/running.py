# SPDX-License-Identifier: Apache-2.0
"""While it runs: settings that change, a service manager, what it writes to, what it is starved of."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from typing import Any

from kit.check import conservation_faults, percentile
from kit.kafka import Record, event
from kit.service import Service, clean_environment, total, write_config
from kit.wait import let_run, now_ms, until
from kit.world import Scene


def views(topic: str, count: int, partitions: int = 1) -> list[Record]:
    now = now_ms()
    return [Record(topic, at % partitions, now, event("view", now, f"p{at % 7}", "b"))
            for at in range(count)]


def log_of(service: Service) -> str:
    with open(service.log_path, encoding="utf-8", errors="replace") as file:
        return file.read()


# ---- SIGHUP ------------------------------------------------------------------------------------


def reload(scene: Scene) -> None:
    """SIGHUP: what can change does, what needs a restart is named, a wrong file changes nothing."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            snapshot_interval="1h", log_level="warn", max_keys="1000")
    service.start()
    done = kafka.produce(views(topic, 50))
    service.await_status("counted", lambda status: total(status, "counted") == done)
    checks.equal("nothing saved", service.client.status()["snapshot"]["written"], 0)

    write_config(service.config, {**service.settings, "snapshot_interval": "100ms",
                                  "log_level": "info", "max_keys": "2000", "windows": "10m"})
    service.signal(signal.SIGHUP)
    service.await_status("snapshots by the new interval",
                         lambda status: status["snapshot"]["written"] >= 2, 10)
    said = until("both lines", lambda: log_of(service)
                 if "reload_needs_restart" in log_of(service) else "", 5)
    checks.true("what changed", "event=reloaded changed=snapshot_interval,log_level" in said, said)
    checks.true("what waits", "event=reload_needs_restart settings=windows,max_keys" in said, said)
    checks.equal("still the old limit", service.client.status()["keys"]["limit"], 1000)

    write_config(service.config, {**service.settings, "snapshot_interval": "1h",
                                  "drain": "for ever"})
    service.signal(signal.SIGHUP)
    said = until("the refusal", lambda: log_of(service)
                 if "reload_refused" in log_of(service) else "", 5)
    checks.true("it says where and why", "livectr.conf:" in said and "for ever" in said, said)
    written = service.client.status()["snapshot"]["written"]
    service.await_status("the old settings go on",
                         lambda status: status["snapshot"]["written"] > written + 1, 10)
    done += kafka.produce(views(topic, 50))
    status = service.await_status("nothing is lost",
                                  lambda status: total(status, "counted") == done)
    checks.none("conservation", conservation_faults([status]))
    write_config(service.config, service.settings)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("after it all", service.client)
    for _ in range(50):
        service.signal(signal.SIGHUP)
    checks.true("a storm of signals", service.client.status()["state"] in ("live", "catching_up"))
    checks.equal("exit code", service.terminate(), 0)


# ---- a service manager -------------------------------------------------------------------------


class Manager:
    """What systemd is to a service: a socket that gets its words."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(0.05)
        self.heard: list[tuple[float, dict[str, str]]] = []

    def listen(self) -> None:
        try:
            while True:
                text = self.socket.recv(4096).decode()
                self.heard.append((time.monotonic(),
                                   dict(line.split("=", 1) for line in text.splitlines())))
        except (socket.timeout, TimeoutError):
            pass

    def told(self, key: str, value: str | None = None) -> list[float]:
        self.listen()
        return [at for at, words in self.heard
                if key in words and (value is None or words[key] == value)]

    def await_told(self, key: str, value: str | None = None, more_than: int = 0) -> float:
        until(f"{key}={value or ''}", lambda: len(self.told(key, value)) > more_than, 20)
        return self.told(key, value)[-1]


def manager_sees_a_life(scene: Scene, name: str, settings: dict[str, str]) -> None:
    checks = scene.checks
    manager = Manager(name)
    service = scene.service(f"for-{len(scene.services)}", **settings)
    service.environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"}
    service.start()
    manager.await_told("READY", "1")
    beats = len(manager.told("WATCHDOG", "1"))
    begun = time.monotonic()
    manager.await_told("WATCHDOG", "1", beats + 4)
    rate = 5 / (time.monotonic() - begun)
    checks.true("twice in each span of the watchdog", 3 <= rate <= 10, rate)
    until("STATUS tells the state", lambda: any(words.get("STATUS", "").startswith("live, lag")
                                                for _, words in manager.heard
                                                if not manager.listen()), 20)
    service.signal(signal.SIGHUP)
    manager.await_told("RELOADING", "1")
    manager.await_told("READY", "1", 1)
    words = [words for _, words in manager.heard if "RELOADING" in words][0]
    since = time.clock_gettime(time.CLOCK_MONOTONIC) - int(words["MONOTONIC_USEC"]) / 1e6
    checks.true("MONOTONIC_USEC is the moment it began", 0 <= since < 20, since)
    checks.equal("exit code", service.terminate(), 0)
    manager.await_told("STOPPING", "1")
    order = [key for _, words in manager.heard for key in words if key in ("READY", "STOPPING")]
    checks.equal("in order", order, ["READY", "READY", "STOPPING"])
    manager.socket.close()


def watched(scene: Scene) -> None:
    """A service manager hears READY, STATUS, RELOADING, STOPPING, and WATCHDOG while ingest lives."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    kafka.produce(views(topic, 20))
    settings = {"brokers": kafka.bootstrap, "topics": topic, "start": "earliest"}
    manager_sees_a_life(scene, os.path.join(scene.home, "notify"), settings)
    manager_sees_a_life(scene, f"@livectr-{os.getpid()}-{scene.name}", settings)
    # Kafka away: READY all the same, or the manager would give up and start it again and again.
    manager = Manager(f"@livectr-{os.getpid()}-away")
    service = scene.service("away", **{**settings, "brokers": "127.0.0.1:1"})
    service.environment = {"NOTIFY_SOCKET": f"@livectr-{os.getpid()}-away"}
    service.start()
    manager.await_told("READY", "1")
    until("STATUS says starting", lambda: manager.told("STATUS", "starting"), 20)
    checks.equal("no watchdog where none was asked for", manager.told("WATCHDOG"), [])
    manager.socket.close()  # the manager dies: the service does not notice
    checks.equal("/livez", service.admin_client().request("GET", "/livez").status, 200)
    checks.equal("exit code", service.terminate(), 0)
    lost = scene.service("lost", **settings)
    lost.environment = {"NOTIFY_SOCKET": "/nowhere/at/all"}
    lost.start()
    lost.await_state("live")
    checks.equal("exit code without a manager", lost.terminate(), 0)


# ---- what it writes to -------------------------------------------------------------------------


def launch_with(service: Service, **files: Any) -> None:
    """As Service.launch(), with other files for the standard ones."""
    write_config(service.config, service.settings)
    service.starts += 1
    service.process = subprocess.Popen([service.binary, "serve", "--config", service.config],
                                       env=clean_environment(), **files)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fixed(scene: Scene, label: str, **settings: str) -> Service:
    """A service whose ports are known without its stdout."""
    ports = free_port(), free_port()
    service = scene.service(label, listen=f"127.0.0.1:{ports[0]}",
                            admin_listen=f"127.0.0.1:{ports[1]}", **settings)
    service.http, service.admin = ("127.0.0.1", ports[0]), ("127.0.0.1", ports[1])
    return service


def counts_on(scene: Scene, service: Service, topic: str, done: int) -> int:
    """More events come and are counted within the usual time; how many there are then."""
    done += scene.world.kafka().produce(views(topic, 40))
    begun = time.monotonic()
    service.await_status("counted", lambda status: total(status, "counted") == done, 20)
    scene.checks.true("without delay", time.monotonic() - begun < 10)
    return done


def sinks(scene: Scene) -> None:
    """stdout and stderr closed, broken, full or never there: it counts on, and ends with 0."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    settings = {"brokers": kafka.bootstrap, "topics": topic, "start": "earliest",
                "log_level": "debug", "snapshot_interval": "20ms"}
    done = kafka.produce(views(topic, 20))

    broken = fixed(scene, "broken", **settings)
    reading, writing = os.pipe()
    launch_with(broken, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
    os.close(writing)
    broken.await_state("live")
    os.close(reading)
    done = counts_on(scene, broken, topic, done)
    checks.equal("exit code with broken pipes", broken.terminate(), 0)

    full = fixed(scene, "full", **settings)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    launch_with(full, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
    os.close(writing)
    full.await_state("live")
    done = counts_on(scene, full, topic, done)
    text = b""
    while b"log_lines_dropped" not in text:  # read at last: it says what was lost
        text = text[-64:] + os.read(reading, 65536)
    drain = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 65536),
                                                                b"")], daemon=True)
    drain.start()
    checks.equal("exit code with a full pipe", full.terminate(), 0)
    drain.join(5)
    os.close(reading)

    none = fixed(scene, "none", **settings)
    write_config(none.config, none.settings)
    none.starts += 1
    none.process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" serve --config "$1" 0<&- 1>&- 2>&-', none.binary, none.config],
        env=clean_environment())
    none.await_state("live")
    done = counts_on(scene, none, topic, done)
    files = [os.readlink(f"/proc/{none.process.pid}/fd/{fd}") for fd in range(3)]
    checks.equal("descriptors 0 to 2", files, ["/dev/null"] * 3)
    checks.equal("exit code with none", none.terminate(), 0)
    checks.equal("the snapshot is whole", none.start().await_read(done)["state"], "live")


# ---- what it is starved of ---------------------------------------------------------------------


def few_files(scene: Scene) -> None:
    """64 descriptors and more clients than that: snapshots go on, it recovers."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            snapshot_interval="100ms")
    service.prefix = ["prlimit", "--nofile=64:64"]
    service.start()
    service.await_state("live")
    assert service.http is not None and service.admin is not None and service.process is not None
    crowd = [socket.create_connection(service.http) for _ in range(150)]
    crowd += [socket.create_connection(service.admin) for _ in range(50)]
    let_run(0.5)
    files = len(os.listdir(f"/proc/{service.process.pid}/fd"))
    checks.true("descriptors are left", files <= 60, files)
    folder = service.settings["data_dir"]
    done = kafka.produce(views(topic, 30))
    begun = time.time()
    until("a snapshot under it",
          lambda: max(os.path.getmtime(os.path.join(folder, name))
                      for name in os.listdir(folder)) > begun + 0.5, 10)
    let_run(0.3)
    for one in crowd:
        one.close()
    begun = time.monotonic()
    status = service.await_status("it recovers", lambda status: total(status, "counted") == done)
    took = time.monotonic() - begun
    checks.true("within 5 s", took < 5, took)
    checks.equal("no snapshot failed", status["snapshot"]["failed"], 0)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("afterwards", service.client)
    checks.figure("descriptors_in_use", files)
    checks.figure("recovered_after_s", round(took, 2))
    checks.equal("exit code", service.terminate(), 0)


def stalls(scene: Scene) -> None:
    """SIGSTOP and SIGCONT, again and again under load: every count is right in the end."""
    checks, kafka = scene.checks, scene.world.kafka()
    rounds = 5 if scene.world.quick else 10
    topic = scene.topic("events")
    kafka.create(topic, 3)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="1m,10m", snapshot_interval="200ms").start()
    flood = scene.flood(kafka, topic, 2000, 3 + rounds // 2, seed=scene.world.seed, pages=10,
                        boxes=5, click_percent=10)
    service.await_status("the load is on", lambda status: total(status, "counted") > 500, 60)
    for _ in range(rounds):
        service.suspend()
        let_run(scene.dice.uniform(0.05, 0.5))
        service.resume()
        let_run(scene.dice.uniform(0.01, 0.1))
    produced = flood.finish()
    status = service.await_status("all of it", lambda now: total(now, "counted") == produced, 60)
    checks.none("conservation", conservation_faults([status]))
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.everything("after the stalls", service.client)
    judge.whole("after the stalls", status)
    checks.figure("stalls", rounds)
    checks.figure("events", produced)


def busy_cpus(scene: Scene) -> None:
    """Eight busy loops beside it, and a low priority: /livez within a second all the time."""
    checks, kafka = scene.checks, scene.world.kafka()
    seconds = 4 if scene.world.quick else 8
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest")
    service.prefix = ["nice", "-n", "5"]
    service.start()
    service.await_state("live")
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(8)]
    times = []
    try:
        admin = service.admin_client()
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            begun = time.monotonic()
            checks.equal("/livez", admin.request("GET", "/livez").status, 200)
            times.append(time.monotonic() - begun)
            let_run(0.05)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    done = kafka.produce(views(topic, 30))
    service.await_status("it goes on", lambda status: total(status, "counted") == done, 30)
    checks.true("/livez within a second", max(times) <= 1, max(times))
    checks.figure("livez_max_ms", round(max(times) * 1000))
    checks.figure("livez_p99_ms", round(percentile(times, 0.99) * 1000))
    checks.figure("asked", len(times))
