# SPDX-License-Identifier: Apache-2.0
"""A real Kafka through `./dev kafka`, topics and records through ktool."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from typing import Any, Iterable, Iterator, NamedTuple, Sequence

from kit import ROOT
from kit.wait import continue_process, stop_process, until


class Record(NamedTuple):
    """What is to be produced. partition -1: by hash; time_ms -1: now; value None: a tombstone."""

    topic: str
    partition: int
    time_ms: int
    value: bytes | None

    def line(self) -> bytes:
        head = f"{self.topic}\t{self.partition}\t{self.time_ms}\t".encode()
        if self.value is None:
            return head + b"null\t\n"
        return head + b"b64\t" + base64.b64encode(self.value) + b"\n"


def event(kind: str | None, ts: Any, page: Any, box: Any = None, **more: Any) -> bytes:
    """An event as bytes; kind None: by the topic."""
    fields = {"type": kind, "ts": ts, "page": page, "box": box, **more}
    document = {key: value for key, value in fields.items() if value is not None}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class Failed(Exception):
    """A tool of the tests failed."""


def run(command: list[str], stdin: bytes | None = None, seconds: float = 120) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=seconds, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:6])} ...: exit {done.returncode}: "
                     f"{done.stdout[-500:].decode(errors='replace')}"
                     f"{done.stderr[-1500:].decode(errors='replace')}")
    return done.stdout.decode()


class Kafka:
    """One cluster; topics live as long as it does, so scenarios use names of their own."""

    DEV = [os.path.join(ROOT, "dev"), "kafka"]

    def __init__(self, ktool: str, version: str, brokers: int = 1, name: str = "",
                 options: Sequence[str] = ()) -> None:
        """options: more arguments for `./dev kafka start`."""
        self.ktool = ktool
        self.version = version
        self.name = f"judge-{os.getpid()}-{version}-{brokers}{name}"
        text = run([*self.DEV, "start", "--name", self.name, "--version", version,
                    "--brokers", str(brokers), *options], seconds=600)
        self.bootstrap = text.strip().splitlines()[-1]
        self.pids = self._numbers("KAFKA_PID_")
        self.ports = self._numbers("KAFKA_PORT_")
        self.through_port = self._numbers("KAFKA_THROUGH_").get("PORT", 0)
        self._warm_up()

    def _warm_up(self) -> None:
        """A new cluster keeps its first producer waiting, which makes stragglers of its records."""
        self.create("warm-up", 1)
        self.produce([Record("warm-up", 0, -1, b"{}")])

    def data(self, broker: int) -> str:
        """The folder with a broker's logs."""
        pairs = dict(line.split("=", 1)
                     for line in run([*self.DEV, "env", "--name", self.name]).splitlines())
        return os.path.join(pairs["KAFKA_DATA"], f"data-{broker}")

    def _numbers(self, prefix: str) -> dict[Any, int]:
        """What `./dev kafka env` says per broker (by its number)."""
        pairs = (line.partition("=")
                 for line in run([*self.DEV, "env", "--name", self.name]).splitlines())
        named = {key.removeprefix(prefix): int(value)
                 for key, _, value in pairs if key.startswith(prefix)}
        return {int(key) if key.isdigit() else key: value for key, value in named.items()}

    def stop(self) -> None:
        subprocess.run([*self.DEV, "stop", "--name", self.name], capture_output=True, check=False)

    def kill(self, broker: int) -> None:
        """kill -9 of its process, until it is gone."""
        os.kill(self.pids[broker], signal.SIGKILL)
        until("the broker is gone", lambda: not os.path.exists(f"/proc/{self.pids[broker]}"), 10)

    def revive(self) -> None:
        """Starts the brokers that were killed, on their ports and with their data."""
        run([*self.DEV, "revive", "--name", self.name], seconds=120)
        self.pids = self._numbers("KAFKA_PID_")

    def suspend(self, broker: int) -> None:
        stop_process(self.pids[broker])

    def resume(self, broker: int) -> None:
        continue_process(self.pids[broker])

    # ---- topics and records --------------------------------------------------------------------

    def _command(self, verb: str, *arguments: str) -> list[str]:
        return [self.ktool, verb, "-b", self.bootstrap, *arguments]

    def create(self, topic: str, partitions: int, leaders: str | None = None,
               **config: object) -> None:
        """config: of the topic; retention__ms stands for retention.ms."""
        more = [f"{key.replace('__', '.')}={value}" for key, value in config.items()]
        more += ["--leaders", leaders] if leaders else []
        run(self._command("create", topic, str(partitions), *more))

    def grow(self, topic: str, partitions: int) -> None:
        run(self._command("partitions", topic, str(partitions)))

    def delete(self, topic: str) -> None:
        run(self._command("delete", topic))

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """What lies before an offset goes, as if retention had taken it; -1: everything."""
        run(self._command("delete-records", topic, str(partition), str(before)))

    def transact(self, transaction: str, how: str, records: Iterable[Record] = ()) -> int:
        """Produces in one transaction; how: commit, abort, hang, none."""
        lines = [record.line() for record in records]
        run(self._command("transact", transaction, how), b"".join(lines))
        return len(lines)

    def produce(self, records: Iterable[Record], rate: int = 0, lz4: bool = False,
                key: str | None = None) -> int:
        """Produces and waits for every acknowledgement; how many there were."""
        lines = [record.line() for record in records]
        more = (["--rate", str(rate)] if rate else []) + (["--lz4"] if lz4 else [])
        more += ["--key", key] if key else []
        text = run(self._command("produce", *more), b"".join(lines))
        if text.split() != ["produced", str(len(lines))]:
            raise Failed(f"ktool produce said {text!r} to {len(lines)} records")
        return len(lines)

    def dump(self, *topics: str) -> Iterator[bytes]:
        """Every record now in the topics, as lines for the oracle."""
        with subprocess.Popen(self._command("dump", *topics), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, bufsize=1 << 20) as process:
            assert process.stdout is not None and process.stderr is not None
            yield from process.stdout
            said = process.stderr.read()
        if process.returncode != 0:
            raise Failed(f"ktool dump: exit {process.returncode}: {said[-1500:]!r}")

    def ends(self, topic: str) -> dict[int, int]:
        """The end offset of every partition."""
        rows = map(json.loads, run(self._command("ends", topic)).splitlines())
        return {row["partition"]: row["high"] for row in rows}

    def flood(self, topics: str, rate: int, seconds: int, **options: object) -> "Flood":
        more = [text for key, value in options.items()
                for text in ("--" + key.replace("_", "-"), str(value))]
        return Flood(subprocess.Popen(
            self._command("flood", "--topics", topics, "--rate", str(rate), "--seconds",
                          str(seconds), *more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


class Flood:
    """Events being produced in the background."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def running(self) -> bool:
        return self.process.poll() is None

    def finish(self, seconds: float = 120) -> int:
        """Waits for its end; how many events were acknowledged."""
        out, err = self.process.communicate(timeout=seconds)
        words = out.decode().split()
        if self.process.returncode != 0 or words[:1] != ["flooded"]:
            raise Failed(f"ktool flood: exit {self.process.returncode}: {out!r} {err[-1500:]!r}")
        return int(words[1])

    def end(self) -> None:
        if self.running():
            self.process.kill()
        self.process.communicate()
