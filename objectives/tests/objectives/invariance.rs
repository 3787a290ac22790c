//! What must not matter: padding, the cut into micro-batches, the order of prompts; and what holds before the first step.

use metacot_objectives::{Aggregation, Batch, Objective, ObjectiveError, Pair, Role, Sequence, Span};

use crate::support;

fn assert_close(name: &str, found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-12, "{name}: {found} is not {expected}");
    }
}

/// Lengthens every response by masked tokens that hold no numbers.
fn padded(batch: &Batch, by: usize) -> Batch {
    support::with(batch, |sequences| {
        for sequence in sequences {
            let length = sequence.len() + by;
            sequence.roles.resize(length, Role::Masked);
            for numbers in [
                &mut sequence.logp_new,
                &mut sequence.logp_old,
                &mut sequence.logp_sampled,
                &mut sequence.logp_ref,
                &mut sequence.values,
                &mut sequence.values_old,
                &mut sequence.entropy,
            ] {
                numbers.resize(length, f64::NAN);
            }
        }
    })
}

#[test]
fn padding_changes_nothing() {
    let batch = support::batch(2);
    for (name, objective) in support::all() {
        let run = |batch: &Batch| {
            let advantages = objective.advantages(batch).unwrap();
            objective.evaluate(batch, &advantages).unwrap()
        };
        let (plain, padded) = (run(&batch), run(&padded(&batch, 3)));
        assert!((plain.loss - padded.loss).abs() < 1e-12, "{name}");
        assert_eq!(plain.metrics, padded.metrics, "{name}");
        for (plain, padded) in plain.d_logp.iter().zip(&padded.d_logp) {
            assert_eq!(plain[..], padded[..plain.len()], "{name}");
            assert!(padded[plain.len()..].iter().all(|number| *number == 0.0), "{name}");
        }
    }
}

#[test]
fn microbatches_add_up_to_their_minibatch() {
    let batch = support::batch(3);
    let modes = [
        Aggregation::TokenMean,
        Aggregation::SequenceMeanTokenMean,
        Aggregation::RowMeanTokenMean,
        Aggregation::SequenceMeanTokenSum,
        Aggregation::SequenceMeanTokenSumNorm,
        Aggregation::ConstantLength { length: 16 },
    ];
    for (name, objective) in support::all() {
        for aggregation in modes {
            let objective = Objective { aggregation, ..objective.clone() };
            let advantages = objective.advantages(&batch).unwrap();
            let whole = objective.evaluate(&batch, &advantages).unwrap();
            let scope = objective.scope(&batch);
            let (mut loss, mut d_logp, mut d_value) = (0.0, vec![Vec::new(); 8], vec![Vec::new(); 8]);
            for part in [&[0, 1][..], &[2, 3, 5], &[4, 6, 7]] {
                let micro = objective.evaluate_within(&batch.select(part).unwrap(), &advantages.select(part).unwrap(), &scope).unwrap();
                loss += micro.loss;
                for (place, &index) in part.iter().enumerate() {
                    d_logp[index] = micro.d_logp[place].clone();
                    d_value[index] = micro.d_value[place].clone();
                }
            }
            assert!((loss - whole.loss).abs() < 1e-12, "{name}");
            assert_close(name, &d_logp, &whole.d_logp);
            assert_close(name, &d_value, &whole.d_value);
        }
    }
}

#[test]
fn ratios_are_exactly_one_on_the_first_minibatch() {
    let batch = support::with(&support::batch(4), |sequences| sequences.iter_mut().for_each(|sequence| sequence.logp_new = sequence.logp_old.clone()));
    for (name, objective) in support::all() {
        let advantages = objective.advantages(&batch).unwrap();
        let metrics = objective.evaluate(&batch, &advantages).unwrap().metrics;
        assert_eq!((metrics.ratio_min, metrics.ratio_mean, metrics.ratio_max), (1.0, 1.0, 1.0), "{name}");
        assert_eq!((metrics.clip_fraction, metrics.dual_clip_fraction), (0.0, 0.0), "{name}");
        assert_eq!((metrics.old_kl_k1, metrics.old_kl_k2, metrics.old_kl_k3), (0.0, 0.0, 0.0), "{name}");
    }
}

