//! The question offers its answers: three options or more that are marked (A), (B), (C) in order, or two of them where the answer is a letter.

use super::{Kind, Mark, Row, Rule, always};

pub(super) const KIND: Kind = Kind { name: "multiple-choice", settings: &[], is_default: always, build: |_, _| Ok(Box::new(MultipleChoice)) };

struct MultipleChoice;

impl Rule for MultipleChoice {
    fn look(&self, row: &Row<'_>) -> Mark {
        if row.puzzle.is_some() {
            return Mark::NotApplicable;
        }
        let options = num_options(&row.question);
        let is_letter = row.answer.as_deref().is_some_and(is_letter);
        if options >= 3 || (options == 2 && is_letter) { Mark::Drop } else { Mark::Pass }
    }
}

/// The most options that one way of marking them gives.
fn num_options(question: &str) -> usize {
    let styles: [(&str, &str, u8); 8] =
        [("(", ")", b'A'), ("(", ")", b'a'), ("[", "]", b'A'), ("", ")", b'A'), ("", ")", b'a'), ("", ".", b'A'), ("", ":", b'A'), ("\\textbf{(", ")", b'A')];
    styles.iter().map(|(before, after, first)| in_order(question, before, after, *first)).max().unwrap_or(0)
}

/// How many of the marks A, B, C … occur in this order, each at the start of a word.
fn in_order(question: &str, before: &str, after: &str, first: u8) -> usize {
    let (mut count, mut from) = (0, 0);
    for letter in first..first + 10 {
        let mark = format!("{before}{}{after}", char::from(letter));
        let mut places = question[from..].match_indices(&mark).map(|(place, _)| from + place);
        let starts_word = |place: &usize| question[..*place].chars().next_back().is_none_or(|before| before.is_whitespace() || before == '$');
        match places.find(starts_word) {
            Some(place) => from = place + mark.len(),
            None => break,
        }
        count += 1;
    }
    count
}

/// Whether an answer is one letter, in brackets or a box or not.
fn is_letter(answer: &str) -> bool {
    let bare = answer.trim().trim_start_matches("\\boxed{").trim_end_matches('}').trim_matches(['(', ')', '.', '[', ']']);
    bare.len() == 1 && bare.bytes().all(|letter| letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_counted_in_order() {
        for (question, expected) in [
            ("What is 2+2?\n(A) 3 (B) 4 (C) 5", 3),
            ("Which? A. one B. two C. three D. four", 4),
            ("Which?\na) one\nb) two", 2),
            ("Let f(A) and f(B) and f(C) be given.", 0),
            ("Point A. Then nothing.", 1),
            ("(B) comes before (A)", 1),
            ("é(A) ü (B)", 0),
        ] {
            assert_eq!(num_options(question), expected, "{question}");
        }
        assert!(is_letter("\\boxed{(C)}") && is_letter(" b. ") && !is_letter("AB") && !is_letter("4") && !is_letter(""));
    }
}
