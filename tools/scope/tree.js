// The address space as a strip and the red-black tree of areas, before and
// after a call of mmap's family.

// A tree's word ("start,end,flags,RLr ..." in preorder) as nodes with parent.
function parseTree(word) {
    const nodes = (word ? word.split(" ") : []).map(w => {
        const [a, b, c, bits] = w.split(",");
        return {start: parseInt(a, 16), end: parseInt(b, 16),
                flags: BigInt("0x" + c), red: bits[0] === "1",
                left: bits[1] === "1", right: bits[2] === "1",
                alone: bits[3] === "1"};
    });
    let next = 0, order = 0;
    const visit = (depth, parent) => {
        const node = nodes[next++];
        if (!node) return;
        Object.assign(node, {depth, parent});
        if (node.left) visit(depth + 1, node);
        node.order = order++;
        if (node.right) visit(depth + 1, node);
    };
    if (nodes.length) visit(0, null);
    for (const node of nodes.filter(n => n.alone))
        Object.assign(node, {depth: 0, parent: null, order: order++});
    return nodes;
}

// What became of a node against the other tree, as a sign.
function sign(node, others) {
    const other = others.find(o => o.start === node.start) ||
        others.find(o => o.end === node.end);
    if (!other) return "+";
    if (other.start !== node.start || other.end !== node.end) return "~";
    if (other.alone !== node.alone) return "⤵";
    const parent = n => n.parent ? n.parent.start : 0;
    return (other.flags !== node.flags ? "⚑" : "") +
        (parent(other) !== parent(node) ? "↻" : "") +
        (other.red !== node.red ? "◐" : "");
}

function drawTree(title, nodes, others, gone) {
    const wide = Math.max(nodes.length * 58, 300);
    const tall = 60 + 46 * Math.max(0, ...nodes.map(n => n.depth));
    const x = n => 30 + n.order * (wide - 60) / Math.max(nodes.length - 1, 1);
    const y = n => 24 + 46 * n.depth;
    let body = "";
    for (const n of nodes)
        if (n.parent)
            body += tag("line", {x1: x(n.parent), y1: y(n.parent), x2: x(n),
                y2: y(n), stroke: "#68707c"});
    for (const n of nodes) {
        const s = sign(n, others), shown = s === "+" && gone ? "−" : s;
        body += tag("circle", {cx: x(n), cy: y(n), r: 11,
            fill: n.red ? "#fff" : "#16181d", stroke: n.red ? "#c2262e" :
            "#16181d", "stroke-width": s ? 4 : 2,
            "stroke-dasharray": n.red ? "4 2" : n.alone ? "1 3" : "none",
            "fill-opacity": n.alone ? 0 : 1}) +
            tag("text", {x: x(n), y: y(n) + 4, "text-anchor": "middle",
                style: n.red || n.alone ? "" : "fill:#fff"},
                n.alone ? "N" : n.red ? "R" : "B") +
            tag("text", {x: x(n) + 13, y: y(n) - 6}, shown) +
            tag("text", {x: x(n), y: y(n) + 24, "text-anchor": "middle"},
                (n.start / 4096 % 0x1000000).toString(16)) +
            tag("title", {}, `${hex(n.start)}-${hex(n.end)} ` +
                rights(n.flags));
    }
    return `<figure><figcaption>${title}: ${nodes.length} areas</figcaption>` +
        tag("svg", {viewBox: `0 0 ${wide} ${tall}`, role: "img",
                    style: `max-width:${wide * 1.3}px`, "aria-label": title},
            body) + "</figure>";
}

// Areas side by side in order, wider the larger (by its logarithm): an address
// space is too empty to be drawn to scale.
function drawStrip(title, nodes, address) {
    const list = [...nodes].sort((a, b) => a.start - b.start);
    const size = n => 14 + 7 * Math.log2((n.end - n.start) / 4096 + 1);
    const total = list.reduce((s, n) => s + size(n) + 8, 0);
    const unit = 1030 / Math.max(total, 400);
    let at = 64, body = tag("text", {x: 4, y: 33, class: "soft"}, title);
    for (const n of list) {
        const w = size(n) * unit;
        const here = address >= n.start && address < n.end;
        body += tag("rect", {x: at, y: 16, width: w, height: 26,
            fill: here ? "#dbe9f8" : "#f2f5f9", stroke: "#16181d",
            "stroke-width": here ? 3 : 1}) +
            (w > 34 ? tag("text", {x: at + 3, y: 33}, rights(n.flags)) : "") +
            (here ? tag("text", {x: at, y: 12}, "▼ " + hex(address)) : "") +
            tag("title", {}, `${hex(n.start)}-${hex(n.end)} ` +
                flagNames(n.flags));
        at += w + 8 * unit;
    }
    return tag("svg", {viewBox: "0 0 1100 50", role: "img", "aria-label":
        `the areas of the address space ${title} the call, lowest first`},
        body);
}

let shownCall = -1;

// The last call before the chosen fault in the fault's task.
function callOf(chosen) {
    const pid = D.faults.pid[chosen], now = stageTime(chosen, 0);
    let found = -1;
    for (let i = 0; i < D.trees.length && D.trees[i][0] <= now; i++)
        if (D.trees[i][1] === pid) found = i;
    return found;
}

function drawCall(i, address) {
    shownCall = i;
    if (i < 0) {
        $("call").textContent = "no call of the mmap family before this fault";
        $("strip").innerHTML = $("trees").innerHTML = "";
        return;
    }
    const [at, pid, text, before, after] = D.trees[i];
    const a = parseTree(D.words[before]), b = parseTree(D.words[after]);
    $("call").innerHTML = `call ${i + 1} of ${D.trees.length}: pid ${pid} ` +
        `<code>${escaped(text)}</code> at ${time(at)}. Signs: + new, − gone, ` +
        "~ edge moved, ↻ rotated (other parent), ◐ recoloured, ⚑ other rights " +
        "or flags, ⤵ joins the tree. R red, B black, N newest, not in the " +
        "tree yet. Numbers: first page of the area.";
    $("strip").innerHTML = drawStrip("before", a, address) +
        drawStrip("after", b, address);
    $("trees").innerHTML = drawTree("before", a, b, true) +
        drawTree("after", b, a, false);
}
