//! Records of every transform are read as their `transform` says: clean where they are true, and found out where something in them is not.

use metacot_envs::{
    Difficulty, Environment, Settings, World,
    countdown::Countdown,
    maze::Maze,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    DefectKind, audit,
    corpus::Record,
    forensics::{Profilers, Told},
    format,
    generate::{Desk, Maker, Spec},
    label::Label,
    mix::preset,
    transform::{NAMES, reading_of},
    view::{TextSource, of_text},
};

/// Every transform with the settings that change how its texts are read.
pub const TRANSFORMS: &[&str] = &[
    "retry rate=0.6",
    "retry mode=weak rate=0.6",
    "retry mode=multi rate=0.6",
    "retry mode=restart rate=0.8",
    "retry mode=self-backtrack rate=0.6",
    "revision attempts=4",
    "thin",
    "thin mode_token=true",
    "thin level=0 mode_token=true",
    "thin level=1",
    "thin level=2 mode_token=true",
    "thin level=3",
    "thin level=4 mode_token=true",
    "prune rate=0.6",
    "shortest runs=3",
    "conditioned",
    "conditioned rating=sos",
    "swap",
    "all-wrong",
    "dialects formats=think+prose+cot",
];

const CONTROLS: [&str; 2] = ["swap", "all-wrong"];

pub fn spec(env: &str, search: &str, format: &str, transform: &str, count: u64) -> Spec {
    let preset = preset(env);
    let label = Label::read(transform).unwrap().unwrap_or_else(|| Label { name: "none".into(), settings: Settings::default() });
    let mut settings = Settings::default();
    preset.settings.iter().filter(|(for_search, ..)| for_search.is_empty()).for_each(|(_, name, value)| settings.insert(*name, *value));
    let difficulty = Difficulty { size: preset.size.map(str::to_string), settings };
    Spec { difficulty, transform: label.name, transform_settings: label.settings, count, ..Spec::new(env, search, format) }
}

pub fn records<E: World>(spec: &Spec) -> Option<Vec<Record>> {
    let (maker, mut desk) = (Maker::<E>::new(spec).ok()?, Desk::default());
    let made: Vec<_> = (0..spec.count).filter_map(|id| maker.record(id, &mut desk).transpose()).collect();
    let failed: Vec<String> = made.iter().filter_map(|made| made.as_ref().err().map(ToString::to_string)).collect();
    assert!(failed.is_empty(), "{} {}: {failed:?}", Label::write(&spec.transform, &spec.transform_settings), spec.search);
    Some(made.into_iter().map(Result::unwrap).collect())
}

/// The defects of a text that stands in a record.
fn defects<E: World>(record: &Record, text: &str) -> (Vec<DefectKind>, bool) {
    let problem: E::Problem = serde_json::from_value(record.problem.clone()).unwrap();
    let env = E::configure(&Difficulty::default()).unwrap();
    let env = env.at(&problem).unwrap_or(env);
    let format = format::build::<E>(&record.format, &Settings::default()).unwrap();
    let reading = reading_of::<E>(record.transform.as_deref(), &record.format).unwrap();
    let audited = audit(&env, Some(&problem), &reading.parse(format.as_ref(), text));
    (audited.defects.iter().map(|defect| defect.kind).collect(), audited.is_solved())
}

struct Clean;

impl EnvironmentVisitor for Clean {
    type Output = Vec<(String, usize)>;

