//! The evaluations of a run, each a file of its own.

use metacot_traces::task::Problem;

use super::{Notice, Run, corpora::Data, watch::watch};
use crate::{
    Result,
    eval::{
        Evaluation, Exam, SETS,
        baseline::{Baseline, baselines},
    },
    improve::Marked,
    model::Weights,
    sample::{CpuDecoder, DecoderConfig, Generator, SampleProgress},
};

impl Run<'_> {
    /// The sampler over these weights.
    pub(super) fn generator(&self, weights: &Weights) -> CpuDecoder {
        CpuDecoder::new(weights, DecoderConfig { threads: self.options.threads, ..DecoderConfig::default() })
    }

    /// The sets of problems that this run has.
    fn sets<'d>(&self, data: &'d Data) -> Vec<(&'static str, &'d [Problem])> {
        let sets = [data.unseen.as_slice(), data.held_out.as_slice()];
        SETS.into_iter().zip(sets).filter(|(_, problems)| !problems.is_empty()).collect()
    }

    /// Baselines on every set.
    pub(super) fn baselines(&self, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<Vec<Vec<Baseline>>> {
        let eval = &self.recipe.eval;
        notify(Notice::Note("baselines: random policy, greedy heuristic, symbolic searches".into()));
        self.sets(data)
            .into_iter()
            .map(|(set, problems)| {
                let seeds = self.seeds.child("baselines").child(set);
                baselines(self.task.as_ref(), &data.tokenizer, problems, &eval.searches, eval.max_new_tokens, &seeds)
            })
            .collect()
    }

    /// Evaluates a model on every set, or reads what is finished. Every model sees the same problems and the same streams.
    pub(super) fn evaluate(&self, policy: &str, weights: &Weights, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<Vec<Evaluation>> {
        let mut generator = self.generator(weights);
        let progress = generator.progress();
        self.sets(data).into_iter().map(|set| self.evaluate_set(set, policy, (&mut generator, &progress), data, notify)).collect()
    }

    /// Evaluates a model on unseen problems with a mark before every prompt, or reads what is finished.
    pub(super) fn evaluate_behind(&self, mark: u32, policy: &str, weights: &Weights, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<Evaluation> {
        let mut generator = self.generator(weights);
        let progress = generator.progress();
        self.evaluate_set((SETS[0], &data.unseen), policy, (&mut Marked::new(&mut generator, mark), &progress), data, notify)
    }

    fn evaluate_set(
        &self,
        (set, problems): (&str, &[Problem]),
        policy: &str,
        (generator, progress): (&mut (dyn Generator + Send), &SampleProgress),
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Evaluation> {
        let eval = &self.recipe.eval;
        let path = self.dir.eval(&format!("{policy}-{set}"));
        if path.exists() {
            return Evaluation::load(&path);
        }
        notify(Notice::Note(format!("{set}: {} problems, {} samples each, up to {} tokens", problems.len(), eval.samples, eval.max_new_tokens)));
        let config = self.recipe.sample_config(eval.temperature);
        let seeds = self.seeds.child("eval").child(set);
        let exam = Exam { task: self.task.as_ref(), tokenizer: &data.tokenizer, problems, samples: eval.samples, config: &config, seeds: &seeds };
        let result = watch(progress, notify, || exam.take(policy, generator));
        result.save(&path)?;
        Ok(result)
    }
}
