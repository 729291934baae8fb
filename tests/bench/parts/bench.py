# SPDX-License-Identifier: Apache-2.0
"""What the parts share: one real Kafka, topics full of events, the programs, a service at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from kit.kafka import Kafka
from kit.service import Service, total
from kit.wait import until
from kit.world import Scene, World

from parts import Unusable

POLL_S = 0.02
NOT_SEARCHED = {"scout_after": "off", "access_log": "off", "start": "earliest"}


class Bench:
    def __init__(self, build: str, kafka: str, quick: bool, events: int) -> None:
        self.build = build
        self.quick = quick
        self.events = events
        self.world = World(os.path.join(build, "livectr"), os.path.join(build, "tests/ktool"),
                           [kafka], quick, 1, "")
        self.scene = Scene(self.world, "bench")
        self.topics: dict[str, int] = {}  # name: events in it
        self.made = 0

    def end(self) -> None:
        self.scene.end()
        self.world.close(keep=False)

    # ---- programs ------------------------------------------------------------------------------

    @staticmethod
    def say(text: str) -> None:
        print(f"   {text}", file=sys.stderr, flush=True)

    def program(self, name: str) -> str:
        path = os.path.join(self.build, "tests/bench", f"bench_{name}")
        if not os.path.exists(path):
            raise Unusable(f"there is no {path}")
        return path

    def lines(self, name: str, *arguments: object, seconds: float = 600) -> list[dict[str, Any]]:
        """Runs one of the programs; its lines that are JSON."""
        done = subprocess.run([self.program(name), *map(str, arguments)], capture_output=True,
                              text=True, timeout=seconds, check=False)
        if done.returncode != 0:
            raise Unusable(f"{name}: exit {done.returncode}: {done.stderr[-500:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    # ---- Kafka ---------------------------------------------------------------------------------

    @property
    def kafka(self) -> Kafka:
        return self.world.kafka()

    def topic(self, name: str, events: int, partitions: int = 4, **fill: object) -> str:
        """A topic of that name full of events, the newest of a moment ago; made when first asked for."""
        if name not in self.topics:
            self.say(f"{events:,} events for the topic {name}")
            self.kafka.create(name, partitions)
            more = [text for key, value in fill.items() for text in ("--" + key, value)]
            said = self.lines("tool_fill", "-b", self.kafka.bootstrap, "--topic", name, "--events",
                              events, "--partitions", partitions, *more)[-1]
            self.topics[name] = said["events"]
        return name

    @contextmanager
    def producing(self, topic: str, *options: object) -> "Iterator[subprocess.Popen[bytes]]":
        """tool_fill beside what is measured; it ends with the block, however that ends."""
        with subprocess.Popen([self.program("tool_fill"), "-b", self.kafka.bootstrap, "--topic",
                               topic, *map(str, options)], stdout=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def nothing(self, topic: str, call: str = "batch") -> dict[str, Any]:
        """The consumer that does nothing with it."""
        return self.lines("tool_nothing", "-b", self.kafka.bootstrap, "--topic", topic, "--call",
                          call)[-1]

    def reader(self, topic: str) -> dict[str, Any]:
        """Our source, behind which nothing is done either."""
        return self.lines("tool_reader", "-b", self.kafka.bootstrap, "--topic", topic, "--events",
                          self.topics[topic])[-1]

    # ---- the service ---------------------------------------------------------------------------

    def service(self, topic: str, **settings: str) -> Service:
        self.made += 1
        return self.scene.service(f"service-{self.made}", brokers=self.kafka.bootstrap,
                                  topics=topic, **{**NOT_SEARCHED, **settings})

    def ingest(self, topic: str, keep: bool = False, after: float = 0.1, kept_mb: int = 0,
               **settings: str) -> dict[str, Any]:
        """The service reads the whole topic, from nothing. What it cost after that share of it, and
        what it had in the end. keep: as `service`, it goes on. kept_mb: so much memory is kept for
        it, so that the host need not give it at its price."""
        with self.keeping(kept_mb) as keeper:
            service = self.service(topic, **settings).start()
            work = Work(service, self.topics[topic], after)
            try:
                keeper(work.pid)
                work.wait()
                figures = work.figures()
            finally:
                if not keep:
                    service.end()
        if keep:
            figures["service"] = service
        return figures

    @contextmanager
    def keeping(self, megabytes: int) -> "Iterator[Callable[[int], None]]":
        """Memory for a process that is told by its number."""
        if megabytes == 0:
            yield lambda pid: None
            return
        with subprocess.Popen([self.program("tool_keeper"), "--mb", str(megabytes)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None and process.stdout is not None
            try:
                if process.stdout.readline() != "ready\n":
                    raise Unusable(f"no {megabytes} MB could be kept")
                yield lambda pid: print(pid, file=process.stdin, flush=True)
            finally:
                process.kill()


def thread_seconds(pid: int) -> dict[str, float]:
    """CPU seconds of each thread of a process, by number and name."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                spent = int(file.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
                found[f"{task} {file.read().strip()}"] = spent
        except OSError:
            pass  # it has ended
    return found


