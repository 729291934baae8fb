# SPDX-License-Identifier: Apache-2.0
"""Hostile requests behind a proxy, many at a time: whether anybody gets an answer that is not theirs.

Each is followed by a request of its own on the same connection, and each batch by as many on other
connections, which find those to the service as the batch left them. Every answer names the path it
is for, so one that came to the wrong client shows, whoever it was stolen from.
"""

from __future__ import annotations

import re
import select
import socket
import time

import wire

BATCH = 250  # under way at once
PIPES = 10  # connections over which those that come behind are sent
WAIT_S = 8.0
MARK = re.compile(rb"/v1/(?:second|third)-(\d+(?:-\d+)+)")

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
BY_PROXY = (b"408", b"500", b"502", b"503", b"504")


def talk(address: wire.Address, requests: list[bytes]) -> list[bytes]:
    """Each on a connection of its own; what came back until all were closed."""
    poll = select.poll()
    open_ones: dict[int, tuple[int, socket.socket]] = {}
    heard: list[list[bytes]] = [[] for _ in requests]
    until = time.monotonic() + WAIT_S
    for at, data in enumerate(requests):
        connection = socket.create_connection(address, timeout=5)
        wire.send(connection, data)
        open_ones[connection.fileno()] = at, connection
        poll.register(connection, select.POLLIN)
    while open_ones and time.monotonic() < until:
        for fd, _ in poll.poll(200):
            at, connection = open_ones[fd]
            try:
                piece = connection.recv(262144)
            except OSError:
                piece = b""
            heard[at].append(piece)
            if not piece:
                poll.unregister(fd)
                del open_ones[fd]
                connection.close()
    for _, connection in open_ones.values():
        connection.close()
    return [b"".join(pieces) for pieces in heard]


def ask_behind(prefix: str, count: int) -> list[tuple[list[str], bytes]]:
    """Requests in PIPES pipelines, the last of each closing: (marks, bytes)."""
    found = []
    for pipe in range(min(PIPES, count)):
        marks = [f"{prefix}-{at}" for at in range(pipe, count, PIPES)]
        data = b"".join(wire.get(f"/v1/third-{mark}", more="Connection: close\r\n"
                                 if mark is marks[-1] else "") for mark in marks)
        found.append((marks, data))
    return found


def batch_faults(address: wire.Address, batch: list[bytes], number: int) -> list[str]:
    """Who got what is not theirs; who came behind and got nothing."""
    followed = [data + wire.get(f"/v1/second-{number}-{at}", more="Connection: close\r\n")
                for at, data in enumerate(batch)]
    faults = []
    for at, heard in enumerate(talk(address, followed)):
        strange = {mark for mark in MARK.findall(heard) if mark != b"%d-%d" % (number, at)}
        if strange:
            faults.append(f"DESYNC: {strange} came to {number}-{at}: {batch[at][:400]!r}")
    unanswered = len(batch)
    for attempt in range(2):  # a proxy that was kept from its work for long closes without a word
        pipes = ask_behind(f"{number}-{attempt}", len(batch))
        said = talk(address, [data for _, data in pipes])
        unanswered = 0
        for (marks, _), heard in zip(pipes, said):
            # The detail of a problem says the path once.
            got = [mark.decode() for mark in MARK.findall(heard)]
            unanswered += max(0, len(marks) - len(got))
            # What the proxy says by itself names no path; whatever else does not is not theirs.
            others = len([one for one in STATUS.findall(heard) if one not in BY_PROXY]) - len(got)
            if got != marks[:len(got)] or others > 0:
                faults.append(f"DESYNC: behind batch {number}: {got} and {others} more, not {marks}")
        if unanswered == 0:
            break
    if unanswered > 0:
        faults.append(f"behind batch {number}, {unanswered} of {len(batch)} were never answered")
    return faults
