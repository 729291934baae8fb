# SPDX-License-Identifier: Apache-2.0
"""One livectr process: its configuration file, its life, its log, what it costs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import Any, Mapping, Sequence

from kit.client import Client, Refused
from kit.wait import NeverHappened, continue_process, stop_process, until

_LISTENING = re.compile(r"^listening http=([^ ]+):([0-9]+) admin=([^ ]+):([0-9]+)$", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of the caller's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LIVECTR_")}
    return {**kept, **more}


def write_config(path: str, settings: Mapping[str, str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{key} = {value}\n" for key, value in settings.items())


class Service:
    """`livectr serve` with one data_dir; may be started, killed and started again."""

    def __init__(self, binary: str, home: str, settings: Mapping[str, str]) -> None:
        os.makedirs(home, exist_ok=True)
        self.binary = binary
        self.home = home
        self.settings = {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
                         "data_dir": os.path.join(home, "data"), "drain": "200ms", **settings}
        self.config = os.path.join(home, "livectr.conf")
        self.http: tuple[str, int] | None = None
        self.admin: tuple[str, int] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.prefix: list[str] = []  # e.g. prlimit and its arguments
        self.environment: dict[str, str] = {}
        self._client: Client | None = None

    def __enter__(self) -> "Service":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    # ---- life ----------------------------------------------------------------------------------

    def launch(self, extra: Sequence[str] = (), environment: Mapping[str, str] | None = None,
               binary: str = "") -> "Service":
        """Starts the process without waiting for anything; binary: another build of it."""
        write_config(self.config, self.settings)
        self.starts += 1
        self.close_client()
        self.http = self.admin = None
        with open(self.stdout_path, "wb") as out, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, binary or self.binary, "serve", "--config", self.config, *extra],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env=clean_environment(**self.environment, **(environment or {})))
        return self

    def start(self, extra: Sequence[str] = (), seconds: float = 15) -> "Service":
        self.launch(extra)
        until("the line `listening ...` on stdout", self.listening, seconds, seen=self.log_tail)
        return self

    def listening(self) -> bool:
        """Whether it has said where it listens. Raises where it has ended."""
        with open(self.stdout_path, encoding="utf-8", errors="replace") as file:
            match = _LISTENING.search(file.read())
        if match:
            self.http = (match[1], int(match[2]))
            self.admin = (match[3], int(match[4]))
            return True
        assert self.process is not None
        if self.process.poll() is not None:
            raise NeverHappened(f"ended with {self.process.returncode} at start: {self.log_tail()}")
        return False

    def kill9(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.close_client()

    def terminate(self, seconds: float = 25) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.close_client()
        return self.process.wait(timeout=seconds)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def suspend(self) -> None:
        assert self.process is not None
        stop_process(self.process.pid)

    def resume(self) -> None:
        assert self.process is not None
        continue_process(self.process.pid)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self) -> None:
        """Whatever state it is in: gone."""
        self.close_client()
        if self.running():
            assert self.process is not None
            self.process.kill()
            self.process.wait()

    # ---- talking to it -------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """The connection of the scenario's own thread."""
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self, timeout: float = 10) -> Client:
        assert self.http is not None
        return Client(self.http, timeout)

    def admin_client(self) -> Client:
        assert self.admin is not None
        return Client(self.admin, 5)

    def close_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def await_status(self, what: str, wanted: Any, seconds: float = 30,
                     step: float = 0.03) -> dict[str, Any]:
        """Waits until wanted(status) is true and returns that status."""
        last: dict[str, Any] = {}

        def look() -> dict[str, Any] | None:
            nonlocal last
            try:
                last = self.client.status()
            except (OSError, EOFError, Refused):
                if not self.running():
                    raise NeverHappened(f"{what}: the process ended; {self.log_tail()}") from None
                self.close_client()
                return None
            return last if wanted(last) else None

        return until(what, look, seconds, step, seen=lambda: brief(last))

    def await_state(self, state: str, seconds: float = 30) -> dict[str, Any]:
        return self.await_status(f"state {state}", lambda now: now["state"] == state, seconds)

    def await_read(self, count: int, seconds: float = 60) -> dict[str, Any]:
        """Waits until `count` records were read and nothing of them is held."""
        return self.await_status(
            f"live with {count} records read and none held",
            lambda now: (now["state"] == "live" and total(now, "read") == count
                         and total(now, "held") == 0), seconds)

    # ---- what it costs, what it says -----------------------------------------------------------

    def cpu_seconds(self) -> float:
        assert self.process is not None
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self, field: str = "VmRSS") -> float:
        assert self.process is not None
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        raise KeyError(field)

    @property
    def log_path(self) -> str:
        return os.path.join(self.home, f"stderr.{self.starts}.log")

    @property
    def stdout_path(self) -> str:
        return os.path.join(self.home, f"stdout.{self.starts}.log")

    def log_tail(self, lines: int = 15) -> str:
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError as error:
            return f"(no log: {error})"


def total(status: Mapping[str, Any], key: str) -> int:
    """The sum of a counter over all partitions."""
    return sum(row[key] for row in status["partitions"])


def brief(status: Mapping[str, Any]) -> str:
    """A status in one line, for failures."""
    if not status:
        return "no status"
    rows = ", ".join(f"{row['topic']}/{row['partition']} read {row['read']} "
                     f"counted {row['counted']} held {row['held']} end {row['end']}"
                     for row in status["partitions"][:8])
    source = status.get("source", {})
    return (f"state {status['state']} to {status['to']} lag {status['lag_ms']} ms; {rows}; "
            f"source {source.get('state')} {source.get('error') or ''}")
