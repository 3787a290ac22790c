//! Losses and coefficients against numbers worked out by hand.

use metacot_objectives::{
    Advantages, Aggregation, Batch, Coefficients, Estimator, Importance, KlPenalty, Loss, Objective, Pair, Role, Sequence, Span,
    advantage::Raw,
    importance::Level,
    loss::{Apa, Cispo, Clip, Gmpo, Grpo, Gspo, KeepFirst, Nll, Ppo, Reinforce, Sapo, Unlikelihood, ValueLoss, VerifierFree},
};

/// Two trained tokens with ratios 1.5 and 0.5 around a masked one, and a second response of one token with ratio 1.5.
fn batch() -> Batch {
    let (up, down) = (1.5_f64.ln(), 0.5_f64.ln());
    let mut first = Sequence { logp_new: vec![-2.0 + up, f64::NAN, -2.0 + down], ..Sequence::new(0, 0.0, vec![-2.0, f64::NAN, -2.0]) };
    first.roles[1] = Role::Masked;
    first.logp_ref = vec![-2.0, f64::NAN, -2.0];
    first.values = vec![0.5, f64::NAN, 1.0];
    first.values_old = vec![0.0, f64::NAN, 1.0];
    let second = Sequence { logp_new: vec![-1.0 + up], logp_ref: vec![-1.0], values: vec![2.0], values_old: vec![1.0], ..Sequence::new(0, 0.0, vec![-1.0]) };
    Batch::new(vec![first, second]).unwrap()
}

/// Advantages 2 for the first response and -1 for the second, with returns for the critic.
fn advantages() -> Advantages {
    Advantages { tokens: vec![vec![2.0, 0.0, 2.0], vec![-1.0]], returns: vec![vec![1.0, 0.0, 0.0], vec![0.0]], ..Advantages::default() }
}

fn evaluate(loss: impl Into<Loss>, aggregation: Aggregation) -> Coefficients {
    let objective = Objective { aggregation, ..Objective::new(Raw {}, loss) };
    objective.evaluate(&batch(), &advantages()).unwrap()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
}

fn rows(found: &Coefficients, expected: [f64; 4]) {
    for (found, expected) in found.d_logp.iter().flatten().zip(expected) {
        close(*found, expected);
    }
}

const TOKENS: Aggregation = Aggregation::TokenMean;

#[test]
fn reinforce_and_nll() {
    let (up, down) = (1.5_f64.ln(), 0.5_f64.ln());
    let found = evaluate(Reinforce {}, TOKENS);
    close(found.loss, (-2.0 * (-4.0 + up + down) + (-1.0 + up)) / 3.0);
    rows(&found, [-2.0 / 3.0, 0.0, -2.0 / 3.0, 1.0 / 3.0]);
    let found = evaluate(Nll {}, TOKENS);
    close(found.loss, -2.0 * (-4.0 + up + down) / 3.0);
    rows(&found, [-2.0 / 3.0, 0.0, -2.0 / 3.0, 0.0]);
}

#[test]
fn clipped_surrogate() {
    // Token costs: -min(3, 2.4) = -2.4 (clipped), -min(1, 1.6) = -1, -min(-1.5, -1.2) = 1.5.
    let found = evaluate(Grpo::default(), TOKENS);
    close(found.loss, (-2.4 - 1.0 + 1.5) / 3.0);
    rows(&found, [0.0, 0.0, -1.0 / 3.0, 1.5 / 3.0]);
    close(found.metrics.clip_fraction, 1.0 / 3.0);
    close(found.metrics.clip_high_fraction, 1.0 / 3.0);
    // Clip-higher lets the first token through to 1.28 * 2, the dual clip holds the last at 1.2.
    let found = evaluate(Grpo { clip: Clip { low: 0.2, high: 0.28, dual: Some(1.2) } }, TOKENS);
    close(found.loss, (-2.56 - 1.0 + 1.2) / 3.0);
    rows(&found, [0.0, 0.0, -1.0 / 3.0, 0.0]);
    close(found.metrics.dual_clip_fraction, 1.0 / 3.0);
}

