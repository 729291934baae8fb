#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tells whether a Kafka cluster really answers: probe.py BROKERS PORT...

Exit 0 once the broker at every PORT (127.0.0.1) answers a metadata request, lists BROKERS brokers
and knows a controller; else exit 1, with what was seen on stderr. Looks once, waits for nothing.
"""
import socket
import struct
import sys

METADATA, VERSION = 3, 1


def receive(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise OSError("connection closed")
        data += part
    return data


def metadata(port):
    """Returns (ids of the live brokers, id of the controller) as the broker at `port` sees them."""
    client = b"livectr-probe"
    body = struct.pack(">hhih", METADATA, VERSION, 7, len(client)) + client + struct.pack(">i", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.settimeout(2)
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = receive(connection, struct.unpack(">i", receive(connection, 4))[0])
    (count,) = struct.unpack_from(">i", answer, 4)
    at, brokers = 8, []
    for _ in range(count):
        node, host = struct.unpack_from(">ih", answer, at)
        at += 6 + host + 4  # id, host, port
        (rack,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack, 0)
        brokers.append(node)
    return brokers, struct.unpack_from(">i", answer, at)[0]


def main():
    wanted, ports = int(sys.argv[1]), [int(port) for port in sys.argv[2:]]
    for port in ports:
        try:
            brokers, controller = metadata(port)
        except (OSError, struct.error) as error:
            sys.exit(f"port {port}: {error}")
        if len(brokers) != wanted or controller < 0:
            sys.exit(f"port {port}: brokers {brokers} of {wanted}, controller {controller}")


main()
