# SPDX-License-Identifier: Apache-2.0
"""Just enough of Kafka's protocol to write batches of exactly one record.

A reader gets whole batches, so their size decides in how small steps a backlog can be read; a
producer's library chooses it by itself. Formats: Kafka protocol guide, Produce v3, record batch v2.
"""

from __future__ import annotations

import socket
import struct
from typing import Iterable

PRODUCE, VERSION = 0, 3
CLIENT = b"judge"


def _table() -> list[int]:
    """CRC-32C (Castagnoli), reflected polynomial 0x82f63b78."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(value: int) -> bytes:
    """Zigzag, seven bits a byte."""
    value = value << 1 ^ value >> 63
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def batch(time_ms: int, value: bytes) -> bytes:
    record = b"\0" + varint(0) + varint(0) + varint(-1) + varint(len(value)) + value + varint(0)
    body = struct.pack(">hiqqqhii", 0, 0, time_ms, time_ms, -1, -1, -1, 1)
    body += varint(len(record)) + record
    return struct.pack(">qiibI", 0, len(body) + 9, -1, 2, crc32c(body)) + body


def _request(topic: str, partition: int, number: int, records: bytes) -> bytes:
    name = topic.encode()
    head = struct.pack(">hhih", PRODUCE, VERSION, number, len(CLIENT)) + CLIENT
    body = struct.pack(">hhi", -1, 1, 30_000)  # no transaction, acknowledged by the leader, ms
    body += struct.pack(">ih", 1, len(name)) + name
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return struct.pack(">i", len(head) + len(body)) + head + body


def _receive(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise OSError("Kafka closed the connection")
        data += part
    return data


def produce_one_by_one(port: int, topic: str, partition: int,
                       records: Iterable[tuple[int, bytes]]) -> int:
    """Writes (record time, value) pairs to the partition's leader, each a batch of its own."""
    done = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for time_ms, value in records:
            connection.sendall(_request(topic, partition, done, batch(time_ms, value)))
            answer = _receive(connection, struct.unpack(">i", _receive(connection, 4))[0])
            # correlation, one topic, its name, one partition, its number, then the error
            error = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic.encode()) + 4 + 4)[0]
            if error:
                raise OSError(f"Kafka refused a record with error {error}")
            done += 1
    return done