#[test]
fn aggregations_of_the_clipped_surrogate() {
    // Sums per response: -3.4 over two tokens, 1.5 over one; padded length 3.
    let expected = [
        (Aggregation::TokenMean, -1.9 / 3.0),
        (Aggregation::SequenceMeanTokenMean, (-1.7 + 1.5) / 2.0),
        (Aggregation::SequenceMeanTokenSum, -1.9 / 2.0),
        (Aggregation::SequenceMeanTokenSumNorm, -1.9 / 6.0),
        (Aggregation::ConstantLength { length: 10 }, -1.9 / 20.0),
    ];
    for (aggregation, loss) in expected {
        close(evaluate(Grpo::default(), aggregation).loss, loss);
    }
}

#[test]
fn ppo_with_value_clip() {
    // Values 0.5, 1, 2 against returns 1, 0, 0; old values 0, 1, 1, bound 0.2: clipped predictions 0.2, 1, 1.2.
    // Squares: max(0.25, 0.64) = 0.64 (held), 1, max(4, 1.44) = 4.
    let value = ValueLoss { coefficient: 0.5, clip: Some(0.2) };
    let found = evaluate(Ppo { clip: Clip::default(), value }, TOKENS);
    close(found.value_loss, 0.5 * 0.5 * (0.64 + 1.0 + 4.0) / 3.0);
    close(found.loss, -1.9 / 3.0 + found.value_loss);
    assert_eq!(found.d_value[0][0], 0.0);
    close(found.d_value[0][2], 0.5 / 3.0);
    close(found.d_value[1][0], 0.5 * 2.0 / 3.0);
    close(found.metrics.value_clip_fraction, 1.0 / 3.0);
}

#[test]
fn gspo_takes_the_geometric_mean_of_the_ratios() {
    // s = sqrt(0.75) and 1.5; bounds 0.2: -2 * 0.866 and +1.5, each response half.
    let root = 0.75_f64.sqrt();
    let found = evaluate(Gspo { clip: Clip::default() }, Aggregation::SequenceMeanTokenMean);
    close(found.loss, (-2.0 * root + 1.5) / 2.0);
    rows(&found, [-root / 2.0, 0.0, -root / 2.0, 0.75]);
    // With the paper's bounds the second response is free (it is pushed back), the first is not clipped from below.
    close(evaluate(Gspo::default(), Aggregation::SequenceMeanTokenMean).loss, found.loss);
}

#[test]
fn gmpo_clips_log_ratios_within_the_mean() {
    // Bounds +-0.2 on log-ratios 0.405 and -0.693 with A > 0: only the first is held. Second response: A < 0, 0.405 is free.
    let mean = ((0.2 + 0.5_f64.ln()) / 2.0).exp();
    let found = evaluate(Gmpo { clip: Clip { low: 0.2, high: 0.2, dual: None } }, Aggregation::SequenceMeanTokenMean);
    close(found.loss, (-2.0 * mean + 1.5) / 2.0);
    rows(&found, [0.0, 0.0, -mean / 2.0, 0.75]);
    close(found.metrics.clip_high_fraction, 1.0 / 3.0);
}

#[test]
fn cispo_bounds_weights_and_keeps_gradients() {
    let found = evaluate(Cispo { clip: Clip { low: 0.2, high: 0.2, dual: None } }, TOKENS);
    // Weights 1.2, 0.8, 1.2.
    rows(&found, [-2.4 / 3.0, 0.0, -1.6 / 3.0, 1.2 / 3.0]);
    close(found.metrics.clip_fraction, 1.0);
    let found = evaluate(Cispo::default(), TOKENS);
    rows(&found, [-3.0 / 3.0, 0.0, -1.0 / 3.0, 1.5 / 3.0]);
}

