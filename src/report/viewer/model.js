// What the data says at a point of time: indexes over columns, no drawing.
function model(data) {
  const { nodes, events, statements, mentions, defects } = data;
  const count = nodes.parent.length, numEvents = events.node.length;
  const children = Array.from({ length: count }, () => []);
  for (let id = 1; id < count; id++) children[nodes.parent[id]].push(id);
  const born = new Int32Array(count).fill(-1), visits = Array.from({ length: count }, () => []), values = Array.from({ length: count }, () => []);
  const order = new Int32Array(count);
  let numVisited = 0;
  for (let at = 0; at < numEvents; at++) {
    const id = events.node[at], kind = events.kind[at];
    if (kind === 0 && born[id] < 0) born[id] = at;
    if (kind === 1) { if (!visits[id].length) order[id] = ++numVisited; visits[id].push(at); }
    if (kind === 2) values[id].push(at);
  }
  const onPath = new Uint8Array(count);
  for (let id = data.goal; id !== null; id = id === 0 ? null : nodes.parent[id]) onPath[id] = 1;
  const said = Array.from({ length: count }, () => []), eventOf = new Int32Array(statements.start.length).fill(-1), statementOf = new Int32Array(numEvents).fill(-1);
  statements.node.forEach((id, at) => { if (id !== null) said[id].push(at); });
  mentions.node.forEach((id, at) => { const place = find(statements.start, mentions.start[at]); if (said[id][said[id].length - 1] !== place) said[id].push(place); });
  let latest = 0;
  const first = new Int32Array(statements.start.length).fill(-1);
  events.statement.forEach((place, at) => { if (place !== null) { latest = place; eventOf[place] = at; if (first[place] < 0) first[place] = at; } statementOf[at] = latest; });
  // A statement without events of its own belongs to the event before it.
  for (let at = 0, before = 0; at < eventOf.length; at++) { if (eventOf[at] < 0) eventOf[at] = before; else before = eventOf[at]; }
  const falseAt = new Map();
  defects.forEach(([kind, place]) => falseAt.set(place, [...(falseAt.get(place) || []), kind]));
  const falseNodes = new Uint8Array(count);
  for (const place of falseAt.keys()) { const id = statements.node[place]; if (id !== null && id !== undefined) falseNodes[id] = 1; }
  const solvedAt = data.goal === null ? Infinity : Math.max(born[data.goal], visits[data.goal].length ? visits[data.goal][0] : 0);

  // The last index whose entry is at most `value`; -1 where none is.
  function find(sorted, value) {
    let low = 0, high = sorted.length;
    while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] <= value) low = middle + 1; else high = middle; }
    return low - 1;
  }
  const until = (list, at) => find(list, at) + 1;
  function stateOf(id, at) {
    if (born[id] > at) return "unborn";
    if (nodes.status[id] === 1) return "goal";
    if (onPath[id] && at >= solvedAt) return "goal";
    if (nodes.status[id] === 2) return "dead";
    if (visits[id].length && visits[id][0] <= at) return "expanded";
    if (nodes.dropped[id] !== null && nodes.dropped[id] <= at) return "dropped";
    return "open";
  }
  function valueOf(id, at) {
    const many = until(values[id], at);
    return many ? events.value[values[id][many - 1]] : null;
  }
  // Number and mean of the values that were given at or below a node.
  function valuesBelow(id, at) {
    let many = 0, sum = 0;
    const stack = [id];
    while (stack.length) {
      const next = stack.pop();
      const value = valueOf(next, at);
      if (value !== null) { many++; sum += value; }
      for (const child of children[next]) if (born[child] <= at) stack.push(child);
    }
    return { many, mean: many ? sum / many : null };
  }
  const isTold = (id) => said[id].length > 0;
  return { count, numEvents, children, born, visits, order, onPath, said, eventOf, statementOf, falseAt, falseNodes, solvedAt, find, until, stateOf, valueOf, valuesBelow, isTold,
    hasValues: events.kind.includes(2) };
}
