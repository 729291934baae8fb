# SPDX-License-Identifier: Apache-2.0
"""A wrong setting stops the start, with one line that names it and the way out."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import NamedTuple

from kit.service import clean_environment, write_config
from kit.world import Scene

GOOD = {"brokers": "127.0.0.1:1", "topics": "events", "listen": "127.0.0.1:0",
        "admin_listen": "127.0.0.1:0"}
SECONDS_MAX = 5


class Wrong(NamedTuple):
    """One way to get it wrong: through which door, and what the line must name."""

    label: str
    file: dict[str, str | None] = {}  # None takes a good line away
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    names: tuple[str, ...] = ()  # each must stand in the line
    raw: str = ""  # more lines of the file, as they are


def cases(home: str, taken_port: int) -> list[Wrong]:
    not_a_folder = os.path.join(home, "livectr.conf", "data")
    far_up = os.path.join(os.sep, "proc", "livectr")
    return [
        Wrong("unknown key, near miss", {"topcis": "events"}, names=("topcis", "topics")),
        Wrong("unknown key, near miss 2", {"snapshot_intervall": "5s"},
              names=("snapshot_intervall", "snapshot_interval")),
        Wrong("unknown flag", arguments=("--max-keyz", "5"), names=("keyz", "keys")),
        Wrong("unknown variable", environment={"LIVECTR_WINDOWZ": "1m"},
              names=("LIVECTR_WINDOWZ", "windows")),
        Wrong("the line is named", raw="\n# a comment\nwindow = 1m\n",
              names=("livectr.conf:", "window")),
        Wrong("a line without =", raw="topics events\n", names=("livectr.conf:", "=")),
        Wrong("brokers missing", {"brokers": None}, names=("brokers",)),
        Wrong("topics missing", {"topics": None}, names=("topics",)),
        Wrong("topics empty", {"topics": ""}, names=("topics",)),
        Wrong("topic of a wrong type", {"topics": "events:impression"},
              names=("topics", "impression", "view")),
        Wrong("topic twice", {"topics": "events,events"}, names=("topics", "events")),
        Wrong("topic name Kafka refuses", {"topics": "my topic"}, names=("topics",)),
        Wrong("duration without unit", {"settle": "500"}, names=("settle", "500ms")),
        Wrong("duration with a bad unit", {"late": "2 days"}, names=("late", "2 days")),
        Wrong("negative duration", {"future": "-1s"}, names=("future", "-1s")),
        Wrong("duration beyond all limits", {"drain": "99999999d"}, names=("drain",)),
        Wrong("bad window", {"windows": "1m,ten"}, names=("windows", "ten")),
        Wrong("window of half a second", {"windows": "500ms"}, names=("windows", "500ms")),
        Wrong("window twice", {"windows": "1m,60s"}, names=("windows", "60s")),
        Wrong("nine windows", {"windows": "1s,2s,3s,4s,5s,6s,7s,8s,9s"}, names=("windows", "8")),
        Wrong("no window", {"windows": ""}, names=("windows",)),
        Wrong("bad clock", {"clock": "lunar"}, names=("clock", "wall", "event")),
        Wrong("bad start", {"start": "yesterday"}, names=("start", "earliest")),
        Wrong("bad log level", {"log_level": "loud"}, names=("log_level", "info")),
        Wrong("bad page_impressions", {"page_impressions": "both"},
              names=("page_impressions", "box_views")),
        Wrong("bad number", {"max_keys": "lots"}, names=("max_keys", "lots")),
        Wrong("number with a unit", {"http_threads": "2x"}, names=("http_threads", "2x")),
        Wrong("zero threads", {"http_threads": "0"}, names=("http_threads",)),
        Wrong("number beyond its range", {"max_record_bytes": "99999999999999999999"},
              names=("max_record_bytes",)),
        Wrong("address without port", {"listen": "127.0.0.1"}, names=("listen",)),
        Wrong("port out of range", {"listen": "127.0.0.1:70000"}, names=("listen", "70000")),
        Wrong("not an address", {"admin_listen": "nowhere.invalid:0"}, names=("admin_listen",)),
        Wrong("port in use", {"listen": f"127.0.0.1:{taken_port}"},
              names=("listen", str(taken_port))),
        Wrong("admin port in use", {"admin_listen": f"127.0.0.1:{taken_port}"},
              names=("admin_listen", str(taken_port))),
        Wrong("data_dir below a file", {"data_dir": not_a_folder},
              names=("data_dir", not_a_folder)),
        Wrong("data_dir not writable", {"data_dir": far_up}, names=("data_dir", far_up)),
        Wrong("unknown kafka property", {"kafka.bootstrap.serverz": "x"},
              names=("kafka.bootstrap.serverz",)),
        Wrong("bad kafka value", {"kafka.socket.timeout.ms": "soon"},
              names=("kafka.socket.timeout.ms", "soon")),
        Wrong("kafka property without a name", {"kafka.": "x"}, names=("kafka.",)),
        Wrong("flag without a value", arguments=("--windows",), names=("--windows",)),
        Wrong("a word that is no flag", arguments=("fast",), names=("fast",)),
        Wrong("bad value of a flag", arguments=("--settle", "soon"), names=("--settle", "soon")),
        Wrong("bad value of a variable", environment={"LIVECTR_CLOCK": "sun"},
              names=("LIVECTR_CLOCK", "sun")),
        Wrong("the same type twice", {"view_types": "view", "click_types": "view"},
              names=("view_types", "click_types")),
        Wrong("no configuration file", arguments=("--config", os.path.join(home, "missing.conf")),
              names=("missing.conf",)),
    ]


def start(scene: Scene, case: Wrong) -> tuple[int | None, str, float]:
    """Exit code (None: went on running), stderr, seconds."""
    path = os.path.join(scene.home, "livectr.conf")
    merged = {**GOOD, "data_dir": os.path.join(scene.home, "data"), **case.file}
    write_config(path, {key: value for key, value in merged.items() if value is not None})
    with open(path, "a", encoding="utf-8") as file:
        file.write(case.raw)
    begun = time.monotonic()
    with subprocess.Popen([scene.world.binary, "serve", "--config", path, *case.arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=clean_environment(**case.environment)) as process:
        try:
            code: int | None = process.wait(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            code = None
            process.kill()
        assert process.stderr is not None
        return code, process.stderr.read().decode(errors="replace"), time.monotonic() - begun


def faults_of(case: Wrong, code: int | None, text: str) -> list[str]:
    found = []
    lines = text.splitlines()
    if code is None:
        found.append("the service started")
    elif code <= 0:
        found.append(f"exit {code}")
    if len(lines) != 1:
        found.append(f"{len(lines)} lines on stderr")
    found += [f"no {name!r} in the line" for name in case.names if name not in text]
    return [f"{case.label}: {fault}: {text.strip()[-300:]!r}" for fault in found]


def run(scene: Scene) -> None:
    """Each wrong setting ends the start within 5 s, non-zero, with one line and the way out."""
    checks = scene.checks
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        table = cases(scene.home, taken.getsockname()[1])
        wrong, slowest = [], 0.0
        for case in table:
            code, text, seconds = start(scene, case)
            slowest = max(slowest, seconds)
            wrong += faults_of(case, code, text)
            checks.compared += 1
    checks.none("wrong settings", wrong)
    checks.true("enough of them", len(table) >= 25, len(table))
    checks.figure("settings", len(table))
    checks.figure("slowest_ms", round(slowest * 1000))