    fn visit<E: World>(self) -> Self::Output {
        let (mut seen, profilers) = (Vec::new(), Profilers::default());
        let searches: &[&str] = if E::HAS_OPPONENT { &["mcts"] } else { &["dfs", "beam", "astar", "astar-nondet", "sos-mix"] };
        for format in format::NAMES {
            for search in searches {
                for transform in TRANSFORMS {
                    let Some(records) = records::<E>(&spec(E::NAME, search, format, transform, 4)) else { continue };
                    for record in &records {
                        let what = format!("{} {search} {format} {transform}:\n{}", E::NAME, record.text);
                        assert_eq!(record.transform.as_deref(), Some(*transform));
                        let is_control = CONTROLS.contains(transform);
                        assert!(!is_control || (record.plan.is_none() && record.cost.is_none() && record.stop == metacot_traces::StopReason::None), "{what}");
                        assert_eq!(defects::<E>(record, &record.text), (vec![], record.plan.is_some()), "{what}");
                        let Record { env, format, transform, problem, text, .. } = record;
                        let told = Told { env, format, transform: transform.as_deref(), problem: Some(problem), text };
                        let profile = profilers.profile(told, false).unwrap();
                        assert_eq!((profile.is_clean, profile.is_solved, profile.is_control), (true, record.plan.is_some(), is_control), "{what}");
                        let steps = record.plan.as_ref().map_or(0, |plan| plan.len() as u64);
                        assert!(profile.forensics.plan_length == steps || record.plan.is_none(), "{what} {:?}", profile.forensics);
                        let (difficulty, settings) = (Difficulty::default(), Settings::default());
                        let view = of_text(&TextSource::of_record(record, &difficulty, &settings)).unwrap();
                        assert!(view.defects.is_empty() || is_control, "{what} {:?}", view.defects);
                        let is_node = |node: u32| (node as usize) < view.nodes.len();
                        assert!(view.statements.iter().all(|statement| statement.node.is_none_or(is_node)), "{what}");
                        assert_eq!(view.prompt_len as u64, record.prompt_len, "{what}");
                        assert_eq!(view.text, record.text);
                    }
                    seen.push((format!("{search} {format} {transform}"), records.len()));
                }
            }
        }
        seen
    }
}

#[test]
fn records_of_every_transform_are_clean_for_audit_forensics_and_viewer() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for env in registry::NAMES {
        for (what, count) in registry::visit(env, Clean).unwrap() {
            let (_, transform) = what.split_once(' ').unwrap().1.split_once(' ').unwrap();
            *seen.entry(transform.into()).or_default() += count;
        }
    }
    assert!(NAMES.iter().all(|name| TRANSFORMS.iter().any(|label| label.split(' ').next() == Some(*name))), "every transform is tried");
    assert!(TRANSFORMS.iter().all(|transform| seen.get(*transform).is_some_and(|count| *count >= 6)), "{seen:?}");
}

/// The first change of a text by `plant`, over the records of a combination, with what the audit says of it.
fn planted<E: World>(spec: &Spec, plant: impl Fn(&str) -> Option<String>) -> (Vec<DefectKind>, String) {
    let found = records::<E>(spec).unwrap().into_iter().find_map(|record| plant(&record.text).map(|text| (record, text)));
    let (record, text) = found.expect("some record can be damaged in this way");
    (defects::<E>(&record, &text).0, format!("{}\n---\n{text}", record.text))
}

fn countdown(search: &str, format: &str, transform: &str) -> Spec {
    spec("countdown", search, format, transform, 60)
}

fn maze(transform: &str) -> Spec {
    spec("maze", "astar", "searchformer", transform, 40)
}

/// The text with line `index` replaced; lines are those for which `is_wanted` holds with the next one.
fn with_line(text: &str, is_wanted: impl Fn(&str, Option<&str>) -> bool, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let at = (0..lines.len()).find(|at| is_wanted(&lines[*at], lines.get(at + 1).map(String::as_str)))?;
    lines[at] = change(&lines[at]).filter(|line| *line != lines[at])?;
    Some(lines.join("\n"))
}

fn is_step(line: &str, _: Option<&str>) -> bool {
    line.starts_with("Step ")
}

fn before(mark: &'static str) -> impl Fn(&str, Option<&str>) -> bool {
    move |line, next| line.starts_with("Step ") && next == Some(mark)
}

/// Another result of the operation of a step.
fn wrong_result(line: &str) -> Option<String> {
    let (head, rest) = line.split_once('=')?;
    let (result, tail) = rest.split_once(' ')?;
    Some(format!("{head}={} {tail}", result.parse::<u64>().ok()? + 1))
}

