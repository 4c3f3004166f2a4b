// The page: what is chosen and shown, keys, slider, filter, table.
const ROWS = 200;
const COLUMNS = ["fault", "at", "who", "access", "address", "instruction",
                 "ended", "took", "GDB"];
let chosen = 0, shown = [];

// Every word must be in the fault's line; one with - before it must not.
function matches(words) {
    return i => {
        const line = `#${D.faults.id[i]} ${nameOf(D.faults.tid[i])} ` +
            `${access(i)} ${hex(D.faults.address[i])} ` +
            `${D.words[D.faults.ip[i]]} ${D.ends[D.faults.end[i]]}`;
        return words.every(w => w[0] === "-" && w.length > 1 ?
            !line.includes(w.slice(1)) : line.includes(w));
    };
}

function applyFilter() {
    const words = $("filter").value.trim().split(/\s+/).filter(w => w);
    shown = Array.from({length: F.count}, (_, i) => i);
    if (words.length) shown = shown.filter(matches(words));
    drawHistogram(shown);
    if (shown.length && !shown.includes(chosen)) choose(shown[0]);
    else drawTable();
}

function row(i) {
    const f = D.faults;
    const cells = ["#" + f.id[i], time(stageTime(i, 0)), nameOf(f.tid[i]),
        access(i), hex(f.address[i]), D.words[f.ip[i]], D.ends[f.end[i]],
        time(duration(i)), "rewind " + f.id[i]];
    return `<tr data-fault="${i}"${i === chosen ? ' class="chosen"' : ""}>` +
        cells.map(c => `<td>${escaped(c)}</td>`).join("") + "</tr>";
}

// The rows around the chosen fault; all of a hundred thousand would be slow.
function drawTable() {
    const at = Math.max(0, shown.findIndex(i => i >= chosen));
    const from = Math.max(0, Math.min(at - ROWS / 2, shown.length - ROWS));
    const part = shown.slice(from, from + ROWS);
    $("shown").textContent = `${shown.length} of ${F.count} faults` +
        (part.length < shown.length ? `, rows ${from + 1} to ` +
            `${from + part.length} around the chosen one` : "");
    $("table").tHead.innerHTML = "<tr>" +
        COLUMNS.map(c => `<th>${c}</th>`).join("") + "</tr>";
    $("table").tBodies[0].innerHTML = part.map(row).join("");
}

function choose(i) {
    chosen = Math.max(0, Math.min(F.count - 1, i));
    $("slider").value = chosen;
    $("position").textContent = `#${D.faults.id[chosen]}, ` +
        `${chosen + 1} of ${F.count}, ${time(stageTime(chosen, 0))}`;
    drawFaultWords(chosen);
    drawLanes(chosen);
    drawMessages(chosen);
    drawWalk(chosen);
    drawCall(callOf(chosen), D.faults.address[chosen]);
    drawTable();
}

// To the next of the faults shown, n further.
function step(n) {
    const at = shown.findIndex(i => i >= chosen);
    const to = Math.max(0, Math.min(shown.length - 1,
        (at < 0 ? shown.length - 1 : at) + n));
    if (shown.length) choose(shown[to]);
}

function stepCall(n) {
    const to = Math.max(0, Math.min(D.trees.length - 1, shownCall + n));
    if (D.trees.length) drawCall(to, D.faults.address[chosen]);
}

const KEYS = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    PageUp: () => step(-50), PageDown: () => step(50),
    Home: () => step(-F.count), End: () => step(F.count),
    "[": () => stepCall(-1), "]": () => stepCall(1),
    "/": () => $("filter").focus(), "?": () => $("help").click(),
};

function listen() {
    $("slider").max = Math.max(F.count - 1, 0);
    $("slider").addEventListener("input", e => choose(+e.target.value));
    $("filter").addEventListener("input", applyFilter);
    $("previous").addEventListener("click", () => step(-1));
    $("next").addEventListener("click", () => step(1));
    $("call-previous").addEventListener("click", () => stepCall(-1));
    $("call-next").addEventListener("click", () => stepCall(1));
    $("help").addEventListener("click", () => {
        $("keys").hidden = !$("keys").hidden;
    });
    document.addEventListener("keydown", e => {
        if (e.target === $("filter") && e.key !== "Escape") return;
        if (e.key === "Escape") $("filter").blur();
        if (!KEYS[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
        e.preventDefault();
        KEYS[e.key]();
    });
    document.addEventListener("click", e => {
        const found = e.target.closest("[data-fault]");
        if (found) choose(+found.dataset.fault);
    });
}

function summary() {
    const ends = new Map();
    for (const e of D.faults.end) ends.set(e, (ends.get(e) || 0) + 1);
    const words = [...ends].sort((a, b) => b[1] - a[1])
        .map(([e, n]) => `${n} ${D.ends[e]}`).join(", ");
    $("summary").textContent = `${F.count} faults (${words}), ${D.calls} ` +
        `system calls, ${D.switches.length} context switches`;
}

unpack().then(() => {
    summary();
    if (F.count) {
        listen();
        const first = D.ends.indexOf("pager");
        chosen = Math.max(0, D.faults.end.indexOf(first));
        applyFilter();
        choose(chosen);
    }
    document.body.dataset.ready = Math.round(performance.now());
});
