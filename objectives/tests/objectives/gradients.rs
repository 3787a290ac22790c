//! Every derivative against central finite differences of the loss.

use metacot_objectives::{Advantages, Aggregation, Batch, Estimator, Importance, KlPenalty, Objective, Role, Sequence, importance::Level};

use crate::support;

const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-6;

/// The difference quotient of the loss by one number of a sequence.
fn quotient(objective: &Objective, batch: &Batch, advantages: &Advantages, nudge: impl Fn(&mut [Sequence], f64)) -> f64 {
    let loss = |shift: f64| objective.evaluate(&support::with(batch, |sequences| nudge(sequences, shift)), advantages).unwrap().loss;
    (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
}

fn check(name: &str, objective: &Objective, batch: &Batch) {
    let advantages = objective.advantages(batch).unwrap();
    let found = objective.evaluate(batch, &advantages).unwrap();
    assert!(found.is_finite(), "{name}");
    for (index, sequence) in batch.sequences().iter().enumerate() {
        for token in 0..sequence.len() {
            if sequence.roles[token] == Role::Masked {
                assert_eq!((found.d_logp[index][token], found.d_value[index][token], found.d_entropy[index][token]), (0.0, 0.0, 0.0), "{name}");
                continue;
            }
            let by_logp = quotient(objective, batch, &advantages, |sequences, shift| sequences[index].logp_new[token] += shift);
            let by_value = quotient(objective, batch, &advantages, |sequences, shift| sequences[index].values[token] += shift);
            let by_entropy = quotient(objective, batch, &advantages, |sequences, shift| sequences[index].entropy[token] += shift);
            for (kind, found, expected) in [
                ("log-probability", found.d_logp[index][token], by_logp),
                ("value", found.d_value[index][token], by_value),
                ("entropy", found.d_entropy[index][token], by_entropy),
            ] {
                assert!((found - expected).abs() < TOLERANCE, "{name}: {kind} {index}, {token}: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn derivatives_of_every_objective_are_difference_quotients() {
    for (name, objective) in support::all() {
        // CISPO stops a gradient; see the next test.
        if name != "cispo" {
            (0..3).for_each(|seed| check(name, &objective, &support::batch(seed)));
        }
    }
}

#[test]
fn cispo_differentiates_the_log_probability_alone() {
    // At weights where nothing moved the stopped ratio is 1 and its own derivative is what the quotient has too much: -A log pi.
    let objective = Objective::named("cispo").unwrap();
    let batch = support::batch(0);
    let advantages = objective.advantages(&batch).unwrap();
    let found = objective.evaluate(&batch, &advantages).unwrap();
    let tokens: f64 = batch.sequences().iter().map(|sequence| sequence.policy_tokens().count() as f64).sum();
    for (index, sequence) in batch.sequences().iter().enumerate() {
        for token in sequence.policy_tokens() {
            let ratio = (sequence.logp_new[token] - sequence.logp_old[token]).exp();
            let advantage = advantages.tokens[index][token];
            assert!((found.d_logp[index][token] + ratio * advantage / tokens).abs() < 1e-12);
            let by_quotient = quotient(&objective, &batch, &advantages, |sequences, shift| sequences[index].logp_new[token] += shift);
            let through_ratio = -ratio * advantage * sequence.logp_new[token] / tokens;
            assert!((found.d_logp[index][token] + through_ratio - by_quotient).abs() < TOLERANCE);
        }
    }
}

#[test]
fn derivatives_hold_with_penalty_bonus_importance_and_every_aggregation() {
    let modes = [
        Aggregation::TokenMean,
        Aggregation::SequenceMeanTokenMean,
        Aggregation::RowMeanTokenMean,
        Aggregation::SequenceMeanTokenSum,
        Aggregation::SequenceMeanTokenSumNorm,
        Aggregation::ConstantLength { length: 16 },
    ];
    let estimators = [Estimator::K1, Estimator::K2, Estimator::K3, Estimator::Abs, Estimator::K3Clamped, Estimator::K3];
    for (aggregation, estimator) in modes.into_iter().zip(estimators) {
        for name in ["ppo", "grpo-verl", "gspo", "gmpo", "apa"] {
            let objective = Objective {
                aggregation,
                kl: KlPenalty::in_loss(0.3, estimator),
                importance: Importance::Truncate { cap: 1.05, level: Level::Token },
                entropy_bonus: 0.2,
                ..Objective::named(name).unwrap()
            };
            check(name, &objective, &support::batch(7));
        }
    }
}

#[test]
fn derivatives_hold_far_from_the_old_policy() {
    let far = support::with(&support::batch(1), |sequences| {
        for sequence in sequences {
            for (token, logp) in sequence.logp_new.iter_mut().enumerate() {
                *logp = (*logp + if token % 2 == 0 { 1.7 } else { -1.7 }).min(-0.01);
            }
        }
    });
    for (name, objective) in support::all().filter(|(name, _)| *name != "cispo") {
        check(name, &objective, &far);
    }
    let dual = Objective::named("grpo-verl").unwrap();
    let advantages = dual.advantages(&far).unwrap();
    let metrics = dual.evaluate(&far, &advantages).unwrap().metrics;
    assert!(metrics.clip_low_fraction > 0.0 && metrics.clip_high_fraction > 0.0 && metrics.dual_clip_fraction > 0.0, "{metrics:?}");
}
