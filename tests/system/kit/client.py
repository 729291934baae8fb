# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 client on one kept-alive connection, with the service's calls as methods.

Its own instead of http.client: it notices when a connection that should live was closed, and its
latency is close to that of the socket.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any, Iterable, Sequence
from urllib.parse import quote

Name = tuple["str | None", "str | None"]  # (page, box)
BATCH_MAX = 1000


class Refused(Exception):
    """An answer other than 200, or none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def escaped(text: str) -> str:
    return quote(text.encode(), safe="")


def query_of(**arguments: object) -> str:
    pairs = [f"{key}={escaped(str(value))}"
             for key, value in arguments.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


class Client:
    """One connection, opened when first needed. Not for two threads at once."""

    def __init__(self, address: tuple[str, int], timeout: float = 10) -> None:
        self.address = address
        self.timeout = timeout
        self.connections = 0
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._rest = b""

    # ---- HTTP ----------------------------------------------------------------------------------

    def request(self, method: str, target: str, body: bytes | None = None) -> Response:
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return self.exchange(head.encode("ascii") + b"\r\n" + (body or b""), method == "HEAD")

    def connected(self) -> bool:
        return self._socket is not None

    def connect(self) -> None:
        self._socket = socket.create_connection(self.address, timeout=self.timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self.connections += 1

    def request_once(self, method: str, target: str) -> Response:
        """Like request(), but a connection that dies is a failure, old or not."""
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\n\r\n"
        try:
            return self._exchange(head.encode("ascii"), method == "HEAD")
        except (OSError, EOFError):
            self.close()
            raise

    def exchange(self, raw: bytes, head_only: bool = False) -> Response:
        """Sends ready bytes and reads one answer. A dead old connection is replaced once."""
        old = self._socket is not None
        try:
            return self._exchange(raw, head_only)
        except (ConnectionError, EOFError):
            self.close()
            if not old:
                raise
        try:
            return self._exchange(raw, head_only)
        except (ConnectionError, EOFError):
            self.close()
            raise

    def _exchange(self, raw: bytes, head_only: bool) -> Response:
        if self._socket is None:
            self.connect()
        assert self._socket is not None
        self._socket.sendall(raw)
        head = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            key, _, value = line.partition(":")
            headers[key.strip().lower()] = value.strip()
        length = 0 if head_only else int(headers.get("content-length", "0"))
        response = Response(int(head[0].split(" ")[1]), headers, self._take(length))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return response

    def _more(self) -> None:
        assert self._socket is not None
        part = self._socket.recv(262_144)
        if not part:
            raise EOFError("the connection was closed")
        self._rest += part

    def _take_until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(mark)
        return head

    def _take(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._more()
        part, self._rest = self._rest[:length], self._rest[length:]
        return part

    # ---- the service's calls -------------------------------------------------------------------

    def get(self, path: str, **arguments: object) -> Any:
        return self._json("GET", path + query_of(**arguments))

    def _json(self, method: str, target: str, body: bytes | None = None) -> Any:
        response = self.request(method, target, body)
        if response.status != 200:
            raise Refused(f"{method} {target[:200]}: {response.status} {response.body[:500]!r}",
                          response.status)
        return response.json()

    def status(self) -> dict[str, Any]:
        return self.get("/v1/status")

    def ctr(self, name: Name, window: str | None = None) -> dict[str, Any]:
        return self.get("/v1/ctr", page=name[0], box=name[1], window=window)

    def batch(self, names: Sequence[Name], window: str) -> list[dict[str, Any]]:
        """Answers in the order asked, each with the shared fields merged in."""
        answers: list[dict[str, Any]] = []
        for first in range(0, len(names), BATCH_MAX):
            part = names[first:first + BATCH_MAX]
            said = self._json("POST", "/v1/ctr:batchGet", batch_body(part, window))
            items = said.pop("items")
            if len(items) != len(part):
                raise Refused(f"batchGet: {len(items)} answers to {len(part)} questions")
            answers += ({**said, **item} for item in items)
        return answers

    def pages(self, window: str, **more: object) -> dict[str, Any]:
        return self.get("/v1/pages", window=window, **more)

    def boxes(self, window: str, page: str | None = None, **more: object) -> dict[str, Any]:
        return self.get("/v1/boxes", window=window, page=page, **more)

    def ready(self) -> bool:
        """Whether /readyz says 200; False too where nobody answers."""
        try:
            return self.request("GET", "/readyz").status == 200
        except (OSError, EOFError):
            self.close()
            return False


def batch_body(names: Iterable[Name], window: str) -> bytes:
    items = [{key: value for key, value in zip(("page", "box"), name) if value is not None}
             for name in names]
    return json.dumps({"window": window, "items": items}, ensure_ascii=False).encode()
