#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads beside nginx and bare libmicrohttpd serving the same bytes: requests a second, and how long
they take.

    reads.py [--seconds N] [--connections N] [--binary FILE] [--tools FOLDER] [--only CASE,...]

The service reads a real Kafka; all have one thread for HTTP and keep connections alive; wrk asks.
Each case is asked of one after the other, first while nothing comes in, then under 10,000 events a
second, then some of them in TLS. The figures are JSON lines, one a case; ratio: the service's rate by
nginx's, bare_ratio: by that of a libmicrohttpd that does nothing but send (tests/support/bare_http.c),
which is as fast as the service could ever be. `ctr` asks for one key all the time, which is answered
once a millisecond and then repeated; `ctr_many` asks for one of 1,000 after the other.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
from kit import ROOT, wait  # noqa: E402
from kit.service import Service, total  # noqa: E402
from kit.world import Scene, World  # noqa: E402

RATE = 10_000
BATCHES = (1, 10, 100, 1000)
LUA = """
%s
if #paths > 1 then
  local at = 0
  request = function()
    at = at %% #paths + 1
    return wrk.format(nil, paths[at])
  end
end
done = function(summary, latency, requests)
  io.write(string.format('FIGURES {"requests":%%d,"seconds":%%.3f,"errors":%%d,"p50_us":%%d,"p99_us":%%d,"p999_us":%%d}\\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"""
NGINX = """daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/nginx.log error;
worker_processes 1; events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; tcp_nodelay on;
  open_file_cache max=100; default_type application/json;
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 127.0.0.1:{port}; root {home}/files; }}
  server {{
    listen 127.0.0.1:{tls_port} ssl; root {home}/files;
    ssl_certificate {home}/cert; ssl_certificate_key {home}/key;
  }}
}}
"""
MANY = 1000
TLS_CASES = ("ctr", "ctr_many", "batch_100")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement (%(default)s)")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build/release/livectr"))
    parser.add_argument("--tools", default=os.path.join(ROOT, "build/release/tests"))
    parser.add_argument("--only", default="", help="cases beside ctr, with commas; else all")
    parser.add_argument("--kafka", default="4.1.1")
    return parser.parse_args()


def program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        sys.exit(f"reads.py: there is no {name} (./dev bench installs it)")
    return found


