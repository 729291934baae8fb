#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks openapi.yaml against a running service, both ways.

    check_contract.py --binary LIVECTR --tools FOLDER [--write-golden] [--self-test] [-v]
    check_contract.py --live URL --admin URL [--starting URL] [--openapi FILE]

--binary    starts services of its own (world.py) that between them give every answer of the file,
            with mock_kafka and ktool from FOLDER. What is declared and not seen is then a complaint;
            answers are held beside tests/contract/golden
--self-test changes answers on their way, the file, or both, and shows that each change is noticed
--live      a service that has numbers: base URL of `listen`, e.g. http://127.0.0.1:8080
--admin     the same service's `admin_listen`
--starting  a second service that has none yet (a topic that does not exist will do): there the
            503 of every path are seen. Without it they are listed as not seen, and do not fail
--openapi   the file; default: openapi.yaml at the root of the tree

From the file to the service: each path, method, parameter, media type and status of the file is
exercised and answers as described; each example in the file is valid. From the service to the
file: the status, media type, headers and every member of each answer are declared, no required one
is missing, and the arguments a path names in its refusals are those the file has.

Standard library only. Exit code 0: all is well; 1: each complaint on a line of its own; 2: usage.
"""
import argparse
import gzip
import http.client
import json
import os
import re
import sys
import time
import urllib.parse

import bites
import world
from golden import Golden, declared_types, shape
from openapi import Contract


# ---- the service ---------------------------------------------------------------------------------

class Service:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    def ask(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            headers = dict(response.getheaders())
            if method == "GET" and headers.get("Content-Type") == "text/event-stream":
                return response.status, headers, first_event(response)
            return response.status, headers, response.read()
        finally:
            connection.close()


def first_event(response):
    """What an endless answer begins with, up to the end of its first event."""
    data = b""
    while not (b"\ndata: " in data and data.endswith(b"\n\n")):
        line = response.readline()
        if not line:
            break
        data += line
    return data


PER_ADDRESS, CONNECTIONS = 2, 64
FULL_AT = CONNECTIONS - CONNECTIONS // 16  # the last ones are told so (api/callers.h)
JSON_TYPE = {"Content-Type": "application/json"}
ITEMS = json.dumps({"items": [{}, {"page": "/x"}, {"box": "y"}, {"page": "/x", "box": "y"}]})
# What breaks each parameter. Each must be a 400 that names it.
BAD_VALUES = {
    "page": ["", "%00", "%0A", "%FF", "%zz", "x" * 513],
    "box": ["", "%00", "%7F", "%C0%AF", "%", "x" * 513],
    "window": ["", "7s", "10M"],
    "sort": ["", "views"],
    "min_impressions": ["", "-1", "1.5", "1e3"],
    "limit": ["", "0", "1001", "x"],
    "from": ["", "now", "2026-11-23", "1795454594000"],
    "to": ["", "now", "2026-11-23%2017:30:00Z", "1970-01-01T00:00:00"],
    "minute": ["", "now", "2026-11-23T17:30Z"],
    "step": ["", "30s", "7m", "90", "5d1h"],
    "verbose": ["", "1", "TRUE", "yes"],
    "key": ["", "%09", "/a%09", "a%09b%09c", "%00", "%FF", "%zz", "x" * 513, "x" * 1026],
    "compare": ["", "x", "1d,", "1d,,7d", "30s", "1d,2d,3d,4d,5d"],
    "by": ["", "id", "CTR"],
    "level": ["", "nonesuch"],
    "prefix": ["", "%00", "%FF", "x" * 513],
    "cursor": ["", "AAAA", "*", "A" * 800],
    "max_lag_ms": ["", "1.5", "1s"],
}
# Paths whose answer has several forms, and Accept says which.
BY_ACCEPT = {"/metrics"}
# Answers are half a second old at least (settle), so nobody can have them fresher than that.
TOO_FRESH = ("max_lag_ms", 0)
# What the lines of a text that is none to the file are made of.
FORMS = {
    "application/x-ndjson": ("ExportRow", lambda text: text.splitlines()[1:]),
    "text/event-stream": ("StreamEvent", lambda text: re.findall(r"^data: (.*)$", text, re.M)),
}
# Answers whose length nobody knows beforehand.
ENDLESS = {"/v1/export", "/v1/stream"}
# What is answered as soon as the process listens.
ALWAYS = {"/v1/status", "/livez", "/metrics", "/problems/{name}", "/openapi.yaml", "/docs", "/",
          "/dashboard/{name}"}
# What the admin listener does not serve.
LISTEN_ONLY = re.compile("/v1/|/$|/dashboard/")
# A pipeline that stopped so long ago gets a scout: more than the scout itself has to read.
SCOUT_AFTER_S = 25
# Of what it has to read then: one for each fetch.
BATCHES = 12
BATCH_PROBES = [
    ("200", ITEMS, JSON_TYPE),
    ("200", json.dumps({"window": None, "items": []}).replace('"window": null, ', ""), JSON_TYPE),
    ("400", "{", JSON_TYPE),
    ("400", '{"items":[],"items":[]}', JSON_TYPE),
    ("413", json.dumps({"items": [{}] * 1001}), JSON_TYPE),
    ("413", " " * 1048577, JSON_TYPE),
    ("415", ITEMS, {"Content-Type": "text/plain"}),
    ("422", '{"items":{}}', JSON_TYPE),
    ("422", '{"items":[{"page":null}]}', JSON_TYPE),
    ("422", '{"items":[{"page":""}]}', JSON_TYPE),
    ("422", '{"items":[{"box":"' + "x" * 513 + '"}]}', JSON_TYPE),
    ("422", '{"items":[],"window":"7s"}', JSON_TYPE),
    ("422", '{"items":[],"other":1}', JSON_TYPE),
]


class Check:
    def __init__(self, contract, live, admin, starting):
        self.contract = contract
        self.live, self.admin, self.starting = live, admin, starting
        self.complaints, self.notes, self.summary = [], [], []
        self.seen = set()
        self.media = set()    # (path, method, status, media type)
        self.taken = set()    # (path, method, parameter): of requests that were answered with 200
        self.shapes = {}      # {(path, method): {"200 application/json": {member: types}}}
        self.asked = 0

    def complain(self, text):
        self.complaints.append(text)

    def operation(self, path, method):
        return self.contract.root["paths"].get(path, {}).get(method)

    def template(self, path):
        """The path of the file that fits a path."""
        for template in self.contract.root["paths"]:
            if re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", template), path):
                return template
        return path

    def concrete(self, path):
        """A path that fits one of the file: with the examples of its parameters."""
        for parameter in self.parameters(path, next(iter(self.contract.root["paths"][path]))):
            path = path.replace("{%s}" % parameter["name"], str(parameter["example"]))
        return path

    def ask(self, service, method, target, body=None, headers=None):
        """Asks, and holds the answer against the file. Returns (status, parsed body)."""
        self.asked += 1
        status, got_headers, data = service.ask(method.upper(), target, body, headers)
        where = f"{method.upper()} {target[:80]} -> {status}"
        path = self.template(target.split("?")[0].replace("%3A", ":"))
        operation = self.operation(path, method)
        media = got_headers.get("Content-Type", "").split(";")[0]
        if got_headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        value = data.decode("utf-8")
        if media == "application/json" or media.endswith("+json"):
            value = json.loads(value)
        if operation is None:
            return status, value
        response = self.contract.resolve(operation["responses"].get(str(status)))
        if response is None:
            self.complain(f"{where}: the status is not declared; {value}")
            return status, value
        self.seen.add((path, method, str(status)))
        if status == 200:
            self.note_request(path, method, target, body, headers or {})
        self.check_headers(where, response, got_headers)
        if "content" not in response:
            if data or media:
                self.complain(f"{where}: a body of {len(data)} bytes, {media}")
            return status, value
        if media not in response["content"]:
            self.complain(f"{where}: {media} is not declared")
            return status, value
        self.media.add((path, method, str(status), media))
        for fault in self.contract.faults(value, response["content"][media]["schema"]):
            self.complain(f"{where}: body{fault}")
        shapes = self.shapes.setdefault((path, method), {})
        if media == "application/json" or media.endswith("+json"):
            shape(value, shapes.setdefault(f"{status} {media}", {}))
        elif media == "text/csv":
            columns = {name: None for name in value.split("\r\n", 1)[0].split(",")}
            shape(columns, shapes.setdefault(f"{status} {media}", {}))
        schema, lines = FORMS.get(media, (None, lambda text: []))
        for line in lines(value):
            for fault in self.contract.faults(json.loads(line),
                                              {"$ref": f"#/components/schemas/{schema}"}):
                self.complain(f"{where}: a line{fault}")
            shape(json.loads(line), shapes.setdefault(f"{status} {media} {schema}", {}))
        if media == "application/problem+json" and value.get("status") != status:
            self.complain(f"{where}: the body says {value.get('status')}")
        return status, value

    def note_request(self, path, method, target, body, headers):
        given = {name for name, _ in urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query, True)}
        for parameter in self.parameters(path, method):
            if parameter["in"] == "path" or parameter["name"] in (headers if parameter["in"] == "header"
                                                                  else given):
                self.taken.add((path, method, parameter["name"]))
        if body:
            content = self.operation(path, method)["requestBody"]["content"]["application/json"]
            for fault in self.contract.faults(json.loads(body), content["schema"]):
                self.complain(f"{method.upper()} {target}: was taken, though: {fault}")

    def check_headers(self, where, response, headers):
        declared = {**self.contract.root["x-headers-of-every-response"],
                    **response.get("headers", {})}
        for name, header in declared.items():
            header = self.contract.resolve(header)
            schema = self.contract.resolve(header["schema"])
            value = headers.get(name)
            if value is None:
                if header.get("required", True):
                    self.complain(f"{where}: no {name}")
                continue
            if schema.get("type") == "integer":
                value = int(value)
            for fault in self.contract.faults(value, schema):
                self.complain(f"{where}: {name}{fault}")
        for name in ("Cache-Control", "Retry-After", "Allow", "ETag", "Vary", "Content-Encoding"):
            if name in headers and name not in declared:
                self.complain(f"{where}: {name} is not declared")

    def expect(self, status, service, method, target, body=None, headers=None):
        got, value = self.ask(service, method, target, body, headers)
        if str(got) != status:
            self.complain(f"{method.upper()} {target[:80]}: {got}, not {status}: {str(value)[:200]}")
        return value

    # ---- one path --------------------------------------------------------------------------

    def parameters(self, path, method, place=None):
        for parameter in self.operation(path, method).get("parameters", []):
            parameter = self.contract.resolve(parameter)
            if place in (None, parameter["in"]):
                yield parameter

    def check_edge(self, path, method):
        """What no path takes: too much of it."""
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, {})
        target = self.concrete(path)
        self.expect("414", self.live, method, f"{target}?x={'a' * 9000}", body, headers)
        many = {f"X-{number}": "1" for number in range(101)}
        self.expect("431", self.live, method, target, body, {**headers, **many})
        if method == "post":
            self.ask_without_length(path)
        for parameter in self.parameters(path, method, "path"):
            wrong = path.replace("{%s}" % parameter["name"], "nonesuch")
            self.expect("404", self.live, method, wrong)

    def ask_without_length(self, path):
        """http.client adds a length: by hand."""
        connection = http.client.HTTPConnection(self.live.host, self.live.port, timeout=20)
        connection.putrequest("POST", path)
        connection.endheaders()
        response = connection.getresponse()
        self.asked += 1
        if response.status != 411:
            self.complain(f"POST {path} without a length: {response.status}")
        self.seen.add((path, "post", str(response.status)))
        self.media.add((path, "post", str(response.status), response.getheader("Content-Type")))
        self.check_problem(f"POST {path}", dict(response.getheaders()), response.read(), "POST")
        connection.close()

    def check_header_parameters(self, path, method):
        for parameter in self.parameters(path, method, "header"):
            self.expect("200", self.live, method, path,
                        headers={parameter["name"]: parameter["example"]})

    def check_parameters(self, path, method):
        """Each alone with its example and each value of its enum, all together, and each broken."""
        everything = []
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
        for parameter in self.parameters(path, method, "query"):
            name = parameter["name"]
            schema = self.contract.resolve(parameter["schema"])
            values = schema.get("enum", [parameter["example"]])
            repeatable = schema["type"] == "array"
            if name == "cursor":
                values = []  # only a real one will do: check_cursor
            elif repeatable:
                values = parameter["example"]
            bad_values = list(BAD_VALUES.get(name, [""]))
            if schema["type"] == "integer":
                values = values + [schema["minimum"], schema["maximum"]]
                bad_values += [schema["minimum"] - 1, schema["maximum"] + 1]
            for value in values:
                pair = f"{name}={urllib.parse.quote(str(value), safe='')}"
                wanted = "503" if (name, value) == TOO_FRESH else "200"
                self.expect(wanted, self.live, method, f"{path}?{pair}", body, headers)
            if values:
                everything.append(pair)
                self.expect("200" if repeatable else "400", self.live, method,
                            f"{path}?{pair}&{pair}", body, headers)
            if repeatable:
                too_many = "&".join([pair] * (schema["maxItems"] + 1))
                self.expect("400", self.live, method, f"{path}?{too_many}")
            for bad in bad_values:
                problem = self.expect("400", self.live, method, f"{path}?{name}={bad}", body,
                                      headers)
                if name not in str(problem):
                    self.complain(f"{path}?{name}={bad}: the refusal does not name {name}")
        if everything:
            self.expect("200", self.live, method, f"{path}?{'&'.join(everything)}", body, headers)

    def check_argument_names(self, path, method):
        """What the service says its arguments are is what the file says."""
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
        problem = self.expect("400", self.live, method, f"{self.concrete(path)}?nonesuch=1", body, headers)
        match = re.search(r"the arguments are: (.*)\.$", problem.get("detail", ""))
        told = set(re.split(r", | and ", match.group(1))) - {"none"} if match else {"?"}
        declared = {parameter["name"] for parameter in self.parameters(path, method, "query")}
        if told != declared:
            self.complain(f"{path}: takes {sorted(told)}, declares {sorted(declared)}")

    def check_cursor(self, path):
        """Row by row to the end: as many as `total` says, none of them twice. By id no row moves."""
        if "cursor" not in {parameter["name"] for parameter in self.parameters(path, "get")}:
            return
        seen, cursor = [], ""
        while cursor is not None and len(seen) < 100:
            value = self.expect("200", self.live, "get", f"{path}?sort=id&limit=1{cursor}")
            seen += [(item.get("page"), item.get("box")) for item in value["items"]]
            cursor = value["next_cursor"] and f"&cursor={value['next_cursor']}"
        if len(set(seen)) != value["total"] or len(seen) != value["total"]:
            self.complain(f"{path}: {len(seen)} rows by cursor, {value['total']} in all")

    def check_negotiation(self, path, method):
        """What the request's headers change: the form, 406, 304, gzip."""
        declared = self.operation(path, method)["responses"]
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, {})
        path = self.concrete(path)
        forms = list(self.contract.resolve(declared["200"])["content"])
        if "406" in declared:
            without = ";q=0, ".join(forms) + ";q=0, */*"
            for accept in ("image/png", without, "image/*"):
                self.expect("406", self.live, method, path, body, {**headers, "Accept": accept})
        if "406" in declared or path in BY_ACCEPT:
            for media in forms:
                self.check_media(path, method, media)
        for accept in ("*/*", forms[0], "image/png, */*;q=0.1"):
            self.expect("200", self.live, method, path, body, {**headers, "Accept": accept})
        self.expect("200", self.live, method, path, body, {**headers, "Accept-Encoding": "gzip"})
        if "304" not in declared:
            return
        for _ in range(20):  # `to` may move between the two
            tag = self.live.ask(method.upper(), path)[1].get("ETag", "")
            if self.ask(self.live, method, path, None, {"If-None-Match": tag})[0] == 304:
                break
        status, got, data = self.live.ask("HEAD", path, None, {"If-None-Match": "*"})
        if status != 304 or data:
            self.complain(f"HEAD {path} with If-None-Match: *: {status}, {got}")

    def check_get(self, template):
        path = self.concrete(template)
        listeners = [self.live] if LISTEN_ONLY.match(path) else [self.live, self.admin]
        for service in listeners:
            self.expect("200", service, "get", path)
        self.check_names(path)
        status, headers, data = self.live.ask("GET", path)
        head_status, head_headers, nothing = self.live.ask("HEAD", path)
        if head_status != status or nothing or \
                head_headers.get("Content-Type") != headers.get("Content-Type"):
            self.complain(f"HEAD {path}: {head_status}, {len(nothing)} bytes, {head_headers}")
        if status == 200 and ("Content-Length" in head_headers) != (path not in ENDLESS):
            self.complain(f"HEAD {path}: Content-Length {head_headers.get('Content-Length')}")
        self.check_other_methods(path, ["POST", "PUT", "DELETE", "OPTIONS"], "GET, HEAD")

    def check_names(self, path):
        """What a client calls its request and its trace comes back, and nothing else does."""
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        for names, taken in ((("Root=1-2:a/b", trace), True), (("not one", "00-1-2-3"), False)):
            _, headers, _ = self.live.ask("GET", path, headers={"X-Request-Id": names[0],
                                                                "traceparent": names[1]})
            for sent, got in zip(names, (headers.get("X-Request-Id"), headers.get("traceparent"))):
                if (sent == got) != taken:
                    self.complain(f"GET {path}: {sent} came back as {got}")

    def check_media(self, path, method, media):
        """Each declared form of a success is what whoever accepts only that gets."""
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, {})
        headers = {**headers, "Accept": f"{media}, image/png"}
        self.expect("200", self.live, method, path, body, headers)
        status, headers, _ = self.live.ask(method.upper(), path, body, headers)
        if headers.get("Content-Type", "").split(";")[0] != media:
            self.complain(f"{method.upper()} {path}, Accept: {media}: {status}, "
                          f"{headers.get('Content-Type')}")

    def check_post(self, path):
        for status, body, headers in BATCH_PROBES:
            self.expect(status, self.live, "post", path, body, headers)
        self.check_other_methods(path, ["GET", "HEAD", "PUT", "DELETE"], "POST")

    def check_other_methods(self, path, methods, allow):
        for method in methods:
            status, headers, data = self.live.ask(method, path)
            if status != 405 or headers.get("Allow") != allow:
                self.complain(f"{method} {path}: {status}, Allow {headers.get('Allow')}")
            self.check_problem(f"{method} {path}", headers, data, method)

    def check_problem(self, where, headers, data, method):
        if headers.get("Content-Type") != "application/problem+json":
            self.complain(f"{where}: {headers.get('Content-Type')} is no problem")
        elif method != "HEAD":
            schema = {"$ref": "#/components/schemas/Problem"}
            for fault in self.contract.faults(json.loads(data), schema):
                self.complain(f"{where}: {fault}")

    def check_starting(self, path, method):
        if self.starting is None:
            return
        declared = self.operation(path, method)["responses"]
        if "503" in declared and path not in ALWAYS:
            body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
            self.expect("503", self.starting, method, path, body, headers)
            if any(parameter["name"] == "verbose" for parameter in self.parameters(path, method)):
                problem = self.expect("503", self.starting, method, f"{path}?verbose")
                if not problem.get("checks"):
                    self.complain(f"{path}?verbose: a refusal without checks")
        else:
            self.expect("200", self.starting, method, self.concrete(path))

    # ---- all of it -------------------------------------------------------------------------

    def check_unknown_paths(self):
        for path in ["//", "/dashboard", "/dashboard/", "/dashboard/index.html", "/v1", "/v1/", "/v1/ctr/", "/v1/nonesuch", "/livez/", "/v1%2Fctr"]:
            status, headers, data = self.live.ask("GET", path)
            if status != 404:
                self.complain(f"GET {path}: {status}, not 404")
            self.check_problem(f"GET {path}", headers, data, "GET")
        for path in self.contract.root["paths"]:
            if LISTEN_ONLY.match(path) and self.admin.ask("GET", path)[0] != 404:
                self.complain(f"{path} is served on the admin listener")

    def check_examples(self, node, where=""):
        """Every example beside a schema is valid."""
        if isinstance(node, list):
            for index, item in enumerate(node):
                self.check_examples(item, f"{where}/{index}")
        if not isinstance(node, dict):
            return
        if "schema" in node and "example" in node:
            for fault in self.contract.faults(node["example"], node["schema"]):
                self.complain(f"the example at {where}{fault}")
        for key, inner in node.items():
            if key not in ("schema", "example"):
                self.check_examples(inner, f"{where}/{key}")

    def check_documents(self):
        """What the service says of itself is what the tree has."""
        with open(self.contract.path, "rb") as file:
            if self.live.ask("GET", "/openapi.yaml")[2] != file.read():
                self.complain("/openapi.yaml is not the file")
        page = self.live.ask("GET", "/")[2].decode()
        for name in set(re.findall(r'(?:src|href)="(/[^"#]+)"', page)):
            self.expect("200", self.live, "get", name)
        version = self.live.ask("GET", "/v1/status")[2]
        if json.loads(version)["version"] != self.contract.root["info"]["version"]:
            self.complain(f"the file is of version {self.contract.root['info']['version']}")

    def operations(self):
        for path, methods in self.contract.root["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def coverage(self):
        """[(what, those declared, those seen)]"""
        statuses, media, parameters = set(), set(), set()
        for path, method, operation in self.operations():
            parameters |= {(path, method, one["name"]) for one in self.parameters(path, method)}
            for status, response in operation["responses"].items():
                statuses.add((path, method, status))
                content = self.contract.resolve(response).get("content", {})
                media |= {(path, method, status, one) for one in content}
        sent = set(self.contract.declared_members({"$ref": "#/components/schemas/BatchRequest"}))
        members = set()
        for name, schema in self.contract.root["components"]["schemas"].items():
            if "properties" in schema:
                members |= set(self.contract.declared_members({"$ref": f"#/components/schemas/{name}"}))
        values = self.contract.seen_values
        return [("paths", set(self.contract.root["paths"]), {one[0] for one in self.seen}),
                ("parameters", parameters, self.taken), ("statuses", statuses, self.seen),
                ("media types", media, self.media), ("request members", sent, values),
                ("response members", members - sent, values)]

    def check_coverage(self, strict):
        """Says n of n of each; what was not seen and should have been is a complaint."""
        for what, declared, seen in self.coverage():
            for one in sorted(declared - seen):
                told = one if isinstance(one, str) else " ".join(one)
                if strict:
                    self.complain(f"{what}: {told} is declared and was never seen")
                else:
                    self.notes.append(f"not seen: {told} (this service has no such data)")
            self.summary.append(f"{what} {len(declared & seen)} of {len(declared)}")

    # ---- golden ----------------------------------------------------------------------------

    def routes(self):
        """What was seen, as golden files have it."""
        found = {}
        for path, method, operation in self.operations():
            if (path, method) not in self.shapes and not any(one[:2] == (path, method) for one in self.seen):
                continue
            answers, declared = self.shapes.get((path, method), {}), {}
            for answer in answers:
                status, media, *form = answer.split(" ")
                content = self.contract.resolve(operation["responses"][status])["content"][media]
                schema = {"$ref": f"#/components/schemas/{form[0]}"} if form else content["schema"]
                declared[answer] = (lambda where, schema=schema, media=media:
                                    {"null"} | ({"object"} if not where else set())
                                    if media == "text/csv" else
                                    declared_types(self.contract, schema, where))
            found[f"{method.upper()} {path}"] = {
                "parameters": {f"{one['in']} {one['name']}": one.get("required", False)
                               for one in self.parameters(path, method)},
                "statuses": sorted(operation["responses"]), "answers": answers, "declared": declared}
        return found

    def golden_form(self):
        """The same to be written: members with the types that the file gives them."""
        return {name: {**{key: route[key] for key in ("parameters", "statuses")},
                       "answers": {answer: {where: sorted(route["declared"][answer](where) or types)
                                            for where, types in members.items()}
                                   for answer, members in route["answers"].items()}}
                for name, route in self.routes().items()}

    def check_golden(self, golden, only=None):
        routes = {name: route for name, route in self.routes().items()
                  if not only or name.split(" ")[1] in only}
        faults, notes = golden.compare(self.contract, routes, whole=not only)
        self.complaints += faults
        self.notes += notes
        self.summary.append(f"golden: {len(golden.routes)} routes, {len(notes)} additions")

    # ---- services in other moods -----------------------------------------------------------

    def check_variety(self, service, only):
        """Every window, level and order, of what there is and of what there is not."""
        names = ["", "&page=%2Foffer%2Flist", "&box=opbox.carousel.1",
                 "&page=%2Foffer%2Flist&box=opbox.banner", "&page=nobody", "&page=%2Fp%2F5&box=b5"]
        for path, method, _ in self.operations():
            takes = {one["name"]: self.contract.resolve(one["schema"]) for one in
                     self.parameters(path, method, "query")}
            if method == "post" or "window" not in takes or (only and path not in only):
                continue
            for window in world.WINDOWS.split(","):
                for by in takes.get("by", {}).get("enum", [None]):
                    for level in takes.get("level", {}).get("enum", [None]):
                        more = (f"&by={by}" if by else "") + (f"&level={level}" if level else "")
                        self.ask(service, method, f"{path}?window={window}{more}")
                for name in names:
                    self.ask(service, method, f"{path}?window={window}{name}")
                for media in self.contract.resolve(
                        self.operation(path, method)["responses"]["200"])["content"]:
                    self.ask(service, method, f"{path}?window={window}", None, {"Accept": media})
        for window in world.WINDOWS.split(","):
            if not only or "/v1/ctr:batchGet" in only:
                body = json.dumps({"window": window, "items": [{"page": "nobody"}, {}, {
                    "page": "/offer/list", "box": "opbox.banner"}]})
                self.ask(service, "post", "/v1/ctr:batchGet", body, JSON_TYPE)

    def check_crowded(self, service, room, status, only):
        """A service with no room for one more connection says the same on every path."""
        with world.crowd(service, room, status):
            for path, method, _ in self.operations():
                if not only or path in only:
                    body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
                    self.expect(status, service, method, self.concrete(path), body, headers)

    def check_guarded(self, moods, only):
        """Without a token, and with one of another scope."""
        for path, method, operation in self.operations():
            if "401" in operation["responses"] and (not only or path in only):
                body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, {})
                self.expect("401", moods["guarded"], method, self.concrete(path), body, headers)
                token = moods["tokens"]["export" if path == "/v1/stream" else "stream"]
                headers = {**headers, "Authorization": f"Bearer {token}"}
                self.expect("403", moods["guarded"], method, self.concrete(path), body, headers)

    def check_moods(self, moods, only):
        self.check_variety(self.live, only)
        self.check_variety(moods["small"], only)
        for service in ("small", "starting"):
            self.expect("200", moods[service], "get", "/v1/status")
        deadline = time.monotonic() + 30  # until it has given up on the broker once
        while not self.ask(self.starting, "get", "/v1/status")[1]["source"]["error"]:
            if time.monotonic() > deadline:
                self.complain("a service without a broker complains of nothing")
                break
            time.sleep(0.2)
        self.check_guarded(moods, only)
        self.check_crowded(moods["fair"], PER_ADDRESS, "429", only)
        self.check_crowded(moods["full"], FULL_AT, "503", only)
        if not only:
            self.check_troubles(moods["place"], moods["stopped"])

    def await_status(self, service, what, good):
        """Asks for the status until it is as wanted, and holds each against the file."""
        deadline = time.monotonic() + 60
        while not good(status := self.ask(service, "get", "/v1/status")[1]):
            if time.monotonic() > deadline:
                self.complain(f"no {what} in a minute: {json.dumps(status)[:2000]}")
                return
            time.sleep(0.01)

    def check_troubles(self, place, stopped):
        """What /v1/status tells of a disk without room, of a log that is not the one that was read,
        and of a pipeline that is far behind while a scout answers, and afterwards."""
        poor = Service(place.start("poor")[0])
        self.await_status(poor, "snapshot", lambda status: status["snapshot"]["written"] > 0)
        with place.no_room("poor"):
            self.await_status(poor, "failing disk", lambda status: status["snapshot"]["error"])
        self.await_status(poor, "disk with room", lambda status: status["snapshot"]["persisting"])
        moved = Service(place.start("moved", brokers=place.make_kafka()[1])[0])
        self.await_status(moved, "partition of another log", lambda status: all(
            one["state"] == "truncated" and one["reason"] for one in status["partitions"]))
        time.sleep(max(0, stopped + SCOUT_AFTER_S - time.monotonic()))
        place.slow_kafka(150)  # so that what is left is seen to shrink, fetch by fetch
        behind = Service(place.start("behind", scout_after="1s", scout_window="1s")[0])
        self.await_status(behind, "scout", lambda status: status["backfill"])
        self.await_status(behind, "end of the scout", lambda status: status["handovers"]["at"])

    def run(self, moods=None, only=None):
        """`moods`: the other services of world.py by name; `only`: no other paths."""
        self.check_examples(self.contract.root)
        self.contract.seen_members.clear()
        self.contract.seen_values.clear()
        for path, method, _ in self.operations():
            if only and path not in only:
                continue
            if method == "get":
                self.check_get(path)
            else:
                self.check_post(path)
            self.check_parameters(path, method)
            self.check_edge(path, method)
            self.check_header_parameters(path, method)
            self.check_negotiation(path, method)
            if method == "get":
                self.check_cursor(path)
            self.check_argument_names(path, method)
            self.check_starting(path, method)
        if not only:
            self.check_unknown_paths()
            self.check_documents()
        if moods is not None:
            self.check_moods(moods, only)


GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")


def open_world(options):
    """(world, {name: Service})"""
    tools = options.tools
    place = world.World(options.binary, os.path.join(tools, "mock_kafka"), os.path.join(tools, "ktool"))
    try:
        found = world.records(int(time.time() * 1000))
        before = place.produce(found[:len(found) // 2])
        place.await_read(place.start("behind")[0], before)
        place.stop("behind")
        stopped = time.monotonic()
        count = before + place.produce(found[len(found) // 2:], BATCHES)
        place.copy_saved("behind", "moved")
        live, admin = place.start("live")
        urls = {"live": live, "admin": admin,
                "small": place.start("small", max_keys=5, max_memory="256M")[0],
                "starting": place.start("starting", brokers="127.0.0.1:1")[0],
                "fair": place.start("fair", connections_per_address=PER_ADDRESS, brokers="127.0.0.1:1")[0],
                "full": place.start("full", max_connections=CONNECTIONS, brokers="127.0.0.1:1")[0]}
        file, made = place.tokens("stream", "export")
        urls["guarded"] = place.start("guarded", tokens=file, brokers="127.0.0.1:1")[0]
        for name in ("live", "small"):
            place.await_read(urls[name], count)
    except BaseException:
        place.close()
        raise
    return place, {**{name: Service(url) for name, url in urls.items()}, "place": place,
                   "stopped": stopped, "tokens": dict(zip(("stream", "export"), made))}


def report(check, verbose):
    for complaint in check.complaints:
        print(complaint)
    for note in check.notes if verbose else ():
        print(note)
    for line in check.summary:
        print(line)
    print(f"{len(check.contract.root['paths'])} paths, {check.asked} requests, {len(check.seen)} (path, "
          f"method, status) seen, {len(check.complaints)} complaints")
    return 1 if check.complaints else 0


def check_own(options):
    place, services = open_world(options)
    try:
        if options.self_test:
            return bites.run(lambda contract, live: Check(
                contract, live, services["admin"], services["starting"]), services, options.openapi,
                Golden(GOLDEN))
        check = Check(Contract(options.openapi), services["live"], services["admin"],
                      services["starting"])
        check.run(services)
        check.check_coverage(strict=True)
        if options.write_golden:
            Golden(GOLDEN).write(check.golden_form())
        check.check_golden(Golden(GOLDEN))
        return report(check, options.verbose)
    finally:
        place.close()


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary")
    parser.add_argument("--tools", help="where mock_kafka and ktool are")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--write-golden", action="store_true")
    parser.add_argument("--live")
    parser.add_argument("--admin")
    parser.add_argument("--starting")
    parser.add_argument("--openapi", default=os.path.join(root, "openapi.yaml"))
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    if options.binary and options.tools:
        return check_own(options)
    if not options.live or not options.admin:
        parser.error("--binary and --tools, or --live and --admin")
    starting = Service(options.starting) if options.starting else None
    check = Check(Contract(options.openapi), Service(options.live), Service(options.admin), starting)
    check.run()
    check.check_coverage(strict=False)
    return report(check, True)


if __name__ == "__main__":
    sys.exit(main())