#[test]
fn what_is_planted_in_steps_that_are_taken_back_is_found() {
    let cases: Vec<(&str, Spec, Box<dyn Fn(&str) -> Option<String>>, DefectKind)> = vec![
        ("a wrong result", countdown("dfs", "cot", "retry rate=0.6"), Box::new(|text| with_line(text, is_step, wrong_result)), DefectKind::Arithmetic),
        (
            "a wrong result in a step that is taken back",
            countdown("dfs", "cot", "retry rate=0.9"),
            Box::new(|text| with_line(text, before("[BACK]"), wrong_result)),
            DefectKind::Arithmetic,
        ),
        (
            "a mark of another mode",
            countdown("dfs", "cot", "retry rate=0.9"),
            Box::new(|text| text.contains("[BACK]").then(|| text.replacen("[BACK]", "<backtrack>", 1))),
            DefectKind::Syntax,
        ),
        (
            "a step that is not taken back",
            countdown("dfs", "cot", "retry mode=self-backtrack rate=0.9"),
            Box::new(|text| text.contains("<backtrack>\n").then(|| text.replacen("<backtrack>\n", "", 1))),
            DefectKind::WrongId,
        ),
        (
            "more taken back than told",
            countdown("dfs", "cot", "retry mode=self-backtrack rate=0.9"),
            Box::new(|text| text.find("<backtrack>\n").map(|at| [&text[..at], "<backtrack>\n<backtrack>\n", &text[at..]].concat())),
            DefectKind::WrongOrder,
        ),
        (
            "an early step that never comes",
            countdown("dfs", "cot", "retry mode=weak rate=0.9"),
            Box::new(|text| with_line(text, before("[BACK]"), wrong_result)),
            DefectKind::Illegal,
        ),
        (
            "a wrong result in a beginning that is reset",
            countdown("dfs", "cot", "retry mode=restart rate=0.9"),
            Box::new(|text| text.contains("[RESET]").then(|| with_line(text, is_step, wrong_result)).flatten()),
            DefectKind::Arithmetic,
        ),
        (
            "a wrong result in a wrong attempt",
            countdown("dfs", "cot", "revision attempts=4"),
            Box::new(|text| text.contains("That is wrong").then(|| with_line(text, is_step, wrong_result)).flatten()),
            DefectKind::Arithmetic,
        ),
        (
            "an attempt whose answer is not that of its steps",
            countdown("dfs", "cot", "revision attempts=4"),
            Box::new(|text| {
                let last = text.lines().last()?.to_string();
                with_line(text, |line, next| line.starts_with("Answer") && next.is_some(), move |_| Some(last.clone()))
            }),
            DefectKind::WrongAnswer,
        ),
        (
            "a right attempt that is called wrong",
            countdown("dfs", "cot", "revision attempts=0"),
            Box::new(|text| {
                let (prompt, response) = text.split_once('\n')?;
                Some(format!("{prompt}\n{response}\nThat is wrong. Let me try again.\n{response}"))
            }),
            DefectKind::WrongVerdict,
        ),
        ("a cut text", countdown("dfs", "cot", "revision attempts=4"), Box::new(|text| text.rfind("Answer").map(|at| text[..at].to_string())), DefectKind::Cut),
    ];
    for (what, spec, plant, expected) in cases {
        let (found, text) = planted::<Countdown>(&spec, plant);
        assert!(found.contains(&expected), "{what}: {found:?} in\n{text}");
    }
}

