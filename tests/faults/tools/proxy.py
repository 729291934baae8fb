# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between the service and its broker that can be slow, narrow, silent, torn or lying.

One thread with a selector. Faults hold for every connection, old and new, until they are changed."""

from __future__ import annotations

import collections
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

CHUNK = 16384


@dataclass
class Fault:
    """What the network does now."""

    delay_s: float = 0.0  # each piece comes so much later
    jitter_s: float = 0.0  # and up to so much more, in order
    bytes_per_s: float = 0.0  # 0: no limit
    silent: bool = False  # connections stay open, nothing goes through
    refused: bool = False  # new connections are closed at once
    flip: float = 0.0  # chance per piece from the broker that one bit of a record in it is turned


@dataclass
class Pipe:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    from_broker: bool
    queue: collections.deque[tuple[float, bytes]] = field(default_factory=collections.deque)
    ended: bool = False
    free_at: float = 0.0  # when the narrow line is free again


class Proxy:
    """Listens on a port of its own at once; connect() says where to."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.fault = Fault()
        self.cuts = self.flips = self.accepted = 0
        self._target: tuple[str, int] | None = None
        self._pairs: list[tuple[Pipe, Pipe]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def connect(self, port: int) -> "Proxy":
        self._target = ("127.0.0.1", port)
        self._thread.start()
        return self

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        self.cut()
        self._listener.close()

    def set(self, **fault: object) -> None:
        """Replaces the fault; without arguments all is well."""
        self.fault = Fault(**fault)  # type: ignore[arg-type]

    def cut(self) -> None:
        """Tears every connection, with whatever was under way."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            self.cuts += 1
            _tear(pair)

    # ---- its thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        self._listener.setblocking(False)
        while not self._stop.is_set():
            with self._lock:
                pairs = list(self._pairs)
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ, None)
                wait = self._register(selector, pairs)
                for key, _ in selector.select(wait):
                    if key.data is None:
                        self._accept()
                    else:
                        self._receive(key.data)
            for pair in pairs:
                self._deliver(pair)

    def _register(self, selector: selectors.BaseSelector,
                  pairs: list[tuple[Pipe, Pipe]]) -> float:
        """What to listen to, and when the next piece is due."""
        now, due = time.monotonic(), 0.05
        for pipe in (pipe for pair in pairs for pipe in pair):
            if not pipe.ended and len(pipe.queue) < 64 and not self.fault.silent:
                try:
                    selector.register(pipe.source, selectors.EVENT_READ, pipe)
                except (ValueError, OSError):
                    pipe.ended = True
            if pipe.queue and not self.fault.silent:
                due = min(due, max(0.0, pipe.queue[0][0] - now))
        return due

    def _accept(self) -> None:
        try:
            inner, _ = self._listener.accept()
        except OSError:
            return
        self.accepted += 1
        if self.fault.refused or self._target is None:
            inner.close()
            return
        try:
            outer = socket.create_connection(self._target, 5)
        except OSError:
            inner.close()
            return
        for end in (inner, outer):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.append((Pipe(inner, outer, False), Pipe(outer, inner, True)))

    def _receive(self, pipe: Pipe) -> None:
        fault = self.fault
        try:
            data = pipe.source.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            pipe.ended = True
            return
        if pipe.from_broker and fault.flip and self._dice.random() < fault.flip:
            data = self._flipped(data)
        now = time.monotonic()
        at = now + fault.delay_s + fault.jitter_s * self._dice.random()
        if fault.bytes_per_s:
            pipe.free_at = max(pipe.free_at, now) + len(data) / fault.bytes_per_s
            at = max(at, pipe.free_at)
        if pipe.queue:
            at = max(at, pipe.queue[-1][0])
        pipe.queue.append((at, data))

    def _flipped(self, data: bytes) -> bytes:
        """One bit turned inside the text of an event."""
        begin = data.find(b'"page":')
        if begin < 0:
            return data
        at, bit = begin + self._dice.randrange(7), self._dice.randrange(8)
        self.flips += 1
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]

    def _deliver(self, pair: tuple[Pipe, Pipe]) -> None:
        now = time.monotonic()
        for pipe in pair:
            while pipe.queue and pipe.queue[0][0] <= now and not self.fault.silent:
                _, data = pipe.queue.popleft()
                try:
                    pipe.sink.settimeout(2)
                    pipe.sink.sendall(data)
                except OSError:
                    pipe.ended = True
                    pipe.queue.clear()
        if any(pipe.ended and not pipe.queue for pipe in pair):
            with self._lock:
                if pair in self._pairs:
                    self._pairs.remove(pair)
            _tear(pair)


def _tear(pair: tuple[Pipe, Pipe]) -> None:
    for pipe in pair:
        pipe.source.close()
