"""Reads every export of the example case again, with readers that are not ours.

    python tests/exports/read_again.py FOLDER

FOLDER holds what `cargo xtask analyze` wrote: `case.json` with events, and each form under its own file name; `pseudonyms/` holds the same under
pseudonyms. Every deviation is printed; the exit status is 1 where there is one.
"""

import csv
import datetime
import html.parser
import json
import pathlib
import re
import sys

import stix2
import stix2validator

folder = pathlib.Path(sys.argv[1])
case = json.loads((folder / "case.json").read_text("utf-8"))
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))


def formula(cell):
    return cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell.strip("-:") != ""


def spreadsheet(path):
    head, *lines = rows(path)
    check(head[:4] == ["time", "time_basis", "cloud_time", "kind"], f"csv: head {head}")
    check(len(lines) == len(case["events"]), f"csv: {len(lines)} rows for {len(case['events'])} events")
    check(all(len(line) == len(head) for line in lines), "csv: a row has another number of cells")
    check(not any(formula(cell) for line in lines for cell in line), "csv: a cell is a formula")
    return [dict(zip(head, line)) for line in lines]


def same_events(table):
    evidence = {item["id"]: item for item in case["evidence"]}
    for row, event in zip(table, case["events"]):
        item = evidence[event["evidence"]]
        check(row["time"] == (event["time"] or ""), f"csv: time of event {event['id']}")
        check(int(row["offset"]) == event["offset"] and int(row["length"]) == event["length"], f"csv: place of event {event['id']}")
        check(row["evidence_sha256"] == (item["sha256"] or ""), f"csv: hash of event {event['id']}")
        check(row["evidence"].lstrip("'") == item["path"].lstrip("'"), f"csv: item of event {event['id']}")


def timesketch(path):
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    timed = [event for event in case["events"] if event["time"]]
    check(len(lines) == len(timed), f"timesketch: {len(lines)} lines for {len(timed)} events with a time")
    for line, event in zip(lines, timed):
        for name in ("message", "datetime", "timestamp_desc"):
            check(isinstance(line.get(name), str) and line[name] != "", f"timesketch: {name} of event {event['id']}")
        moment = datetime.datetime.fromisoformat(line["datetime"])
        check(moment.utcoffset() == datetime.timedelta(0), "timesketch: an offset other than zero")
        check(line["datetime"][:19] == event["time"][:19], f"timesketch: time of event {event['id']}")


def plaso(path):
    head, *lines = rows(path)
    check(",".join(head) == "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,extra", f"l2t: head {head}")
    check(len(lines) == len(case["events"]), "l2t: number of rows")
    for line, event in zip(lines, case["events"]):
        check(len(line) == 17, "l2t: a row has another number of cells")
        if event["time"]:
            moment = datetime.datetime.strptime(f"{line[0]} {line[1]}", "%m/%d/%Y %H:%M:%S")
            check(moment.isoformat() == event["time"][:19], f"l2t: time of event {event['id']}")
        else:
            check(line[:2] == ["00/00/0000", "--:--:--"], "l2t: a time that is not there")


def intelligence(path):
    text = path.read_text("utf-8")
    result = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1", disabled=["all"]))
    check(result.is_valid, f"stix: {result}")
    bundle = stix2.parse(text, allow_custom=False)
    kinds = {}
    for thing in bundle.objects:
        kinds.setdefault(thing["type"], []).append(thing)
    ids = {thing["id"] for thing in bundle.objects}
    check(len(ids) == len(bundle.objects), "stix: an id occurs twice")
    for thing in bundle.objects:
        for name in ("object_refs", "source_ref", "target_ref", "created_by_ref"):
            named = thing.get(name, [])
            check(set([named] if isinstance(named, str) else named) <= ids, f"stix: {thing['id']} names something that is not there")
    for name, kind in (("ipv4-addr", stix2.IPv4Address), ("ipv6-addr", stix2.IPv6Address), ("user-account", stix2.UserAccount), ("file", stix2.File)):
        for thing in kinds.get(name, []):
            own = {key: value for key, value in thing.items() if key not in ("id", "spec_version", "type")}
            check(kind(**own)["id"] == thing["id"], f"stix: {thing['id']} is not the id that the standard gives it")
    incidents = [incident for incident in case["incidents"] if incident["findings"]]
    check(len(kinds.get("grouping", [])) == len(incidents), "stix: one grouping for each incident")
    check(len(kinds.get("indicator", [])) > 0 and len(kinds.get("attack-pattern", [])) > 0, "stix: no indicator or no technique")
    return kinds