#[test]
fn what_is_planted_in_other_transforms_of_countdown_is_found() {
    let wrong = |text: &str| with_line(text, |line, _| line.starts_with("Exploring"), |line| Some(line.replacen("Numbers: [", "Numbers: [999, ", 1)));
    let cases: Vec<(&str, Spec, Box<dyn Fn(&str) -> Option<String>>, DefectKind)> = vec![
        ("another rating", countdown("sos-mix", "sos", "conditioned"), Box::new(|text| Some(format!("0.99{}", &text[4..]))), DefectKind::WrongRating),
        ("no rating", countdown("sos-mix", "sos", "conditioned"), Box::new(|text| Some(text[6..].to_string())), DefectKind::WrongRating),
        ("another rating", countdown("dfs", "think", "conditioned rating=sos"), Box::new(|text| Some(format!("0.13{}", &text[4..]))), DefectKind::WrongRating),
        ("a wrong successor", countdown("sos-mix", "sos", "conditioned"), Box::new(wrong), DefectKind::WrongSuccessor),
        ("a wrong successor", countdown("sos-mix", "sos", "prune rate=0.5"), Box::new(wrong), DefectKind::WrongSuccessor),
        ("a wrong successor", countdown("mcts", "sos", "shortest runs=2"), Box::new(wrong), DefectKind::WrongSuccessor),
        ("a wrong successor in a failed search", countdown("sos-bfs-sum-1", "sos", "all-wrong"), Box::new(wrong), DefectKind::WrongSuccessor),
        ("a wrong result", countdown("dfs", "cot", "all-wrong"), Box::new(|text| with_line(text, is_step, wrong_result)), DefectKind::Arithmetic),
        ("an unreadable line", countdown("dfs", "cot", "swap"), Box::new(|text| with_line(text, is_step, |line| Some(format!("x{line}")))), DefectKind::Syntax),
        (
            "another prompt",
            countdown("dfs", "cot", "swap"),
            Box::new(|text| with_line(text, |line, _| line.starts_with("Problem: "), |line| Some(line.replacen(": ", ": 9", 1)))),
            DefectKind::WrongProblem,
        ),
    ];
    for (what, spec, plant, expected) in cases {
        let (found, text) = planted::<Countdown>(&spec, plant);
        assert!(found.contains(&expected), "{what}: {found:?} in\n{text}");
    }
}

#[test]
fn a_control_that_solves_is_found_out() {
    let solved = records::<Countdown>(&countdown("dfs", "cot", "revision attempts=0")).unwrap();
    for control in CONTROLS {
        for record in &solved {
            let record = Record { transform: Some(control.into()), ..record.clone() };
            assert_eq!(defects::<Countdown>(&record, &record.text).0, [DefectKind::WrongAnswer], "{control}:\n{}", record.text);
        }
    }
}

/// Words of the `index`-th creation from the end.
fn creation(text: &str, change: impl Fn(&[&str]) -> Option<String>) -> Option<String> {
    let start = text.rfind("create ")?;
    let end = text[start..].find(" close").or_else(|| text[start..].find(" plan")).map(|length| start + length)?;
    let words: Vec<&str> = text[start..end].split(' ').collect();
    Some([&text[..start], &change(&words)?, &text[end..]].concat())
}

fn in_wall(words: &[&str]) -> Option<String> {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
    words[1] = "63".into();
    Some(words.join(" "))
}

#[test]
fn what_is_planted_in_thinned_searches_is_found() {
    let cases: Vec<(&str, &str, Box<dyn Fn(&str) -> Option<String>>, DefectKind)> = vec![
        ("a cell outside", "thin level=1", Box::new(|text| creation(text, in_wall)), DefectKind::Illegal),
        ("a cell outside", "thin level=2", Box::new(|text| creation(text, in_wall)), DefectKind::Illegal),
        ("a cell outside", "thin level=3", Box::new(|text| creation(text, in_wall)), DefectKind::Illegal),
        (
            "a wrong cost",
            "thin level=1",
            Box::new(|text| creation(text, |words| Some(format!("{} c99 {}", words[..3].join(" "), words[4])))),
            DefectKind::WrongCost,
        ),
        ("a cell twice", "thin level=1", Box::new(|text| creation(text, |words| Some([words, words].concat().join(" ")))), DefectKind::Repeated),
        ("a cell twice", "thin level=2", Box::new(|text| creation(text, |words| Some([words, words].concat().join(" ")))), DefectKind::Repeated),
        ("costs", "thin level=2", Box::new(|text| creation(text, |words| Some(format!("{} c1 c2", words.join(" "))))), DefectKind::Syntax),
        (
            "a closing",
            "thin level=1",
            Box::new(|text| creation(text, |words| Some(format!("{} close {}", words.join(" "), words[1..].join(" "))))),
            DefectKind::Syntax,
        ),
        ("the wrong word", "thin level=1 mode_token=true", Box::new(|text| Some(text.replacen("\nslow ", "\nfast ", 1))), DefectKind::Syntax),
        ("the wrong word", "thin level=4 mode_token=true", Box::new(|text| Some(text.replacen("\nfast ", "\nslow ", 1))), DefectKind::Syntax),
        (
            "a plan that jumps",
            "thin level=3",
            Box::new(|text| text.rfind("plan ").map(|at| format!("{}plan 0 0 {}", &text[..at], &text[at..]))),
            DefectKind::Illegal,
        ),
        ("a cut plan", "thin level=4", Box::new(|text| text.rfind(" plan ").map(|at| text[..at].to_string())), DefectKind::Cut),
        (
            "a wrong cost",
            "thin level=0",
            Box::new(|text| creation(text, |words| Some(format!("{} c99 {}", words[..3].join(" "), words[4])))),
            DefectKind::WrongCost,
        ),
        (
            "a creation left out",
            "thin level=2",
            Box::new(|text| {
                let goal = text.rsplit(' ').take(2).collect::<Vec<_>>();
                let told = format!(" create {} {}", goal[1], goal[0]);
                text.contains(&format!("{told} ")).then(|| text.replacen(&told, "", 1))
            }),
            DefectKind::Missing,
        ),
    ];
    for (what, transform, plant, expected) in cases {
        let (found, text) = planted::<Maze>(&maze(transform), plant);
        assert!(found.contains(&expected), "{transform}, {what}: {found:?} in\n{text}");
    }
}