#[test]
fn cispo_holds_weights_at_the_ceiling_that_trl_recommends() {
    // Ratios 8, 4.9 and 1/100 under min(rho, 5.0): only the first is held, and nothing from below.
    let ratios = [8.0_f64, 4.9, 0.01];
    let sequence = Sequence { logp_new: ratios.map(|ratio| -5.0 + ratio.ln()).to_vec(), ..Sequence::new(0, 0.0, vec![-5.0; 3]) };
    let advantages = Advantages { tokens: vec![vec![1.0; 3]], ..Advantages::default() };
    let found = Objective::named("cispo").unwrap().evaluate(&Batch::new(vec![sequence]).unwrap(), &advantages).unwrap();
    for (slope, weight) in found.d_logp[0].iter().zip([5.0, 4.9, 0.01]) {
        close(*slope, -weight / 3.0);
    }
    close(found.metrics.clip_high_fraction, 1.0 / 3.0);
}

#[test]
fn sapo_gates_smoothly() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let found = evaluate(Sapo::default(), TOKENS);
    close(found.loss, (-8.0 * (sigmoid(0.5) + sigmoid(-0.5)) + 4.0 / 1.05 * sigmoid(0.525)) / 3.0);
    let slope = |x: f64, ratio: f64| 4.0 * sigmoid(x) * (1.0 - sigmoid(x)) * ratio;
    rows(&found, [-2.0 * slope(0.5, 1.5) / 3.0, 0.0, -2.0 * slope(-0.5, 0.5) / 3.0, slope(0.525, 1.5) / 3.0]);
}

#[test]
fn apa_fits_log_ratios_to_advantages() {
    // Log-ratios 0.405, -0.693, 0.405 against 0.5 A = 1, 1, -0.5; values without a clip, weight 10.
    let (up, down) = (1.5_f64.ln(), 0.5_f64.ln());
    let found = evaluate(Apa::default(), TOKENS);
    close(found.policy_loss, ((up - 1.0).powi(2) + (down - 1.0).powi(2) + (up + 0.5).powi(2)) / 3.0);
    close(found.value_loss, 10.0 * 0.5 * (0.25 + 1.0 + 4.0) / 3.0);
    rows(&found, [2.0 * (up - 1.0) / 3.0, 0.0, 2.0 * (down - 1.0) / 3.0, 2.0 * (up + 0.5) / 3.0]);
}

#[test]
fn kl_penalty_and_entropy_bonus() {
    let up = 1.5_f64.ln();
    let objective = Objective { kl: KlPenalty::in_loss(0.3, Estimator::K3), ..Objective::new(Raw {}, Reinforce {}) };
    let found = objective.evaluate(&batch(), &advantages()).unwrap();
    // k3 at log 1.5 twice, at log 0.5 once.
    let k3 = 2.0 * (1.0 / 1.5 - 1.0 + up) + (2.0 - 1.0 + 0.5_f64.ln());
    close(found.kl_loss, 0.3 * k3 / 3.0);
    close(found.d_logp[0][0], (-2.0 + 0.3 * (1.0 - 1.0 / 1.5)) / 3.0);
    let sequence = Sequence { entropy: vec![0.5, 1.5], ..Sequence::new(0, 1.0, vec![-1.0; 2]) };
    let batch = Batch::new(vec![sequence]).unwrap();
    let objective = Objective { entropy_bonus: 0.1, ..Objective::new(Raw {}, Reinforce {}) };
    let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    close(found.entropy_loss, -0.1);
    close(found.d_entropy[0][1], -0.05);
}

#[test]
fn importance_scales_the_policy_and_not_the_penalty() {
    let sequence = Sequence { logp_sampled: vec![-1.0 - 4.0_f64.ln(), -1.0], logp_ref: vec![-1.5; 2], ..Sequence::new(0, 1.0, vec![-1.0; 2]) };
    let batch = Batch::new(vec![sequence]).unwrap();
    let objective = Objective {
        importance: Importance::Truncate { cap: 2.0, level: Level::Token },
        kl: KlPenalty::in_loss(1.0, Estimator::K1),
        ..Objective::new(Raw {}, Reinforce {})
    };
    let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    close(found.d_logp[0][0], (-2.0 + 1.0) / 2.0);
    close(found.d_logp[0][1], (-1.0 + 1.0) / 2.0);
    close(found.kl_loss, 0.5);
    close(found.metrics.effective_sample_share, 25.0 / 17.0 / 2.0); // weights 4 and 1
}

