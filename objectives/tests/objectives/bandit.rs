//! A bandit with a known optimum: tabular logits, two tokens of three arms, exact gradients through the coefficients.

use metacot_objectives::{
    Batch, Estimator, Importance, KlPenalty, Objective, ObjectiveConfig, Role, Sequence,
    advantage::{Baseline, Reinforce},
    importance::Level,
    loss,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A policy of two independent tokens, with a value before each.
#[derive(Clone)]
struct Policy {
    logits: [[f64; 3]; 2],
    values: [f64; 2],
}

impl Policy {
    fn probabilities(&self, place: usize) -> [f64; 3] {
        let weights = self.logits[place].map(f64::exp);
        weights.map(|weight| weight / weights.iter().sum::<f64>())
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> [usize; 2] {
        [0, 1].map(|place| {
            let [first, second, _] = self.probabilities(place);
            match rng.random::<f64>() {
                x if x < first => 0,
                x if x < first + second => 1,
                _ => 2,
            }
        })
    }

    fn logp(&self, arms: [usize; 2]) -> Vec<f64> {
        (0..2).map(|place| self.probabilities(place)[arms[place]].ln()).collect()
    }

    /// The probability of the best response.
    fn optimum(&self) -> f64 {
        self.probabilities(0)[2] * self.probabilities(1)[0]
    }
}

/// 1 for the best response, half for either of its tokens.
fn reward(arms: [usize; 2]) -> f64 {
    0.5 * f64::from(u8::from(arms[0] == 2)) + 0.5 * f64::from(u8::from(arms[1] == 0))
}

/// Runs an objective for `steps` steps of two prompts of eight responses, two epochs each where it has ratios; the policy that results.
fn train(objective: &Objective, steps: usize, rate: f64, epochs: usize) -> Policy {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut policy = Policy { logits: [[0.0; 3]; 2], values: [0.0; 2] };
    let mut reference = policy.clone();
    for step in 0..steps {
        // Stream of Search resets the reference of APA, too.
        if step % 20 == 0 {
            reference = policy.clone();
        }
        let arms: Vec<[usize; 2]> = (0..16).map(|_| policy.sample(&mut rng)).collect();
        let old = policy.clone();
        let batch_of = |policy: &Policy| {
            let sequence = |(index, &arms): (usize, &[usize; 2])| Sequence {
                logp_new: policy.logp(arms),
                logp_ref: reference.logp(arms),
                values: policy.values.to_vec(),
                values_old: old.values.to_vec(),
                steps: vec![0, 1],
                // Exact values of the states before each token, under the old policy.
                step_values: vec![
                    0.5 * old.probabilities(0)[2] + 0.5 * old.probabilities(1)[0],
                    0.5 * f64::from(u8::from(arms[0] == 2)) + 0.5 * old.probabilities(1)[0],
                ],
                episodes: vec![0, 1],
                episode_rewards: vec![0.5 * f64::from(u8::from(arms[0] == 2)), reward(arms)],
                ..Sequence::new(index / 8, reward(arms), old.logp(arms))
            };
            Batch::new(arms.iter().enumerate().map(sequence).collect()).unwrap()
        };
        let advantages = objective.advantages(&batch_of(&policy)).unwrap();
        for epoch in 0..epochs {
            let found = objective.evaluate(&batch_of(&policy), &advantages).unwrap();
            if epoch == 0 {
                assert_eq!((found.metrics.ratio_min, found.metrics.ratio_max), (1.0, 1.0));
            }
            let before = [policy.probabilities(0), policy.probabilities(1)];
            for (index, arms) in arms.iter().enumerate() {
                for place in 0..2 {
                    for (arm, logit) in policy.logits[place].iter_mut().enumerate() {
                        let indicator = f64::from(u8::from(arm == arms[place]));
                        *logit -= rate * found.d_logp[index][place] * (indicator - before[place][arm]);
                    }
                    policy.values[place] -= 0.05 * found.d_value[index][place];
                }
            }
        }
    }
    policy
}

/// Objectives whose samples must come from the current policy, with the settings that a bandit of two tokens needs.
const ON_POLICY: [&str; 30] = [
    "name = 'reinforce'",
    "name = 'reinforce'\nadvantage = { name = 'reinforce', baseline = 'none' }",
    "name = 'reinforce'\nadvantage = { name = 'monte-carlo' }",
    "name = 'reinforce++'",
    "name = 'reinforce++-baseline'",
    "name = 'rloo'",
    "name = 'opo'",
    "name = 'gpg'",
    "name = 'nanochat'",
    "name = 'ppo'",
    "name = 'ppo'\nloss = { name = 'ppo', clip = { dual = 3.0 }, value = { coefficient = 0.5, clip = 0.2 } }",
    "name = 'ppo-operation'",
    "name = 'vineppo'",
    "name = 'grpo'",
    "name = 'grpo-trl'",
    "name = 'grpo-verl'",
    "name = 'grpo-open-rlhf'",
    "name = 'grpo-open-instruct'",
    "name = 'dr-grpo'\naggregation = { mode = 'constant-length', length = 2 }",
    "name = 'dapo'",
    "name = 'gspo'\nloss = { name = 'gspo', clip = { low = 0.2, high = 0.2 } }",
    "name = 'cispo'",
    "name = 'sapo'",
    "name = 'gmpo'",
    "name = 'apa'\nloss = { name = 'apa', value = { coefficient = 1.0 } }",
    "name = 'pass-at-k'\nadvantage = { name = 'pass-at-k', k = 2, threshold = 0.75 }",
    "name = 'rl2'",
    "name = 'e-rl2'",
    "name = 'score'\nadvantage = { name = 'score', alpha = 1.5 }",
    "name = 'raft'",
];

#[test]
fn on_policy_objectives_reach_the_optimum() {
    for text in ON_POLICY {
        let objective = toml::from_str::<ObjectiveConfig>(text).unwrap().build().unwrap();
        let reached = train(&objective, 600, 1.0, 2).optimum();
        assert!(reached > 0.95, "{text}: the best response has probability {reached}");
    }
}

#[test]
fn filtered_imitation_reaches_the_optimum() {
    for name in ["star", "reward-weighted"] {
        let objective = Objective::named(name).unwrap();
        let reached = train(&objective, 600, 1.0, 1).optimum();
        assert!(reached > 0.95, "{name}: the best response has probability {reached}");
    }
}

#[test]
fn a_kl_penalty_ends_at_the_tilted_reference() {
    // Every arm once, weighted by its probability: the exact gradient of E[r] - beta KL, whose optimum is pi ~ ref exp(r / beta).
    let (rewards, reference, beta) = ([0.2, 1.0, 0.5], [0.5, 0.2, 0.3_f64], 0.7);
    let objective = Objective {
        kl: KlPenalty::in_reward(beta, Estimator::K1),
        importance: Importance::Truncate { cap: f64::INFINITY, level: Level::Token },
        ..Objective::new(Reinforce { baseline: Baseline::None }, loss::Reinforce {})
    };
    let mut policy = Policy { logits: [[0.0; 3]; 2], values: [0.0; 2] };
    for _ in 0..2000 {
        let now = policy.probabilities(0);
        let arm = |arm: usize| {
            let logp = vec![now[arm].ln()];
            Sequence { logp_ref: vec![reference[arm].ln()], logp_sampled: vec![-(3.0_f64.ln())], ..Sequence::new(0, rewards[arm], logp) }
        };
        let batch = Batch::new((0..3).map(arm).collect()).unwrap();
        let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
        for (row, d_logp) in found.d_logp.iter().enumerate() {
            for (arm, logit) in policy.logits[0].iter_mut().enumerate() {
                *logit -= d_logp[0] * (f64::from(u8::from(arm == row)) - now[arm]);
            }
        }
    }
    let tilted = [0, 1, 2].map(|arm| reference[arm] * (rewards[arm] / beta).exp());
    let expected = tilted.map(|weight| weight / tilted.iter().sum::<f64>());
    let found = policy.probabilities(0);
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{found:?} is not {expected:?}");
}

/// Two thoughts with the probability of the second by a logit, and a reference of three tokens whose likelihoods depend on the thought.
#[derive(Clone, Copy)]
struct Thinker {
    logit: f64,
    reference: [[f64; 3]; 2],
}

impl Thinker {
    fn probabilities(&self) -> [f64; 2] {
        let second = 1.0 / (1.0 + (-self.logit).exp());
        [1.0 - second, second]
    }

    /// `E[log pi(reference | thought)]`, over `scale`.
    fn value(&self, scale: f64) -> f64 {
        self.probabilities().iter().zip(self.reference).map(|(probability, logp)| probability * logp.iter().sum::<f64>() / scale).sum()
    }

    /// The expected gradient of the loss over all groups of two thoughts: by the logit, and by each log-probability of the references.
    fn expected(&self, objective: &Objective) -> (f64, [[f64; 3]; 2]) {
        let probabilities = self.probabilities();
        let (mut logit, mut reference) = (0.0, [[0.0; 3]; 2]);
        for group in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let weight = probabilities[group[0]] * probabilities[group[1]];
            let response = |thought: usize| {
                let logp = [&[probabilities[thought].ln()][..], &self.reference[thought]].concat();
                Sequence { roles: vec![Role::Policy, Role::Reference, Role::Reference, Role::Reference], ..Sequence::new(0, 0.0, logp) }
            };
            let batch = Batch::new(group.map(response).to_vec()).unwrap();
            let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
            for (row, thought) in found.d_logp.iter().zip(group) {
                // The derivative of log pi(thought) by the logit: 1 - p of the second, -p of the first.
                logit += weight * row[0] * (thought as f64 - probabilities[1]);
                (0..3).for_each(|token| reference[thought][token] += weight * row[token + 1]);
            }
        }
        (logit, reference)
    }
}

#[test]
fn verifier_free_is_the_gradient_of_the_expected_likelihood() {
    let thinker = Thinker { logit: 0.3, reference: [[-0.4, -1.2, -0.1], [-2.0, -0.3, -0.7]] };
    for (mean, scale) in [(false, 1.0), (true, 3.0)] {
        let objective = Objective {
            advantage: metacot_objectives::advantage::VerifierFree { mean }.into(),
            loss: loss::VerifierFree { mean, ..loss::VerifierFree::default() }.into(),
            ..Objective::named("verifier-free").unwrap()
        };
        let (logit, reference) = thinker.expected(&objective);
        // A mean over the 8 tokens of two responses of 4: 4 times the loss is that of a response.
        let close = |found: f64, up: Thinker, down: Thinker| {
            let finite = -(up.value(scale) - down.value(scale)) / 2e-5;
            assert!((4.0 * found - finite).abs() < 1e-8, "mean = {mean}: {found} times 4 is not {finite}");
        };
        close(logit, Thinker { logit: thinker.logit + 1e-5, ..thinker }, Thinker { logit: thinker.logit - 1e-5, ..thinker });
        for (thought, token) in [(0, 0), (0, 2), (1, 1)] {
            let moved = |by: f64| {
                let mut moved = thinker;
                moved.reference[thought][token] += by;
                moved
            };
            close(reference[thought][token], moved(1e-5), moved(-1e-5));
        }
    }
}

#[test]
fn flat_rewards_leave_the_policy_where_it_is() {
    let objective = Objective::named("dr-grpo").unwrap();
    let batch = Batch::new((0..4).map(|_| Sequence::new(0, 1.0, vec![-1.0])).collect()).unwrap();
    let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
    assert_eq!((found.norm(), found.metrics.all_right_share), (0.0, 1.0));
}
