//! Makes a [`View`] of a text, and of the search behind it where that is at hand.

use std::collections::BTreeMap;

use metacot_envs::{Status, World};

use super::{
    DefectView, EventKind, EventView, Mention, NodeStatus, NodeView, StatementView, View,
    align::{align, align_events},
};
use crate::{
    Audit, Event, NodeId, Trace,
    audit::{Statement, StatementKind, audit_statements},
    discourse::{Discourse, Parsed, lines, steps, tree},
};

/// What there is to show.
pub(super) struct Material<'a, E: World> {
    pub env: &'a E,
    /// The problem that was asked; where it is left out, the one that the text states.
    pub problem: Option<&'a E::Problem>,
    pub parsed: Parsed<'a>,
    /// The search itself, where it is at hand.
    pub search: Option<&'a Trace<E>>,
    /// Whether the search goes layer by layer and leaves what it does not keep.
    pub has_layers: bool,
}

/// The view, without title and facts of its source, and the audit behind it.
pub(super) fn build<E: World>(material: &Material<'_, E>) -> (View, Audit<E>) {
    let Material { env, problem, parsed, search, has_layers } = *material;
    let (mut audit, mut statements) = audit_statements(env, problem, &parsed);
    let mut view = View {
        title: String::new(),
        facts: Vec::new(),
        problem: audit.problem.as_ref().map(|problem| serde_json::to_value(problem).expect("problems are plain data")),
        text: parsed.text.to_string(),
        prompt_len: 0,
        nodes: Vec::new(),
        goal: None,
        events: Vec::new(),
        statements: Vec::new(),
        mentions: Vec::new(),
        defects: audit.defects.iter().map(|defect| DefectView { kind: defect.kind, statement: defect.step }).collect(),
    };
    let Some(problem) = audit.problem.clone() else {
        view.statements =
            lines(parsed.text).map(|(start, line)| StatementView { start, end: start + line.len(), kind: StatementKind::Unreadable, node: None }).collect();
        return (view, audit);
    };
    // A text may tell an answer alone.
    if !(parsed.discourse.tells_nodes() && audit.trace.nodes.len() > 1)
        && let Some(plan) = &audit.plan
        && let Some(walk) = Trace::of_plan(env, &problem, plan)
    {
        let goal = audit.verdict.as_ref().is_some_and(metacot_envs::Verdict::is_solved).then_some(plan.len() as NodeId);
        audit.trace = Trace { goal, ..walk };
        for statement in &mut statements {
            statement.events = 0..0;
            if statement.kind == StatementKind::Answer {
                statement.node = NodeId::try_from(plan.len()).ok();
            }
        }
        tie_events(&mut statements, &audit.trace);
    }
    let nodes = search.and_then(|search| align(env, &problem, &audit.trace, search));
    let trace = match (search, &nodes) {
        (Some(search), Some(_)) => search,
        _ => &audit.trace,
    };
    let shown = |node: NodeId| nodes.as_ref().map_or(Some(node), |nodes| nodes.get(node as usize).copied());
    view.events = trace.events.iter().map(event_view).collect();
    let places = match &nodes {
        Some(nodes) => align_events(&audit.trace, trace, nodes),
        None => (0..trace.events.len()).map(Some).collect(),
    };
    for (index, statement) in statements.iter().enumerate() {
        for place in places[statement.events.clone()].iter().flatten() {
            view.events[*place].statement = Some(index as u32);
        }
    }
    view.mentions = mentions(env, &problem, &parsed, &audit.trace, &statements);
    view.mentions.iter_mut().for_each(|mention| mention.node = shown(mention.node).unwrap_or(0));
    view.statements = statements
        .into_iter()
        .map(|Statement { span, kind, node, .. }| StatementView { start: span.start, end: span.end, kind, node: node.and_then(shown) })
        .collect();
    view.goal = trace.goal;
    view.nodes = node_views(env, &problem, trace);
    drop_nodes(trace, has_layers, &mut view.nodes);
    (view, audit)
}

/// Gives the events of a plan to the statements that name its nodes.
fn tie_events<E: World>(statements: &mut [Statement], walk: &Trace<E>) {
    let mut from = 0;
    for statement in statements {
        let end = match (statement.kind, statement.node) {
            (StatementKind::Answer, _) => walk.events.len(),
            (_, Some(node)) => walk.events.iter().rposition(|event| event.node() == node).map_or(from, |at| (at + 1).max(from)),
            _ => from,
        };
        statement.events = from..end;
        from = end;
    }
}

fn event_view(event: &Event) -> EventView {
    let (kind, value) = match event {
        Event::Generate(_) => (EventKind::Generate, None),
        Event::Visit(_) => (EventKind::Visit, None),
        Event::Evaluate { value, .. } => (EventKind::Evaluate, value.is_finite().then_some(*value)),
    };
    EventView { kind, node: event.node(), value, statement: None }
}

