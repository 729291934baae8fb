# SPDX-License-Identifier: Apache-2.0
"""Raw sockets, and answers taken apart by their own framing and nothing else."""

from __future__ import annotations

import select
import socket
import ssl
import time
from dataclasses import dataclass, field

Address = tuple[str, int]
TLS: ssl.SSLContext | None = None  # in which connections are made; None: in the clear


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_problem(self) -> bool:
        return self.headers.get("content-type", "") == "application/problem+json"


@dataclass
class Heard:
    """What came back on one connection."""

    answers: list[Answer] = field(default_factory=list)
    rest: bytes = b""  # what is no answer, or none yet
    closed: bool = False
    took_s: float = 0.0

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]


def _chunked(body: bytes) -> tuple[bytes, bytes] | None:
    whole = b""
    while True:
        line, found, body = body.partition(b"\r\n")
        if not found:
            return None
        size = int(line.split(b";")[0], 16)
        if len(body) < size + 2:
            return None
        whole, body = whole + body[:size], body[size + 2:]
        if size == 0:
            return whole, body


def take_answer(data: bytes, closed: bool, head_only: bool = False) -> tuple[Answer, bytes] | None:
    """The first answer of data and what follows it; None where it is not there whole."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found or not head.startswith(b"HTTP/1."):
        return None
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0][9:12])
    headers = {name.strip().lower(): value.strip()
               for name, _, value in (line.partition(":") for line in lines[1:])}
    if head_only or status in (100, 204, 304):
        return Answer(status, headers, b""), rest
    if headers.get("transfer-encoding") == "chunked":
        taken = _chunked(rest)
        return None if taken is None else (Answer(status, headers, taken[0]), taken[1])
    if "content-length" in headers:
        length = int(headers["content-length"])
        if len(rest) < length:
            return None
        return Answer(status, headers, rest[:length]), rest[length:]
    return (Answer(status, headers, rest), b"") if closed else None


def connect(address: Address) -> socket.socket:
    connection = socket.create_connection(address, timeout=5)
    return connection if TLS is None else TLS.wrap_socket(connection)


def has_more(connection: socket.socket, seconds: float) -> bool:
    """Whether there are bytes, or the end of them; what TLS has decrypted already, select misses."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    return bool(select.select([connection], [], [], seconds)[0])


def listen(connection: socket.socket, seconds: float, enough: int = 0,
           head_only: bool = False) -> Heard:
    """Reads until the far end closes, `enough` answers are there (0: no number is) or time is up."""
    heard, data = Heard(), b""
    begun = time.monotonic()
    while True:
        left = begun + seconds - time.monotonic()
        if left <= 0 or not has_more(connection, left):
            break
        try:
            piece = connection.recv(65536)
        except OSError:
            piece = b""
        data += piece
        heard.closed = not piece
        while taken := take_answer(data, heard.closed, head_only):
            heard.answers.append(taken[0])
            data = taken[1]
        if heard.closed or (enough and len(heard.answers) >= enough):
            break
    heard.rest = data
    heard.took_s = time.monotonic() - begun
    return heard


def send(connection: socket.socket, data: bytes) -> None:
    """As much as the far end takes: it may have refused and closed already."""
    connection.settimeout(5)
    try:
        connection.sendall(data)
    except OSError:
        pass


def ask(address: Address, data: bytes, seconds: float = 2.0, enough: int = 0,
        head_only: bool = False) -> Heard:
    """One connection: sends it all, listens."""
    with connect(address) as connection:
        send(connection, data)
        return listen(connection, seconds, enough, head_only)


def get(target: str, host: str = "x", more: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode("latin-1")
