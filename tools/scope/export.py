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
        "cycle": fault.cycle,
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
        "messages": [{"time": m.time, "tid": m.tid, "context": hex(m.ctx),
                      "event": m.event, "text": m.text}
                     for m in told.messages],
        "fills": [{"begin": f.begin, "end": f.time, "tid": f.tid,
                   "context": hex(f.ctx), "request": f.request,
                   "address": hex(f.address), "length": f.length,
                   "result": f.result, "text": f.text} for f in told.fills],
        "spaces": [{"time": time, "pid": pid,
                    "call": call_text(call) if call else None,
                    "areas": [[hex(a) for a in area[:3]] for area in tree]}
                   for time, pid, call, _, tree in told.spaces()],
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


def instant(name, category, told, tid, time, args):
    return {"name": name, "cat": category, "ph": "i", "s": "t",
            "ts": told.microseconds(time - told.begin),
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
    for m in told.messages:
        events.append(instant(f"message: {m.event}", "userfaultfd", told,
                              m.tid, m.time, {"text": m.text}))
    for f in told.fills:
        events.append(span(f"UFFDIO_{f.request}", "userfaultfd", told, f.tid,
                           f.begin, f.time, {"text": f.text}))
    for time, cpu, before, after in told.switches:
        events.append(instant("switch", "switch", told, after, time,
                              {"cpu": cpu, "from": told.who(before)}))
    for time, pid, call, _, tree in told.spaces():
        events.append(instant("address space", "areas", told, pid, time,
                              {"call": call_text(call) if call else "",
                               "areas": [f"{a[0]:x}-{a[1]:x}"
                                         for a in tree]}))
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, out)
