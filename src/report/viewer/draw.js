// The tree on a canvas: nothing but what lies in the window is drawn.
function drawing(canvas, data, facts) {
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue("--" + name).trim();
  let colors = {};
  function readColors() {
    for (const name of ["paper", "ink", "muted", "rule", "open", "expanded", "goal", "dead", "dropped", "false", "now", "chosen", "edge"]) colors[name] = color(name);
    colors.sans = color("sans"); colors.mono = color("mono");
  }
  readColors();
  function resize() {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * ratio)); canvas.height = Math.max(1, Math.round(box.height * ratio));
    return { width: box.width, height: box.height, ratio };
  }
  function draw(places, view, { event, node, hover }) {
    const { width, height, ratio } = resize(), { x, y, shown, hidden, labels, actions } = places, { scale } = view;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors.paper; context.fillRect(0, 0, width, height);
    const sx = (id) => x[id] * scale + view.x, sy = (id) => y[id] * scale + view.y;
    const has = { words: scale > 0.5, circles: scale > 0.12 }, radius = Math.max(RADIUS * Math.min(scale, 1.4), 1.1);
    const inside = (top, bottom) => bottom >= -20 && top <= height + 20;
    context.lineJoin = "round";
    const strokes = [[], [], []];
    for (const id of shown) {
      if (id === 0) continue;
      const parent = data.nodes.parent[id], top = Math.min(sy(id), sy(parent)), bottom = Math.max(sy(id), sy(parent));
      if (!inside(top, bottom) || sx(id) < -20 || sx(parent) > width + 20) continue;
      strokes[facts.born[id] > event ? 0 : facts.onPath[id] && event >= facts.solvedAt ? 2 : 1].push(id);
    }
    strokes.forEach((ids, kind) => {
      context.beginPath();
      for (const id of ids) {
        const parent = data.nodes.parent[id];
        const from = sx(parent) + radius + (has.words ? (labels[parent].length * CHARACTER + 8) * scale : 0);
        const to = sx(id) - radius - (has.words ? (actions[id].length * CHARACTER + 13) * scale : 0);
        context.moveTo(from, sy(parent));
        context.bezierCurveTo(Math.min(from + 16 * scale, to), sy(parent), from, sy(id), Math.min(from + 30 * scale, to), sy(id));
        context.lineTo(to, sy(id));
      }
      context.globalAlpha = kind === 0 ? 0.3 : 1;
      context.strokeStyle = kind === 2 ? colors.goal : colors.edge; context.lineWidth = kind === 2 ? Math.max(2 * Math.min(scale, 1), 1) : Math.min(1.2, Math.max(0.5, scale));
      context.stroke();
    });
    context.globalAlpha = 1;
    const current = facts.numEvents ? data.events.node[event] : null;
    context.textBaseline = "middle";
    const font = (weight, size, family) => weight + " " + (size * Math.min(scale, 1.4)).toFixed(1) + "px " + family;
    for (const id of shown) {
      const cx = sx(id), cy = sy(id);
      if (!inside(cy, cy) || cx < -260 * scale - 20 || cx > width + 200 * scale) continue;
      const state = facts.stateOf(id, event), isUnborn = state === "unborn", ink = colors[isUnborn ? "rule" : state];
      context.globalAlpha = isUnborn ? 0.45 : 1;
      if (id === current) { context.fillStyle = colors.now; context.globalAlpha = 0.28; disc(cx, cy, radius + 6 * Math.min(scale, 1.4) + 1); context.globalAlpha = 1; }
      if (id === node) { context.strokeStyle = colors.chosen; context.lineWidth = 2.5; ring(cx, cy, radius + 3.5); }
      const isHollow = isUnborn || state === "open" || state === "dropped";
      context.fillStyle = isHollow ? colors.paper : ink; disc(cx, cy, radius);
      context.strokeStyle = id === current ? colors.now : ink; context.lineWidth = Math.min(2, Math.max(0.8, 2 * scale));
      if (!facts.isTold(id) || state === "dropped") context.setLineDash([2.5, 2]);
      ring(cx, cy, radius);
      context.setLineDash([]);
      if (has.circles && state === "dead") { context.strokeStyle = colors.paper; context.lineWidth = 1.4 * Math.min(scale, 1.4); cross(cx, cy, radius * 0.45); }
      if (has.circles && !isUnborn && state !== "dead" && facts.until(facts.visits[id], event) > 1) { context.strokeStyle = colors.paper; context.lineWidth = 1.3 * Math.min(scale, 1.4); ring(cx, cy, radius * 0.5); }
      if (facts.falseNodes[id] && !isUnborn) { context.fillStyle = colors.false; disc(cx + radius, cy - radius, Math.max(radius * 0.55, 1.5)); }
      if (has.words) {
        context.globalAlpha = isUnborn ? 0.35 : 1;
        if (actions[id]) { context.font = font("400", 11, colors.mono); context.textAlign = "right"; context.fillStyle = colors.muted; context.fillText(actions[id], cx - radius - 7 * scale, cy); }
        context.font = font(id === current || (facts.onPath[id] && event >= facts.solvedAt) ? "600" : "400", 11, colors.mono);
        context.textAlign = "left"; context.fillStyle = state === "dead" || isUnborn ? colors.muted : state === "goal" ? colors.goal : colors.ink;
        context.fillText(labels[id], cx + radius + 4 * scale, cy);
        if (hidden[id]) {
          context.fillStyle = colors.chosen; context.font = font("600", 11, colors.sans);
          context.fillText("+" + hidden[id], cx + radius + (labels[id].length * CHARACTER + 10) * scale, cy);
        }
      } else if (hidden[id]) { context.fillStyle = colors.chosen; disc(cx + radius * 2.4, cy, radius * 0.7); }
      context.globalAlpha = 1;
      if (id === hover && id !== node) { context.strokeStyle = colors.chosen; context.lineWidth = 1.5; ring(cx, cy, radius + 3); }
    }
  }
  function disc(cx, cy, radius) { context.beginPath(); context.arc(cx, cy, radius, 0, 7); context.fill(); }
  function ring(cx, cy, radius) { context.beginPath(); context.arc(cx, cy, radius, 0, 7); context.stroke(); }
  function cross(cx, cy, size) { context.beginPath(); context.moveTo(cx - size, cy - size); context.lineTo(cx + size, cy + size); context.moveTo(cx + size, cy - size); context.lineTo(cx - size, cy + size); context.stroke(); }
  function hit(places, view, px, py) {
    let best = null, least = Infinity;
    for (const id of places.shown) {
      const dx = px - (places.x[id] * view.scale + view.x), dy = py - (places.y[id] * view.scale + view.y);
      const reach = view.scale > 0.5 ? (places.labels[id].length + (places.hidden[id] ? 6 : 0)) * CHARACTER * view.scale + 14 : 8;
      const isNear = Math.abs(dy) <= Math.max(ROW * view.scale / 2, 4) && dx >= -10 && dx <= reach;
      const distance = Math.abs(dy) + Math.max(0, Math.abs(dx) - 8) * 0.1;
      if (isNear && distance < least) { least = distance; best = id; }
    }
    const isBadge = best !== null && places.hidden[best] > 0 && px - (places.x[best] * view.scale + view.x) > (places.labels[best].length * CHARACTER + 6) * view.scale;
    return { node: best, isBadge };
  }
  return { draw, hit, readColors };
}