class Work:
    """One service on its way through a topic. Costs are of what comes after a share of it, a tenth
    unless told; with too few events to look at it in between, as in --quick, from the start of the
    process."""

    def __init__(self, service: Service, events: int, after: float = 0.1) -> None:
        assert service.process is not None
        self.service, self.events, self.pid = service, events, service.process.pid
        self.after = after
        self.begun = time.monotonic()
        self.first: tuple[float, int, dict[str, float]] | None = None
        self.last: tuple[float, int, dict[str, float]] | None = None
        self.done_s = 0.0
        self.status: dict[str, Any] = {}

    def look(self) -> bool:
        """Whether all was read."""
        self.status = self.service.client.status()
        read = total(self.status, "read")
        now = (time.monotonic(), read, thread_seconds(self.pid))
        if self.first is None and read >= self.events * self.after:
            self.first = now
        self.last = now
        return read >= self.events

    def wait_for_first(self) -> None:
        """Until costs count."""
        until("the first tenth was read", lambda: self.look() or self.first is not None, 300, POLL_S)

    def wait(self) -> None:
        until("the whole topic was read", self.look, 900, POLL_S,
              seen=lambda: total(self.status, "read"))
        self.status = self.service.await_status(
            "all of it was counted", lambda now: total(now, "held") == 0, 120)
        self.done_s = time.monotonic() - self.begun
        counted = total(self.status, "counted")
        if counted != self.events:
            raise Unusable(f"{counted} of {self.events} events were counted: the figures are void")

    def figures(self) -> dict[str, Any]:
        assert self.first is not None and self.last is not None
        if self.last[1] - self.first[1] < self.events * (1 - self.after) / 4:
            self.first = (self.begun, 0, {})  # too few to tell the start from what comes after
        events = self.last[1] - self.first[1]
        wall = self.last[0] - self.first[0]
        spent = {key: self.last[2][key] - self.first[2].get(key, 0) for key in self.last[2]}
        cpu = sum(spent.values())
        threads = {"librdkafka": sum(value for key, value in spent.items() if " rdk:" in key),
                   "http": sum(value for key, value in spent.items() if " MHD" in key)}
        ours = sorted((value for key, value in spent.items()
                       if " rdk:" not in key and " MHD" not in key), reverse=True)
        threads["ingest"], threads["others"] = ours[0], sum(ours[1:])
        keys = self.status["keys"]
        return {"events_per_s": events / wall, "events_per_cpu_s": events / cpu,
                "ns_per_event": {key: round(value * 1e9 / events, 1)
                                 for key, value in threads.items()},
                "all_counted_s": round(self.done_s, 2),
                "keys": 1 + keys["pages"] + keys["boxes"] + keys["placements"],
                "pairs": self.status["people"]["pairs"], "ids": self.status["ids"]["count"],
                "account": self.status["memory"], "rss_mb": round(self.service.memory_mb()),
                "peak_mb": round(self.service.memory_mb("VmHWM"))}
