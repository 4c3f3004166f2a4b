// The chosen fault in words, its page walk bit by bit, the histogram of the
// stages.
const LEVELS = ["PML4", "PDPT", "PD", "PT"];
const BITS = [[0n, "present"], [1n, "write"], [2n, "user"],
    [3n, "write-through"], [4n, "cache-disable"], [5n, "accessed"],
    [6n, "dirty"], [7n, "large/PAT"], [8n, "global"], [9n, "poison"],
    [10n, "uffd-wp"], [11n, "soft-dirty"], [63n, "no-execute"]];

function bitNames(word) {
    const v = BigInt("0x" + word);
    if (!v) return "empty";
    return (v & 1n ? "" : "not present ") + BITS
        .filter(([b]) => v >> b & 1n).map(([, n]) => n).join(" ");
}

function why(error) {
    return (error & 4 ? "user " : "kernel ") + (error & 2 ? "write" :
        error & 16 ? "instruction fetch" : "read") + ", " + (error & 8 ?
        "reserved bit set" : error & 1 ? "not allowed by the entry" :
        "page not present");
}

function drawFaultWords(i) {
    const f = fault(i);
    const area = f.stop ? `in ${hex(f.start)}-${hex(f.stop)} ` +
        `${rights(f.flags)}` : "in no area";
    const stages = stagesOf(i).slice(1).map(s =>
        `${s.name} +${time(s.at - stageTime(i, 0))}`).join(", ");
    $("fault").innerHTML = `<strong>Fault #${f.id}</strong> of ` +
        `${escaped(nameOf(f.tid))} at <code>${f.ip}</code>: ${why(f.error)} ` +
        `at <code>${hex(f.address)}</code>, ${area}. Ended: ` +
        `<strong>${f.end}</strong>` +
        (f.pager ? ` by ${escaped(nameOf(f.pager))}` : "") +
        ` after ${time(duration(i))}. ${stages}.<br>` +
        (D.recording ? "In GDB" : "In GDB, if recorded with --record FILE") +
        `: <code>./run-qemu.sh --replay ${escaped(D.recording || "FILE")} ` +
        `--gdb=here</code>, then <code>rewind ${f.id}</code>`;
}

// What pagers were told and how they answered, near the fault in time; those
// about its page are marked.
function drawMessages(i) {
    const f = fault(i), from = stageTime(i, 0), to = stageTime(i, 5);
    const inside = D.uffd.filter(u => u[0] >= from && u[0] <= to);
    const before = D.uffd.filter(u => u[0] < from).slice(-3);
    const after = D.uffd.filter(u => u[0] > to).slice(0, 3);
    const page = f.address - f.address % 4096;
    const rows = [...before, ...inside, ...after].map(([at, tid, start, len,
                                                        what]) => {
        const ours = f.pager && at >= from && at <= to &&
            start < page + 4096 && start + len > page;
        return `<tr${ours ? ' class="chosen"' : ""}><td>${time(at)}</td>` +
            `<td>${escaped(nameOf(tid))}</td><td>${escaped(what)}</td></tr>`;
    });
    $("messages").hidden = !D.uffd.length;
    $("uffd").tHead.innerHTML =
        "<tr><th>at</th><th>pager</th><th>what</th></tr>";
    $("uffd").tBodies[0].innerHTML = rows.join("");
}

function drawWalk(i) {
    const f = fault(i);
    let rows = "";
    for (let level = 0; level < 4; level++) {
        const shift = 39 - 9 * level;
        const index = Math.floor(f.address / 2 ** shift) % 512;
        const changed = f.before[level] !== f.after[level];
        rows += `<tr><td>${LEVELS[level]}[${index}]</td>` +
            [f.before, f.after].map(w => `<td>${w[level].padStart(16, "0")}` +
                `</td><td>${bitNames(w[level])}</td>`).join("") +
            `<td>${changed ? "changed" : ""}</td></tr>`;
    }
    $("walk").innerHTML = "<table><thead><tr><th>entry</th><th>before</th>" +
        "<th>bits</th><th>after</th><th>bits</th><th></th></tr></thead>" +
        `<tbody>${rows}</tbody></table>`;
}

// Ticks of each stage of the faults in the list, by powers of two.
function stageTicks(list) {
    const found = new Map(D.stages.slice(1).map(n => [n, []]));
    for (const i of list) {
        const stages = stagesOf(i);
        for (let s = 1; s < stages.length; s++)
            found.get(stages[s].name).push(stages[s].at - stages[s - 1].at);
    }
    return found;
}

function drawHistogram(list) {
    let body = "", y = 14;
    for (const [name, ticks] of stageTicks(list)) {
        if (!ticks.length) continue;
        const bins = new Array(40).fill(0);
        for (const t of ticks) bins[Math.max(0, Math.floor(Math.log2(t || 1)))]++;
        const most = Math.max(...bins), sorted = ticks.sort((a, b) => a - b);
        const low = bins.findIndex(b => b);
        const high = bins.length - 1 - [...bins].reverse().findIndex(b => b);
        body += tag("text", {x: 4, y: y + 30}, name) +
            tag("text", {x: 4, y: y + 44, class: "soft"},
                `median ${time(sorted[sorted.length >> 1])}`);
        for (let b = low; b <= high; b++) {
            const x = 170 + (b - low) * 62, h = 34 * bins[b] / most;
            body += tag("rect", {x, y: y + 40 - h, width: 54, height: h,
                fill: "#68707c"}) +
                tag("text", {x, y: y + 36 - h}, bins[b] || "") +
                tag("text", {x, y: y + 54, class: "soft"}, time(2 ** b));
        }
        y += 70;
    }
    $("histogram").innerHTML = tag("svg", {viewBox: `0 0 1100 ${y + 6}`,
        role: "img", "aria-label": "time until each stage from the one " +
        "before, in powers of two"}, body);
}
