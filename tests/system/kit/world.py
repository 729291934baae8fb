# SPDX-License-Identifier: Apache-2.0
"""What a scenario is given: programs, clusters, a directory, services that end with it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from typing import Any

from kit import ROOT
from kit.check import Checks
from kit.kafka import Flood, Kafka
from kit.service import Service


class World:
    """Shared by all scenarios of a run; Kafka clusters are started when first asked for."""

    def __init__(self, binary: str, ktool: str, versions: list[str], quick: bool, seed: int,
                 lie: str) -> None:
        self.binary = os.path.abspath(binary)
        self.ktool = os.path.abspath(ktool)
        self.versions = versions
        self.quick = quick
        self.seed = seed
        self.lie = lie
        self.root = ROOT
        self.hours = 0.0  # how long the fault suite may take; 0: a bounded run
        self.began = time.monotonic()
        self.temporary = tempfile.mkdtemp(prefix="livectr-system-")
        self._clusters: dict[tuple[str, int], Kafka] = {}

    def kafka(self, version: str | None = None, brokers: int = 1) -> Kafka:
        key = (version or self.versions[-1], brokers)
        if key not in self._clusters:
            self._clusters[key] = Kafka(self.ktool, *key)
        return self._clusters[key]

    def close(self, keep: bool) -> None:
        for cluster in self._clusters.values():
            cluster.stop()
        if not keep:
            shutil.rmtree(self.temporary, ignore_errors=True)


class Scene:
    """One run of one scenario: its checks, its directory, its processes."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.checks = Checks(world.lie)
        self.dice = random.Random(f"{world.seed}-{name}")
        self.home = os.path.join(world.temporary, name)
        os.makedirs(self.home, exist_ok=True)
        self.services: list[Service] = []
        self.floods: list[Flood] = []

    def topic(self, name: str) -> str:
        """A topic name no other scenario uses."""
        return f"{self.name}.{name}"

    def service(self, label: str = "main", **settings: str) -> Service:
        """A service, not yet started; kafka__x stands for kafka.x."""
        named = {key.replace("__", "."): value for key, value in settings.items()}
        made = Service(self.world.binary, os.path.join(self.home, label), named)
        self.services.append(made)
        return made

    def flood(self, kafka: Kafka, topics: str, rate: int, seconds: int, **options: Any) -> Flood:
        made = kafka.flood(topics, rate, seconds, **options)
        self.floods.append(made)
        return made

    def end(self) -> None:
        for flood in self.floods:
            flood.end()
        for service in self.services:
            service.end()

    def log_tails(self) -> str:
        return "\n".join(f"--- {service.log_path}\n{service.log_tail(25)}"
                         for service in self.services)
