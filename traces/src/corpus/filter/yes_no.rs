//! The answer is one of two: yes or no, true or false, or a problem of one action with two actions at most.

use super::{Kind, Mark, Row, Rule, always, words::normalized};

pub(super) const KIND: Kind = Kind { name: "yes-no", settings: &[], is_default: always, build: |_, _| Ok(Box::new(YesNo)) };

struct YesNo;

impl Rule for YesNo {
    fn look(&self, row: &Row<'_>) -> Mark {
        let is_binary = match &row.puzzle {
            Some(puzzle) => puzzle.one_step_actions().is_some_and(|actions| actions <= 2),
            None => is_binary(&row.question, row.answer.as_deref()),
        };
        if is_binary { Mark::Drop } else { Mark::Pass }
    }
}

/// Whether a question in prose asks for one of two words. The answer decides where there is one that is such a word; a question that names
/// both words counts whatever its answer; one that only sounds like it (`Is 7 prime?`) counts where no answer is given.
fn is_binary(question: &str, answer: Option<&str>) -> bool {
    const BOTH: [&str; 4] = ["yes or no", "true or false", "yes / no", "true / false"];
    const VERBS: [&str; 18] =
        ["is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "has", "have", "had", "should", "must", "may", "might"];
    let answer = answer.map(normalized);
    if answer.as_deref().is_some_and(|answer| ["yes", "no", "true", "false"].contains(&answer)) {
        return true;
    }
    let words = normalized(question);
    if BOTH.iter().any(|phrase| format!(" {words} ").contains(&format!(" {phrase} "))) {
        return true;
    }
    let last = question.trim().trim_end_matches('?').rsplit(['.', '!', '?', '\n']).next().unwrap_or_default();
    let first = normalized(last).split(' ').next().unwrap_or_default().to_string();
    answer.is_none() && question.trim().ends_with('?') && VERBS.contains(&first.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_questions_are_told_from_open_ones() {
        for (question, answer, expected) in [
            ("Is 91 prime?", Some("No."), true),
            ("Is 91 prime?", None, true),
            ("What is 91 / 7?", Some("13"), false),
            ("What is 91 / 7?", None, false),
            ("True or false: 91 is prime", Some("B"), true),
            ("Answer yes/no. 91 is prime", Some("-"), true),
            ("Let n be odd. Does n divide n+1?", None, true),
            ("Let n be odd. How often does n divide n+1?", None, false),
            ("Is x or y larger, and by how much?", Some("3"), false),
        ] {
            assert_eq!(is_binary(question, answer), expected, "{question}");
        }
    }
}
