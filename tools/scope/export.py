"""The trace for other programs: JSON, and the trace-event format that
Perfetto's viewer (ui.perfetto.dev) reads."""

import json

import records
from story import CALL_NAMES, ENDS, call_text


def fault_dict(fault, told, pagers):
    return {
        "id": fault.id, "address": hex(fault.address), "ip": hex(fault.ip),
        "pid": fault.pid, "tid": fault.tid, "who": told.who(fault.tid),
        "access": fault.access, "error": fault.error, "end": ENDS[fault.end],
        "area": [hex(v) for v in fault.area],
        "before": [hex(v) for v in fault.before],
        "after": [hex(v) for v in fault.after],
        "stages": {n: t for n, t in zip(records.STAGES, fault.stage) if t},
        "pager": pagers.get(fault.id),
    }


def write_json(told, out):
    pagers = told.pagers()
    json.dump({
        "ticks_per_ms": told.ticks_per_ms,
        "faults": [fault_dict(f, told, pagers) for f in told.faults],
        "calls": [{"tid": c.tid, "begin": c.begin, "end": c.end,
                   "text": call_text(c)} for c in told.calls],
        "switches": [{"time": t, "cpu": cpu, "from": a, "to": b}
                     for t, cpu, a, b in told.switches],
        "names": told.names,
    }, out, indent=1)
    out.write("\n")


def span(name, category, told, tid, begin, end, args):
    return {"name": name, "cat": category, "ph": "X",
            "ts": told.microseconds(begin - told.begin),
            "dur": told.microseconds(end - begin),
            "pid": told.pids.get(tid, tid), "tid": tid, "args": args}


def write_perfetto(told, path):
    events = [{"name": "thread_name", "ph": "M",
               "pid": told.pids.get(tid, tid), "tid": tid,
               "args": {"name": name}} for tid, name in told.names.items()]
    for f in told.faults:
        events.append(span(f"fault {ENDS[f.end]}", "fault", told, f.tid,
                           f.stage[0], f.stage[-1],
                           {"id": f.id, "address": hex(f.address)}))
        reached = [(n, t) for n, t in zip(records.STAGES, f.stage) if t]
        for (_, a), (name, b) in zip(reached, reached[1:]):
            events.append(span(f"until {name}", "stage", told, f.tid, a, b,
                               {"id": f.id}))
    for c in told.calls:
        events.append(span(CALL_NAMES.get(c.number, str(c.number)), "call",
                           told, c.tid, c.begin, c.end or told.last,
                           {"text": call_text(c)}))
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, out)