fn node_views<E: World>(env: &E, problem: &E::Problem, trace: &Trace<E>) -> Vec<NodeView> {
    let mut firsts: BTreeMap<&E::State, NodeId> = BTreeMap::new();
    let mut views = Vec::with_capacity(trace.nodes.len());
    for (id, node) in trace.nodes.iter().enumerate() {
        let (mut action, mut state) = (String::new(), String::new());
        if let Some(taken) = &node.action {
            env.write_action(problem, &trace.node(node.parent).state, taken, &mut action);
        }
        env.write_successor(problem, &node.state, &mut state);
        let status = match env.status(problem, &node.state) {
            Status::Open => NodeStatus::Open,
            Status::Solved => NodeStatus::Solved,
            Status::DeadEnd => NodeStatus::DeadEnd,
        };
        let bound = if status == NodeStatus::DeadEnd { None } else { env.lower_bound(problem, &node.state) };
        let heuristic = env.heuristics().first().map(|_| env.heuristic(0, problem, &node.state)).filter(|value| value.is_finite());
        let first = *firsts.entry(&node.state).or_insert(id as NodeId);
        views.push(NodeView {
            parent: node.parent,
            action,
            state,
            depth: node.depth,
            cost: node.cost,
            bound,
            heuristic,
            status,
            first_of_state: (first != id as NodeId).then_some(first),
            dropped: None,
        });
    }
    views
}

/// Notes which open nodes the search left for good.
fn drop_nodes<E: World>(trace: &Trace<E>, has_layers: bool, views: &mut [NodeView]) {
    let mut is_visited = vec![false; views.len()];
    // The newest node of each state, known by the first of it.
    let mut newest: Vec<NodeId> = (0..views.len() as NodeId).collect();
    let mut dropped: Vec<Option<u32>> = vec![None; views.len()];
    let mut by_depth: Vec<Vec<NodeId>> = Vec::new();
    let mut done = 0;
    for (index, event) in trace.events.iter().enumerate() {
        let node = event.node();
        let view = &views[node as usize];
        let (depth, first) = (view.depth as usize, view.first_of_state.unwrap_or(node));
        match event {
            Event::Generate(_) => {
                let old = std::mem::replace(&mut newest[first as usize], node);
                if old != node && !is_visited[old as usize] && views[old as usize].cost > view.cost {
                    dropped[old as usize].get_or_insert(index as u32);
                }
                if by_depth.len() <= depth {
                    by_depth.resize(depth + 1, Vec::new());
                }
                by_depth[depth].push(node);
            }
            Event::Visit(_) => {
                is_visited[node as usize] = true;
                // A visit of a layer says that the one above it is finished.
                while has_layers && done < depth {
                    let left = by_depth.get(done).into_iter().flatten().filter(|left| !is_visited[**left as usize]);
                    for left in left {
                        dropped[*left as usize].get_or_insert(index as u32);
                    }
                    done += 1;
                }
            }
            Event::Evaluate { .. } => {}
        }
    }
    for ((view, dropped), is_visited) in views.iter_mut().zip(dropped).zip(is_visited) {
        view.dropped = dropped.filter(|_| !is_visited && view.status == NodeStatus::Open);
    }
}

/// The actions of answers, each with the node that it leads to, as far as the tree has it.
fn mentions<E: World>(env: &E, problem: &E::Problem, parsed: &Parsed<'_>, told: &Trace<E>, statements: &[Statement]) -> Vec<Mention> {
    let mut children: Vec<Vec<NodeId>> = vec![Vec::new(); told.nodes.len()];
    for (id, node) in told.nodes.iter().enumerate().skip(1) {
        children[node.parent as usize].push(id as NodeId);
    }
    let path = told.goal.map(|goal| told.path(goal)).unwrap_or_default();
    let mut mentions = Vec::new();
    for statement in statements.iter().filter(|statement| statement.kind == StatementKind::Answer) {
        let line = &parsed.text[statement.span.clone()];
        let (plan, separator) = match &parsed.discourse {
            Discourse::Tree(dialect) => match (dialect.read)(line) {
                tree::Claim::Answer { plan: Some(plan) } => (plan, dialect.separator),
                _ => continue,
            },
            Discourse::Steps(dialect) => match (dialect.read)(line) {
                steps::Claim::Answer { plan } => (plan, dialect.separator),
                _ => continue,
            },
            Discourse::Frontier(_) => continue,
        };
        let mut at = 0;
        for action in plan.split(separator).filter(|action| !action.is_empty()) {
            let leads_here = |child: &&NodeId| {
                let mut text = String::new();
                let node = told.node(**child);
                node.action.iter().for_each(|taken| env.write_action(problem, &told.node(node.parent).state, taken, &mut text));
                text == action
            };
            let same: Vec<NodeId> = children[at as usize].iter().filter(leads_here).copied().collect();
            let Some(node) = same.iter().find(|node| path.contains(node)).or(same.last()) else { break };
            let start = action.as_ptr() as usize - parsed.text.as_ptr() as usize;
            mentions.push(Mention { start, end: start + action.len(), node: *node });
            at = *node;
        }
    }
    mentions
}
