# SPDX-License-Identifier: Apache-2.0
"""A topic under load and a service on it, ready to be hurt; at the end every count is judged."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from kit.check import conservation_faults
from kit.client import Name, Refused
from kit.kafka import Failed, Flood, Kafka
from kit.service import Service, total
from kit.wait import until
from kit.world import Scene

from tools import files

PAGES, BOXES, VISITORS = 6, 4, 300
WINDOWS = ("1m", "10m")


class Load:
    """Events of few keys, so that the oracle's recount costs little; all answers seen on the way are
    kept and judged at the end, each at its own edges.

    The broker dates the records: those dated by a producer that a fault kept from delivering would
    be stragglers, which may miss an answer."""

    def __init__(self, scene: Scene, kafka: Kafka, label: str, rate: int = 800, seconds: int = 60,
                 partitions: int = 4, bootstrap: str = "", **settings: str) -> None:
        """bootstrap: where the service finds the brokers."""
        self.scene, self.kafka, self.label = scene, kafka, label
        self.topic = scene.topic(label)
        self.rate, self.seconds = rate, seconds
        kafka.create(self.topic, partitions, message__timestamp__type="LogAppendTime")
        self.service: Service = scene.service(
            label, **{"brokers": bootstrap or kafka.bootstrap, "topics": self.topic,
                      "start": "earliest", "windows": ",".join(WINDOWS),
                      "snapshot_interval": "100ms", **settings})
        self.answers: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.newest_cut = 0
        self.flood: Flood | None = None
        self.pour()

    def pour(self) -> None:
        """Begins (again) to produce."""
        if self.flood is not None:
            self.flood.end()
        self.flood = self.scene.flood(self.kafka, self.topic, self.rate, self.seconds,
                                      seed=self.scene.dice.randrange(1 << 30), pages=PAGES,
                                      boxes=BOXES, visitors=VISITORS, click_percent=10)

    def keep_pouring(self) -> None:
        assert self.flood is not None
        if not self.flood.running():
            self.pour()

    def names(self) -> list[Name]:
        pages = [f"/offer/{page}" for page in range(PAGES)]
        boxes = [f"opbox.carousel.{box}" for box in range(1, BOXES + 1)]
        return [(None, None), *((page, None) for page in pages), *((None, box) for box in boxes),
                *((page, box) for page in pages for box in boxes)]

    # ---- while it is hurt ----------------------------------------------------------------------

    def look(self) -> bool:
        """Keeps one picture of everything; False where the service does not answer (yet)."""
        try:
            if self.service.http is None and not self.service.listening():
                return False
            self.statuses.append(self.service.client.status())
            self.answers += self.service.client.batch(
                self.names(), self.scene.dice.choice(WINDOWS))
            return True
        except Refused as refused:
            if refused.status == 503:  # nothing to answer from yet
                return False
            raise
        except (OSError, EOFError):
            self.service.close_client()
            return False

    def check_files(self, damaged: bool = False) -> None:
        """With the process gone: each file is whole (or, if one was damaged, one is), and what was
        saved is not older than before."""
        found = files.examine(self.service.settings["data_dir"])
        if damaged:
            self.scene.checks.true(f"{self.label}: a whole file", found.whole > 0, found.faults)
        else:
            self.scene.checks.none(f"{self.label}: integrity of the files", found.faults)
        self.scene.checks.true(f"{self.label}: a save that was made is still there",
                               found.newest_cut >= self.newest_cut,
                               (found.newest_cut, self.newest_cut))
        self.newest_cut = found.newest_cut

    # ---- the end -------------------------------------------------------------------------------

    def produced(self) -> int:
        return sum(self.kafka.ends(self.topic).values())

    def produced_or_none(self) -> int | None:
        """None while no broker says."""
        try:
            return self.produced()
        except Failed:
            return None

    def finish(self, seconds: float = 60) -> Mapping[str, Any]:
        """Ends the load, waits until all of it is counted, judges everything; the last status."""
        checks = self.scene.checks
        if self.flood is not None:
            self.flood.end()
        if not self.service.running():
            self.service.start()
        status = until(
            f"{self.label}: everything counted", self.all_counted, seconds, step=0.1,
            seen=lambda: (self.produced_or_none(), self.service.log_tail(6)))
        self.look()
        judge = checks.judge(self.service.settings).read(self.kafka.dump(self.topic))
        judge.answers(f"{self.label}: answers on the way", self.answers)
        judge.everything(f"{self.label}: at the end", self.service.client)
        judge.statuses(f"{self.label}: every status", self.statuses)
        checks.none(f"{self.label}: conservation", conservation_faults(self.statuses))
        judge.whole(f"{self.label}: at the end", status)
        add_figure(self.scene, "events", total(status, "read"))
        add_figure(self.scene, "answers", len(self.answers))
        checks.equal(f"{self.label}: stragglers", total(status, "stragglers"), 0)
        self.service.end()
        return status

    def give_up(self) -> None:
        """Ends load and service without a judgement."""
        if self.flood is not None:
            self.flood.end()
        self.service.end()

    def all_counted(self) -> dict[str, Any] | None:
        """The status, if every record of the topic is counted and none is held."""
        try:
            status = self.service.client.status()
        except (OSError, EOFError, Refused):
            self.service.close_client()
            return None
        rows: Sequence[Mapping[str, Any]] = status["partitions"]
        done = (status["state"] == "live" and rows and total(status, "held") == 0
                and total(status, "read") == self.produced_or_none())
        return status if done else None


def add_figure(scene: Scene, name: str, value: int) -> None:
    """Adds to a sum among the figures."""
    figures = scene.checks.figures
    scene.checks.figure(name, int(figures.get(name, 0)) + value)  # type: ignore[call-overload]


def most_figure(scene: Scene, name: str, value: float) -> None:
    """Keeps the largest."""
    scene.checks.figure(name, max(value, scene.checks.figures.get(name, value)))  # type: ignore[call-overload]
