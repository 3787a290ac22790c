//! The first stage: corpora, vocabulary, and the examples that fit the context.

use metacot_traces::{
    corpus::{self, Layout, Manifest, Record, Split},
    generate::{Job, Shard, generate},
    task::Problem,
};

use rand::RngExt as _;

use super::{Notice, Run, stages::distinct_problems};
use crate::{
    Error, Result,
    data::Example,
    improve::{HINT, ValueMarks, effort_marks, example, hinted_example, mark_examples, mark_ids},
    tokenizer::Tokenizer,
};

/// Everything that later stages learn from and measure on.
pub(super) struct Data {
    pub tokenizer: Tokenizer,
    pub train: Vec<Example>,
    pub val: Vec<Example>,
    /// Test problems of the training distribution; none of them is in the corpus.
    pub unseen: Vec<Problem>,
    /// Problems of the held-out settings.
    pub held_out: Vec<Problem>,
    pub facts: CorpusFacts,
    /// Digest of the training corpus.
    pub digest: String,
}

/// What the report says of the corpus.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CorpusFacts {
    pub records: usize,
    pub solved: usize,
    pub distinct: usize,
    pub fitting: usize,
    pub mean_tokens: f64,
    pub mean_digit_tokens: f64,
    pub vocab_size: usize,
}

/// A record as an example. What the vocabulary cannot say would be learned as `<unk>`, without a word about it.
///
/// # Errors
/// The vocabulary lacks something of the text.
fn learned(tokenizer: &Tokenizer, record: &Record) -> Result<Example> {
    let (prompt, response) = record.text.split_at(record.prompt_len as usize);
    for part in [prompt, response] {
        tokenizer.encode_strict(part).map_err(|error| Error::Usage(format!("trace {} of {} cannot be learned: {error}", record.id, record.split.name())))?;
    }
    Ok(example(tokenizer, prompt, response))
}

impl Run<'_> {
    pub(super) fn corpora(&self, notify: &mut dyn FnMut(Notice)) -> Result<Data> {
        let recipe = self.recipe;
        let (train_records, manifest) = self.corpus(Split::Train, recipe.corpus.train, notify)?;
        let (val_records, _) = self.corpus(Split::Val, recipe.corpus.val.max(1), notify)?;
        let (mut phrases, _) = self.task.vocabulary();
        if recipe.corpus.hinted > 0.0 {
            phrases.push(HINT.into());
        }
        phrases.extend(recipe.effort().map(effort_marks).unwrap_or_default());
        phrases.extend(recipe.attempt_phrases().into_iter().map(String::from));
        if recipe.has_values() {
            phrases.extend(ValueMarks::PHRASES.map(String::from));
        }
        let tokenizer = Tokenizer::new(phrases.clone(), recipe.task.whole_numbers_up_to)?;
        let path = self.dir.tokenizer();
        if !path.exists() {
            tokenizer.save(&path)?;
        }
        let mut facts = facts(&train_records, &tokenizer, &Tokenizer::new(phrases, 0)?);
        let longest = recipe.model.context;
        let examples = |records: &[Record]| -> Result<Vec<Example>> {
            let mut examples = Vec::new();
            for record in records {
                let example = learned(&tokenizer, record)?;
                // A response longer than the evaluation allows teaches what can never be scored.
                if example.ids.len() <= longest && example.labels() <= recipe.eval.max_new_tokens {
                    examples.push(example);
                }
            }
            Ok(examples)
        };
        let (mut train, val) = (examples(&train_records)?, examples(&val_records)?);
        facts.fitting = train.len();
        train.extend(self.hinted(&train_records, &tokenizer)?);
        if let Some((dial, marks)) = recipe.effort().and_then(|dial| Some((dial, mark_ids(dial, &tokenizer)?))) {
            mark_examples(&mut train, dial, &marks, &self.seeds.child("effort"));
            train.retain(|example| example.ids.len() <= longest);
        }
        notify(Notice::Note(facts.to_string()));
        let unseen = self.problems(self.recipe.spec(Split::Test, recipe.eval.problems, recipe.seed))?;
        let held_out = match recipe.held_out_spec() {
            Some(spec) => self.problems(spec)?,
            None => Vec::new(),
        };
        Ok(Data { tokenizer, train, val, unseen, held_out, facts, digest: manifest.digest })
    }

    /// A share of the solved traces a second time, behind their plan as a hint.
    fn hinted(&self, records: &[Record], tokenizer: &Tokenizer) -> Result<Vec<Example>> {
        let (share, recipe) = (self.recipe.corpus.hinted, self.recipe);
        let seeds = self.seeds.child("hinted");
        let mut hinted = Vec::new();
        for record in records {
            let Some(plan) = record.plan.as_ref().filter(|_| seeds.stream(record.id).random::<f64>() < share) else { continue };
            let (prompt, response) = record.text.split_at(record.prompt_len as usize);
            let example = hinted_example(tokenizer, plan, prompt, response)?;
            if example.ids.len() <= recipe.model.context && example.labels() <= recipe.eval.max_new_tokens {
                hinted.push(example);
            }
        }
        Ok(hinted)
    }

    /// Makes a corpus, or reads it where it is finished.
    fn corpus(&self, split: Split, count: u64, notify: &mut dyn FnMut(Notice)) -> Result<(Vec<Record>, Manifest)> {
        let out = self.dir.corpus(split.name());
        if !out.join(corpus::MANIFEST).exists() {
            let spec = self.recipe.spec(split, count, self.recipe.seed);
            let shard = Shard { index: 0, count: 1 };
            let job = Job { spec, out: out.clone(), layout: Layout::Shard, threads: self.options.threads, shard, force: true };
            generate(&job, &mut |done| notify(Notice::Generated { done, total: count }))?;
        }
        let mut records = Vec::new();
        let manifest = corpus::read(&out, |record| records.push(record))?;
        Ok((records, manifest))
    }

    fn problems(&self, spec: metacot_traces::generate::Spec) -> Result<Vec<Problem>> {
        let task = metacot_traces::task::open(&spec)?;
        // Distinct problems only: a repeated one would count twice in the intervals.
        distinct_problems(spec.count, 0, |id| Ok(task.draw(id)?))
    }
}

