//! Several attempts in one response: after each, a mark says so, and the model tries again with all of it before its eyes.
//!
//! What the marks say is the difference between the methods: nothing (RL^2 1611.02779, E-RL^2 1803.01118, SCoRe 2409.12917), or the verdict, which is
//! public while the reward may be another (RLEF 2410.02089, RISE 2407.18219). Marks are the environment's tokens and are never trained.

use metacot_envs::SeedTree;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{Episode, EpisodeGroup, episode::Draw};
use crate::{
    grade::judge,
    sample::{Completion, Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};
use metacot_traces::task::Problem;

/// What is said after an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// That another attempt follows.
    #[default]
    None,
    /// Whether the attempt was right.
    Verdict,
    /// The same by a coin: the control that verdicts are compared with.
    Random,
}

/// How responses are made of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptsConfig {
    /// Attempts of each response, at least 2; fewer where the context ends.
    pub count: usize,
    /// What is said after each.
    #[serde(default)]
    pub feedback: Feedback,
    /// Whether a right attempt is the last.
    #[serde(default)]
    pub ends_when_right: bool,
}

/// The marks between attempts as text; each is one token.
pub const ATTEMPT_MARKS: [&str; 3] = ["<again>", "<right>", "<wrong>"];

impl AttemptsConfig {
    pub(super) fn validate(&self) -> Result<(), String> {
        match self.count < 2 {
            true => Err(format!("attempts.count = {} is not allowed; expected at least 2", self.count)),
            false => Ok(()),
        }
    }

    /// The mark after an attempt.
    fn mark(&self, tokenizer: &Tokenizer, is_right: bool, coin: bool) -> Option<u32> {
        let said = match self.feedback {
            Feedback::None => 0,
            Feedback::Verdict => 2 - usize::from(is_right),
            Feedback::Random => 2 - usize::from(coin),
        };
        tokenizer.id(ATTEMPT_MARKS[said])
    }
}

/// Lets every response of some groups be tried again, up to the number of attempts; attempt `k` of response `j` of group `i` draws from
/// `seeds.index(i).index(j).stream(k)`.
pub(super) fn attempt_again(
    config: AttemptsConfig,
    draw: &Draw<'_>,
    pool: &[Problem],
    groups: &mut [EpisodeGroup],
    generator: &mut dyn Generator,
    seeds: &SeedTree,
) {
    for attempt in 1..config.count {
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for (number, group) in groups.iter_mut().enumerate() {
            for (response, episode) in group.episodes.iter_mut().enumerate() {
                let streams = seeds.index(number as u64).index(response as u64);
                let last = episode.attempts.last().map_or(&episode.verdict, |attempt| &attempt.verdict);
                let coin = streams.child("coin").stream(attempt as u64).random();
                let Some(mark) = config.mark(draw.tokenizer, last.is_correct, coin) else { continue };
                // An attempt that was cut ends the response.
                if !last.is_finished || config.ends_when_right && last.is_correct {
                    continue;
                }
                let prompt = [group.prompt.as_slice(), &episode.ids, &[mark]].concat();
                places.push((number, response, mark));
                requests.push(Request { prompt, rng: streams.stream(attempt as u64) });
            }
        }
        let limits = SampleConfig { max_new_tokens: draw.config.max_new_tokens, ..draw.config.clone() };
        for ((number, response, mark), completion) in places.into_iter().zip(generator.complete(requests, &limits)) {
            if !completion.ids.is_empty() {
                let group = &mut groups[number];
                group.episodes[response].append(mark, &completion, draw, &pool[group.problem]);
            }
        }
    }
}

/// A later attempt of an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where the mark before it stands in the ids of the episode.
    pub mark_at: usize,
    /// What is true of it.
    pub verdict: crate::grade::Rollout,
}

impl Episode {
    fn append(&mut self, mark: u32, completion: &Completion, draw: &Draw<'_>, problem: &Problem) {
        let verdict = judge(draw.task, draw.tokenizer, problem, completion);
        self.attempts.push(Attempt { mark_at: self.ids.len(), verdict });
        self.ids.push(mark);
        self.log_prob_bits.push(0.0_f32.to_bits());
        self.ids.extend(&completion.ids);
        self.log_prob_bits.extend(completion.log_probs.iter().map(|number| number.to_bits()));
    }

    /// The first token of each attempt, the mark before it included; empty where there is one attempt.
    pub fn attempt_starts(&self) -> Vec<usize> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        std::iter::once(0).chain(self.attempts.iter().map(|attempt| attempt.mark_at)).collect()
    }

    /// The verdict of each attempt with its ids.
    pub fn verdicts(&self) -> Vec<(&crate::grade::Rollout, &[u32])> {
        let mut starts: Vec<usize> = vec![0];
        starts.extend(self.attempts.iter().map(|attempt| attempt.mark_at + 1));
        let mut ends: Vec<usize> = self.attempts.iter().map(|attempt| attempt.mark_at).collect();
        ends.push(self.ids.len());
        let verdicts = std::iter::once(&self.verdict).chain(self.attempts.iter().map(|attempt| &attempt.verdict));
        verdicts.zip(starts.into_iter().zip(ends)).map(|(verdict, (start, end))| (verdict, &self.ids[start..end])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_what_the_feedback_allows() {
        let tokenizer = Tokenizer::new(ATTEMPT_MARKS, 0).unwrap();
        let said = |feedback: Feedback, is_right: bool, coin: bool| {
            let config = AttemptsConfig { count: 2, feedback, ends_when_right: false };
            tokenizer.token(config.mark(&tokenizer, is_right, coin).unwrap()).unwrap().to_owned()
        };
        assert_eq!([said(Feedback::None, true, true), said(Feedback::Verdict, true, false), said(Feedback::Random, true, false)], ATTEMPT_MARKS);
        assert!(AttemptsConfig { count: 1, feedback: Feedback::None, ends_when_right: false }.validate().is_err());
    }

    #[test]
    fn attempts_are_told_apart_by_their_marks() {
        let mut group = EpisodeGroup::of_version(0);
        let episode = &mut group.episodes[0];
        assert!(episode.attempt_starts().is_empty() && episode.verdicts().len() == 1);
        episode.ids = vec![5, 2, 9, 6, 7, 2];
        let verdict = crate::grade::Rollout { is_correct: true, ..episode.verdict.clone() };
        episode.attempts.push(Attempt { mark_at: 2, verdict });
        assert_eq!(episode.attempt_starts(), [0, 2]);
        let found: Vec<(bool, &[u32])> = episode.verdicts().into_iter().map(|(verdict, ids)| (verdict.is_correct, ids)).collect();
        assert_eq!(found, [(false, &[5, 2][..]), (true, &[6, 7, 2][..])]);
    }
}
