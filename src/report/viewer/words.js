// The text: statements as spans, built a chunk at a time when they come near, so that long texts open at once.
const CHUNK = 200;
function words(pane, data, facts, choose) {
  const { text, statements, mentions } = data, count = statements.start.length, chunks = [], spans = new Map();
  let now = -1, node = null;
  const parts = new Map();
  mentions.start.forEach((start, at) => { const place = facts.find(statements.start, start); parts.set(place, [...(parts.get(place) || []), at]); });
  if (data.rows) pane.classList.add("rows");
  for (let first = 0; first < count; first += CHUNK) {
    const div = document.createElement("div"), last = Math.min(first + CHUNK, count);
    div.className = "chunk";
    div.style.minHeight = (last - first) * 1.55 + "em";
    chunks.push({ div, first, last, isBuilt: false });
    pane.append(div);
  }
  const end = (place) => (place + 1 < count ? statements.start[place + 1] : text.length);
  function build(number) {
    const chunk = chunks[number];
    if (!chunk || chunk.isBuilt) return;
    chunk.isBuilt = true;
    const all = document.createDocumentFragment();
    for (let place = chunk.first; place < chunk.last; place++) all.append(span(place));
    chunk.div.append(all);
    chunk.div.style.minHeight = "";
    mark(chunk);
  }
  function span(place) {
    const element = document.createElement("span"), faults = facts.falseAt.get(place), start = place === 0 ? 0 : statements.start[place];
    element.className = "s k-" + data.kinds[statements.kind[place]] + (statements.node[place] === null ? " nowhere" : "") + (faults ? " false" : "") + (statements.end[place] <= data.prompt ? " prompt" : "");
    element.dataset.at = place;
    let from = start;
    for (const at of parts.get(place) || []) {
      const mention = document.createElement("span");
      mention.className = "m"; mention.dataset.node = mentions.node[at]; mention.textContent = text.slice(mentions.start[at], mentions.end[at]);
      element.append(text.slice(from, mentions.start[at]), mention);
      from = mentions.end[at];
    }
    element.append(text.slice(from, statements.end[place]));
    for (const kind of faults || []) element.append(badge(kind));
    element.append(text.slice(statements.end[place], end(place)));
    spans.set(place, element);
    return element;
  }
  function badge(kind) { const mark = document.createElement("em"); mark.className = "kind"; mark.textContent = kind; return mark; }
  const rest = facts.falseAt.get(count);
  if (rest) { const div = document.createElement("div"); rest.forEach((kind) => div.append(badge(kind))); pane.append(div); }
  if (!count) pane.append(Object.assign(document.createElement("div"), { className: "chunk", textContent: text }));
  const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && build(chunks.findIndex((chunk) => chunk.div === entry.target))), { root: pane, rootMargin: "1200px" });
  chunks.forEach((chunk) => watcher.observe(chunk.div));
  build(0);
  function mark(chunk) {
    for (let place = chunk.first; place < chunk.last; place++) {
      const element = spans.get(place);
      element.classList.toggle("now", place === now);
      element.classList.toggle("chosen", node !== null && statements.node[place] === node);
      for (const mention of element.querySelectorAll(".m")) mention.classList.toggle("chosen", Number(mention.dataset.node) === node);
    }
  }
  function show(place, chosen) {
    [now, node] = [place, chosen];
    chunks.forEach((chunk) => chunk.isBuilt && mark(chunk));
  }
  function reveal(place) {
    if (place < 0 || place >= count) return;
    const number = Math.floor(place / CHUNK);
    for (const near of [number - 1, number, number + 1]) build(near);
    const box = spans.get(place).getBoundingClientRect(), frame = pane.getBoundingClientRect();
    if (box.top < frame.top + 30 || box.bottom > frame.bottom - 60) pane.scrollTop += box.top - frame.top - frame.height * 0.35;
  }
  // Draws the eye to a statement for a moment.
  function point(place) {
    const element = spans.get(place);
    if (!element) return;
    element.classList.add("pointed");
    setTimeout(() => element.classList.remove("pointed"), 1500);
  }
  pane.addEventListener("click", (event) => {
    if (String(window.getSelection())) return;
    const mention = event.target.closest(".m"), element = event.target.closest(".s");
    if (element) choose(Number(element.dataset.at), mention ? Number(mention.dataset.node) : statements.node[element.dataset.at]);
  });
  return { show, reveal, point };
}
