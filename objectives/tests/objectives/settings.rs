//! Settings out of their range: each is refused by name before anything is computed, and no default is.

use metacot_objectives::{Advantage, Aggregation, KlPenalty, Loss, ObjectiveConfig, ObjectiveError, controller::KlController, filter::Filter};

use crate::support;

/// The setting that a check refuses in an objective as a recipe writes it.
fn refused(text: &str) -> Option<&'static str> {
    let config: ObjectiveConfig = toml::from_str(text).expect("the text is a configuration");
    let objective = config.build().expect("the name is known");
    let found = objective.check();
    // What the check refuses is neither estimated nor evaluated; texts are compared, as a number that is none equals nothing.
    if let Err(error) = &found {
        let batch = support::batch(1);
        let text = |result: Result<(), ObjectiveError>| result.unwrap_err().to_string();
        assert_eq!(text(objective.advantages(&batch).map(|_| ())), error.to_string());
        assert_eq!(text(objective.evaluate(&batch, &Default::default()).map(|_| ())), error.to_string());
    }
    match found {
        Ok(()) => None,
        Err(ObjectiveError::Setting { setting, .. }) => Some(setting),
        Err(other) => panic!("{text}: {other}"),
    }
}

#[test]
fn every_setting_out_of_its_range_is_refused_by_its_name() {
    let clips = ["ppo", "grpo", "gspo", "cispo", "keep-first"];
    for loss in clips {
        for (clip, setting) in [
            ("low = -0.2", "clip.low"),
            ("low = 1.5", "clip.low"),
            ("low = nan", "clip.low"),
            ("high = -0.3", "clip.high"),
            ("high = inf", "clip.high"),
            ("high = nan", "clip.high"),
            ("dual = 1.0", "clip.dual"),
            ("dual = nan", "clip.dual"),
        ] {
            assert_eq!(refused(&format!("name = 'grpo'\nloss = {{ name = '{loss}', clip = {{ {clip} }} }}")), Some(setting), "{loss}: {clip}");
        }
    }
    let losses = [
        ("name = 'gmpo', clip = { low = -0.1 }", "clip.low"),
        ("name = 'gmpo', clip = { low = inf }", "clip.low"),
        ("name = 'gmpo', clip = { high = -0.1 }", "clip.high"),
        ("name = 'ppo', value = { clip = -0.5 }", "value.clip"),
        ("name = 'ppo', value = { clip = nan }", "value.clip"),
        ("name = 'ppo', value = { coefficient = -1.0 }", "value.coefficient"),
        ("name = 'apa', value = { coefficient = inf }", "value.coefficient"),
        ("name = 'apa', advantage_coefficient = nan", "advantage_coefficient"),
        ("name = 'sapo', tau_positive = 0.0", "tau_positive"),
        ("name = 'sapo', tau_negative = 0.0", "tau_negative"),
        ("name = 'sapo', tau_negative = inf", "tau_negative"),
        ("name = 'keep-first', beta = -0.1", "beta"),
        ("name = 'dpo', beta = 0.0", "beta"),
        ("name = 'dpo', label_smoothing = 0.5", "label_smoothing"),
        ("name = 'step-dpo', label_smoothing = nan", "label_smoothing"),
        ("name = 'unlikelihood', alpha = -1.0", "alpha"),
        ("name = 'verifier-free', reference_coefficient = nan", "reference_coefficient"),
    ];
    for (loss, setting) in losses {
        assert_eq!(refused(&format!("name = 'grpo'\nloss = {{ {loss} }}")), Some(setting), "{loss}");
    }
    let mut advantages = vec![
        ("name = 'threshold', tau = nan".to_owned(), "tau"),
        ("name = 'best-of', keep = 0".to_owned(), "keep"),
        ("name = 'exponential', temperature = 0.0".to_owned(), "temperature"),
        ("name = 'exponential', temperature = inf".to_owned(), "temperature"),
        ("name = 'gpg', norm = 0.0".to_owned(), "norm"),
        ("name = 'pass-at-k', k = 0".to_owned(), "k"),
        ("name = 'pass-at-k', threshold = nan".to_owned(), "threshold"),
        ("name = 'score', alpha = -1.0".to_owned(), "alpha"),
        ("name = 'score', alpha = inf".to_owned(), "alpha"),
        ("name = 'reinforce', baseline = { constant = nan }".to_owned(), "baseline.constant"),
        (
            "name = 'group-norm', convention = { custom = { deviation = 'sample', epsilon = -1.0, placement = 'outside', single = 'zero' } }".to_owned(),
            "convention.epsilon",
        ),
    ];
    for name in ["gae", "operation", "turns", "monte-carlo", "vine", "reinforce++"] {
        advantages.extend(["-0.1", "1.1", "nan", "inf"].map(|gamma| (format!("name = '{name}', gamma = {gamma}"), "gamma")));
    }
    for name in ["gae", "operation", "turns"] {
        advantages.extend(["-0.1", "1.1", "nan"].map(|lambda| (format!("name = '{name}', lambda = {lambda}"), "lambda")));
    }
    for (advantage, setting) in advantages {
        assert_eq!(refused(&format!("name = 'grpo'\nadvantage = {{ {advantage} }}")), Some(setting), "{advantage}");
    }
    let parts = [
        ("aggregation = { mode = 'constant-length', length = 0 }", "length"),
        ("kl = { coefficient = nan }", "kl.coefficient"),
        ("kl = { coefficient = -0.1 }", "kl.coefficient"),
        ("importance = { mode = 'truncate', cap = 0.0 }", "importance.cap"),
        ("importance = { mode = 'truncate', cap = nan }", "importance.cap"),
        ("importance = { mode = 'mask', low = -1.0, high = 2.0 }", "importance.low"),
        ("importance = { mode = 'mask', low = 3.0, high = 2.0 }", "importance.high"),
        ("advantage = { name = 'verifier-free', mean = true }\nloss = { name = 'verifier-free' }", "mean"),
        ("advantage = { name = 'verifier-free' }\nloss = { name = 'verifier-free', mean = true }", "mean"),
        ("entropy_bonus = inf", "entropy_bonus"),
        ("entropy_bonus = -0.1", "entropy_bonus"),
    ];
    for (part, setting) in parts {
        assert_eq!(refused(&format!("name = 'grpo'\n{part}")), Some(setting), "{part}");
    }
}