class Case:
    """A request, and what stands for it at nginx: a file with the same bytes. Of several paths one
    after the other is asked; the file is of the first."""

    def __init__(self, name: str, *paths: str, body: bytes | None = None) -> None:
        self.name, self.paths, self.body = name, paths, body

    def ask(self, base: str, **headers: str) -> tuple[int, Any, bytes]:
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(base + self.paths[0], data=self.body, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers, refusal.read()

    def targets(self, ours: bool) -> list[str]:
        """The others ignore what stands behind a question mark, but must read as much of it."""
        return [path if ours else f"/{self.name}?{path}" for path in self.paths]

    def lua(self, ours: bool) -> str:
        lines = ["local paths = {%s}" % ",".join(map(json.dumps, self.targets(ours)))]
        if self.body is not None and ours:
            lines += ['wrk.method = "POST"', f"wrk.body = [==[{self.body.decode()}]==]",
                      'wrk.headers["Content-Type"] = "application/json"']
        return LUA % "\n".join(lines)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wrk(home: str, base: str, case: Case, ours: bool, args: argparse.Namespace) -> dict[str, float]:
    script = os.path.join(home, "case.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write(case.lua(ours))
    out = subprocess.run([program("wrk"), "-t1", f"-c{args.connections}", f"-d{args.seconds}s",
                          "-s", script, base + case.targets(ours)[0]], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^FIGURES (.*)$", out, re.MULTILINE)
    if not found:
        sys.exit(f"reads.py: wrk said: {out}")
    return json.loads(found[1])


def rates(ours: dict[str, float], **others: dict[str, float]) -> dict[str, float]:
    """Requests a second of each, and ours by theirs."""
    def rate(figures: dict[str, float]) -> float:
        return figures["requests"] / figures["seconds"]

    found = {"requests_s": float(round(rate(ours)))}
    for name, figures in others.items():
        found[f"{name}_requests_s"] = round(rate(figures))
        found["ratio" if name == "nginx" else f"{name}_ratio"] = round(rate(ours) / rate(figures), 3)
    return found


def not_modified(port: int, path: str, seconds: float) -> float:
    """304s a second, one after the other. When `to` has moved a 200 comes, and its tag is the next."""
    tag, count, begun = "", 0, time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", port)
    while time.monotonic() - begun < seconds:
        client.request("GET", path, headers={"If-None-Match": tag} if tag else {})
        answer = client.getresponse()
        answer.read()
        tag = answer.headers["ETag"]
        count += answer.status == 304
    client.close()
    return count / seconds


class Bench:
    def __init__(self, scene: Scene, args: argparse.Namespace) -> None:
        self.scene, self.args, self.world = scene, args, scene.world
        self.home = tempfile.mkdtemp(prefix="livectr-bench-")
        os.mkdir(os.path.join(self.home, "files"))
        self.kafka = self.world.kafka()
        self.topic = scene.topic("events")
        self.kafka.create(self.topic, 4)
        self.service = self.start_service("main")
        assert self.service.http is not None
        self.base = "http://%s:%d" % self.service.http
        self.cert, self.key = (os.path.join(self.home, name) for name in ("cert", "key"))
        subprocess.run([os.path.join(args.tools, "make_certificate"), "localhost", self.cert, self.key],
                       check=True)
        self.port, self.tls_port = free_port(), free_port()
        self.nginx: subprocess.Popen[bytes] | None = None

    def start_service(self, label: str, **settings: str) -> Service:
        return self.scene.service(label, brokers=self.kafka.bootstrap, topics=self.topic,
                                  start="earliest", http_threads="1", access_log="off",
                                  **settings).start()

    def fill(self) -> None:
        """Keys to ask for."""
        flood = self.scene.flood(self.kafka, self.topic, 20_000, 5, seed=7, pages=500, boxes=40)
        produced = flood.finish()
        self.service.await_read(produced)

    def start_nginx(self) -> None:
        path = os.path.join(self.home, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(home=self.home, port=self.port, tls_port=self.tls_port))
        self.nginx = subprocess.Popen([program("nginx"), "-p", self.home, "-c", path],
                                      stderr=subprocess.DEVNULL)
        wait.until("nginx answers", self.nginx_answers, 10)

    def nginx_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ctr") as answer:
                return answer.status == 200
        except OSError:
            return False

    def cases(self) -> list[Case]:
        found = []
        listed = json.loads(Case("", "/v1/top?level=placement&limit=1000").ask(self.base)[2])
        names = [{"page": row["page"], "box": row["box"]} for row in listed["items"]]
        paths = [f"/v1/ctr?page={name['page']}&box={name['box']}" for name in names[:MANY]]
        found.append(Case("ctr", paths[0]))
        found.append(Case("ctr_many", *paths))
        for count in BATCHES:
            items = (names * (count // len(names) + 1))[:count]
            found.append(Case(f"batch_{count}", "/v1/ctr:batchGet",
                              body=json.dumps({"window": "10m", "items": items}).encode()))
        found.append(Case("top_100", "/v1/top?level=placement&limit=100"))
        wanted = self.args.only.split(",") if self.args.only else []
        found = [case for case in found if not wanted or case.name in ("ctr", *wanted)]
        for case in found:
            status, _, body = case.ask(self.base)
            assert status == 200, (case.name, status, body[:200])
            with open(os.path.join(self.home, "files", case.name), "wb") as file:
                file.write(body)
        return found

    def path_of(self, case: Case) -> str:
        return os.path.join(self.home, "files", case.name)

    def ask_bare(self, case: Case) -> dict[str, float]:
        """The same of libmicrohttpd with one response that was built beforehand."""
        with subprocess.Popen([os.path.join(self.args.tools, "bare_http"), self.path_of(case)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
            assert bare.stdin is not None and bare.stdout is not None
            port = int(bare.stdout.readline())
            figures = wrk(self.home, f"http://127.0.0.1:{port}", case, False, self.args)
            bare.stdin.close()
        return figures

    def measure_tls(self, cases: list[Case]) -> None:
        """Handshakes are not in it: connections are kept."""
        service = self.start_service("tls", tls_cert=self.cert, tls_key=self.key)
        assert service.http is not None
        base = "https://%s:%d" % service.http
        trusting = ssl._create_unverified_context()

        def is_live() -> bool:
            try:
                with urllib.request.urlopen(base + "/v1/status", context=trusting) as answer:
                    return json.loads(answer.read())["state"] == "live"
            except urllib.error.HTTPError:
                return False

        wait.until("the one with TLS is live", is_live, 30)
        for case in cases:
            if case.name not in TLS_CASES:
                continue
            theirs = wrk(self.home, f"https://127.0.0.1:{self.tls_port}", case, False, self.args)
            ours = wrk(self.home, base, case, True, self.args)
            print(json.dumps({"case": case.name, "under": "tls", **rates(ours, nginx=theirs),
                              "errors": ours["errors"], "nginx_errors": theirs["errors"]}),
                  flush=True)

    def measure(self, case: Case, under: str) -> None:
        theirs = wrk(self.home, f"http://127.0.0.1:{self.port}", case, False, self.args)
        bare = self.ask_bare(case)
        before = self.service.cpu_seconds()
        ours = wrk(self.home, self.base, case, True, self.args)
        cpu = self.service.cpu_seconds() - before
        line = {"case": case.name, "under": under, "bytes": os.path.getsize(self.path_of(case)),
                **rates(ours, nginx=theirs, bare=bare),
                "cpu_us_a_request": round(cpu * 1e6 / ours["requests"], 1),
                **{f"{name}_us": ours[f"{name}_us"] for name in ("p50", "p99", "p999")},
                **{f"nginx_{name}_us": theirs[f"{name}_us"] for name in ("p50", "p99", "p999")},
                "errors": ours["errors"], "nginx_errors": theirs["errors"]}
        print(json.dumps(line), flush=True)

    def measure_304(self, under: str) -> None:
        """A copy that is current, asked for by Python over one connection: wrk waits for the body of a
        304 that tells its 200's length. The client is most of both rates."""
        assert self.service.http is not None
        rates = [not_modified(port, path, self.args.seconds)
                 for port, path in ((self.port, "/ctr"), (self.service.http[1], "/v1/ctr"))]
        print(json.dumps({"case": "not_modified", "under": under, "connections": 1,
                          "requests_s": round(rates[1]), "nginx_requests_s": round(rates[0]),
                          "ratio": round(rates[1] / rates[0], 3)}), flush=True)

    def end(self) -> None:
        if self.nginx is not None:
            self.nginx.terminate()
            self.nginx.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def main() -> int:
    args = arguments()
    program("wrk"), program("nginx")
    world = World(args.binary, os.path.join(args.tools, "ktool"), [args.kafka], False, 1, "")
    scene = Scene(world, "bench_reads")
    bench = Bench(scene, args)
    try:
        bench.fill()
        cases = bench.cases()
        bench.start_nginx()
        seconds = (len(cases) + 2) * 3 * (args.seconds + 1)
        for under in ("idle", "ingest"):
            if under == "ingest":
                scene.flood(bench.kafka, bench.topic, RATE, seconds, seed=9, pages=500, boxes=40)
                bench.service.await_status("the load is on", lambda now: total(now, "read") > 0)
            for case in cases:
                bench.measure(case, under)
            bench.measure_304(under)
        bench.measure_tls(cases)
    finally:
        bench.end()
        scene.end()
        world.close(keep=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
