# SPDX-License-Identifier: Apache-2.0
"""openapi.yaml against a running service."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request

from kit.kafka import Record, event
from kit.service import clean_environment
from kit.wait import now_ms, until
from kit.world import Scene

from scenarios.life import NOWHERE


def url(address: tuple[str, int] | None) -> str:
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


def check_metrics(scene: Scene, address: str) -> None:
    """Once librdkafka has told of itself."""
    root = scene.world.root
    until("statistics of librdkafka", lambda: b"livectr_kafka_queue_bytes " in fetch(address), 20)
    finished = subprocess.run(
        [sys.executable, os.path.join(root, "tests", "contract", "check_metrics.py"), "--url",
         address, "--promtool", os.path.join(root, "build", "promtool", "promtool"), "--document",
         os.path.join(root, "docs", "metrics.md")],
        capture_output=True, timeout=60, check=False, env=clean_environment())
    said = (finished.stdout + finished.stderr).decode(errors="replace")
    scene.checks.true("check_metrics.py", finished.returncode in (0, 77), said[-2000:])
    page = fetch(address).decode()
    scene.checks.true("a broker is up", "livectr_kafka_broker_up{broker=" in page and
                      any(line.startswith("livectr_kafka_broker_up{") and line.endswith(" 1")
                          for line in page.splitlines()), page[:200])
    scene.checks.true("partitions are fetched",
                      'livectr_kafka_partitions{fetch_state="active"} 2\n' in page)


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as response:
        return bytes(response.read())


def run(scene: Scene) -> None:
    """tests/contract/check_contract.py finds nothing to say about a running service."""
    checks, kafka = scene.checks, scene.world.kafka()
    script = os.path.join(scene.world.root, "tests", "contract", "check_contract.py")
    checks.true("tests/contract/check_contract.py exists", os.path.exists(script))
    topic = scene.topic("events")
    kafka.create(topic, 2)
    now = now_ms()
    done = kafka.produce(Record(topic, at % 2, now, event("click" if at % 5 == 4 else "view", now,
                                                          f"/p/{at % 4}", f"b{at % 3}"))
                         for at in range(100))
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest",
                            windows="1m,10m,20m,1h,24h",
                            kafka__statistics__interval__ms="500").start()
    service.await_read(done)
    empty = scene.service("starting", brokers=NOWHERE, topics=topic).start()
    finished = subprocess.run(
        [sys.executable, script, "--live", url(service.http), "--admin", url(service.admin),
         "--starting", url(empty.http)],
        capture_output=True, timeout=120, check=False, env=clean_environment())
    said = (finished.stdout + finished.stderr).decode(errors="replace")
    checks.true("check_contract.py", finished.returncode == 0, said[-2000:])
    check_metrics(scene, url(service.admin))
    checks.figure("says", said.strip().splitlines()[-1][:160] if said.strip() else "")