def layer(path):
    layer = json.loads(path.read_text("utf-8"))
    check(layer["versions"]["layer"] == "4.5" and layer["domain"] == "enterprise-attack", "navigator: its versions")
    ids = [technique["techniqueID"] for technique in layer["techniques"]]
    check(len(ids) == len(set(ids)) and all(re.fullmatch(r"T\d{4}(\.\d{3})?", one) for one in ids), "navigator: its techniques")
    seen = {technique for finding in case["findings"] for technique in finding["attack"]}
    check(seen <= set(ids), f"navigator: lacks {seen - set(ids)}")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text = []

    def handle_starttag(self, tag, attributes):
        check(tag not in ("script", "iframe", "object", "embed", "link", "base", "form", "a", "img"), f"report: an element {tag}")
        for name, value in attributes:
            check(name not in ("src", "href", "action", "srcdoc") and not name.startswith("on"), f"report: an attribute {name}={value}")

    def handle_data(self, data):
        self.text.append(data)


def report(path, markdown):
    page = Page()
    page.feed(path.read_text("utf-8"))
    text = "".join(page.text)
    check("default-src 'none'" in path.read_text("utf-8"), "report: no policy")
    for item in case["evidence"]:
        check(item["path"] in text, f"report: {item['path']} is not named")
        check(item["sha256"] is None or item["sha256"] in text, f"report: the hash of {item['path']} is not there")
    for searched in case["searched"]:
        check(searched["detector"] in text, f"report: {searched['detector']} is not named")
    for finding in case["findings"]:
        check(finding["title"] in text, f"report: finding {finding['id']} is not told")
    plain = markdown.read_text("utf-8")
    for item in case["evidence"]:
        check(item["sha256"] is None or item["sha256"] in plain, f"markdown: the hash of {item['path']} is not there")
    tables = [line for line in plain.splitlines() if line.startswith("| ")]
    check(len(tables) > len(case["evidence"]) + len(case["findings"]), "markdown: rows are missing")
    prose = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", plain)
    check("://" not in prose, "markdown: something that becomes a link")


def names():
    """What must not be found in an export under pseudonyms."""
    real = set()
    for operation in case["operations"]:
        real |= {operation["caller"], operation["subscription"], operation["resource_group"], operation["vm"], *operation["ips"]}
    for run in case["runs"]:
        real.add(run["host"])
    for actor in case["actors"]:
        real |= {actor["caller"], *actor["ips"]}
    return {name for name in real if name and len(name) > 3}


def hidden(folder):
    real = names()
    check(len(real) > 10, "pseudonyms: there are hardly any names to hide")
    for path in sorted(folder.iterdir()):
        text = path.read_text("utf-8").lower()
        for name in real:
            found = re.search(r"(?<![^\W_])" + re.escape(name.lower()) + r"(?![^\W_])", text)
            check(found is None, f"pseudonyms: {path.name} holds {name}: {text[max(0, found.start() - 40):found.end() + 20] if found else ''}")
    hidden_case = json.loads((folder / "case.json").read_text("utf-8"))
    check(hidden_case.keys() == case.keys(), "pseudonyms: the document has other keys")
    for key in ("events", "operations", "runs", "executions", "findings", "incidents"):
        check(len(hidden_case[key]) == len(case[key]), f"pseudonyms: another number of {key}")
    for real, stand_in in zip(case["executions"], hidden_case["executions"]):
        check((real["operation"], real["run"], real["confidence"]) == (stand_in["operation"], stand_in["run"], stand_in["confidence"]), "pseudonyms: an execution changed")
    callers = {operation["caller"] for operation in case["operations"]}
    check(len({operation["caller"] for operation in hidden_case["operations"]}) == len(callers), "pseudonyms: callers fell together or apart")


same_events(spreadsheet(folder / "runlens-events.csv"))
timesketch(folder / "runlens-timesketch.jsonl")
plaso(folder / "runlens-l2t.csv")
intelligence(folder / "runlens-stix.json")
layer(folder / "runlens-navigator.json")
report(folder / "runlens-report.html", folder / "runlens-report.md")
hidden(folder / "pseudonyms")
intelligence(folder / "pseudonyms" / "runlens-stix.json")

for line in list(dict.fromkeys(wrong))[:40]:
    print(line)
print(f"exports: {len(wrong)} deviations, {len(case['events'])} events")
sys.exit(1 if wrong else 0)
