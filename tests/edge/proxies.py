# SPDX-License-Identifier: Apache-2.0
"""Proxies in front of the service: Debian's nginx and HAProxy, each as it comes but for short timeouts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time

import wire

NGINX = """
daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/nginx.log error;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
  uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  large_client_header_buffers 8 64k; client_header_timeout {patience_ms}ms;
  client_body_timeout {patience_ms}ms; keepalive_timeout {patience_ms}ms; lingering_close off;
  lingering_timeout {patience_ms}ms; lingering_time 1s;
  upstream livectr {{ server {host}:{port}; keepalive {kept}; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream off;
  proxy_read_timeout 5s;
  server {{ listen 127.0.0.1:{first} backlog=2048; location / {{ proxy_pass http://livectr; }} }}
  server {{ listen 127.0.0.1:{second} backlog=2048;
    location / {{ proxy_pass http://livectr; proxy_request_buffering off; }} }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 2048
defaults
  mode http
  timeout connect 2s
  timeout client {patience_ms}ms
  timeout http-request {patience_ms}ms
  timeout http-keep-alive {patience_ms}ms
  timeout server 5s
  http-reuse always
frontend whole
  bind 127.0.0.1:{first} backlog 2048
  option http-buffer-request
  default_backend livectr
frontend piecemeal
  bind 127.0.0.1:{second} backlog 2048
  default_backend livectr
backend livectr
  server one {host}:{port} pool-max-conn {kept}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find(name: str) -> str:
    """Where a program is, "" for nowhere."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") or ""


class Proxy:
    """One process with a port that reads bodies before it passes them on, and one that does not."""

    def __init__(self, name: str, home: str, service: wire.Address, kept: int = 1,
                 patience_ms: int = 300) -> None:
        self.name = name
        self.ports = [free_port(), free_port()]
        path = os.path.join(home, f"{name}.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write({"nginx": NGINX, "haproxy": HAPROXY}[name].format(
                home=home, host=service[0], port=service[1], first=self.ports[0],
                second=self.ports[1], kept=kept, patience_ms=patience_ms))
        command = {"nginx": ["-p", home, "-c", path], "haproxy": ["-db", "-f", path]}[name]
        self.process = subprocess.Popen([find(name), *command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.ports[1]), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit(f"check_edge.py: {name} does not start") from None
                time.sleep(0.02)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
