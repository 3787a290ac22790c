//! Which bytes of a text a learner is trained on (Meta-CoT, appendix C): spans that travel with the record.

use metacot_envs::World;
use serde::{Deserialize, Serialize};

use super::Sample;
use crate::{
    Event, NodeId, Trace, TraceFormat, audit,
    discourse::{Discourse, Parsed, frontier, lines, tree},
};

/// What is learned of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossMask {
    /// Prompt and response.
    Full,
    /// The response.
    #[default]
    Response,
    /// What the response tells of the nodes on the way to the goal, and the answer.
    CorrectPath,
    /// The response without the answer.
    Search,
}

impl std::str::FromStr for LossMask {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_value(text.into()).map_err(|_| format!("unknown loss `{text}`; allowed: full, response, correct-path, search"))
    }
}

/// What a statement is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Node(NodeId),
    Answer,
    /// The frame of the text.
    Nothing,
}

impl LossMask {
    /// The learned spans of a sample told in `format`, without what the transform masked.
    pub fn spans<E: World>(self, env: &E, problem: &E::Problem, format: &dyn TraceFormat<E>, sample: &Sample) -> Vec<(u64, u64)> {
        let (prompt_len, end) = (sample.prompt_len as u64, sample.text.len() as u64);
        let spans = match self {
            Self::Full => vec![(0, end)],
            Self::Response => vec![(prompt_len, end)],
            Self::CorrectPath | Self::Search => {
                // The text itself says which search it tells, whatever a transform made of the one it came from.
                let parsed = format.parse(&sample.text);
                let told = audit(env, Some(problem), &parsed).trace;
                let path: Vec<NodeId> = told.goal.map(|goal| told.path(goal)).unwrap_or_default();
                let is_learned = |about| match (self, about) {
                    (Self::Search, about) => about != About::Answer,
                    (_, About::Node(node)) => node == 0 || path.contains(&node),
                    (_, about) => about == About::Answer,
                };
                let all = statements(&parsed, &told, sample.prompt_len).into_iter().filter(|(span, about)| span.0 >= prompt_len && is_learned(*about));
                merged(all.map(|(span, _)| span))
            }
        };
        without(spans, &sample.masked)
    }
}

/// Joins spans that touch.
fn merged(spans: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::new();
    for (start, end) in spans {
        match all.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => all.push((start, end)),
        }
    }
    all
}

/// Cuts ranges out of spans; both ascend.
fn without(spans: Vec<(u64, u64)>, cut: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::with_capacity(spans.len());
    for (mut start, end) in spans {
        for &(from, to) in cut {
            if from >= end || to <= start {
                continue;
            }
            if from > start {
                left.push((start, from));
            }
            start = to.max(start);
        }
        if start < end {
            left.push((start, end));
        }
    }
    left
}

/// The statements of a text with the node that each is about: nodes come in the order of the trace's events.
fn statements<E: World>(parsed: &Parsed<'_>, told: &Trace<E>, prompt_len: usize) -> Vec<((u64, u64), About)> {
    let mut generated = told.events.iter().filter_map(|event| if let Event::Generate(id) = event { Some(*id) } else { None }).filter(|id| *id != 0);
    let mut visited = told.events.iter().filter_map(|event| if let Event::Visit(id) = event { Some(*id) } else { None });
    let mut next = |is_visit: bool| if is_visit { visited.next() } else { generated.next() }.map_or(About::Nothing, About::Node);
    let mut all = Vec::new();
    match &parsed.discourse {
        Discourse::Tree(dialect) => {
            let (mut node, mut is_first) = (About::Nothing, true);
            for (start, line) in lines(parsed.text) {
                let about = match (dialect.read)(line) {
                    tree::Claim::Explore { .. } => {
                        node = next(false);
                        node
                    }
                    tree::Claim::Begin | tree::Claim::Move { .. } => {
                        node = next(true);
                        node
                    }
                    tree::Claim::At { .. } if std::mem::replace(&mut is_first, false) => next(true),
                    tree::Claim::At { .. } | tree::Claim::Name { .. } | tree::Claim::Ending { .. } => node,
                    tree::Claim::Answer { .. } => About::Answer,
                    _ => About::Nothing,
                };
                all.push(((start as u64, (start + line.len() + 1).min(parsed.text.len()) as u64), about));
            }
        }
        Discourse::Frontier(dialect) => {
            let (mut offset, mut is_first) = (0, true);
            while let Some((claim, span, after)) = (dialect.read)(parsed.text, offset) {
                let about = match claim {
                    frontier::Claim::Create(_) if std::mem::replace(&mut is_first, false) => About::Node(0),
                    frontier::Claim::Create(_) => next(false),
                    frontier::Claim::Close(_) => next(true),
                    frontier::Claim::Plan { .. } => About::Answer,
                    _ => About::Nothing,
                };
                all.push(((span.start as u64, after.min(parsed.text.len()) as u64), about));
                offset = after;
            }
        }
        // A solution tells nothing but the way to the goal.
        Discourse::Steps(_) => all.push(((prompt_len as u64, parsed.text.len() as u64), About::Answer)),
    }
    all
}