#[test]
fn ratio_losses_start_with_the_policy_gradient() {
    let batch = support::with(&support::batch(4), |sequences| {
        for sequence in sequences {
            sequence.logp_new = sequence.logp_old.clone();
            sequence.logp_sampled = Vec::new();
        }
    });
    // One advantage per response, token means: all losses of this family have the gradient -A / tokens at ratio 1.
    let reference = Objective { loss: metacot_objectives::Loss::named("reinforce").unwrap(), ..Objective::named("grpo-trl").unwrap() };
    let advantages = reference.advantages(&batch).unwrap();
    let expected = reference.evaluate(&batch, &advantages).unwrap().d_logp;
    for loss in ["grpo", "gspo", "cispo", "sapo", "gmpo"] {
        let objective = Objective { loss: metacot_objectives::Loss::named(loss).unwrap(), ..reference.clone() };
        assert_close(loss, &objective.evaluate(&batch, &advantages).unwrap().d_logp, &expected);
    }
}

#[test]
fn equal_rewards_leave_group_relative_objectives_without_any_gradient() {
    // Where a penalty stands in the reward it is 0: the policy is its own reference.
    let sequence = |index: usize| Sequence { logp_ref: vec![-1.0, -0.5], ..Sequence::new(index / 3, 0.1, vec![-1.0, -0.5]) };
    let batch = Batch::new((0..6).map(sequence).collect()).unwrap();
    for name in ["grpo-trl", "grpo-verl", "grpo-open-rlhf", "dr-grpo", "dapo", "rloo", "opo", "gpg", "gspo", "cispo", "sapo", "gmpo", "reinforce++-baseline"] {
        let objective = Objective::named(name).unwrap();
        let advantages = objective.advantages(&batch).unwrap();
        let step = objective.evaluate(&batch, &advantages).unwrap();
        assert_eq!((step.loss, step.norm(), step.metrics.zero_variance_share), (0.0, 0.0, 1.0), "{name}");
    }
}

#[test]
fn a_batch_without_trained_tokens_is_nothing_and_not_nan() {
    let batch = support::with(&support::batch(5), |sequences| sequences.iter_mut().for_each(|sequence| sequence.roles.fill(Role::Masked)));
    for (name, objective) in support::all().filter(|(name, _)| !name.ends_with("dpo") && *name != "verifier-free") {
        let advantages = objective.advantages(&batch).unwrap();
        let step = objective.evaluate(&batch, &advantages).unwrap();
        assert!(step.is_finite() && step.loss == 0.0 && step.norm() == 0.0, "{name}");
    }
}

#[test]
fn the_order_of_responses_does_not_matter() {
    let batch = support::batch(6);
    let order = [5, 2, 7, 0, 3, 6, 1, 4];
    let shuffled = batch.select(&order).unwrap();
    for (name, objective) in support::all() {
        let run = |batch: &Batch| objective.evaluate(batch, &objective.advantages(batch).unwrap()).unwrap();
        let (plain, moved) = (run(&batch), run(&shuffled));
        assert_close(name, &moved.d_logp, &order.map(|index| plain.d_logp[index].clone()));
    }
}

#[test]
fn advantages_of_another_batch_are_refused() {
    let objective = Objective::named("dr-grpo").unwrap();
    let advantages = objective.advantages(&support::batch(0)).unwrap();
    assert_eq!(objective.evaluate(&support::batch(0).select(&[0, 1, 4, 6]).unwrap(), &advantages), Err(ObjectiveError::Shape));
}

#[test]
fn step_preferences_leave_the_common_beginning_alone() {
    let sequence = |logp: f64| Sequence { logp_ref: vec![-1.0; 3], ..Sequence::new(0, 0.0, vec![-1.0, logp, -0.5]) };
    let span = |sequence| Span { sequence, tokens: 1..2 };
    let batch = Batch::with_pairs(vec![sequence(-0.5), sequence(-2.0)], vec![Pair { chosen: span(0), rejected: span(1) }]).unwrap();
    let objective = Objective::named("step-dpo").unwrap();
    let step = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    assert!(step.d_logp[0][0] == 0.0 && step.d_logp[0][2] == 0.0 && step.d_logp[0][1] < 0.0 && step.d_logp[1][1] > 0.0);
    assert_eq!(step.metrics.pair_accuracy, 1.0);
}
