//! Grading rows of JSON, as `metacot grade` does.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, countdown::Countdown};
use metacot_grade::{Config, Grader, grade_stream};
use metacot_traces::{Budget, Recorder, format, search};

use super::{Case, Setup, timing};
use crate::{Error, Result};

pub(super) const CASE: Case = Case { name: "grade Countdown-4 answers, JSON rows", unit: "rows", is_slow: false, is_single: false, flops: None, measure };

/// Rows that are graded again and again.
const ROWS: u64 = 4000;

fn measure(setup: &Setup) -> Result<Vec<f64>> {
    let grader = Grader::new(Config::new("countdown")).map_err(|error| Error::Usage(error.to_string()))?;
    let rows = rows().map_err(|error| Error::Usage(error.to_string()))?;
    let mut verdicts = Vec::new();
    timing::repeat(setup, || {
        verdicts.clear();
        grade_stream(&grader, rows.as_bytes(), &mut verdicts, setup.threads).map_err(Error::io("cannot grade", "memory"))?;
        Ok(ROWS as f64)
    })
}

/// Problems with their solution behind some thought.
fn rows() -> std::result::Result<String, metacot_envs::SettingError> {
    let env = Countdown::configure(&Difficulty::sized(4))?;
    let search = search::build::<Countdown>("dfs", &env, &Settings::default())?;
    let answer = format::build::<Countdown>("answer", &Settings::default())?;
    let seeds = SeedTree::root(6);
    let (mut recorder, mut rows) = (Recorder::default(), String::new());
    for index in 0..ROWS {
        let problem = env.generate(&mut seeds.stream(index));
        search.run(&env, &problem, Budget::default(), &mut seeds.child("search").stream(index), &mut recorder);
        let mut text = String::new();
        let prompt = answer.write(&env, &problem, recorder.trace(), &mut text);
        let row = serde_json::json!({ "id": index, "problem": problem, "response": format!("<answer>{}</answer>", &text[prompt..]) });
        rows.push_str(&row.to_string());
        rows.push('\n');
    }
    Ok(rows)
}
