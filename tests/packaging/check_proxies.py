#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packaging/nginx and packaging/haproxy, each in the real proxy before the real program.

    check_proxies.py --binary LIVECTR --tools DIR_OF_MOCK_KAFKA --root TREE

Only addresses are put in. Answers are those of the program itself, streams and exports come through
as they are sent, connections to the program are kept, /metrics is not to be had, a server that
drains or is away is noticed and found again. A proxy that is not installed is left out and said so.
Standard library only. Exit 77: neither is there.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contract"))
from world import World, records  # noqa: E402

QUESTION = "/v1/ctr?page=/offer/list&box=opbox.carousel.1"
PATIENCE_S = 30
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def expect(true, words):
    if not true:
        raise AssertionError(words)


def until(what, true):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = true()
        if found:
            return found
        expect(time.monotonic() < deadline, f"not seen: {what}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, body=None):
    """(status, bytes)."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with OPENER.open(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except urllib.error.URLError:
        return 0, b""


def program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def replaced(text, pairs):
    for before, after in pairs:
        expect(text.count(before) >= 1, f"the snippet has no '{before}'")
        text = text.replace(before, after)
    return text


def nginx(root, home, port, http, admin):
    snippet = replaced((root / "packaging/nginx/livectr.conf").read_text(encoding="utf-8"),
                       [("listen 80;", f"listen 127.0.0.1:{port};"), ("127.0.0.1:8080", f"127.0.0.1:{http}")])
    folders = "".join(f"{kind}_temp_path {home}/{kind};" for kind in
                      ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(home, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"daemon off; pid {home}/nginx.pid; error_log stderr error; events {{}}\n"
                   f"http {{ access_log off; {folders}\n{snippet}\n}}\n")
    return [program("nginx"), "-p", home, "-c", path]


def haproxy(root, home, port, http, admin):
    snippet = replaced((root / "packaging/haproxy/livectr.cfg").read_text(encoding="utf-8"),
                       [("bind :80\n", f"bind 127.0.0.1:{port}\n"), ("127.0.0.1:8080", f"127.0.0.1:{http}"),
                        ("check port 8081", f"check port {admin}")])
    path = os.path.join(home, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"global\n    maxconn 500\ndefaults\n    timeout client 10s\n{snippet}")
    checked = subprocess.run([program("haproxy"), "-c", "-f", path], capture_output=True, text=True, check=False)
    expect(checked.returncode == 0 and "arning" not in checked.stderr, checked.stderr)
    return [program("haproxy"), "-db", "-f", path]


def answers_are_the_same(front, service):
    def same():
        (status, through), (_, direct) = ask(front + QUESTION), ask(service + QUESTION)
        expect(status == 200, f"{status}: {through[:200]}")
        through, direct = json.loads(through), json.loads(direct)
        numbers = ("to", "impressions", "clicks", "ctr", "ctr_low", "revision")
        return through["impressions"] > 0 and [through.get(name) for name in numbers] == \
            [direct.get(name) for name in numbers]
    until("the same answer", same)
    body = json.dumps({"window": "10m", "items": [{"page": "/offer/list"}, {"page": "/offer/1"}]}).encode()
    status, batch = ask(front + "/v1/ctr:batchGet", body)
    expect(status == 200 and len(json.loads(batch)["items"]) == 2, f"batchGet: {status} {batch[:200]}")
    status, problem = ask(front + "/v1/ctr?window=7m")
    expect(status == 400 and b"7m" in problem, f"a problem: {status} {problem[:200]}")
    expect(ask(service + "/metrics")[0] == 200 and ask(front + "/metrics")[0] == 404, "/metrics from outside")


def streams_come_as_they_are_sent(front):
    with OPENER.open(front + "/v1/stream?level=page&by=clicks&limit=3", timeout=20) as response:
        times = []
        while len(times) < 5:
            line = response.readline()
            expect(line, "the stream ended")
            if line.startswith(b"data:"):
                times.append((time.monotonic(), json.loads(line[5:])["to"]))
    # One comes each second; held back by a buffer they would come together.
    expect(len({to for _, to in times}) == 5 and times[-1][0] - times[0][0] > 1.5, f"{times}")


def exports_come_whole(front, service):
    path = "/v1/export?window=10m&level=placement"
    counts = [len(json.loads(ask(url + path)[1])["items"]) for url in (front, service)]
    expect(counts[0] == counts[1] > 5, f"{counts}")


def opened(service):
    text = ask(service + "/metrics")[1].decode()
    return int(next(line for line in text.split("\n")
                    if line.startswith("livectr_http_connections_opened_total")).split()[-1])


def connections_are_kept(front, service):
    before = opened(service)
    for _ in range(60):
        expect(ask(front + QUESTION)[0] == 200, "an answer")
    expect(opened(service) - before < 20, f"{opened(service) - before} connections for 60 requests")


def check(name, make, options, world):
    http, admin, port = free_port(), free_port(), free_port()
    settings = {"listen": f"127.0.0.1:{http}", "admin_listen": f"127.0.0.1:{admin}", "drain": "4s"}
    service, front = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{port}"
    home = os.path.join(world.home, name)
    os.makedirs(home)
    world.start(name + "-service", **settings)
    world.await_read(service, world.count)
    process = world.processes[name + "-service"]
    proxy = subprocess.Popen(make(options.root, home, port, http, admin))
    try:
        until(f"{name} answers", lambda: ask(front + QUESTION)[0] == 200)
        answers_are_the_same(front, service)
        streams_come_as_they_are_sent(front)
        exports_come_whole(front, service)
        connections_are_kept(front, service)
        process.ended = True
        process.send_signal(signal.SIGTERM)
        if name == "haproxy":  # it asks /readyz, so it knows before the end
            until("haproxy leaves one that drains", lambda: ask(front + QUESTION)[0] == 503)
            expect(ask(service + "/livez")[0] == 200, "it was gone already, not draining")
        process.wait(timeout=30)
        until("its absence is said", lambda: ask(front + QUESTION)[0] in (502, 503))
        world.start(name + "-service", **settings)
        until(f"{name} finds it again", lambda: ask(front + QUESTION)[0] == 200)
    finally:
        proxy.terminate()
        proxy.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    options = parser.parse_args()
    present = [(name, make) for name, make in (("nginx", nginx), ("haproxy", haproxy)) if program(name)]
    if not present:
        return 77
    world = World(options.binary, os.path.join(options.tools, "mock_kafka"), os.path.join(options.tools, "ktool"))
    failed = 0
    try:
        world.count = world.produce(records(int(time.time() * 1000)))
        for name, make in present:
            try:
                check(name, make, options, world)
                print(f"ok {name}")
            except (AssertionError, OSError, SystemExit, StopIteration) as error:
                failed += 1
                print(f"FAILED {name}: {error!r}")
    finally:
        world.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
