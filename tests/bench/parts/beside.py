# SPDX-License-Identifier: Apache-2.0
"""beside: reading beside a backlog that is read at full speed, and what readers cost it.

Everything has to share the machine with the broker and with wrk itself: where processors are few, a
request waits for one longer than for anything of ours. So the yardstick of a time is bare
libmicrohttpd, asked in turn with the service in the same backlog, which waits for the processor
alone.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import time
from typing import Any

from parts import Row, Unusable
from parts.bench import Bench, Work

CONNECTIONS = 1  # of those whose times are measured: more would wait for each other
READERS = 16
EVENTS_MIN = 1_500_000  # three seconds of a backlog
TURN_S = 1  # wrk takes whole ones
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
TARGET = "/v1/ctr?window=10m"


def run(bench: Bench) -> list[Row]:
    if not shutil.which("wrk"):
        raise Unusable("there is no wrk")
    enough = bench.events >= EVENTS_MIN
    topic = bench.topic("backlog" if enough else "beside", max(bench.events, EVENTS_MIN))
    times = read_beside(bench, topic)
    alone = [bench.ingest(topic)["ns_per_event"]["ingest"]]
    crowded = with_readers(bench, topic)
    alone.append(bench.ingest(topic)["ns_per_event"]["ingest"])
    cost = crowded["ns_per_event"]["ingest"]
    return [
        time_row("GET beside a backlog, p99", times["busy"], "bare libmicrohttpd, beside it too",
                 times["bare"], 0.99),
        time_row("GET beside a backlog, p99", times["busy"], "the same afterwards", times["idle"],
                 0.99),
        time_row("GET beside a backlog, p50", times["busy"], "the same afterwards", times["idle"],
                 0.5),
        Row(f"the ingest thread's CPU beside {READERS} busy readers", cost, "ns/event",
            "without them", statistics.mean(alone), statistics.mean(alone) / cost,
            f"{crowded['requests_s']:,.0f} requests/s meanwhile",
            more={"alone": alone, "crowded": crowded})]


def time_row(name: str, ours: list[dict[float, float]], beside: str,
             theirs: list[dict[float, float]], rank: float) -> Row:
    """The medians of the turns."""
    value = statistics.median(turn[rank] for turn in ours)
    yardstick = statistics.median(turn[rank] for turn in theirs)
    return Row(name, value, "ms", beside, yardstick, yardstick / value, f"{len(ours)} turns",
               more={"ours": [turn[rank] for turn in ours],
                     "theirs": [turn[rank] for turn in theirs]})


def read_beside(bench: Bench, topic: str) -> dict[str, list[dict[float, float]]]:
    """Turns of asking the service and bare libmicrohttpd for the same bytes, until the backlog is
    read; then the service again."""
    found: dict[str, list[dict[float, float]]] = {"busy": [], "bare": [], "idle": []}
    service = bench.service(topic, http_threads="1").start()
    try:
        work = Work(service, bench.topics[topic])
        work.wait_for_first()
        url = "http://%s:%d" % service.http  # type: ignore[operator]
        answer = os.path.join(bench.scene.home, "answer")
        with open(answer, "wb") as file:
            file.write(service.client.request("GET", TARGET).body)
        with subprocess.Popen([os.path.join(bench.build, "tests/bare_http"), answer],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
            assert bare.stdin is not None and bare.stdout is not None
            bare_url = f"http://127.0.0.1:{int(bare.stdout.readline())}"
            while not work.look():
                found["busy"].append(ask(url, TURN_S))
                if not work.look():
                    found["bare"].append(ask(bare_url, TURN_S))
            bare.stdin.close()
        work.wait()
        found["idle"] = [ask(url, TURN_S) for _ in range(1 if bench.quick else 5)]
    finally:
        service.end()
    for kind in ("busy", "bare"):
        # The last turn reaches beyond the end of the backlog.
        found[kind] = found[kind][:-1] or found[kind]
        if not found[kind]:
            raise Unusable("the backlog was read before anybody had asked")
    return found


def ask(url: str, seconds: int) -> dict[float, float]:
    """Percentiles in ms."""
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
                          url + TARGET], capture_output=True, text=True, check=True).stdout
    found = {float(rank) / 100: float(value) * UNITS[unit] for rank, value, unit in
             re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s)$", out, re.MULTILINE)}
    if 0.99 not in found or "Non-2xx" in out:
        raise Unusable(f"wrk said: {out}")
    return found


def with_readers(bench: Bench, topic: str) -> dict[str, Any]:
    service = bench.service(topic).start()
    url = "http://%s:%d%s" % (*service.http, TARGET)  # type: ignore[misc]
    begun = time.monotonic()
    with subprocess.Popen(["wrk", "-t1", f"-c{READERS}", "-d300s", url], stdout=subprocess.PIPE,
                          text=True) as load:
        try:
            work = Work(service, bench.topics[topic])
            work.wait()
            took = time.monotonic() - begun
            load.send_signal(2)
            out = load.communicate(timeout=10)[0]
            figures = work.figures()
        finally:
            load.kill()
            service.end()
    asked = re.search(r"(\d+) requests in", out)
    return {**figures, "requests_s": int(asked[1]) / took if asked else 0.0}
