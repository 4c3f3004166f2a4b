// Swim lanes: the faulting threads, the kernel, the pagers; the chosen fault
// and its neighbours in time, each an arrow down and back up.
const AROUND = 12;
const WIDE = 1100, LEFT = 170, LANE = 46;

// Which faults are drawn: those next to the chosen one.
function neighbours(chosen) {
    const from = Math.max(0, chosen - AROUND);
    const to = Math.min(F.count - 1, chosen + AROUND);
    return Array.from({length: to - from + 1}, (_, i) => from + i);
}

function laneList(list) {
    const pagers = [...new Set(list.map(i => D.faults.pager[i]))]
        .filter(t => t);
    const faulting = [...new Set(list.map(i => D.faults.tid[i]))]
        .filter(t => !pagers.includes(t));
    return [...faulting.map(t => ({key: t, name: nameOf(t)})),
            {key: "kernel", name: "kernel"},
            ...pagers.map(t => ({key: t, name: nameOf(t) + " (pager)"}))];
}

// Time to x: every event its own step, so that short and long stages can both
// be seen; the real times are written.
function makeScale(list) {
    const times = [...new Set(list.flatMap(
        i => stagesOf(i).map(s => s.at)))].sort((a, b) => a - b);
    const x = new Map(times.map((t, i) =>
        [t, LEFT + (i + .5) * (WIDE - LEFT - 20) / times.length]));
    return {x: t => x.get(t), times};
}

// The points of a fault: [lane, time].
function path(i) {
    const f = D.faults, at = s => stageTime(i, s), points = [];
    points.push([f.tid[i], at(0)], ["kernel", at(0)]);
    if (at(1) >= 0) points.push(["kernel", at(1)]);
    if (at(2) >= 0) points.push([f.pager[i] || "kernel", at(2)]);
    if (at(3) >= 0) points.push([f.pager[i] || "kernel", at(3)],
                                ["kernel", at(3)]);
    if (at(4) >= 0) points.push(["kernel", at(4)]);
    points.push(["kernel", at(5)], [f.tid[i], at(5)]);
    return points.filter(p => p[1] >= 0);
}

// Who ran when, from the context switches within the window.
function running(lanes, scale) {
    const from = scale.times[0], to = scale.times[scale.times.length - 1];
    const nearest = t => scale.times.find(u => u >= t);
    let drawn = "", since = from, who = null;
    for (const [t, left, now] of D.switches) {
        if (t > from && t <= to && lanes.has(left))
            drawn += bar(lanes.get(left), scale.x(nearest(since)),
                         scale.x(nearest(t)));
        if (t <= to) { since = Math.max(t, from); who = now; }
        if (t > to) break;
    }
    if (lanes.has(who))
        drawn += bar(lanes.get(who), scale.x(nearest(since)), scale.x(to));
    return drawn;
}

function bar(y, a, b) {
    return b > a ? tag("rect", {x: a, y: y - 4, width: b - a, height: 8,
                                fill: "#c9ced6"}) : "";
}

function drawFault(i, chosen, y, scale) {
    const points = path(i).map(([lane, t]) => [scale.x(t), y.get(lane)]);
    const line = points.map(p => p.join(",")).join(" ");
    const mark = i === chosen;
    return `<g class="arrow" data-fault="${i}">` +
        tag("polyline", {points: line, fill: "none",
            stroke: mark ? "#0b5cad" : "#68707c",
            "stroke-width": mark ? 3 : 1,
            "stroke-dasharray": mark ? "none" : "3 3",
            "marker-end": "url(#tip)"}) +
        (mark ? stageWords(i, y, scale) : "") +
        tag("title", {}, `fault #${D.faults.id[i]}`) + "</g>";
}

// The stages' names below the lanes, each in the first row with room for it,
// with a line up to its moment.
function stageWords(i, y, scale) {
    const bottom = Math.max(...y.values()) + 26, ends = [];
    let words = "";
    for (const {name, at} of stagesOf(i)) {
        const after = at - stageTime(i, 0), here = scale.x(at);
        const text = name + (after ? " +" + time(after) : "");
        const x = Math.min(here, WIDE - 7.4 * text.length);
        let row = ends.findIndex(end => end < x);
        if (row < 0) row = ends.length;
        ends[row] = x + 7.4 * text.length + 8;
        words += tag("line", {x1: here, x2: here, y1: y.get("kernel"),
                y2: bottom + 13 * row - 9, stroke: "#0b5cad",
                "stroke-width": .7}) +
            tag("circle", {cx: here, cy: y.get("kernel"), r: 3}) +
            tag("text", {x: x + 2, y: bottom + 13 * row, class: "over"},
                text);
    }
    return words;
}

function drawLanes(chosen) {
    const list = neighbours(chosen), lanes = laneList(list);
    const y = new Map(lanes.map((l, i) => [l.key, 34 + i * LANE]));
    const scale = makeScale(list), tall = 90 + lanes.length * LANE;
    let body = `<defs><marker id="tip" orient="auto" markerWidth="8"
        markerHeight="8" refX="6" refY="3"><path d="M0,0 L6,3 L0,6"
        fill="none" stroke="#16181d"/></marker></defs>`;
    for (const {key, name} of lanes)
        body += tag("line", {x1: LEFT, x2: WIDE, y1: y.get(key),
                             y2: y.get(key), stroke: "#c9ced6"}) +
            tag("text", {x: 4, y: y.get(key) + 4}, escaped(name));
    body += running(y, scale);
    for (const i of list)
        if (i !== chosen) body += drawFault(i, chosen, y, scale);
    body += drawFault(chosen, chosen, y, scale);
    $("lanes").innerHTML = tag("svg", {viewBox: `0 0 ${WIDE} ${tall}`,
        role: "img", "aria-label": "faulting threads, kernel and pagers over " +
        "time, one step per event; bars: who ran"}, body);
}
