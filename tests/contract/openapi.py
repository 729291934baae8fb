# SPDX-License-Identifier: Apache-2.0
"""openapi.yaml as the checks and the page of /docs read it: the parts of YAML and of JSON Schema in
which it is written. Standard library only."""
import json
import re


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
        self.path = path
        self.seen_members = set()
        self.seen_values = set()  # of those, the ones that were more than null

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
                if inner is not None:
                    self.seen_values.add(f"{name}.{member}")
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