#[test]
fn controllers_and_filters_are_checked_too() {
    let setting = |found: Result<(), ObjectiveError>| match found {
        Err(ObjectiveError::Setting { setting, .. }) => Some(setting),
        _ => None,
    };
    let controller = KlController::default();
    assert_eq!(setting(KlController { coefficient: f64::NAN, ..controller.clone() }.check()), Some("coefficient"));
    assert_eq!(setting(KlController { target: 0.0, ..controller.clone() }.check()), Some("target"));
    assert_eq!(setting(KlController { target: f64::INFINITY, ..controller.clone() }.check()), Some("target"));
    assert_eq!(setting(KlController { horizon: f64::NAN, ..controller.clone() }.check()), Some("horizon"));
    assert_eq!((controller.check(), KlController::fixed(0.1).check()), (Ok(()), Ok(())));
    assert_eq!(setting(Filter::Band { low: -0.1, high: 0.5 }.check()), Some("low"));
    assert_eq!(setting(Filter::Band { low: 0.6, high: 0.5 }.check()), Some("high"));
    assert_eq!(setting(Filter::Band { low: 0.1, high: f64::NAN }.check()), Some("high"));
    assert_eq!(Filter::Band { low: 0.0, high: 1.0 }.check(), Ok(()));
}

#[test]
fn no_default_is_refused() {
    for (name, objective) in support::all() {
        assert_eq!(objective.check(), Ok(()), "{name}");
    }
    for name in Advantage::NAMES {
        assert_eq!(Advantage::named(name).unwrap().check(), Ok(()), "{name}");
    }
    for name in Loss::NAMES {
        assert_eq!(Loss::named(name).unwrap().check(), Ok(()), "{name}");
    }
    assert_eq!((Aggregation::default().check(), KlPenalty::default().check()), (Ok(()), Ok(())));
}
