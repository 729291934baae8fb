#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A flood of connections: health answers, good clients too, and all is as before when it ends.

    check_flood.py BINARY [--seconds N] [--floods N] [--long]

Starts BINARY without a Kafka. N processes open connections to it as fast as they can: of every ten,
eight are reset at once, one sends half a request and is reset, one keeps quiet until it is told to
go. Meanwhile /livez is asked on the other listener and /v1/status on the same one. --long: for a
minute. The last line is what was seen. Exit code 0: all is well; 1: a complaint. Standard library only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import socket
import struct
import sys
import tempfile
import time

import wire
from check_edge import Service

HEALTH_MS, RECOVERY_S = 100.0, 2.0
HELD = 50  # that each process keeps quiet on
RESET = struct.pack("ii", 1, 0)


def flood(address: wire.Address, seconds: float, made: "multiprocessing.sharedctypes.Synchronized[int]") -> None:
    """Connections without end; none is left behind in TIME_WAIT, of which there would be too many."""
    held: list[socket.socket] = []
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for kind in range(10):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            try:
                one.settimeout(1)
                one.connect(address)
                if kind == 8:
                    one.sendall(b"GET /v1/status HTTP/1.1\r\nHo")
            except OSError:
                pass
            if kind == 9:
                held.append(one)
                if len(held) > HELD:
                    held.pop(0).close()
            else:
                one.close()
            count += 1
    for one in held:
        one.close()
    with made.get_lock():
        made.value += count


def ask_once(address: wire.Address, target: str) -> tuple[float, int]:
    """Milliseconds and status; status 0: nothing came."""
    begun = time.monotonic()
    try:
        heard = wire.ask(address, wire.get(target, more="Connection: close\r\n"), 5)
    except OSError:
        return (time.monotonic() - begun) * 1000, 0
    return (time.monotonic() - begun) * 1000, heard.statuses[0] if heard.answers else 0


def share(times: list[float], part: float) -> float:
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * part))]


def ask_meanwhile(service: Service, until: float) -> tuple[list[float], list[float], list[int]]:
    health, good, statuses = [], [], []
    while time.monotonic() < until:
        took_ms, status = ask_once(service.admin, "/livez")
        health.append(took_ms if status == 200 else 1e9)
        took_ms, status = ask_once(service.http, "/v1/status")
        good.append(took_ms)
        statuses.append(status)
        time.sleep(0.01)
    return health, good, statuses


def descriptors(service: Service) -> int:
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def recover(service: Service, before: int) -> float:
    """Seconds until a good client is answered and nothing of the flood is left."""
    begun = time.monotonic()
    while time.monotonic() - begun < 30:
        if ask_once(service.http, "/v1/status")[1] == 200 and descriptors(service) <= before + 5:
            return time.monotonic() - begun
        time.sleep(0.02)
    return 30.0


def check(service: Service, seconds: float, floods: int) -> tuple[list[str], str]:
    """What is wrong; what was seen."""
    complaints = []
    ask_once(service.http, "/v1/status")
    before = descriptors(service)
    made = multiprocessing.Value("i", 0)
    crowd = [multiprocessing.Process(target=flood, args=(service.http, seconds, made))
             for _ in range(floods)]
    begun = time.monotonic()
    for one in crowd:
        one.start()
    health, good, statuses = ask_meanwhile(service, begun + seconds)
    for one in crowd:
        one.join()
    rate = made.value / (time.monotonic() - begun)
    recovered_s = recover(service, before)
    if share(health, 0.99) > HEALTH_MS:
        complaints.append(f"health p99 {share(health, 0.99):.0f} ms")
    if recovered_s > RECOVERY_S:
        complaints.append(f"recovered after {recovered_s:.1f} s, {descriptors(service)} descriptors")
    if set(statuses) - {200, 429, 503}:
        complaints.append(f"good clients got {sorted(set(statuses))}")
    if made.value < 100 * seconds:
        complaints.append(f"that is no flood: {made.value} connections")
    answered = statuses.count(200) / len(statuses)
    return complaints, (
        f"{rate:.0f} connections/s for {seconds:.0f} s; health p50 {share(health, 0.5):.1f} p99 "
        f"{share(health, 0.99):.1f} max {max(health):.1f} ms of {len(health)}; good clients "
        f"{answered:.1%} answered, p50 {share(good, 0.5):.1f} p99 {share(good, 0.99):.1f} ms; "
        f"recovered after {recovered_s:.2f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--floods", type=int, default=2, help="processes that open connections")
    parser.add_argument("--long", action="store_true", help="a minute of it")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    home = tempfile.mkdtemp(prefix="livectr-flood-")
    service = Service(os.path.abspath(options.binary), home, ["--log_level", "warn"])
    complaints, seen = [], ""
    try:
        complaints, seen = check(service, 60 if options.long else options.seconds, options.floods)
    finally:
        code = service.end()
        if code != 0:
            complaints.append(f"exit code {code}: {service.said()}")
        shutil.rmtree(home, ignore_errors=True)
    for complaint in complaints:
        print(complaint)
    print(seen)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
