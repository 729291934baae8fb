# SPDX-License-Identifier: Apache-2.0
"""Too many clients: idle ones, slow ones, more than fit. Good ones and health do not notice."""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import subprocess
import sys
import time

from kit.service import Service
from kit.wait import let_run, until
from kit.world import Scene

from scenarios.life import NOWHERE

IDLE, DRIBBLING, SECONDS = 2000, 500, 13.0
HEADER_S = 10.0  # CONTRACT: how long a request's headers may take
GET = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"

# A client of its own process, so that nothing here is measured but the service: asks every PAUSE
# seconds until SECONDS have passed; prints the times in ms and how many were not 200.
ASKER = """
import json, socket, sys, time
host, port, target, seconds, pause = sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(float, sys.argv[4:])
connection = socket.create_connection((host, port), timeout=20)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
request = f"GET {target} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode()
times, bad, end = [], 0, time.monotonic() + seconds
while time.monotonic() < end:
    begun, data = time.monotonic(), b""
    connection.sendall(request)
    while True:
        data += connection.recv(262144)
        head, found, body = data.partition(b"\\r\\n\\r\\n")
        if found and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\\r")[0]):
            break
    times.append(round((time.monotonic() - begun) * 1000, 2))
    bad += not head.startswith(b"HTTP/1.1 200")
    time.sleep(pause)
print(json.dumps([times, bad]))
"""


def asker(address: tuple[str, int] | None, target: str, seconds: float,
          pause: float) -> subprocess.Popen[bytes]:
    assert address is not None
    return subprocess.Popen([sys.executable, "-c", ASKER, address[0], str(address[1]), target,
                             str(seconds), str(pause)], stdout=subprocess.PIPE)


def heard(process: subprocess.Popen[bytes]) -> tuple[list[float], int]:
    out, _ = process.communicate(timeout=60)
    times, bad = json.loads(out)
    return sorted(times), bad


def share(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))]


def room_for(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), hard))


def open_idle(service: Service, count: int) -> list[socket.socket]:
    """Connections that have asked once and keep silent."""
    assert service.http is not None
    made = []
    for _ in range(count):
        one = socket.create_connection(service.http, timeout=10)
        one.sendall(GET)
        made.append(one)
    for one in made:
        one.recv(65536)
    return made


def dribble(service: Service, count: int, seconds: float) -> list[float]:
    """So many connections that send a byte of a header each second; when each was cut."""
    assert service.http is not None
    line = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200
    opened = {}
    poll = select.poll()
    for _ in range(count):
        one = socket.create_connection(service.http, timeout=10)
        opened[one.fileno()] = one, time.monotonic()
        poll.register(one, select.POLLIN | select.POLLHUP | select.POLLERR)
    cut = []
    begun = time.monotonic()
    for tick in range(int(seconds * 10)):
        for at, (one, since) in enumerate(list(opened.values())):
            if at % 10 == tick % 10:
                sent = min(int(time.monotonic() - since), len(line) - 1)
                try:
                    one.send(line[sent:sent + 1])
                except OSError:
                    pass  # cut: poll says so, too
        for fd, _ in poll.poll(0):
            one, since = opened.pop(fd)
            cut.append(time.monotonic() - since)
            poll.unregister(fd)
            one.close()
        let_run(begun + (tick + 1) / 10 - time.monotonic())
    for one, _ in opened.values():
        one.close()
    return sorted(cut)


def slow(scene: Scene) -> None:
    """2,000 idle connections and 500 that dribble: good clients and health as if they were not."""
    checks = scene.checks
    room_for(8192)
    service = scene.service(brokers=NOWHERE, topics="none").start()
    before = service.memory_mb()
    idle = open_idle(service, IDLE)
    checks.figure("mb_for_2000_idle", round(service.memory_mb() - before, 1))
    health = asker(service.admin, "/livez", SECONDS, 0.02)
    good = [asker(service.http, "/v1/status", SECONDS, 0.01) for _ in range(2)]
    cut = dribble(service, DRIBBLING, SECONDS)
    health_ms, health_bad = heard(health)
    good_ms: list[float] = []
    for one in good:
        times, bad = heard(one)
        checks.equal("good clients that were not answered", bad, 0)
        good_ms += times
    good_ms.sort()
    checks.equal("every dribbler was cut", len(cut), DRIBBLING)
    checks.true("none before its time", cut[0] >= HEADER_S - 0.5, cut[0])
    checks.true("and none a second after it", cut[-1] <= HEADER_S + 1.5, cut[-1])
    checks.equal("health refused", health_bad, 0)
    checks.true("health under 100 ms, always", health_ms[-1] < 100, health_ms[-5:])
    checks.true("good clients' p99 under 50 ms", share(good_ms, 0.99) < 50, share(good_ms, 0.99))
    for name, value in (("good_p50_ms", share(good_ms, 0.5)), ("good_p99_ms", share(good_ms, 0.99)),
                        ("good_max_ms", good_ms[-1]), ("asked", len(good_ms)),
                        ("health_p99_ms", share(health_ms, 0.99)),
                        ("health_max_ms", health_ms[-1]),
                        ("dribblers_cut_s", f"{cut[0]:.1f}..{cut[-1]:.1f}")):
        checks.figure(name, value)
    for one in idle:
        one.close()
    checks.equal("exit code", service.terminate(), 0)


def full(scene: Scene) -> None:
    """Every connection taken: who comes is told so at once, health answers, room is made."""
    checks = scene.checks
    room_for(8192)
    service = scene.service(brokers=NOWHERE, topics="none", max_connections="320",
                            connections_per_address="0").start()
    assert service.http is not None
    crowd = open_idle(service, 300)  # 320 - 320 / 16: the last that are welcome
    told = socket.create_connection(service.http, timeout=5)
    begun = time.monotonic()
    told.sendall(GET)
    answer = told.recv(65536)
    took_ms = (time.monotonic() - begun) * 1000
    checks.true("who comes is told 503", answer.startswith(b"HTTP/1.1 503 "), answer[:200])
    checks.true("and when to come again", b"Retry-After: 1\r\n" in answer, answer[:300])
    checks.true("at once", took_ms < 1000, took_ms)
    # More than fit, and again and again, by somebody who never says a word.
    health = asker(service.admin, "/livez", 4, 0.02)
    until_s = time.monotonic() + 4
    silent: list[socket.socket] = []
    while time.monotonic() < until_s:
        silent.append(socket.create_connection(service.http, timeout=5))
        if len(silent) > 400:
            silent.pop(0).close()
        let_run(0.001)
    health_ms, bad = heard(health)
    checks.equal("health refused", bad, 0)
    checks.true("health under 100 ms, always", health_ms[-1] < 100, health_ms[-5:])
    process = service.process
    assert process is not None
    files = len(os.listdir(f"/proc/{process.pid}/fd"))
    checks.true("descriptors are bounded", files < 320 + 150, files)
    for one in crowd + silent + [told]:
        one.close()
    begun = time.monotonic()
    until("a good client is answered", lambda: answered(service), 10)
    recovered_s = time.monotonic() - begun
    checks.true("it recovers within 2 s", recovered_s <= 2, recovered_s)
    checks.figure("told_after_ms", round(took_ms, 1))
    checks.figure("health_max_ms", health_ms[-1])
    checks.figure("descriptors", files)
    checks.figure("recovered_after_s", round(recovered_s, 2))
    checks.equal("exit code", service.terminate(), 0)


def answered(service: Service) -> bool:
    try:
        return service.new_client().request("GET", "/v1/status").status == 200
    except (OSError, EOFError):
        return False
