//! The tree of a trace beside its text, as one HTML page that a person can walk through: style, script and data inside, nothing fetched.
//!
//! **Invariant**: the page is a function of the view alone, and no text of it becomes markup or script. Data stands in the page as JSON
//! without any `<`, the script puts it in as text only, and the policy allows no script but this one, by its digest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use metacot_traces::view::{EventKind, NodeStatus, View};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::escape::{html as escape, visible};

const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("viewer/model.js"),
    include_str!("viewer/layout.js"),
    include_str!("viewer/draw.js"),
    include_str!("viewer/words.js"),
    include_str!("viewer/board.js"),
    include_str!("viewer/main.js")
);

/// The view as a self-contained HTML page.
pub fn viewer(view: &View) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(SCRIPT))
    );
    let style = [include_str!("html/palette.css"), include_str!("viewer/viewer.css")].concat();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{}\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&view.title),
        include_str!("viewer/body.html"),
        data(view)
    )
}

/// The view as JSON text in columns, with places counted as a browser counts them, fit to stand within a page.
fn data(view: &View) -> String {
    let units = Units::of(&view.text);
    let (nodes, events, statements) = (&view.nodes, &view.events, &view.statements);
    let mut kinds: Vec<Value> = Vec::new();
    let mut kind_of = |kind: Value| {
        let known = kinds.iter().position(|other| *other == kind);
        known.unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        })
    };
    let statement_kinds: Vec<usize> = statements.iter().map(|statement| kind_of(json!(statement.kind))).collect();
    let status = |status| match status {
        NodeStatus::Open => 0,
        NodeStatus::Solved => 1,
        NodeStatus::DeadEnd => 2,
    };
    let event_kind = |kind| match kind {
        EventKind::Generate => 0,
        EventKind::Visit => 1,
        EventKind::Evaluate => 2,
    };
    let data = json!({
        "title": view.title,
        "facts": view.facts,
        "problem": view.problem,
        // One character stands for one, so that places stay where they are.
        "text": view.text.chars().map(visible).collect::<String>(),
        "prompt": units.at(view.prompt_len),
        "rows": statements.len() > 20 && view.text.lines().count() < statements.len() / 2,
        "goal": view.goal,
        "kinds": kinds,
        "nodes": {
            "parent": column(nodes, |node| node.parent),
            "action": column(nodes, |node| node.action.as_str()),
            "state": column(nodes, |node| node.state.as_str()),
            "depth": column(nodes, |node| node.depth),
            "cost": column(nodes, |node| node.cost),
            "bound": column(nodes, |node| node.bound),
            "heuristic": column(nodes, |node| node.heuristic),
            "status": column(nodes, |node| status(node.status)),
            "first": column(nodes, |node| node.first_of_state),
            "dropped": column(nodes, |node| node.dropped),
        },
        "events": {
            "kind": column(events, |event| event_kind(event.kind)),
            "node": column(events, |event| event.node),
            "value": column(events, |event| event.value),
            "statement": column(events, |event| event.statement),
        },
        "statements": {
            "start": column(statements, |statement| units.at(statement.start)),
            "end": column(statements, |statement| units.at(statement.end)),
            "kind": statement_kinds,
            "node": column(statements, |statement| statement.node),
        },
        "mentions": {
            "start": column(&view.mentions, |mention| units.at(mention.start)),
            "end": column(&view.mentions, |mention| units.at(mention.end)),
            "node": column(&view.mentions, |mention| mention.node),
        },
        "defects": column(&view.defects, |defect| (defect.kind, defect.statement)),
    });
    let text = data.to_string();
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", character as u32)),
            character => safe.push(visible(character)),
        }
    }
    safe
}

fn column<'a, T, V: serde::Serialize>(rows: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<Value> {
    rows.iter().map(|row| json!(value(row))).collect()
}

/// Byte offsets of a text as offsets in UTF-16, which is how scripts count.
enum Units {
    Same,
    ByByte(Vec<usize>),
}

impl Units {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Same;
        }
        let mut units = Vec::with_capacity(text.len() + 1);
        let mut count = 0;
        for character in text.chars() {
            units.resize(units.len() + character.len_utf8(), count);
            count += character.len_utf16();
        }
        units.push(count);
        Self::ByByte(units)
    }

    fn at(&self, byte: usize) -> usize {
        match self {
            Self::Same => byte,
            Self::ByByte(units) => units[byte.min(units.len() - 1)],
        }
    }
}
