//! Which bytes of a text a learner is trained on (Meta-CoT, appendix C): spans that travel with the record.

use metacot_envs::World;
use serde::{Deserialize, Serialize};

use super::Sample;
use crate::{
    NodeId, TraceFormat,
    audit::{Statement, StatementKind, audit_statements},
    discourse::{Discourse, Reading},
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
    /// The learned spans of a sample told in `format` and read by `reading`, without what the transform masked.
    pub fn spans<E: World>(self, (env, problem): (&E, &E::Problem), format: &dyn TraceFormat<E>, reading: Reading, sample: &Sample) -> Vec<(u64, u64)> {
        let (prompt_len, end) = (sample.prompt_len as u64, sample.text.len() as u64);
        let spans = match self {
            Self::Full => vec![(0, end)],
            Self::Response => vec![(prompt_len, end)],
            Self::CorrectPath | Self::Search => {
                // The text itself says which search it tells, whatever a transform made of the one it came from.
                let parsed = reading.parse(format, &sample.text);
                let (audit, statements) = audit_statements(env, Some(problem), &parsed);
                let told = audit.trace;
                let path: Vec<NodeId> = told.goal.map(|goal| told.path(goal)).unwrap_or_default();
                let is_learned = |about| match (self, about) {
                    (Self::Search, about) => about != About::Answer,
                    (_, About::Node(node)) => node == 0 || path.contains(&node),
                    (_, about) => about == About::Answer,
                };
                let all = about(&statements, &parsed.discourse, sample.text.len(), sample.prompt_len);
                let all = all.into_iter().filter(|(span, about)| span.0 >= prompt_len && is_learned(*about));
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

/// The statements of a text, each up to the next one, with what it is about.
fn about(statements: &[Statement], discourse: &Discourse, text_len: usize, prompt_len: usize) -> Vec<((u64, u64), About)> {
    // A solution tells nothing but the way to the goal.
    if matches!(discourse, Discourse::Steps(_)) {
        return vec![((prompt_len as u64, text_len as u64), About::Answer)];
    }
    let ends = statements.iter().skip(1).map(|next| next.span.start).chain([text_len]);
    let about = |statement: &Statement| match statement.kind {
        StatementKind::Answer | StatementKind::Plan => About::Answer,
        StatementKind::Problem | StatementKind::Value => About::Nothing,
        _ => statement.node.map_or(About::Nothing, About::Node),
    };
    statements.iter().zip(ends).map(|(statement, end)| ((statement.span.start as u64, end as u64), about(statement))).collect()
}
