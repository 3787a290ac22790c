//! A tree as indented text for a terminal.

use super::{EventKind, NodeStatus, View};

/// The tree of a view, one node a line, indented by depth: order of first visit, action, state, costs, value, and what became of it. At most
/// `max_lines` nodes are shown, in order of generation, then a line says how many were left out.
pub fn outline(view: &View, max_lines: usize) -> String {
    let mut visits = vec![(0_u32, 0_u32); view.nodes.len()];
    let mut values = vec![None; view.nodes.len()];
    let mut order = 0;
    for event in &view.events {
        let node = event.node as usize;
        match event.kind {
            EventKind::Visit => {
                if visits[node].1 == 0 {
                    order += 1;
                    visits[node].0 = order;
                }
                visits[node].1 += 1;
            }
            EventKind::Evaluate => values[node] = event.value,
            EventKind::Generate => {}
        }
    }
    let shown = view.nodes.len().min(max_lines.max(1));
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); shown];
    for (id, node) in view.nodes[..shown].iter().enumerate().skip(1) {
        children[node.parent as usize].push(id);
    }
    let path = path_to_goal(view);
    let mut out = String::new();
    let mut stack: Vec<(usize, String, &str)> = if shown == 0 { Vec::new() } else { vec![(0, String::new(), "")] };
    while let Some((id, indent, branch)) = stack.pop() {
        let node = &view.nodes[id];
        let order = if visits[id].0 > 0 { format!("{:>4} ", visits[id].0) } else { "     ".into() };
        let action = if node.action.is_empty() { String::new() } else { format!("{} → ", node.action) };
        out.push_str(&format!("{order}{indent}{branch}{action}{}", node.state));
        let mut notes = vec![format!("g {}", node.cost)];
        notes.extend(node.bound.map(|bound| format!("h {bound} f {}", node.cost.saturating_add(bound))));
        notes.extend(values[id].map(|value| format!("value {value:.2}")));
        if visits[id].1 > 1 {
            notes.push(format!("visited {} times", visits[id].1));
        }
        let fate = match node.status {
            NodeStatus::Solved if view.goal == Some(id as u32) => "GOAL",
            NodeStatus::Solved => "solved",
            NodeStatus::DeadEnd => "dead end",
            NodeStatus::Open if path[id] => "on the way to the goal",
            NodeStatus::Open if node.dropped.is_some() => "dropped",
            NodeStatus::Open if visits[id].1 == 0 => "left open",
            NodeStatus::Open => "",
        };
        notes.extend((!fate.is_empty()).then(|| fate.to_string()));
        out.push_str(&format!("  ({})\n", notes.join(", ")));
        let below = match branch {
            "" => String::new(),
            "└ " => format!("{indent}  "),
            _ => format!("{indent}│ "),
        };
        let last = children[id].last().copied();
        stack.extend(children[id].iter().rev().map(|child| (*child, below.clone(), if Some(*child) == last { "└ " } else { "├ " })));
    }
    if shown < view.nodes.len() {
        out.push_str(&format!("     … and {} more nodes\n", view.nodes.len() - shown));
    }
    out
}

/// Which nodes lie on the way to the goal.
fn path_to_goal(view: &View) -> Vec<bool> {
    let mut is_on_path = vec![false; view.nodes.len()];
    let mut at = view.goal.map(|goal| goal as usize);
    while let Some(id) = at {
        is_on_path[id] = true;
        at = (id != 0).then(|| view.nodes[id].parent as usize);
    }
    is_on_path
}
