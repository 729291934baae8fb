#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks openapi.yaml against a running service, both ways.

    check_contract.py --live URL --admin URL [--starting URL] [--openapi FILE]

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
import http.client
import json
import os
import re
import sys
import urllib.parse


# ---- the file: the part of YAML in which openapi.yaml is written ---------------------------------

class Reader:
    """Block mappings and sequences, two spaces deep; scalars plain, quoted, `|` blocks, JSON on one
    line, and flow lists of words."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.at = 0

    def peek(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and not line.lstrip().startswith("#"):
                return len(line) - len(line.lstrip()), line.strip()
            self.at += 1
        return -1, ""

    def block(self, indent):
        """The mapping or sequence whose lines begin at `indent`."""
        return self.sequence(indent) if self.peek()[1].startswith("- ") else self.mapping(indent)

    def sequence(self, indent):
        found = []
        while self.peek()[0] == indent and self.peek()[1].startswith("- "):
            line = self.lines[self.at]
            self.lines[self.at] = line.replace("- ", "  ", 1)  # the item is a block two deeper
            found.append(self.mapping(indent + 2))
        return found

    def mapping(self, indent):
        found = {}
        while self.peek()[0] == indent and not self.peek()[1].startswith("- "):
            text = self.peek()[1]
            match = re.match(r"('[^']*'|[^\s'\"]+?):(?: (.*))?$", text)
            if not match:
                raise ValueError(f"line {self.at + 1}: not `key: value`: {text}")
            key = match.group(1).strip("'")
            if key in found:
                raise ValueError(f"line {self.at + 1}: {key} twice")
            self.at += 1
            found[key] = self.value(match.group(2), indent)
        return found

    def value(self, text, indent):
        if text is None:
            return self.block(indent + 2)
        if text == "|":
            return self.literal(indent + 2)
        return scalar(text)

    def literal(self, indent):
        taken = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip()) < indent:
                break
            taken.append(line[indent:])
            self.at += 1
        return "\n".join(taken).rstrip("\n") + "\n"


def scalar(text):
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text[0] in '{"':
        return json.loads(text)
    if text.startswith("["):
        return [scalar(word.strip()) for word in text[1:-1].split(",")]
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False, "null": None}.get(text, text)


# ---- schemas: the part of JSON Schema that the file uses -----------------------------------------

KNOWN = {"type", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum",
         "minItems", "maxItems", "items", "properties", "required", "additionalProperties",
         "description", "format", "default", "$ref"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.root = Reader(file.read()).mapping(0)
        self.seen_members = set()

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def name(self, node):
        return node["$ref"].split("/")[-1] if isinstance(node, dict) and "$ref" in node else ""

    def faults(self, value, schema, where="", name=""):
        """Every way in which value breaks the schema, as sentences."""
        name = self.name(schema) or name
        schema = self.resolve(schema)
        for keyword in set(schema) - KNOWN:
            yield f"{where}: the checker does not know {keyword}"
        types = schema.get("type", [])
        types = types if isinstance(types, list) else [types]
        if types and not any(is_type(value, one) for one in types):
            yield f"{where}: {json.dumps(value)[:60]} is not {' or '.join(types)}"
            return
        if "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not {schema['const']!r}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"
        if isinstance(value, str):
            yield from string_faults(value, schema, where)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value):
                yield f"{where}: {value} is out of range"
        elif isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                yield f"{where}: {len(value)} items"
            for index, item in enumerate(value):
                yield from self.faults(item, schema.get("items", {}), f"{where}[{index}]",
                                       name + "[]")
        elif isinstance(value, dict):
            yield from self.object_faults(value, schema, where, name)

    def object_faults(self, value, schema, where, name):
        properties = schema.get("properties", {})
        for member in schema.get("required", []):
            if member not in value:
                yield f"{where}: {member} is required and missing"
        for member, inner in value.items():
            if member in properties:
                self.seen_members.add(f"{name}.{member}")
                yield from self.faults(inner, properties[member], f"{where}.{member}",
                                       f"{name}.{member}")
            else:
                yield f"{where}: {member} is not declared"

    def declared_members(self, schema, name=""):
        name = self.name(schema) or name
        schema = self.resolve(schema)
        if "items" in schema:
            yield from self.declared_members(schema["items"], name + "[]")
        for member, inner in schema.get("properties", {}).items():
            yield f"{name}.{member}"
            yield from self.declared_members(inner, f"{name}.{member}")


def is_type(value, name):
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def string_faults(value, schema, where):
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{where}: {len(value)} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"


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
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


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
    "compare": ["", "x", "1d,", "1d,,7d", "30s", "1d,2d,3d,4d,5d"],
}
# Statuses that a healthy service cannot be brought to give.
NOT_PROVOKED = {("/livez", "get", "503"): "a thread would have to hang"}
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
        self.complaints = []
        self.seen = set()
        self.asked = 0

    def complain(self, text):
        self.complaints.append(text)

    def operation(self, path, method):
        return self.contract.root["paths"].get(path, {}).get(method)

    def ask(self, service, method, target, body=None, headers=None):
        """Asks, and holds the answer against the file. Returns (status, parsed body)."""
        self.asked += 1
        status, got_headers, data = service.ask(method.upper(), target, body, headers)
        where = f"{method.upper()} {target[:80]} -> {status}"
        operation = self.operation(target.split("?")[0].replace("%3A", ":"), method)
        media = got_headers.get("Content-Type", "").split(";")[0]
        value = data.decode("utf-8")
        if media.endswith("json"):
            value = json.loads(value)
        if operation is None:
            return status, value
        response = self.contract.resolve(operation["responses"].get(str(status)))
        if response is None:
            self.complain(f"{where}: the status is not declared; {value}")
            return status, value
        self.seen.add((target.split("?")[0], method, str(status)))
        self.check_headers(where, response, got_headers)
        if media not in response["content"]:
            self.complain(f"{where}: {media} is not declared")
            return status, value
        for fault in self.contract.faults(value, response["content"][media]["schema"]):
            self.complain(f"{where}: body{fault}")
        if media == "application/problem+json" and value.get("status") != status:
            self.complain(f"{where}: the body says {value.get('status')}")
        return status, value

    def check_headers(self, where, response, headers):
        for name, header in response.get("headers", {}).items():
            schema = self.contract.resolve(self.contract.resolve(header)["schema"])
            value = headers.get(name)
            if value is None:
                self.complain(f"{where}: no {name}")
                continue
            if schema.get("type") == "integer":
                value = int(value)
            for fault in self.contract.faults(value, schema):
                self.complain(f"{where}: {name}{fault}")
        for name in ("Cache-Control", "Retry-After", "Allow"):
            if name in headers and name not in response.get("headers", {}):
                self.complain(f"{where}: {name} is not declared")

    def expect(self, status, service, method, target, body=None, headers=None):
        got, value = self.ask(service, method, target, body, headers)
        if str(got) != status:
            self.complain(f"{method.upper()} {target[:80]}: {got}, not {status}: {str(value)[:200]}")
        return value

    # ---- one path --------------------------------------------------------------------------

    def parameters(self, path, method):
        for parameter in self.operation(path, method).get("parameters", []):
            yield self.contract.resolve(parameter)

    def check_parameters(self, path, method):
        """Each alone with its example and each value of its enum, all together, and each broken."""
        everything = []
        for parameter in self.parameters(path, method):
            name = parameter["name"]
            schema = self.contract.resolve(parameter["schema"])
            values = schema.get("enum", [parameter["example"]])
            bad_values = list(BAD_VALUES.get(name, [""]))
            if schema["type"] == "integer":
                values = values + [schema["minimum"], schema["maximum"]]
                bad_values += [schema["minimum"] - 1, schema["maximum"] + 1]
            for value in values:
                pair = f"{name}={urllib.parse.quote(str(value), safe='')}"
                self.expect("200", self.live, method, f"{path}?{pair}")
            everything.append(pair)
            self.expect("400", self.live, method, f"{path}?{pair}&{pair}")
            for bad in bad_values:
                problem = self.expect("400", self.live, method, f"{path}?{name}={bad}")
                if name not in str(problem):
                    self.complain(f"{path}?{name}={bad}: the refusal does not name {name}")
        if everything:
            self.expect("200", self.live, method, f"{path}?{'&'.join(everything)}")

    def check_argument_names(self, path, method):
        """What the service says its arguments are is what the file says."""
        body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
        problem = self.expect("400", self.live, method, f"{path}?nonesuch=1", body, headers)
        match = re.search(r"the arguments are: (.*)\.$", problem.get("detail", ""))
        told = set(re.split(r", | and ", match.group(1))) - {"none"} if match else {"?"}
        declared = {parameter["name"] for parameter in self.parameters(path, method)}
        if told != declared:
            self.complain(f"{path}: takes {sorted(told)}, declares {sorted(declared)}")

    def check_get(self, path):
        listeners = [self.live] if path.startswith("/v1/") else [self.live, self.admin]
        for service in listeners:
            self.expect("200", service, "get", path)
        status, headers, data = self.live.ask("GET", path)
        head_status, head_headers, nothing = self.live.ask("HEAD", path)
        if head_status != status or nothing or \
                head_headers.get("Content-Type") != headers.get("Content-Type"):
            self.complain(f"HEAD {path}: {head_status}, {len(nothing)} bytes, {head_headers}")
        if status == 200 and "Content-Length" not in head_headers:
            self.complain(f"HEAD {path}: no Content-Length")
        self.check_other_methods(path, ["POST", "PUT", "DELETE", "OPTIONS"], "GET, HEAD")

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
        if "503" in declared and (path, method, "503") not in NOT_PROVOKED:
            body, headers = (ITEMS, JSON_TYPE) if method == "post" else (None, None)
            self.expect("503", self.starting, method, path, body, headers)
        else:
            self.expect("200", self.starting, method, path)

    # ---- all of it -------------------------------------------------------------------------

    def check_unknown_paths(self):
        for path in ["/", "/v1", "/v1/", "/v1/ctr/", "/v1/nonesuch", "/livez/", "/v1%2Fctr"]:
            status, headers, data = self.live.ask("GET", path)
            if status != 404:
                self.complain(f"GET {path}: {status}, not 404")
            self.check_problem(f"GET {path}", headers, data, "GET")
        for path in self.contract.root["paths"]:
            if path.startswith("/v1/") and self.admin.ask("GET", path)[0] != 404:
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

    def check_coverage(self):
        unseen = []
        for path, methods in self.contract.root["paths"].items():
            for method, operation in methods.items():
                for status in operation["responses"]:
                    if (path, method, status) not in self.seen:
                        unseen.append((path, method, status))
        for one in unseen:
            if one in NOT_PROVOKED:
                print(f"not seen: {' '.join(one)} ({NOT_PROVOKED[one]})")
            elif self.starting is None and one[2] == "503":
                print(f"not seen: {' '.join(one)} (no --starting was given)")
            else:
                self.complain(f"{' '.join(one)} is declared and was never seen")

    def check_members(self):
        """Members the file declares and no answer had. Optional ones depend on the data."""
        optional = {"Answer.page", "Answer.box", "Answer.folded", "Item.page", "Item.box",
                    "Item.folded", "List.other", "Series.page", "Series.box", "Explanation.page",
                    "Explanation.box", "Answer.people_missing", "Item.people_missing"}
        declared = set()
        for name in ("Answer", "Batch", "List", "Series", "Explanation", "Status", "Problem"):
            declared.update(self.contract.declared_members({"$ref": f"#/components/schemas/{name}"}))
        for member in sorted(declared - self.contract.seen_members):
            within = any(member.startswith(part) for part in
                         ("Status.malformed_samples", "Partition.", "List.other", "Item."))
            if within or member in optional:
                print(f"not seen: member {member} (there was no data for it)")
            else:
                self.complain(f"member {member} is declared and was never seen")

    def run(self):
        self.check_examples(self.contract.root)
        self.contract.seen_members.clear()
        for path, methods in self.contract.root["paths"].items():
            for method in methods:
                if method == "get":
                    self.check_get(path)
                else:
                    self.check_post(path)
                self.check_parameters(path, method)
                self.check_argument_names(path, method)
                self.check_starting(path, method)
        self.check_unknown_paths()
        self.check_coverage()
        self.check_members()


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--live", required=True)
    parser.add_argument("--admin", required=True)
    parser.add_argument("--starting")
    parser.add_argument("--openapi", default=os.path.join(root, "openapi.yaml"))
    options = parser.parse_args()
    starting = Service(options.starting) if options.starting else None
    check = Check(Contract(options.openapi), Service(options.live), Service(options.admin),
                  starting)
    check.run()
    for complaint in check.complaints:
        print(complaint)
    paths = check.contract.root["paths"]
    print(f"{len(paths)} paths, {check.asked} requests, {len(check.seen)} (path, method, status) "
          f"seen, {len(check.complaints)} complaints")
    return 1 if check.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
