//! Claims of the literature that a ladder can be asked about, one line each: which arms they compare, and which way they say it goes.
//!
//! A claim holds where the paired 95 % interval lies on its side of zero, fails where it lies on the other, and is not shown in between. Claims of
//! no difference hold where the interval lies within [`MARGIN`] on both sides, and claims of no loss where it does not reach below [`MARGIN`].

use super::{pooled::Pooled, scorecard::points};
use crate::{
    Result,
    eval::statistics::{Bootstrap, Estimate},
    report::{Cell, Section, Table},
};

/// Points of success within which two ways count as alike.
const MARGIN: f64 = 0.03;

/// What a claim is about.
#[derive(Clone, Copy)]
enum About {
    /// The share solved by one response.
    One,
    /// The share solved by one of k.
    Several,
}

/// Which way the first arm lies from the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Higher,
    Lower,
    Alike,
    NotLower,
}

struct Claim {
    text: &'static str,
    source: &'static str,
    arms: [&'static str; 2],
    about: About,
    says: Says,
}

const fn claim(text: &'static str, source: &'static str, arms: [&'static str; 2], about: About, says: Says) -> Claim {
    Claim { text, source, arms, about, says }
}

/// The supervised model that all arms start from.
const START: &str = "supervised";

const CLAIMS: &[Claim] = &[
    claim("STaR with rationalization improves the model it starts from", "2203.14465", ["star", START], About::One, Says::Higher),
    claim("ReST-EM improves the model it starts from", "2312.06585", ["rest-em", START], About::One, Says::Higher),
    claim("rejection sampling is close to GRPO", "2504.11343", ["raft", "grpo"], About::One, Says::Alike),
    claim("distilled guided searches beat imitation of samples", "1705.08439", ["guided", "expert-iteration"], About::One, Says::Higher),
    claim("Dr.GRPO, which has no KL term, is at least GRPO", "2503.20783", ["dr-grpo", "grpo"], About::One, Says::NotLower),
    claim("RLOO beats PPO", "2402.14740", ["rloo", "ppo"], About::One, Says::Higher),
    claim("APA improves a model of search", "2404.03683", ["apa", START], About::One, Says::Higher),
    claim("APA beats PPO", "2306.02231", ["apa", "ppo"], About::One, Says::Higher),
    claim("policy gradients raise pass@1", "2504.13837", ["grpo", START], About::One, Says::Higher),
    claim("policy gradients lower pass@k", "2504.13837", ["grpo", START], About::Several, Says::Lower),
    claim("policy gradients beat more supervised training", "2504.07052", ["grpo", "more-supervised"], About::One, Says::Higher),
    claim("factors of rank 1 learn from rewards what all weights learn", "Schulman et al. 2025", ["rank-1", "full"], About::One, Says::Alike),
    claim("factors of rank 16 learn from rewards what all weights learn", "Schulman et al. 2025", ["rank-16", "full"], About::One, Says::Alike),
];

/// The section on claims whose arms both are there; `None` where there are none.
pub(super) fn section(arms: &[(&str, &Pooled)], k: u32, bootstrap: &Bootstrap) -> Result<Option<Section>> {
    let mut table = Table::new(
        format!(
            "Paired over problems, runs redrawn; a claim of likeness holds where the interval lies within {0:.0} points on both sides, one of no loss where it lies above -{0:.0}.",
            100.0 * MARGIN
        ),
        ["claim", "source", "compared", "difference in points", "here"],
    );
    for claim in CLAIMS {
        let find = |name: &str| arms.iter().find(|(arm, _)| *arm == name).map(|(_, pooled)| *pooled);
        let (Some(left), Some(right)) = (find(claim.arms[0]), find(claim.arms[1])) else { continue };
        let (difference, what) = match claim.about {
            About::One => (bootstrap.difference_of_runs(&left.solve, &right.solve)?, "pass@1".to_owned()),
            About::Several => (bootstrap.difference_of_runs(&left.solve_at_k, &right.solve_at_k)?, format!("pass@{k}")),
        };
        let change = points(&difference, left.num_problems());
        let compared = format!("{what}, {} less {}", claim.arms[0], claim.arms[1]);
        table = table.row([claim.text, claim.source, &compared, &change, verdict(claim.says, &difference)].map(|text| Cell::text(text.to_owned())));
    }
    Ok((!table.rows.is_empty()).then(|| Section::new("Claims of the literature at this scale").table(table)))
}

fn verdict(says: Says, difference: &Estimate) -> &'static str {
    let Estimate { low, high, .. } = *difference;
    let (holds, fails) = match says {
        Says::Higher => (low > 0.0, high < 0.0),
        Says::Lower => (high < 0.0, low > 0.0),
        Says::Alike => (low > -MARGIN && high < MARGIN, low > MARGIN || high < -MARGIN),
        Says::NotLower => (low > -MARGIN, high < 0.0),
    };
    match (holds, fails) {
        (true, _) => "holds",
        (_, true) => "does not hold",
        _ => "not shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_decides_and_nothing_else() {
        let estimate = |low: f64, high: f64| Estimate { value: 0.5 * (low + high), low, high };
        let verdicts =
            |says: Says| [(0.01, 0.02), (-0.02, -0.01), (-0.01, 0.01), (-0.2, 0.2), (0.04, 0.1)].map(|(low, high)| verdict(says, &estimate(low, high)));
        assert_eq!(verdicts(Says::Higher), ["holds", "does not hold", "not shown", "not shown", "holds"]);
        assert_eq!(verdicts(Says::Lower), ["does not hold", "holds", "not shown", "not shown", "does not hold"]);
        assert_eq!(verdicts(Says::Alike), ["holds", "holds", "holds", "not shown", "does not hold"]);
        assert_eq!(verdicts(Says::NotLower), ["holds", "holds", "holds", "not shown", "holds"]);
        assert_eq!(verdict(Says::NotLower, &estimate(-0.2, -0.1)), "does not hold");
    }
}
