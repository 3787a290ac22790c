// What the reader does: choose a node, move through the events, move the picture. The state is in the address, so that it can be shared.
const MANY = 400;
function main() {
  const data = JSON.parse(document.getElementById("data").textContent), facts = model(data), byId = (id) => document.getElementById(id);
  const canvas = document.querySelector("canvas"), pane = byId("words"), { nodes, events } = data;
  const state = { event: Math.max(facts.numEvents - 1, 0), node: null, hover: null, folded: new Set(), view: { x: 40, y: 40, scale: 1 } };
  let places, isQueued = false, timer = null, isFitted = true;
  const painter = drawing(canvas, data, facts);
  const text = words(pane, data, facts, (statement, node) => { moveTo(facts.eventOf[statement], false); chooseNode(node, false); text.show(statement, state.node); });

  const make = (name, className, content) => Object.assign(document.createElement(name), { className, textContent: content });
  byId("title").textContent = data.title;
  for (const [name, value] of data.facts) {
    const item = document.createElement("div"), good = /^every statement is true|^the plan solves|^solved/.test(value), bad = /defect|illegal|does not/.test(value);
    const term = make("dd", good ? "good" : bad ? "bad" : "", value);
    term.title = value;
    item.append(make("dt", "", name), term);
    if (name === "audit" && facts.falseAt.size) {
      const next = make("button", "", "show next");
      next.id = "fault"; next.title = "Goes to the next false statement (n)"; next.onclick = nextFault;
      item.append(next);
    }
    byId("facts").append(item);
  }
  const slide = byId("slide");
  slide.max = Math.max(facts.numEvents, 1);

  // Goes from false statement to false statement, round and round.
  function nextFault() {
    const places = [...facts.falseAt.keys()].sort((one, other) => one - other), last = data.statements.start.length - 1;
    const next = places.find((at) => at > (state.fault ?? -1)) ?? places[0];
    state.fault = next;
    const statement = Math.min(next, last), node = statement < 0 ? null : data.statements.node[statement];
    if (statement >= 0) { moveTo(facts.eventOf[statement], false); chooseNode(node, false); text.reveal(statement); text.point(next); }
  }
  function foldAll() { state.folded = new Set(); for (let id = 1; id < facts.count; id++) if (!facts.onPath[id] && facts.children[id].length) state.folded.add(id); place(); }
  function unfoldTo(id) { let changed = false; while (id) { id = nodes.parent[id]; changed = state.folded.delete(id) || changed; } if (changed) place(); }
  function place() { places = layout(data, facts, (id) => state.folded.has(id)); paint(); }
  function paint() { if (!isQueued) { isQueued = true; requestAnimationFrame(() => { isQueued = false; painter.draw(places, state.view, state); }); } }
  function frame() { const box = canvas.getBoundingClientRect(); return { width: box.width, height: box.height }; }
  // The whole tree; at the start, trees that would be too small to read that way are shown around the current node instead.
  function fit(isWhole = true) {
    const { width, height } = frame(), below = byId("about").hidden ? 50 : byId("about").offsetHeight + 40;
    const scale = Math.min(1.25, (width - 80) / (places.width + 40), (height - below - 40) / (places.height + ROW));
    state.view.scale = Math.max(!isWhole && scale < 0.6 ? 0.85 : scale, 0.02);
    state.view.x = 40; state.view.y = Math.max(40, (height - below - places.height * state.view.scale) / 2);
    if (state.view.scale > scale) bringIn(state.node ?? current() ?? 0, true);
    isFitted = true;
    paint();
  }
  function current() { return facts.numEvents ? events.node[state.event] : null; }
  function bringIn(id, isCentred) {
    if (id === null || Number.isNaN(places.y[id])) return;
    const { width, height } = frame(), { view } = state, below = byId("about").hidden ? 30 : byId("about").offsetHeight + 30;
    const px = places.x[id] * view.scale + view.x, py = places.y[id] * view.scale + view.y;
    const reach = Math.min((places.labels[id].length + 4) * CHARACTER * view.scale, width / 3);
    if (places.width * view.scale + 60 <= width) view.x = 40;
    else if (isCentred || px < 60 || px + reach > width - 10) view.x += Math.min(places.x[id] * view.scale + 40, (width - reach) * 0.7) - px;
    if (isCentred || py < 30 || py > height - below) view.y += (height - below) / 2 - py;
  }
  function moveTo(event, doesReveal = true) {
    state.event = Math.min(Math.max(event, 0), Math.max(facts.numEvents - 1, 0));
    slide.value = state.event + 1;
    const id = current(), statement = facts.numEvents ? facts.statementOf[state.event] : -1;
    if (id !== null) { unfoldTo(id); bringIn(id); }
    text.show(statement, state.node);
    if (doesReveal) text.reveal(statement);
    tell(); about(); legend(); address(); paint();
  }
  function tell() {
    const line = byId("told");
    line.replaceChildren();
    if (!facts.numEvents) { line.textContent = "no events"; return; }
    const id = events.node[state.event], kind = events.kind[state.event], value = events.value[state.event];
    const what = ["generates", facts.until(facts.visits[id], state.event) > 1 ? "comes back to" : "turns to", "values"][kind];
    line.append(make("b", "", state.event + 1 + " / " + facts.numEvents), "  " + what + " #" + id + (kind === 0 && id ? "  " + nodes.action[id] : "  " + nodes.state[id]) + (kind === 2 && value !== null ? "  " + value.toFixed(2) : "")
      + (events.statement[state.event] === null ? "  (not in the text)" : ""));
    line.title = line.textContent;
  }
  const NAMES = { open: "open", expanded: "expanded", goal: "solution", dead: "dead end", dropped: "dropped" };
  function legend() {
    const counts = {};
    for (let id = 0; id < facts.count; id++) { const kind = facts.stateOf(id, state.event); counts[kind] = (counts[kind] || 0) + 1; }
    byId("legend").replaceChildren(...Object.entries(NAMES).filter(([kind]) => counts[kind]).map(([kind, name]) => {
      const item = document.createElement("li"), mark = document.createElement("i");
      mark.style.borderColor = "var(--" + kind + ")";
      if (kind === "dropped") mark.style.borderStyle = "dashed";
      if (kind !== "open" && kind !== "dropped") mark.style.background = "var(--" + kind + ")";
      item.append(mark, make("span", "", name), make("b", "", String(counts[kind])));
      return item;
    }));
    byId("legend").hidden = !facts.count;
  }
  function notes(id) {
    const rows = [], add = (name, value) => rows.push([name, String(value)]), at = state.event, bound = nodes.bound[id], many = facts.until(facts.visits[id], at);
    add("is", facts.stateOf(id, at) === "unborn" ? "not yet generated" : facts.stateOf(id, at) === "goal" && nodes.status[id] !== 1 ? "on the way to the goal" : NAMES[facts.stateOf(id, at)]);
    add("depth", nodes.depth[id]); add("g", nodes.cost[id]);
    if (bound !== null) { add("h", bound); add("f", nodes.cost[id] + bound); }
    if (nodes.heuristic[id] !== null) add("heuristic", Number(nodes.heuristic[id].toPrecision(4)));
    if (many) { add("expanded", facts.order[id] + "."); if (many > 1) add("visits", many); }
    if (facts.hasValues) {
      const value = facts.valueOf(id, at), below = facts.valuesBelow(id, at);
      if (value !== null) add("value", value.toFixed(3));
      if (below.many > 1) add("values below", below.many + ", mean " + below.mean.toFixed(3));
    }
    if (nodes.first[id] !== null) add("same state as", "#" + nodes.first[id]);
    if (!facts.isTold(id)) add("text", "does not tell it");
    return rows;
  }
  function list(rows) { const all = document.createElement("dl"); for (const [name, value] of rows) { const item = document.createElement("div"); item.append(make("dt", "", name), make("dd", "", value)); all.append(item); } return all; }
  function about() {
    const box = byId("about"), id = state.node;
    box.hidden = id === null;
    if (id === null) return;
    const body = make("div", "body", ""), bar = document.createElement("nav"), said = facts.said[id];
    body.append(make("div", "state", "#" + id + "  " + (nodes.action[id] ? nodes.action[id] + "  →  " : "") + nodes.state[id]), list(notes(id)));
    if (said.length > 1) {
      const step = (by) => () => { const now = Math.max(said.indexOf(state.said ?? said[0]), 0); state.said = said[(now + by + said.length) % said.length]; text.show(state.said, id); text.reveal(state.said); };
      const [before, after] = [make("button", "", "‹"), make("button", "", "›")];
      before.onclick = step(-1); after.onclick = step(1);
      before.title = "Where the text speaks of it before ([)"; after.title = "Where the text speaks of it next (])";
      bar.append("told " + said.length + " times", before, after);
    }
    const shut = make("button", "", "×");
    shut.title = "Close (Esc)"; shut.onclick = () => chooseNode(null);
    bar.append(shut);
    const picture = board(data.problem, nodes.state[id]);
    box.replaceChildren(...(picture ? [picture] : []), body, bar);
  }
  function chooseNode(id, doesReveal = true) {
    [state.node, state.said] = [id, undefined];
    about();
    if (id !== null) { unfoldTo(id); bringIn(id); }
    const statement = id !== null && doesReveal && facts.said[id].length ? facts.said[id][0] : -1;
    text.show(facts.numEvents ? facts.statementOf[state.event] : -1, id);
    if (statement >= 0) text.reveal(statement);
    address(); paint();
  }
  let saved = null;
  function address() {
    clearTimeout(saved);
    document.body.dataset.event = state.event + 1; document.body.dataset.node = state.node ?? "";
    saved = setTimeout(() => { try { history.replaceState(null, "", "#event=" + (state.event + 1) + (state.node === null ? "" : "&node=" + state.node)); } catch { /* an address that cannot be changed is no loss */ } }, 150);
  }
  function readAddress() {
    const asked = new URLSearchParams(location.hash.slice(1)), number = (name) => (/^\d+$/.test(asked.get(name) || "") ? Number(asked.get(name)) : null);
    const [event, id] = [number("event"), number("node")];
    moveTo(event === null ? state.event : event - 1);
    if (id !== null && id < facts.count) chooseNode(id);
  }
  function play() {
    const button = byId("play");
    if (timer) { clearInterval(timer); timer = null; button.textContent = "Play"; return; }
    if (state.event >= facts.numEvents - 1) moveTo(0);
    button.textContent = "Pause";
    timer = setInterval(() => { moveTo(state.event + 1); if (state.event >= facts.numEvents - 1) play(); }, 1000 / Number(byId("pace").value));
  }
  function zoom(by, px, py) { const { view } = state, scale = Math.min(Math.max(view.scale * by, 0.02), 3); view.x = px - (px - view.x) * scale / view.scale; view.y = py - (py - view.y) * scale / view.scale; view.scale = scale; isFitted = false; paint(); }

  slide.oninput = () => moveTo(Number(slide.value) - 1);
  byId("first").onclick = () => moveTo(0); byId("last").onclick = () => moveTo(facts.numEvents - 1);
  byId("back").onclick = () => moveTo(state.event - 1); byId("on").onclick = () => moveTo(state.event + 1);
  byId("play").onclick = play; byId("pace").onchange = () => { if (timer) { play(); play(); } };
  byId("fit").onclick = () => fit(); byId("fold").onclick = () => { foldAll(); fit(false); }; byId("unfold").onclick = () => { state.folded.clear(); place(); fit(false); };
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); const box = canvas.getBoundingClientRect(); zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top); }, { passive: false });
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, from: { ...state.view }, isMoved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect(), hover = byId("hover");
    if (drag) {
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (drag.isMoved || Math.hypot(dx, dy) > 4) { drag.isMoved = true; isFitted = false; state.view.x = drag.from.x + dx; state.view.y = drag.from.y + dy; paint(); }
      return;
    }
    const { node } = painter.hit(places, state.view, event.clientX - box.left, event.clientY - box.top);
    if (node !== state.hover) { state.hover = node; paint(); }
    hover.hidden = node === null;
    if (node === null) return;
    hover.replaceChildren(make("code", "", (nodes.action[node] ? nodes.action[node] + " → " : "") + nodes.state[node]), document.createElement("br"), notes(node).map(([name, value]) => name + " " + value).join(" · "));
    hover.style.left = Math.min(event.clientX - box.left + 14, box.width - hover.offsetWidth - 8) + "px";
    hover.style.top = Math.min(event.clientY - box.top + 16, box.height - hover.offsetHeight - 8) + "px";
  });
  canvas.addEventListener("pointerup", (event) => {
    const box = canvas.getBoundingClientRect(), wasDrag = drag && drag.isMoved;
    drag = null;
    if (wasDrag) return;
    const { node, isBadge } = painter.hit(places, state.view, event.clientX - box.left, event.clientY - box.top);
    if (isBadge) { state.folded.delete(node); place(); } else chooseNode(node);
  });
  canvas.addEventListener("dblclick", (event) => {
    const box = canvas.getBoundingClientRect(), { node } = painter.hit(places, state.view, event.clientX - box.left, event.clientY - box.top);
    if (node !== null && facts.children[node].length) { if (!state.folded.delete(node)) state.folded.add(node); place(); }
  });
  canvas.addEventListener("pointerleave", () => { byId("hover").hidden = true; state.hover = null; paint(); });
  const bar = byId("bar");
  bar.addEventListener("pointerdown", (event) => bar.setPointerCapture(event.pointerId));
  bar.addEventListener("pointermove", (event) => { if (bar.hasPointerCapture(event.pointerId)) { document.querySelector("main").style.setProperty("--left", Math.min(Math.max(event.clientX / innerWidth, 0.15), 0.85) * 100 + "%"); paint(); } });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches && event.target.matches("select")) return;
    const by = event.shiftKey ? 10 : 1, step = (at) => { const nav = byId("about").querySelectorAll("nav button"); if (nav.length > 1) nav[at].click(); };
    const keys = { ArrowRight: () => moveTo(state.event + by), ArrowLeft: () => moveTo(state.event - by), Home: () => moveTo(0), End: () => moveTo(facts.numEvents - 1), " ": play, Escape: () => chooseNode(null), f: () => fit(),
      "+": () => zoom(1.25, frame().width / 2, frame().height / 2), "-": () => zoom(0.8, frame().width / 2, frame().height / 2), "[": () => step(0), "]": () => step(1), n: () => facts.falseAt.size && nextFault() };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  window.addEventListener("resize", () => (isFitted ? fit(false) : paint()));
  window.addEventListener("hashchange", readAddress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { painter.readColors(); paint(); });
  if (facts.count > MANY) foldAll(); else place();
  fit(false);
  readAddress();
  document.body.dataset.ready = "yes";
}
main();
