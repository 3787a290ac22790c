// Places of nodes: depth goes to the right, every leaf has a row of its own, parents stand in the middle of their children.
const ROW = 24, RADIUS = 6, CHARACTER = 6.7, LONGEST = 22;
function shortened(text) { return text.length > LONGEST ? text.slice(0, LONGEST - 1) + "…" : text; }
function layout(data, facts, isFolded) {
  const { nodes } = data, { count, children } = facts;
  const x = new Float64Array(count), y = new Float64Array(count).fill(NaN), shown = [], hidden = new Int32Array(count), widths = [];
  if (!count) return { x, y, shown, hidden, width: 0, height: 0, labels: [], actions: [] };
  const labels = nodes.state.map(shortened), actions = nodes.action.map(shortened);
  // Widest action and state of each depth, over all nodes, so that folding moves nothing sideways.
  const wideAction = [], wideState = [];
  for (let id = 0; id < count; id++) {
    const depth = nodes.depth[id];
    wideAction[depth] = Math.max(wideAction[depth] || 0, actions[id].length);
    wideState[depth] = Math.max(wideState[depth] || 0, labels[id].length);
  }
  const column = [0];
  for (let depth = 1; depth < wideAction.length; depth++) column[depth] = column[depth - 1] + RADIUS * 2 + 46 + CHARACTER * ((wideState[depth - 1] || 0) + (wideAction[depth] || 0));
  const size = new Int32Array(count).fill(1);
  for (let id = count - 1; id > 0; id--) size[nodes.parent[id]] += size[id];
  let row = 0;
  const stack = [[0, 0]];
  while (stack.length) {
    const top = stack[stack.length - 1], [id, next] = top;
    if (next === 0) { shown.push(id); x[id] = column[nodes.depth[id]]; }
    const open = isFolded(id) ? [] : children[id];
    if (next < open.length) { top[1]++; stack.push([open[next], 0]); continue; }
    stack.pop();
    if (open.length) y[id] = (y[open[0]] + y[open[open.length - 1]]) / 2;
    else { y[id] = row * ROW; row++; hidden[id] = size[id] - 1; }
  }
  const last = column.length - 1;
  return { x, y, shown, hidden, labels, actions, width: column[last] + CHARACTER * (wideState[last] || 0) + 30, height: Math.max(row - 1, 0) * ROW };
}