#[test]
fn records_name_the_settings_of_their_format_and_are_read_with_them() {
    let spec = Spec { format_settings: Settings::default().with("compat", "true"), ..spec("countdown", "sos-mix", "sos", "none", 60) };
    let records = records::<Countdown>(&spec).unwrap();
    assert!(records.iter().any(|record| record.plan.is_none()) && records.iter().any(|record| record.plan.is_some()));
    let env = Countdown::configure(&spec.difficulty).unwrap();
    let profilers = Profilers::default();
    for record in &records {
        assert_eq!(record.format, "sos compat=true");
        let format = format::build::<Countdown>(&record.format, &Settings::default()).unwrap();
        let problem = serde_json::from_value(record.problem.clone()).unwrap();
        let found = audit(&env, Some(&problem), &format.parse(&record.text));
        assert!(found.defects.is_empty() && found.is_solved() == record.plan.is_some(), "{}: {:?}", record.text, found.defects);
        let told = Told { env: &record.env, format: &record.format, transform: None, problem: Some(&record.problem), text: &record.text };
        assert!(profilers.profile(told, false).unwrap().is_clean);
    }
    let refuse = |name: &str| format::build::<Countdown>(name, &Settings::default()).map(drop).unwrap_err().to_string();
    assert!(refuse("sos compat").contains("expected a name and settings"), "{}", refuse("sos compat"));
    assert!(refuse("sos rate=1").contains("rate"), "{}", refuse("sos rate=1"));
}

#[test]
fn sequences_of_tokens_read_without_lines_and_between_marks() {
    let spec = spec("maze", "astar", "searchformer", "none", 5);
    let env = Maze::configure(&spec.difficulty).unwrap();
    let format = format::build::<Maze>("searchformer", &Settings::default().with("ties", "fixed")).unwrap();
    for record in records::<Maze>(&spec).unwrap() {
        let problem = serde_json::from_value(record.problem.clone()).unwrap();
        let line = record.text.replace('\n', " ");
        let line = line.trim();
        for text in [line.to_string(), format!("bos {line} eos"), format!("<bos> {line} <eos>"), format!("{} eos", record.text.trim_end())] {
            for problem in [Some(&problem), None] {
                let found = audit(&env, problem, &format.parse(&text));
                assert!(found.defects.is_empty() && found.is_solved(), "{text}: {:?}", found.defects);
            }
        }
        let damaged = audit(&env, Some(&problem), &format.parse(&format!("bos {} eos", line.replacen(" wall ", " wall 9", 1))));
        assert_eq!(damaged.defects.first().map(|defect| defect.kind), Some(DefectKind::WrongProblem));
    }
}
