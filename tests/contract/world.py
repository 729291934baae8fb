# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Kafka, records of every kind, and services that between them give every answer of
openapi.yaml. Standard library only."""
import base64
import contextlib
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

LISTENING = re.compile(r"listening http=(\S+):(\d+) admin=(\S+):(\d+)")
MINUTE = 60000
WINDOWS = "1m,2m,10m,20m,1h,24h"
READY_S = 60


def event(at_ms, kind, page, box, visitor, **more):
    fields = {"type": kind, "ts": at_ms, "page": page, "box": box, "visitor": visitor, **more}
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def stretch(begin_ms, until_ms, count, clicks_percent, placements):
    """Views of each placement, spread evenly, and clicks on every so manyeth one a second later."""
    for at in range(count):
        time_ms = begin_ms + (until_ms - begin_ms - 2000) * at // count
        for number, (page, box) in enumerate(placements):
            visitor = f"v{at}-{number}"
            yield time_ms, event(time_ms, "view", page, None, visitor)
            yield time_ms, event(time_ms, "view", page, box, visitor)
            if at * clicks_percent % 100 < clicks_percent:
                yield time_ms + 1000, event(time_ms + 1000, "click", page, box, visitor,
                                            id=f"c{time_ms}-{number}")


def records(now_ms):
    """[(time, value)]: the last 20 minutes, of which the second half has other CTRs; a day and a
    week ago; and what cannot be counted."""
    main = [("/offer/list", "opbox.carousel.1"), ("/offer/list", "opbox.banner"),
            ("/offer/1", "opbox.carousel.1")]
    found = []
    for days in (7, 1):
        begin = now_ms - days * 24 * 60 * MINUTE
        found += stretch(begin - 70 * MINUTE, begin, 140, 20, main)
    found += stretch(now_ms - 18 * MINUTE, now_ms - 11 * MINUTE, 300, 5, main)
    found += stretch(now_ms - 9 * MINUTE, now_ms, 300, 40, main[:2])
    found += stretch(now_ms - 9 * MINUTE, now_ms, 300, 1, main[2:])
    found += stretch(now_ms - 9 * MINUTE, now_ms, 5, 20, [(f"/p/{at}", f"b{at}") for at in range(6)])
    found.append((now_ms - MINUTE, event(now_ms - MINUTE, "click", "/offer/list", "opbox.banner", "unseen")))
    found += [(now_ms - MINUTE, value) for value in
              (b"{", b"", b'{"type":"view"}', b"\xff", b'{"a":1,"a":2}', b'{"type":"view","ts":1.5,"page":"x"}')]
    return sorted(found, key=lambda one: one[0])


class World:
    """Leave it with close(); everything it starts and writes goes with it."""

    def __init__(self, binary, mock, ktool):
        self.binary, self.ktool = binary, ktool
        self.stack = contextlib.ExitStack()
        self.home = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("LIVECTR_")}
        self.mock = mock
        self.processes = {}  # the newest of each name
        self.kafka, self.brokers = self.make_kafka()

    def make_kafka(self):
        """A Kafka whose topic is empty: the process and the address."""
        kafka = subprocess.Popen([self.mock, "events", "2"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.stack.callback(self.end_kafka, kafka)
        return kafka, kafka.stdout.readline().strip()

    def slow_kafka(self, answer_ms):
        """Each of its answers comes so late from now on."""
        self.kafka.stdin.write(f"{answer_ms}\n")
        self.kafka.stdin.flush()

    @staticmethod
    def end_kafka(kafka):
        kafka.stdin.close()
        kafka.wait(timeout=30)
        kafka.stdout.close()

    def close(self):
        self.stack.close()

    def produce(self, found, batches=1):
        """Records as records() gives them; how many. What is in one batch comes with one fetch."""
        lines = [b"events\t%d\t%d\tb64\t%s\n" % (at % 2, time_ms, base64.b64encode(value))
                 for at, (time_ms, value) in enumerate(found)]
        for batch in range(batches):
            piece = lines[len(lines) * batch // batches:len(lines) * (batch + 1) // batches]
            subprocess.run([self.ktool, "produce", "-b", self.brokers], input=b"".join(piece),
                           check=True, stdout=subprocess.DEVNULL, timeout=60)
        return len(lines)

    def start(self, name, **settings):
        """A service with settings of its own: its two base URLs."""
        settings = {"brokers": self.brokers, "topics": "events", "start": "earliest", "late": "off",
                    "scout_after": "off", "windows": WINDOWS, "drain": "0s", "listen": "127.0.0.1:0",
                    "admin_listen": "127.0.0.1:0", "data_dir": os.path.join(self.home, name),
                    "snapshot_interval": "1s", **settings}
        command = [self.binary, "serve"]
        for key, value in settings.items():
            command += [f"--{key}", str(value)]
        log = self.stack.enter_context(open(os.path.join(self.home, name + ".log"), "ab"))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                                   env=self.environment)
        self.processes[name] = process
        self.stack.callback(self.end, process)
        found = LISTENING.match(process.stdout.readline())
        if not found:
            with open(log.name, encoding="utf-8", errors="replace") as said:
                raise SystemExit(f"{name} did not start: {said.read()[-1000:]}")
        return f"http://{found[1]}:{found[2]}", f"http://{found[3]}:{found[4]}"

    def tokens(self, *scopes):
        """A file of tokens with one scope each: (the file, the tokens)."""
        path = os.path.join(self.home, "tokens")
        with open(path, "ab") as file:
            os.chmod(path, 0o600)
            made = [subprocess.run([self.binary, "token", "--name", scope, "--scope", scope], check=True,
                                   stdout=subprocess.PIPE, stderr=file, text=True).stdout.strip()
                    for scope in scopes]
        return path, made

    def stop(self, name):
        """It may be started again, with what it has saved."""
        self.end(self.processes[name])

    def copy_saved(self, name, to):
        """What one that was stopped has saved is what another one will find."""
        shutil.copytree(os.path.join(self.home, name), os.path.join(self.home, to))

    @contextlib.contextmanager
    def no_room(self, name):
        """No file of this process grows, as on a full disk."""
        process = self.processes[name].pid
        before = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1, before[1]))
        try:
            yield
        finally:
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)

    @staticmethod
    def end(process):
        """A sanitizer's complaint shows in the exit code. Whoever kills one himself sets its `ended`."""
        if getattr(process, "ended", False):
            process.stdout.close()
            return
        if process.poll() is None:
            process.terminate()
        code = process.wait(timeout=60)
        process.stdout.close()
        if code != 0:
            raise SystemExit(f"{' '.join(process.args[:4])} ended with {code}")

    @staticmethod
    def await_read(url, count):
        """Until it has read so many records, is live, and has saved them."""
        deadline = time.monotonic() + READY_S
        while True:
            with urllib.request.urlopen(f"{url}/v1/status", timeout=20) as response:
                status = json.load(response)
            read = sum(partition["read"] for partition in status["partitions"])
            if read == count and status["state"] == "live" and status["snapshot"]["written"] > 0:
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} has read {read} of {count}, {status['state']}")
            time.sleep(0.1)


@contextlib.contextmanager
def crowd(service, room, status):
    """Holds as many connections as there is room for, with half a request each, until the next one is
    told `status`. They are cut after ten seconds. It takes no less than `room` of them, however early
    `status` is seen: whoever has just asked may be counted still, and leaves room when he is not."""
    with contextlib.ExitStack() as held:
        for _ in range(room):
            connection = socket.create_connection((service.host, service.port), timeout=20)
            held.enter_context(connection).sendall(b"GET /livez HTTP/1.1\r\n")
        deadline = time.monotonic() + 5
        while str(service.ask("GET", "/livez")[0]) != status and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
