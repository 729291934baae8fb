# SPDX-License-Identifier: Apache-2.0
"""What answers were like before: tests/contract/golden has a file for each route, with its
arguments, its statuses and the members of each answer with their types.

Something new is a note. Something gone, renamed, of another type or newly required is a fault: there
are callers who use it. Such a file is only ever added to: check_contract.py --write-golden.
Standard library only."""
import json
import os
import re

NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null",
         int: "integer", float: "number"}


def shape(value, found, where=""):
    """Adds {member: types} of a value to found."""
    found.setdefault(where, set()).add(NAMES[type(value)])
    if isinstance(value, dict):
        for name, inner in value.items():
            shape(inner, found, f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            shape(inner, found, f"{where}[]")
    return found


def declared_types(contract, schema, where):
    """The types that the file allows at a place of an answer; None where it knows no such place."""
    schema = contract.resolve(schema)
    for step in re.findall(r"\.[^.\[]+|\[\]", where):
        schema = schema.get("items") if step == "[]" else schema.get("properties", {}).get(step[1:])
        if schema is None:
            return None
        schema = contract.resolve(schema)
    if "const" in schema and "type" not in schema:
        return {NAMES[type(schema["const"])]}
    types = schema.get("type", "string" if "enum" in schema else [])
    return set(types if isinstance(types, list) else [types])


def fits(types, allowed):
    return types <= allowed | ({"integer"} if "number" in allowed else set())


class Golden:
    def __init__(self, folder):
        self.folder = folder
        self.routes = {}
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                route = json.load(file)
            self.routes[route["route"]] = route

    # ---- writing ---------------------------------------------------------------------------

    def write(self, routes):
        """Adds what is new; takes nothing away."""
        os.makedirs(self.folder, exist_ok=True)
        for name, route in routes.items():
            old = self.routes.get(name, {"parameters": {}, "statuses": [], "answers": {}})
            answers = {key: {**route["answers"].get(key, {}), **old["answers"].get(key, {})}
                       for key in {*route["answers"], *old["answers"]}}
            merged = {"route": name, "parameters": {**route["parameters"], **old["parameters"]},
                      "statuses": sorted({*route["statuses"], *old["statuses"]}), "answers": answers}
            file_name = re.sub(r"[^A-Za-z0-9]+", "_", name.lower()).strip("_") + ".json"
            with open(os.path.join(self.folder, file_name), "w", encoding="utf-8") as file:
                json.dump(merged, file, indent=1, sort_keys=True)
                file.write("\n")

    # ---- comparing -------------------------------------------------------------------------

    def compare(self, contract, routes, whole):
        """(faults, notes). `whole`: routes has every route, so one that lacks is gone."""
        faults, notes = [], []
        for name, old in self.routes.items():
            if name not in routes:
                faults += [f"golden: {name} is gone"] if whole else []
                continue
            self.compare_route(name, old, routes[name], faults, notes)
            self.compare_answers(contract, name, old, routes[name], faults, notes)
        notes += [f"golden: {name} is new" for name in sorted(routes.keys() - self.routes.keys())]
        return faults, notes

    @staticmethod
    def compare_route(name, old, new, faults, notes):
        for parameter, required in old["parameters"].items():
            if parameter not in new["parameters"]:
                faults.append(f"golden: {name} takes no {parameter} any more")
            elif new["parameters"][parameter] and not required:
                faults.append(f"golden: {name} requires {parameter} now")
        for parameter, required in new["parameters"].items():
            if parameter not in old["parameters"]:
                (faults if required else notes).append(
                    f"golden: {name} takes {parameter} now" + (", and requires it" if required else ""))
        faults += [f"golden: {name} has no {status} any more"
                   for status in old["statuses"] if status not in new["statuses"]]
        notes += [f"golden: {name} has {status} now"
                  for status in new["statuses"] if status not in old["statuses"]]

    @staticmethod
    def compare_answers(contract, name, old, new, faults, notes):
        for answer, members in old["answers"].items():
            seen = new["answers"].get(answer)
            if seen is None:
                faults.append(f"golden: {name} {answer} was not given")
                continue
            for where, types in members.items():
                told = f"golden: {name} {answer}: {where or 'the whole'}"
                declared = new["declared"][answer](where)
                if where not in seen:
                    faults.append(f"{told} is gone")
                elif not fits(set(seen[where]), set(types)):
                    faults.append(f"{told} is {' or '.join(sorted(seen[where]))}, was {' or '.join(types)}")
                elif declared is None or not fits(declared, set(types)):
                    faults.append(f"{told} may be {declared} by the file, was {' or '.join(types)}")
            notes += [f"golden: {name} {answer}: {where} is new" for where in sorted(seen.keys() - members.keys())]
        notes += [f"golden: {name} {answer} is new" for answer in sorted(new["answers"].keys() -
                                                                       old["answers"].keys())]
