#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes against the real program, bare and behind nginx: a verdict for each.

    check_edge.py BINARY [--mutations N] [--behind N] [--seed N] [--no-proxy] [-v]
    check_edge.py BINARY --no-proxy --mutations 0 --tls MAKE_CERTIFICATE

Starts BINARY without a Kafka (every path answers, if only with 503), sends each row of probes.py to
it and through Debian's nginx and HAProxy in front of it (each where it is installed), then N
mutations of all of them. Behind a proxy each is followed by a request on the same and one on another
connection, which share one connection to the service: whoever gets an answer that is not theirs was
desynchronised.

Exit code 0: all is well; 1: a complaint; the last line counts. Standard library only.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import behind
import mutate
import wire
from probes import HIDDEN, Probe, all_probes
from proxies import Proxy, find

LISTENING = re.compile(r"listening http=([^ ]+):([0-9]+) admin=([^ ]+):([0-9]+)")
ALLOWED = {100, 200, 400, 404, 405, 406, 411, 413, 414, 415, 422, 429, 431, 503, 505}
QUIET_S = 0.15  # how long a kept-alive connection must stay silent to have said everything


class Service:
    """The program as a process, in a folder that goes with it."""

    def __init__(self, binary: str, home: str, more: list[str]) -> None:
        self.log = open(os.path.join(home, "log"), "w+b")
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("LIVECTR_")}
        self.process = subprocess.Popen(
            [binary, "serve", "--brokers", "127.0.0.1:1", "--topics", "none", "--listen",
             "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", os.path.join(home, "d"),
             "--drain", "0s", *more],
            stdout=subprocess.PIPE, stderr=self.log, env=environment)
        assert self.process.stdout is not None
        found = LISTENING.search(self.process.stdout.readline().decode())
        if not found:
            raise SystemExit(f"check_edge.py: it did not start: {self.said()}")
        self.http: wire.Address = (found[1], int(found[2]))
        self.admin: wire.Address = (found[3], int(found[4]))

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def end(self) -> int:
        """SIGTERM; its exit code, in which a sanitizer's complaint shows."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -1


def library_version() -> str:
    """Of the libmicrohttpd that programs get here."""
    try:
        library = ctypes.CDLL("libmicrohttpd.so.12")
    except OSError:
        return ""
    library.MHD_get_version.restype = ctypes.c_char_p
    return str(library.MHD_get_version().decode())


class Check:
    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        self.complaints: list[str] = []
        self.asked = 0
        self.html: list[str] = []

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def verdict(self, place: str, name: str, faults: list[str], said: str) -> None:
        self.asked += 1
        if self.verbose or faults:
            print(f"{place:8} {name:32} {'; '.join(faults) or 'ok'} ({said})", flush=True)
        self.complaints += [f"{place} {name}: {fault}" for fault in faults]

    # ---- bare ----------------------------------------------------------------------------------

    def bare(self, address: wire.Address, probe: Probe) -> None:
        wait_s = 3.0 if probe.closes else QUIET_S
        heard = wire.ask(address, probe.data, wait_s, head_only=probe.head)
        if not heard.answers and not probe.closes:
            heard = wire.ask(address, probe.data, 3.0, enough=1, head_only=probe.head)
        faults = []
        if probe.closes and not heard.closed:
            faults.append("the connection is not closed")
        if not probe.closes and heard.closed:
            faults.append("the connection is closed")
        if len(heard.answers) > probe.answers:
            faults.append(f"{len(heard.answers)} answers")
        first = heard.statuses[0] if heard.answers else 0
        if first not in probe.statuses:
            faults.append(f"{first or 'no answer'}, not {' or '.join(map(str, probe.statuses))}")
        if any(b"HIDDEN" in answer.body for answer in heard.answers) or b"HIDDEN" in heard.rest:
            faults.append("what was hidden was served")
        for answer in heard.answers:
            if answer.status >= 400 and not answer.is_problem and not probe.head:
                self.html.append(probe.name)
                if not probe.library:
                    faults.append("an error that is no problem+json")
        if heard.rest and not probe.library:
            faults.append(f"bytes beyond the answer: {heard.rest[:40]!r}")
        self.verdict("bare", probe.name, faults, f"{heard.statuses}, {heard.took_s * 1000:.0f} ms")

    def judge_html(self) -> None:
        """docs/problems.md says what is no problem+json: all that libmicrohttpd 0.9.75 refuses by
        itself, and nothing else. Other versions may answer less of it."""
        wanted = {probe.name for probe in all_probes() if probe.library and probe.answered}
        better = sorted(wanted - set(self.html)) if library_version() == "0.9.75" else []
        faults = [f"{name} is problem+json by now: docs/problems.md says it is not" for name in better]
        self.verdict("bare", "HTML by libmicrohttpd", faults, ", ".join(dict.fromkeys(self.html)))

    # ---- behind a proxy ------------------------------------------------------------------------

    def behind(self, proxy: str, port: int, name: str, data: bytes) -> None:
        """The bytes, a request pipelined behind them, one more on a connection of its own."""
        address = ("127.0.0.1", port)
        mark = f"{self.asked}"
        followed = wire.ask(address, data + wire.get(f"/v1/second-{mark}",
                                                     more="Connection: close\r\n"), 6.0)
        third = wire.ask(address, wire.get(f"/v1/third-{mark}", more="Connection: close\r\n"), 6.0)
        faults = []
        seconds = [at for at, answer in enumerate(followed.answers) if b"/v1/second-" in answer.body]
        for at in seconds:
            if f"second-{mark}".encode() not in followed.answers[at].body:
                faults.append("an answer to somebody else's second request")
        if seconds and seconds[-1] != len(followed.answers) - 1:
            faults.append("an answer behind the last one")
        bodies = [answer.body for answer in third.answers]
        if len(bodies) != 1 or f"third-{mark}".encode() not in bodies[0]:
            faults.append(f"DESYNC: the next client got {third.statuses} {bodies[:1]}")
        self.verdict(proxy, name, faults, f"{followed.statuses}")


def check_pipeline(check: Check, address: wire.Address, count: int) -> None:
    """Many requests in one write: as many answers, each its own, in order."""
    data = b"".join(wire.get(f"/v1/n{at}") for at in range(count))
    with wire.connect(address) as connection:
        heard = wire.Heard()
        for at in range(0, count, 100):
            piece = b"".join(wire.get(f"/v1/n{number}") for number in range(at, at + 100))
            wire.send(connection, piece)
            heard.answers += wire.listen(connection, 10, 100).answers
    wrong = [at for at, answer in enumerate(heard.answers) if f"/v1/n{at}\\".encode()
             not in answer.body]
    faults = [] if len(heard.answers) == count and not wrong else \
        [f"{len(heard.answers)} of {count} answers, {len(wrong)} not their own"]
    check.verdict("bare", f"{count} pipelined requests", faults, f"{len(data)} bytes")


BATCH = 1000  # mutations under way at once


def send_batch(address: wire.Address, batch: list[bytes]) -> list[wire.Heard]:
    """Each on a connection of its own, all at once; what came back until it was quiet."""
    connections: dict[socket.socket, tuple[wire.Heard, list[bytes]]] = {}
    for data in batch:
        connection = socket.create_connection(address, timeout=5)
        connections[connection] = wire.Heard(), []
        wire.send(connection, data)
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has refused already
    waiting = set(connections)
    while waiting:
        ready = select.select(list(waiting), [], [], QUIET_S)[0]
        if not ready:
            break
        for connection in ready:
            try:
                piece = connection.recv(65536)
            except OSError:
                piece = b""
            connections[connection][1].append(piece)
            if not piece:
                waiting.discard(connection)
    for connection, (heard, pieces) in connections.items():
        heard.closed = connection not in waiting
        heard.rest = b"".join(pieces)
        while taken := wire.take_answer(heard.rest, heard.closed):
            heard.answers.append(taken[0])
            heard.rest = taken[1]
        connection.close()
    return [heard for heard, _ in connections.values()]


def mutations(check: Check, service: Service, count: int, seed: int) -> None:
    """Mutated probes over raw sockets."""
    dice = random.Random(seed)
    corpus = [probe.data for probe in all_probes()]
    tally: dict[int, int] = {}
    check.asked += count
    for done in range(0, count, BATCH):
        batch = [mutate.mutated(dice, corpus) for _ in range(min(BATCH, count - done))]
        try:
            heard = send_batch(service.http, batch)
        except OSError as error:
            check.complain(f"mutations {done} and on, seed {seed}: {error}; {service.said()}")
            return
        for data, one in zip(batch, heard):
            for status in one.statuses or [0]:
                tally[status] = tally.get(status, 0) + 1
            if odd := set(one.statuses) - ALLOWED:
                check.complain(f"mutation, seed {seed}: status {odd}: {data[:600]!r}")
    said = ", ".join(f"{status or 'none'}: {number}" for status, number in sorted(tally.items()))
    print(f"{count} mutations, seed {seed}; {said}", flush=True)


def check_behind(check: Check, name: str, home: str, service: wire.Address,
                 options: argparse.Namespace) -> None:
    proxy = Proxy(name, home, service)
    try:
        for port in proxy.ports:
            for probe in all_probes():
                check.behind(name, port, probe.name, probe.data)
    finally:
        proxy.end()
    proxy = Proxy(name, home, service, kept=16, patience_ms=100)
    try:
        mutations_behind(check, proxy, options.behind, options.seed)
    finally:
        proxy.end()


def mutations_behind(check: Check, proxy: Proxy, count: int, seed: int) -> None:
    """In batches, so that what comes behind each meets the connections as it left them."""
    dice = random.Random(seed)
    corpus = [probe.data for probe in all_probes()]
    before, begun = len(check.complaints), time.monotonic()
    for number, done in enumerate(range(0, count, behind.BATCH)):
        batch = [mutate.mutated(dice, corpus) for _ in range(min(behind.BATCH, count - done))]
        faults = behind.batch_faults(("127.0.0.1", proxy.ports[number % 2]), batch, number)
        check.complaints += [f"behind {proxy.name}, seed {seed}: {fault}" for fault in faults]
    check.asked += count
    rate = count / max(0.001, time.monotonic() - begun)
    print(f"{count} mutations behind {proxy.name}, seed {seed}: {len(check.complaints) - before} "
          f"desyncs, {rate:.0f}/s", flush=True)


class Confused(threading.Thread):
    """What a smuggled request makes of a service: from /twice on, each gets the answer before its."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.http: wire.Address = self.listener.getsockname()
        self.start()

    def run(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection: socket.socket) -> None:
        data, owed = b"", []
        while piece := connection.recv(65536):
            data += piece
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                target = head.split(b" ")[1]
                owed += [target, target] if b"/twice" in target else [target]
                body = owed.pop(0)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(body), body))


