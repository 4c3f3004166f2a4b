// The data: columns, unpacked once; a fault is read as an object when needed.
let D = null;
const F = {count: 0};
const $ = id => document.getElementById(id);

async function unpack() {
    const text = $("data").textContent;
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream()
        .pipeThrough(new DecompressionStream("deflate"));
    $("data").remove();
    D = JSON.parse(await new Response(plain).text());
    F.count = D.faults.id.length;
}

const micro = ticks => ticks * 1000 / D.ticks;
const hex = n => "0x" + n.toString(16);
const nameOf = tid => D.names[tid] || "tid " + tid;
const escaped = s => String(s).replace(/[&<>"]/g,
    c => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[c]);

function time(ticks) {
    const us = micro(ticks);
    return us < 1000 ? us.toFixed(us < 10 ? 2 : 1) + " µs"
                     : (us / 1000).toFixed(2) + " ms";
}

function access(i) {
    const error = D.faults.error[i];
    return error & 2 ? "write" : error & 16 ? "exec" : "read";
}

// Ticks since the trace began, of stage s of fault i; -1: not reached.
function stageTime(i, s) {
    const at = D.faults.stage[6 * i + s];
    return s === 0 || at < 0 ? at : D.faults.stage[6 * i] + at;
}

function stagesOf(i) {
    const found = [];
    for (let s = 0; s < 6; s++)
        if (stageTime(i, s) >= 0)
            found.push({name: D.stages[s], at: stageTime(i, s)});
    return found;
}

const duration = i => Math.max(D.faults.stage[6 * i + 5], 0);

function fault(i) {
    const f = D.faults;
    return {
        id: f.id[i], tid: f.tid[i], pid: f.pid[i], address: f.address[i],
        ip: D.words[f.ip[i]], error: f.error[i], end: D.ends[f.end[i]],
        start: f.start[i], stop: f.stop[i], access: access(i),
        flags: BigInt(D.words[f.flags[i]]), pager: f.pager[i],
        before: f.walk.slice(8 * i, 8 * i + 4).map(w => D.words[w]),
        after: f.walk.slice(8 * i + 4, 8 * i + 8).map(w => D.words[w]),
    };
}

function flagNames(flags) {
    return Object.entries(D.flags).filter(([, bit]) => flags & BigInt(bit))
        .map(([name]) => name.toLowerCase().replace(/_/g, "-")).join(" ");
}

function rights(flags) {
    const bit = n => flags & BigInt(D.flags[n] || 0);
    return (bit("READ") ? "r" : "-") + (bit("WRITE") ? "w" : "-") +
        (bit("EXEC") ? "x" : "-") + (bit("SHARED") ? "s" : "p");
}

// SVG by strings: tag("text", {x: 1}, "words").
function tag(name, attributes, inside = "") {
    const words = Object.entries(attributes)
        .map(([k, v]) => ` ${k}="${escaped(v)}"`).join("");
    return `<${name}${words}>${inside}</${name}>`;
}
