// A picture of a state of a world that is a board: a maze, a warehouse of boxes, a grid of digits. Null for any other.
function board(problem, state) {
  if (!problem || typeof problem !== "object") return null;
  const numbers = (state.match(/\d+/g) || []).map(Number);
  const cells = [], add = (x, y, kind, label) => cells.push([x, y, kind, label || ""]);
  let width, height;
  if (Array.isArray(problem.walls) && problem.width) {
    [width, height] = [problem.width, problem.height];
    problem.walls.forEach(([x, y]) => add(x, y, "muted"));
    add(problem.goal[0], problem.goal[1], "goal"); add(problem.start[0], problem.start[1], "rule"); add(numbers[0], numbers[1], "now");
  } else if (Array.isArray(problem.rows) && problem.rows.some((row) => String(row).includes("#"))) {
    [width, height] = [Math.max(...problem.rows.map((row) => row.length)), problem.rows.length];
    problem.rows.forEach((row, y) => [...row].forEach((sign, x) => { if (sign === "#") add(x, y, "muted"); if (".+*".includes(sign)) add(x, y, "goal"); }));
    for (const [, what, x, y] of state.matchAll(/(worker|box) (\d+) (\d+)/g)) add(Number(x), Number(y), what === "worker" ? "now" : "dropped");
  } else if (Array.isArray(problem.rows) && state.includes(" / ")) {
    const rows = state.split(" / ").map((row) => row.trim().split(" "));
    [width, height] = [rows[0].length, rows.length];
    rows.forEach((row, y) => row.forEach((sign, x) => add(x, y, String(problem.rows[y] || "")[x] === sign && sign !== "." ? "rule" : "panel", sign === "." ? "" : sign)));
  } else return null;
  if (!(width > 0 && height > 0 && width <= 100 && height <= 100)) return null;
  const make = (name, values) => { const element = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, value] of Object.entries(values)) element.setAttribute(key, value); return element; };
  const svg = make("svg", { viewBox: "-0.1 -0.1 " + (width + 0.2) + " " + (height + 0.2), role: "img", "aria-label": "picture of the state" });
  svg.append(make("rect", { x: 0, y: 0, width, height, fill: "var(--paper)", stroke: "var(--rule)", "stroke-width": 0.06 }));
  for (const [x, y, kind, label] of cells) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    svg.append(make("rect", { x: x + 0.06, y: y + 0.06, width: 0.88, height: 0.88, rx: kind === "now" ? 0.44 : 0.1, fill: "var(--" + kind + ")" }));
    if (label) { const sign = make("text", { x: x + 0.5, y: y + 0.72, "text-anchor": "middle", "font-size": 0.6, fill: "var(--ink)" }); sign.textContent = label; svg.append(sign); }
  }
  return svg;
}