#[test]
fn dpo_of_one_pair() {
    // Gains: (-1 + 2) + (-1 + 1) = 1 and -3 + 2 = -1; beta 0.5: margin 1.
    let chosen = Sequence { logp_ref: vec![-2.0, -1.0], ..Sequence::new(0, 0.0, vec![-1.0, -1.0]) };
    let rejected = Sequence { logp_ref: vec![-2.0], ..Sequence::new(0, 0.0, vec![-3.0]) };
    let span = |sequence| Span { sequence, tokens: 0..1 };
    let batch = Batch::with_pairs(vec![chosen, rejected], vec![Pair { chosen: span(0), rejected: span(1) }]).unwrap();
    let evaluate = |label_smoothing| {
        let objective = Objective::new(Raw {}, metacot_objectives::loss::Dpo { beta: 0.5, label_smoothing });
        objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap()
    };
    let found = evaluate(0.0);
    close(found.loss, (1.0 + (-1.0_f64).exp()).ln());
    let slope = 0.5 / (1.0 + 1.0_f64.exp());
    close(found.d_logp[0][0], -slope);
    close(found.d_logp[0][1], -slope);
    close(found.d_logp[1][0], slope);
    close(found.metrics.pair_margin, 1.0);
    close(evaluate(0.1).loss, 0.9 * (1.0 + (-1.0_f64).exp()).ln() + 0.1 * (1.0 + 1.0_f64.exp()).ln());
}

#[test]
fn unlikelihood_of_one_good_and_one_bad_token() {
    let mut sequence = Sequence::new(0, 1.0, vec![0.5_f64.ln(), 0.75_f64.ln()]);
    sequence.roles[1] = Role::BadBranch;
    let batch = Batch::new(vec![sequence]).unwrap();
    let objective = Objective::new(Raw {}, Unlikelihood { alpha: 2.0 });
    let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    close(found.loss, (2.0_f64.ln() + 2.0 * 4.0_f64.ln()) / 2.0);
    close(found.d_logp[0][0], -0.5);
    close(found.d_logp[0][1], 2.0 * 3.0 / 2.0); // alpha p / (1 - p), halved
}

#[test]
fn verifier_free_adds_imitation_of_the_reference() {
    let thought = |reference: f64| Sequence { roles: vec![Role::Policy, Role::Reference], ..Sequence::new(0, 0.0, vec![-1.0, reference]) };
    let batch = Batch::new(vec![thought(-0.5), thought(-1.5)]).unwrap();
    let objective =
        Objective { loss: VerifierFree { reference_coefficient: 0.5, ..VerifierFree::default() }.into(), ..Objective::named("verifier-free").unwrap() };
    let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    // Advantages +-1; four trained tokens.
    close(found.loss, (1.0 - 1.0 + 0.5 * 2.0) / 4.0);
    close(found.d_logp[0][0], -0.25);
    close(found.d_logp[0][1], -0.125);
    close(found.d_logp[1][0], 0.25);
}

#[test]
fn keep_first_holds_the_first_attempt_near_the_reference() {
    // The first response is two attempts: its first token is attempt one. Costs as of the clipped surrogate: -2.4, -1, 1.5; k3 at log 1.5 is
    // 1 / 1.5 - 1 + log 1.5, at both first attempts (that of the second response is all of it).
    let batch = Batch::new(
        batch()
            .sequences()
            .iter()
            .cloned()
            .map(|sequence| if sequence.len() == 3 { Sequence { episodes: vec![0, 1], ..sequence } } else { sequence })
            .collect(),
    )
    .unwrap();
    let objective = Objective::new(Raw {}, KeepFirst { beta: 0.3, ..KeepFirst::default() });
    let found = objective.evaluate(&batch, &advantages()).unwrap();
    let k3 = 1.0 / 1.5 - 1.0 + 1.5_f64.ln();
    close(found.policy_loss, -1.9 / 3.0);
    close(found.kl_loss, 0.3 * 2.0 * k3 / 3.0);
    close(found.loss, found.policy_loss + found.kl_loss);
    let slope = 0.3 * (1.0 - 1.0 / 1.5);
    rows(&found, [slope / 3.0, 0.0, -1.0 / 3.0, (1.5 + slope) / 3.0]);
}
