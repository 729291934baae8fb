#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates and tokens replaced under a running service: no request fails.

    check_replaced.py BINARY MAKE_CERTIFICATE MOCK_KAFKA [--rounds N]

Clients ask all the while, half of them on connections that they keep and half on a new one for each
request, each verifying the certificate against those that were made so far. Meanwhile the pair of
files is replaced ROUNDS times, by renaming and by writing over it, and so is the file of tokens, with
one token that stays and one that is new each time. In the end wrong files are put there, which must
change nothing but a metric. A stream whose token is taken away ends by itself, and one whose token stays
goes on. Exit code 0: no request failed, and every new certificate and token was
seen. Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPSConnection

LISTENING = re.compile(r"listening http=([^ ]+):([0-9]+) admin=([^ ]+):([0-9]+)")
STAYS = "lctr_" + "s" * 43
PATIENCE_S = 15.0


class World:
    """The files, and the service that reads them."""

    def __init__(self, binary: str, maker: str, kafka: str, home: str) -> None:
        self.kafka = subprocess.Popen([kafka, "events", "1"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        assert self.kafka.stdout is not None
        brokers = self.kafka.stdout.readline().decode().strip()
        self.maker, self.home = maker, home
        self.cert, self.key, self.tokens = (os.path.join(home, name)
                                            for name in ("cert.pem", "key.pem", "tokens"))
        self.authorities = ""  # every certificate that was made
        self.lock = threading.Lock()
        self.made = 0
        self.give_certificate(whole=True)
        self.give_tokens([STAYS], whole=True)
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("LIVECTR_")}
        self.log = open(os.path.join(home, "log"), "w+b")
        self.process = subprocess.Popen(
            [binary, "serve", "--brokers", brokers, "--topics", "events", "--listen",
             "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", os.path.join(home, "d"),
             "--drain", "0s", "--tls-cert", self.cert, "--tls-key", self.key, "--tokens",
             self.tokens], stdout=subprocess.PIPE, stderr=self.log, env=environment)
        assert self.process.stdout is not None
        found = LISTENING.search(self.process.stdout.readline().decode())
        if not found:
            raise SystemExit(f"it did not start: {self.said()}")
        self.host, self.port = found[1], int(found[2])

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def put(self, path: str, text: str, whole: bool) -> None:
        """By renaming (whole), or over what is there, in two pieces."""
        if whole:
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.rename(path + ".new", path)
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(text[:len(text) // 2])
            file.flush()
            file.write(text[len(text) // 2:])

    def give_certificate(self, whole: bool) -> None:
        self.made += 1
        fresh = [os.path.join(self.home, name) for name in ("fresh.cert", "fresh.key")]
        subprocess.run([self.maker, f"livectr-{self.made}", *fresh], check=True)
        texts = []
        for path in fresh:
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
        with self.lock:
            self.authorities += texts[0]
        self.put(self.cert, texts[0], whole)
        self.put(self.key, texts[1], whole)

    def give_tokens(self, tokens: list[str], whole: bool) -> None:
        lines = [f"t{at} sha256:{hashlib.sha256(token.encode()).hexdigest()} read,admin,stream\n"
                 for at, token in enumerate(tokens)]
        self.put(self.tokens, "# of a test\n" + "".join(lines), whole)

    def connect(self) -> HTTPSConnection:
        """Against the certificates made so far; once more where one was made meanwhile."""
        with self.lock:
            known = self.authorities
        context = ssl.create_default_context(cadata=known)
        context.check_hostname = False
        connection = HTTPSConnection(self.host, self.port, timeout=10, context=context)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            with self.lock:
                made_meanwhile = known != self.authorities
            if not made_meanwhile:
                raise
            return self.connect()
        return connection

    def shown(self) -> str:
        """The name in the certificate that a new connection gets."""
        connection = self.connect()
        try:
            subject = dict(pair for rows in connection.sock.getpeercert()["subject"] for pair in rows)
            return str(subject["commonName"])
        finally:
            connection.close()


def ask(connection: HTTPSConnection, token: str, path: str = "/v1/status") -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    return response.status, response.read()


class Asker(threading.Thread):
    """Asks until told to stop; counts what came, and keeps the first failures."""

    def __init__(self, world: World, keeps: bool, done: threading.Event) -> None:
        super().__init__(daemon=True)
        self.world, self.keeps, self.done = world, keeps, done
        self.asked, self.failures = 0, []
        self.start()

    def run(self) -> None:
        kept = self.world.connect() if self.keeps else None
        while not self.done.is_set():
            try:
                connection = kept or self.world.connect()
                status, _ = ask(connection, STAYS)
                if kept is None:
                    connection.close()
                if status != 200:
                    self.failures.append(f"status {status}")
            except OSError as error:
                self.failures.append(repr(error))
                kept = self.world.connect() if self.keeps else None
            self.asked += 1


def until(what: str, wanted, world: World) -> float:
    """How long that took, in seconds."""
    begun = time.monotonic()
    while not wanted():
        if time.monotonic() - begun > PATIENCE_S:
            raise SystemExit(f"not within {PATIENCE_S:.0f} s: {what}; {world.said()}")
        time.sleep(0.02)
    return time.monotonic() - begun


def replace(world: World, rounds: int) -> list[float]:
    took = []
    for at in range(rounds):
        fresh = f"lctr_{at:043}"
        world.give_certificate(whole=at % 2 == 0)
        world.give_tokens([fresh, STAYS] if at % 2 else [STAYS, fresh], whole=at % 2 == 0)
        took.append(until(f"certificate {world.made} is shown",
                          lambda: world.shown() == f"livectr-{world.made}", world))
        connection = world.connect()
        until(f"token {at} is known", lambda: ask(connection, fresh)[0] == 200, world)
        if at and ask(connection, f"lctr_{at - 1:043}")[0] != 401:
            raise SystemExit("a token that was taken away still opens")
        connection.close()
    return took


class Stream:
    """The site's stream, read until it ends."""

    def __init__(self, world: World, token: str) -> None:
        self.connection = world.connect()
        self.connection.request("GET", "/v1/stream", headers={"Authorization": f"Bearer {token}"})
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise SystemExit(f"no stream: {self.response.read()!r}")

    def next_line(self) -> bytes:
        """b"" at its end."""
        return self.response.readline()

    def seconds_to_its_end(self) -> float:
        begun = time.monotonic()
        while self.next_line():
            if time.monotonic() - begun > PATIENCE_S:
                raise SystemExit("a stream outlives its token")
        return time.monotonic() - begun


def revoke(world: World) -> float:
    """Streams while one of two tokens goes; how long after that its stream ended."""
    goes = f"lctr_{'g' * 43}"
    world.give_tokens([STAYS, goes], whole=True)
    connection = world.connect()
    until("the token is known", lambda: ask(connection, goes)[0] == 200, world)
    until("there are numbers", lambda: b'"live"' in ask(connection, STAYS)[1], world)
    connection.close()
    taken, kept = Stream(world, goes), Stream(world, STAYS)
    world.give_tokens([STAYS], whole=True)
    seconds = taken.seconds_to_its_end()
    for _ in range(20):  # what came meanwhile and more
        if not kept.next_line():
            raise SystemExit("a stream ended whose token is good")
    kept.connection.close()
    return seconds


def value(world: World, name: str) -> float:
    connection = world.connect()
    _, page = ask(connection, STAYS, "/metrics")
    connection.close()
    found = re.search(rf"^livectr_{name} (\S+)$", page.decode(), re.M)
    return float(found[1]) if found else -1.0


def spoil(world: World) -> None:
    """Wrong files: said, and nothing else."""
    before = world.shown()
    world.put(world.tokens, "alice nonsense\n", True)
    world.put(world.key, "nonsense\n", True)
    until("tokens_current is 0", lambda: value(world, "tokens_current") == 0, world)
    until("tls_certificate_current is 0", lambda: value(world, "tls_certificate_current") == 0, world)
    if world.shown() != before or value(world, "tokens_failures_total") < 1:
        raise SystemExit(f"wrong files changed something; {world.said()}")
    if "event=file_refused" not in world.said() and "file_refused" not in world.said():
        raise SystemExit(f"wrong files are not in the log: {world.said()}")
    world.give_certificate(whole=True)
    world.give_tokens([STAYS], whole=True)
    world.process.send_signal(signal.SIGHUP)
    until("all is current again", lambda: value(world, "tokens_current") == 1 and
          value(world, "tls_certificate_current") == 1, world)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("binary")
    parser.add_argument("maker")
    parser.add_argument("kafka")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    home = tempfile.mkdtemp(prefix="livectr-replaced-")
    world = World(*map(os.path.abspath, (options.binary, options.maker, options.kafka)), home)
    done = threading.Event()
    try:
        askers = [Asker(world, at % 2 == 0, done) for at in range(4)]
        took = replace(world, options.rounds)
        spoil(world)
        ended = revoke(world)
        done.set()
        for asker in askers:
            asker.join(timeout=30)
    finally:
        done.set()
        world.process.send_signal(signal.SIGTERM)
        code = world.process.wait(timeout=60)
        world.kafka.stdin.close()
        world.kafka.wait(timeout=10)
        said = world.said()
        shutil.rmtree(home, ignore_errors=True)
    failures = [failure for asker in askers for failure in asker.failures]
    print(f"{sum(asker.asked for asker in askers)} requests ({sum(a.asked for a in askers[1::2])} on "
          f"connections of their own), {len(failures)} failures, {world.made} certificates; seen after "
          f"{min(took):.1f} to {max(took):.1f} s, and a stream ended after {ended:.1f} s")
    for failure in failures[:10]:
        print(failure)
    if code != 0:
        print(f"exit code {code}: {said}")
    return 0 if not failures and code == 0 and all(asker.asked > 50 for asker in askers) else 1


if __name__ == "__main__":
    sys.exit(main())
