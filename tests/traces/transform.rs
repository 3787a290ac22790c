//! Every transform keeps its word: read as it says they are, its texts audit clean.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, World, countdown::Countdown, maze::Maze};
use metacot_traces::{
    Budget, audit,
    discourse::Reading,
    format, search,
    transform::{self, Sample, Source, loss::LossMask},
};

use crate::support::{countdown, problem, run};

/// Applies a transform to problem `index`; `None` where it does not apply.
fn apply<E: World>(
    env: &E,
    (search_name, format_name): (&str, &str),
    name: &str,
    settings: &Settings,
    index: u64,
) -> Option<(E::Problem, Sample, Option<bool>)> {
    let problem = problem(env, index);
    let recorder = run(env, &problem, search_name, &Settings::default(), index);
    let (search, format) =
        (search::build::<E>(search_name, env, &Settings::default()).unwrap(), format::build::<E>(format_name, &Settings::default()).unwrap());
    let transform = transform::build::<E>(name, format_name, settings).unwrap();
    let source =
        Source { env, problem: &problem, trace: recorder.trace(), search: search.as_ref(), budget: Budget::default(), format: format.as_ref(), format_name };
    let sample = transform.apply(&source, &mut SeedTree::root(6).child(name).stream(index)).ok()?;
    let reading = transform.reading();
    let told = format::build::<E>(sample.format.as_deref().unwrap_or(format_name), &Settings::default()).unwrap();
    let audited = audit(env, Some(&problem), &reading.parse(told.as_ref(), &sample.text));
    assert!(audited.is_clean(), "{name} {settings:?}: {:?} in {}", audited.defects, sample.text);
    assert_eq!(audited.is_solved(), recorder.trace().goal.is_some() && !reading.is_control(), "{name} {settings:?}: {}", sample.text);
    let is_honest = (!reading.is_control()).then_some(audited.is_solved());
    Some((problem, sample, is_honest))
}

const CASES: &[(&str, &str, &str, &[(&str, &str)])] = &[
    ("retry", "dfs", "cot", &[("rate", "0.5")]),
    ("retry", "dfs", "table", &[("rate", "1"), ("mode", "multi")]),
    ("retry", "dfs", "cot", &[("rate", "1"), ("mode", "weak")]),
    ("retry", "dfs", "table", &[("rate", "1"), ("mode", "restart")]),
    ("retry", "dfs", "cot", &[("rate", "1"), ("mode", "self-backtrack")]),
    ("revision", "dfs", "cot", &[]),
    ("prune", "dfs", "sos", &[("rate", "0.7")]),
    ("prune", "mcts", "think", &[("rate", "0.7")]),
    ("prune", "astar", "prose", &[("rate", "0.7")]),
    ("shortest", "mcts", "sos", &[("runs", "4")]),
    ("conditioned", "sos-mix", "sos", &[]),
    ("conditioned", "sos-dfs-sum", "sos", &[("rating", "sos")]),
    ("swap", "sos-mix", "sos", &[]),
    ("all-wrong", "dfs", "cot", &[]),
    ("dialects", "sos-mix", "sos", &[("formats", "sos+think+prose")]),
];

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().fold(Settings::default(), |all, (name, value)| all.with(*name, value))
}

#[test]
fn texts_of_every_transform_audit_clean_as_it_says_they_are_read() {
    let env = countdown(4);
    for (name, search, format, pairs) in CASES {
        let mut count = 0;
        for index in 0..60 {
            let Some((_, sample, is_honest)) = apply(&env, (search, format), name, &settings(pairs), index) else { continue };
            count += 1;
            assert!(sample.prompt_len > 0 && sample.text.len() > sample.prompt_len, "{name}");
            assert!(sample.masked.iter().all(|(start, end)| start < end && *end <= sample.text.len() as u64), "{name}");
            assert_eq!(is_honest.is_none(), ["swap", "all-wrong"].contains(name), "{name}");
        }
        assert!(count > 20, "{name} applies to {count} of 60 problems");
    }
}

#[test]
fn texts_of_every_transform_are_golden() {
    let env = countdown(3);
    for (name, search, format, pairs) in CASES.iter().filter(|case| case.1 != "mcts" && case.2 != "prose") {
        let found = (0..40).find_map(|index| apply(&env, (search, format), name, &settings(pairs), index).filter(|(_, sample, _)| sample.text.len() < 900));
        let (_, sample, _) = found.expect("some text is short");
        let mode: String = pairs.iter().map(|(name, value)| format!("-{name}-{value}")).collect();
        insta::with_settings!({ snapshot_suffix => format!("{name}-{format}{mode}"), description => format!("search {search}, format {format}, transform {name} {pairs:?}") }, {
            insta::assert_snapshot!("transform", format!("{}\nmasked: {:?}", sample.text, sample.masked));
        });
    }
}

#[test]
fn controls_are_wrong() {
    let env = countdown(4);
    let cot = format::build::<Countdown>("cot", &Settings::default()).unwrap();
    for index in 0..30 {
        let Some((problem, sample, _)) = apply(&env, ("dfs", "cot"), "all-wrong", &Settings::default(), index) else { continue };
        assert!(!audit(&env, Some(&problem), &cot.parse(&sample.text)).is_solved());
    }
}

#[test]
fn dualformer_levels_drop_what_they_say() {
    let env = Maze::configure(&Difficulty::sized(7)).unwrap();
    for level in 0..=4 {
        for index in 0..20 {
            let options = settings(&[("level", &level.to_string()), ("mode_token", "true")]);
            let (_, sample, is_honest) = apply(&env, ("astar", "searchformer"), "thin", &options, index).unwrap();
            assert_eq!(is_honest, Some(true));
            let (_, response) = sample.parts();
            let words: Vec<&str> = response.split(' ').collect();
            assert_eq!(words[0], if level == 4 { "fast" } else { "slow" });
            assert_eq!(words.contains(&"close"), level < 1, "level {level}");
            assert_eq!(words.iter().any(|word| word.starts_with('c') && word[1..].parse::<u32>().is_ok()), level < 2, "level {level}");
            assert_eq!(words.contains(&"create"), level < 4, "level {level}");
        }
    }
}

#[test]
fn loss_masks_cover_what_they_name() {
    let env = countdown(3);
    let problem: metacot_envs::countdown::Problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let recorder = run(&env, &problem, "sos-dfs-sum", &Settings::default(), 0);
    let format = format::build::<Countdown>("think", &Settings::default()).unwrap();
    let mut text = String::new();
    let prompt_len = format.write(&env, &problem, recorder.trace(), &mut text);
    let sample = Sample { text, prompt_len, masked: vec![(prompt_len as u64, prompt_len as u64 + 8)], format: None };
    let shown = [LossMask::Full, LossMask::Response, LossMask::CorrectPath, LossMask::Search].map(|mask| {
        let spans = mask.spans((&env, &problem), format.as_ref(), Reading::default(), &sample);
        let learned: Vec<&str> = spans.iter().map(|(start, end)| &sample.text[*start as usize..*end as usize]).collect();
        format!("{mask:?}:\n{}", learned.join("[...]\n"))
    });
    insta::assert_snapshot!("loss_masks", shown.join("\n---\n"));
}
