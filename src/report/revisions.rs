//! The section on self-correction: what attempts are worth by number, under true feedback, under that of other problems, and under none.

use super::{Cell, Section, Table};
use crate::{
    Result,
    eval::{Revisions, statistics::Bootstrap},
};

/// The section of some measurements, in reading order; there is at least one.
///
/// # Errors
/// A measurement is of no problems, or of a single attempt.
pub fn revisions(measured: &[Revisions], bootstrap: &Bootstrap) -> Result<Section> {
    let most = measured.iter().map(|revisions| revisions.attempts).max().unwrap_or(0);
    let (problems, samples) = measured.first().map_or((0, 0), |first| (first.problems.len(), first.samples()));
    let ordinals = || (1..=most).map(|attempt| format!("attempt {attempt}"));
    let caption = format!(
        "{problems} unseen problems, {samples} chains of attempts at each, with 95 % intervals over problems: the share right at each attempt. All attempts are made, whether or \
         not one before was right. Change is that from the first to the second, paired; repaired and spoiled are the shares of chains that went from wrong to \
         right and from right to wrong there."
    );
    let mut attempts =
        Table::new(caption, ["model", "feedback"].map(String::from).into_iter().chain(ordinals()).chain(["change", "repaired", "spoiled"].map(String::from)));
    let mut choices = Table::new(
        "One answer from the attempts up to each: an oracle stops at the first right one, or the answer that most of them give is taken. An attempt with an action that is none, which everyone can see, gives no answer.",
        ["model", "feedback"]
            .map(String::from)
            .into_iter()
            .chain((2..=most).map(|attempt| format!("oracle, {attempt}")))
            .chain((2..=most).map(|attempt| format!("majority, {attempt}"))),
    );
    for revisions in measured {
        let scores = revisions.scores(bootstrap)?;
        let name = || [Cell::text(&revisions.policy), Cell::text(&revisions.feedback)];
        let cells = |estimates: &[crate::eval::statistics::Estimate], from: usize| -> Vec<Cell> {
            (from..most).map(|attempt| Cell::maybe(estimates.get(attempt).copied(), Cell::percent)).collect()
        };
        let rest = [scores.change, scores.repaired, scores.spoiled].map(Cell::percent);
        attempts = attempts.row(name().into_iter().chain(cells(&scores.accuracy, 0)).chain(rest));
        choices = choices.row(name().into_iter().chain(cells(&scores.oracle, 1)).chain(cells(&scores.majority, 1)));
    }
    let text = "True feedback says what is seen of an attempt in public: where its plan ends, or which action of it is none. Random feedback says the same of an attempt at \
                another problem, and none only that another attempt follows. What is gained under both of these as well was not learned from the feedback.";
    Ok(Section::new("Trying again").paragraph(text).table(attempts).table(choices))
}
