# SPDX-License-Identifier: Apache-2.0
"""openapi.yaml against a running service."""

from __future__ import annotations

import os
import subprocess
import sys

from kit.kafka import Record, event
from kit.service import clean_environment
from kit.wait import now_ms
from kit.world import Scene

from scenarios.life import NOWHERE


def url(address: tuple[str, int] | None) -> str:
    assert address is not None
    return f"http://{address[0]}:{address[1]}"


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
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest").start()
    service.await_read(done)
    empty = scene.service("starting", brokers=NOWHERE, topics=topic).start()
    finished = subprocess.run(
        [sys.executable, script, "--live", url(service.http), "--admin", url(service.admin),
         "--starting", url(empty.http)],
        capture_output=True, timeout=120, check=False, env=clean_environment())
    said = (finished.stdout + finished.stderr).decode(errors="replace")
    checks.true("check_contract.py", finished.returncode == 0, said[-2000:])
    checks.figure("says", said.strip().splitlines()[-1][:160] if said.strip() else "")
