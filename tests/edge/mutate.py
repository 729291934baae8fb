# SPDX-License-Identifier: Apache-2.0
"""Requests changed at random: bytes, lines, lengths, pieces of others."""

from __future__ import annotations

import random

TOKENS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"%2F", b"?", b"&", b"=",
          b"HTTP/1.1", b"HTTP/1.0", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Host: y\r\n", b"Connection: close\r\n",
          b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"\r\n\r\n",
          b"5\r\nhello\r\n", b"\xff", b"\xc3\xa9", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
          b"{\"items\":[", b"]}", b"\"page\":\"a\""]


def mutated(dice: random.Random, corpus: list[bytes]) -> bytes:
    """One of the corpus after one to eight changes."""
    data = bytearray(dice.choice(corpus)[:4096])
    for _ in range(1 + min(7, int(dice.expovariate(0.5)))):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = dice.randrange(256)
        elif kind == 1:
            del data[at:at + 1 + int(dice.expovariate(0.2))]
        elif kind == 2:
            data[at:at] = dice.choice(TOKENS)
        elif kind == 3:
            other = dice.choice(corpus)
            begin = dice.randrange(len(other))
            data[at:at] = other[begin:begin + dice.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[at:at + dice.randrange(1, 200)]
        elif at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        if not data:
            data = bytearray(b"\r\n")
    return bytes(data)
