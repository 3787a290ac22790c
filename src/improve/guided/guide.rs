//! A model as a guide: priors of actions by the likelihood of their texts, values by that of marks.

use std::collections::BTreeMap;

use metacot_traces::guide::{Guide, Question, Reply};

use crate::{
    grade::prompt_ids,
    sample::{CpuDecoder, Scoring},
    tokenizer::Tokenizer,
};

/// Replies that are kept; where there are more, all are forgotten.
const MAX_KNOWN: usize = 200_000;

/// The marks of values: one asks, one of two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueMarks {
    /// Stands behind a state and asks for its value.
    pub ask: u32,
    /// Whoever moves can make it.
    pub good: u32,
    /// The opposite.
    pub bad: u32,
}

impl ValueMarks {
    /// The marks as text; each is one token.
    pub const PHRASES: [&str; 3] = ["<value?>", "<good>", "<bad>"];

    /// The marks of a vocabulary; `None` where it lacks one.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let [ask, good, bad] = Self::PHRASES.map(|phrase| tokenizer.id(phrase));
        Some(Self { ask: ask?, good: good?, bad: bad? })
    }
}

/// A model that guides searches. Equal questions are asked once.
pub struct ModelGuide<'a> {
    decoder: &'a mut CpuDecoder,
    tokenizer: &'a Tokenizer,
    marks: Option<ValueMarks>,
    known: BTreeMap<String, Reply>,
    /// Tokens of actions and marks whose likelihood was computed: what guidance costs beside the prompts, as generated tokens do.
    pub scored_tokens: u64,
}

impl<'a> ModelGuide<'a> {
    /// A guide over the decoder's weights; it values every state at one half where the vocabulary has no marks of values.
    pub fn new(decoder: &'a mut CpuDecoder, tokenizer: &'a Tokenizer) -> Self {
        Self { decoder, tokenizer, marks: ValueMarks::of(tokenizer), known: BTreeMap::new(), scored_tokens: 0 }
    }

    /// Replies to questions that were not asked before, all in one call of the decoder.
    fn ask(&mut self, questions: &[&Question]) -> Vec<Reply> {
        let context = self.decoder.model_config().context;
        let mut texts: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
        let mut spans = Vec::new();
        for question in questions {
            let start = texts.len();
            let (prompt, actions) = turn_ids(self.tokenizer, question);
            let longest = actions.iter().map(Vec::len).max().unwrap_or(0);
            // What does not fit the context cannot be asked.
            if prompt.len() + longest <= context {
                texts.extend(actions.into_iter().map(|action| (prompt.clone(), action)));
            }
            let middle = texts.len();
            if let Some(marks) = self.marks {
                let asked = value_ids(self.tokenizer, question, marks);
                if asked.len() < context {
                    texts.extend([marks.good, marks.bad].map(|mark| (asked.clone(), vec![mark])));
                }
            }
            spans.push((start, middle, texts.len()));
        }
        self.scored_tokens += texts.iter().map(|(_, continuation)| continuation.len() as u64).sum::<u64>();
        let scorings: Vec<Scoring<'_>> = texts.iter().map(|(prompt, continuation)| Scoring { prompt, continuation }).collect();
        let scores: Vec<f64> = self.decoder.score(&scorings).iter().map(|scores| scores.iter().map(|score| f64::from(*score)).sum()).collect();
        let reply = |(start, middle, end): (usize, usize, usize)| Reply {
            priors: softmax(&scores[start..middle]),
            value: softmax(&scores[middle..end]).first().copied().unwrap_or(0.5),
        };
        spans.into_iter().map(reply).collect()
    }
}

impl Guide for ModelGuide<'_> {
    fn reply(&mut self, questions: &[Question]) -> Vec<Reply> {
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
        let mut new: BTreeMap<&str, &Question> = BTreeMap::new();
        for question in questions {
            if !self.known.contains_key(&question.prompt) {
                new.insert(&question.prompt, question);
            }
        }
        let asked: Vec<&Question> = new.into_values().collect();
        for (question, reply) in asked.iter().zip(self.ask(&asked)) {
            self.known.insert(question.prompt.clone(), reply);
        }
        questions.iter().map(|question| self.known[&question.prompt].clone()).collect()
    }
}

/// The ids before the actions of a question, and those of each action; the end mark belongs to an action that is a whole answer.
pub(super) fn turn_ids(tokenizer: &Tokenizer, question: &Question) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut prompt = prompt_ids(tokenizer, &question.prompt);
    tokenizer.encode_into(&question.opening, &mut prompt);
    let action = |action: &String| {
        let mut ids = tokenizer.encode(action);
        ids.extend(question.is_whole.then_some(Tokenizer::EOS));
        ids
    };
    (prompt, question.actions.iter().map(action).collect())
}

/// The ids before the mark of a value.
pub(super) fn value_ids(tokenizer: &Tokenizer, question: &Question, marks: ValueMarks) -> Vec<u32> {
    let mut ids = prompt_ids(tokenizer, &question.prompt);
    ids.push(marks.ask);
    ids
}

/// Probabilities of log-probabilities, as shares of their sum.
fn softmax(scores: &[f64]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ModelConfig, model::Weights, sample::DecoderConfig};
    use metacot_envs::SeedTree;

    #[test]
    fn priors_are_the_likelihoods_of_the_texts_and_do_not_depend_on_company() {
        let tokenizer = Tokenizer::new([&["p", "a", "b", "\n"][..], &ValueMarks::PHRASES].concat(), 0).unwrap();
        let config = ModelConfig {
            vocab_size: tokenizer.vocab_size(),
            width: 16,
            layers: 1,
            heads: 2,
            kv_heads: 2,
            hidden: 16,
            context: 16,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        };
        let weights = Weights::init(&config, &SeedTree::root(3));
        let mut decoder = CpuDecoder::new(&weights, DecoderConfig { threads: 2, slots: 4 });
        let question = |prompt: &str| Question { prompt: prompt.into(), opening: "\n".into(), actions: vec!["ab".into(), "b".into()], is_whole: false };
        let prompt = [prompt_ids(&tokenizer, "p"), tokenizer.encode("\n")].concat();
        let [both, one] = ["ab", "b"].map(|text| tokenizer.encode(text));
        let scores = decoder.score(&[Scoring { prompt: &prompt, continuation: &both }, Scoring { prompt: &prompt, continuation: &one }]);
        let likelihood = |scores: &[f32]| f64::from(scores.iter().sum::<f32>()).exp();
        let expected = likelihood(&scores[0]) / (likelihood(&scores[0]) + likelihood(&scores[1]));
        let mut guide = ModelGuide::new(&mut decoder, &tokenizer);
        let alone = guide.reply(&[question("p")]);
        assert!((f64::from(alone[0].priors[0]) - expected).abs() < 1e-5 && (0.0..=1.0).contains(&alone[0].value));
        assert_eq!(guide.scored_tokens, 5);
        let again = guide.reply(&[question("pp"), question("p"), question("p")]);
        assert_eq!((&again[1], &again[2], guide.scored_tokens), (&alone[0], &alone[0], 10));
    }
}