def self_test(home: str) -> int:
    """Whether a desynchronised connection would be noticed, and none where there is none."""
    found = []
    for target in ("/once", "/twice"):
        check = Check(False)
        nginx = Proxy("nginx", home, Confused().http)
        check.behind("nginx", nginx.ports[0], target, wire.get(target))
        nginx.end()
        nginx = Proxy("nginx", home, Confused().http, kept=16)
        batch = behind.batch_faults(("127.0.0.1", nginx.ports[0]), [wire.get(target)] * 20, 0)
        found.append((len(check.complaints), len(batch)))
        nginx.end()
    print(f"self-test: {found}")
    return 0 if max(found[0]) == 0 and min(found[1]) > 0 else 1


def speak_tls(maker: str, home: str) -> list[str]:
    """Every probe goes through TLS from now on; the settings for it."""
    files = [os.path.join(home, name) for name in ("cert.pem", "key.pem")]
    subprocess.run([maker, "livectr", *files], check=True)
    wire.TLS = ssl.create_default_context(cafile=files[0])
    wire.TLS.check_hostname = False
    return ["--tls-cert", files[0], "--tls-key", files[1], "--admin-tls", "yes"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("binary")
    parser.add_argument("--mutations", type=int, default=2000)
    parser.add_argument("--behind", type=int, default=1000, help="as many behind each proxy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-proxy", action="store_true")
    parser.add_argument("--tls", metavar="MAKE_CERTIFICATE", help="all of it through TLS")
    parser.add_argument("--self-test", action="store_true", help="judge the judge; BINARY is not run")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * BATCH), hard))
    check = Check(options.verbose)
    home = tempfile.mkdtemp(prefix="livectr-edge-")
    if options.self_test:
        try:
            return self_test(home) if find("nginx") else 77
        finally:
            shutil.rmtree(home, ignore_errors=True)
    service = Service(os.path.abspath(options.binary), home,
                      speak_tls(options.tls, home) if options.tls else [])
    try:
        for probe in all_probes():
            check.bare(service.http, probe)
        check.judge_html()
        check_pipeline(check, service.http, 10000)
        for name in ("nginx", "haproxy"):
            if find(name) and not options.no_proxy:
                check_behind(check, name, home, service.http, options)
            else:
                print(f"not seen: {name} ({'not asked for' if options.no_proxy else 'it is not here'})")
        mutations(check, service, options.mutations, options.seed)
        alive = wire.ask(service.admin, wire.get("/livez", more="Connection: close\r\n"), 5)
        if alive.statuses != [200]:
            check.complain(f"/livez in the end: {alive.statuses}; {service.said()}")
    finally:
        code = service.end()
        if code != 0:
            check.complain(f"exit code {code}: {service.said()}")
        shutil.rmtree(home, ignore_errors=True)
    for complaint in check.complaints:
        print(complaint)
    print(f"{check.asked} requests, {len(check.complaints)} complaints")
    return 1 if check.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
