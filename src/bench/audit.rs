//! Reading traces back and replaying every statement of them.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, countdown::Countdown};
use metacot_traces::{Auditor, Budget, Recorder, TraceFormat, format, search};

use super::{Case, Setup, timing};
use crate::{Error, Result};

pub(super) const CASE: Case = Case { name: "parse and audit Countdown-4, SoS", unit: "MB", is_slow: false, is_single: false, flops: None, measure };

/// Traces that are read again and again.
const TRACES: u64 = 1000;

type Problem = <Countdown as Environment>::Problem;

fn measure(setup: &Setup) -> Result<Vec<f64>> {
    let usage = |error: metacot_envs::SettingError| Error::Usage(error.to_string());
    let env = Countdown::configure(&Difficulty::sized(4)).map_err(usage)?;
    let format = format::build::<Countdown>("sos", &Settings::default()).map_err(usage)?;
    let texts = texts(&env, format.as_ref()).map_err(usage)?;
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    timing::repeat(setup, || {
        Ok(timing::on_threads(setup.threads, |_| {
            let mut auditor = Auditor::default();
            for (problem, text) in &texts {
                auditor.check(&env, problem, &format.parse(text));
                assert!(auditor.defects().is_empty(), "a genuine trace is clean");
            }
            bytes as f64 / 1e6
        }))
    })
}

fn texts(env: &Countdown, format: &dyn TraceFormat<Countdown>) -> std::result::Result<Vec<(Problem, String)>, metacot_envs::SettingError> {
    let search = search::build::<Countdown>("sos-mix", env, &Settings::default())?;
    let seeds = SeedTree::root(5);
    let mut recorder = Recorder::default();
    let text = |index| {
        let problem = env.generate(&mut seeds.stream(index));
        search.run(env, &problem, Budget::default(), &mut seeds.child("search").stream(index), &mut recorder);
        let mut text = String::new();
        format.write(env, &problem, recorder.trace(), &mut text);
        (problem, text)
    };
    Ok((0..TRACES).map(text).collect())
}