fn facts(records: &[Record], tokenizer: &Tokenizer, digits: &Tokenizer) -> CorpusFacts {
    let mean = |tokenizer: &Tokenizer| records.iter().map(|record| tokenizer.encode(&record.text).len()).sum::<usize>() as f64 / records.len().max(1) as f64;
    let keys: std::collections::BTreeSet<&str> = records.iter().map(|record| record.canonical_key.as_str()).collect();
    CorpusFacts {
        records: records.len(),
        solved: records.iter().filter(|record| record.plan.is_some()).count(),
        distinct: keys.len(),
        fitting: 0,
        mean_tokens: mean(tokenizer),
        mean_digit_tokens: mean(digits),
        vocab_size: tokenizer.vocab_size(),
    }
}

impl std::fmt::Display for CorpusFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { records, solved, distinct, fitting, mean_tokens, mean_digit_tokens, vocab_size } = self;
        write!(
            f,
            "{records} traces of {distinct} distinct problems, {solved} solved, {fitting} fit the context; {mean_tokens:.0} tokens a trace ({mean_digit_tokens:.0} digit by digit), {vocab_size} ids"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_cannot_be_said_is_refused() {
        let spec = metacot_traces::generate::Spec { split: Split::Val, ..metacot_traces::generate::Spec::new("countdown", "dfs", "answer") };
        let folder = tempfile::tempdir().unwrap();
        let (shard, out) = (Shard { index: 0, count: 1 }, folder.path().join("corpus"));
        let job =
            Job { spec: metacot_traces::generate::Spec { count: 1, ..spec.clone() }, out: out.clone(), layout: Layout::Shard, threads: 1, shard, force: false };
        generate(&job, &mut |_| {}).unwrap();
        let mut records = Vec::new();
        corpus::read(&out, |record| records.push(record)).unwrap();
        let (phrases, _) = metacot_traces::task::open(&spec).unwrap().vocabulary();
        let example = learned(&Tokenizer::new(phrases.clone(), 99).unwrap(), &records[0]).unwrap();
        assert!(example.labels() > 1 && !example.ids.contains(&Tokenizer::UNKNOWN));
        let silent = Tokenizer::new(phrases.into_iter().filter(|phrase| !phrase.contains('=')), 99).unwrap();
        let error = learned(&silent, &records[0]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("trace {} of val cannot be learned: ", records[0].id)), "{error}");
    }
}
