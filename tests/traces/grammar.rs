//! The languages of responses: all that is written to a problem is of its language, what is of it reads without a fault of form, and what is
//! not is refused where it goes wrong.

use std::collections::VecDeque;

use metacot_envs::{
    Difficulty, Environment, Notation, Pattern, SeedTree, Settings, World,
    countdown::Countdown,
    maze::Maze,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{Automaton, DefectKind, TraceFormat, audit, discourse::Reading, format, search, transform::reading_of};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{
    reading::{TRANSFORMS, records, spec},
    small,
    support::{countdown, format, problem, run, write},
};

/// The formats of an environment by name, with the settings that change what responses look like.
fn formats<E: World>() -> Vec<(&'static str, Box<dyn TraceFormat<E>>)> {
    let plain = format::NAMES.iter().map(|name| (*name, Settings::default()));
    let other = [("sos", "compat"), ("sos-plan", "compat"), ("think", "values"), ("prose", "values")];
    let other = other.map(|(name, setting)| (name, Settings::default().with(setting, !E::HAS_OPPONENT)));
    plain.chain(other).filter_map(|(name, settings)| Some((name, format::build::<E>(name, &settings).ok()?))).collect()
}

/// The environment at a small size.
fn small<E: World>() -> E {
    E::configure(&small::difficulty(E::NAME)).unwrap()
}

/// Asserts that an automaton accepts a response; shows where it goes wrong.
fn accept(machine: &Automaton, response: &str, what: &str) {
    let mut state = Automaton::START;
    for (at, byte) in response.bytes().enumerate() {
        state = machine.step(state, byte);
        assert_ne!(state, Automaton::DEAD, "{what}: {:?} in {response}", response.get(at.saturating_sub(60)..=at));
    }
    assert!(machine.is_final(state), "{what}: ends {:?}", response.get(response.len().saturating_sub(60)..));
}

/// Every format that takes the environment, with every search that it tells, on some problems each.
struct Written;

impl EnvironmentVisitor for Written {
    type Output = usize;
    fn visit<E: World>(self) -> usize {
        let env: E = small();
        let mut read = 0;
        for index in 0..4 {
            let problem = problem(&env, index);
            for (name, format) in formats::<E>() {
                let pattern = format::responses(&env, format.as_ref(), &problem, Reading::default());
                let machine = Automaton::new(&pattern);
                assert!(machine.num_states() < 4000, "{name} of {}: {} states", E::NAME, machine.num_states());
                for search in search::NAMES {
                    let can_run = search::build::<E>(search, &env, &Settings::default()).is_ok();
                    if !can_run || format::check_pair(format.as_ref(), name, search).is_err() {
                        continue;
                    }
                    let recorder = run(&env, &problem, search, &Settings::default(), index);
                    if !format.can_write(recorder.trace()) {
                        continue;
                    }
                    let mut text = String::new();
                    let prompt = format.write(&env, &problem, recorder.trace(), &mut text);
                    accept(&machine, &text[prompt..], &format!("{name} {search} of {}", E::NAME));
                    read += 1;
                }
            }
        }
        read
    }
}

#[test]
fn every_written_response_is_of_its_language() {
    for env in registry::NAMES {
        let read = registry::visit(env, Written).unwrap();
        assert!(read >= 20, "{env}: {read} texts");
    }
}

/// The records of every transform.
struct Transformed;

impl EnvironmentVisitor for Transformed {
    type Output = Vec<(&'static str, usize)>;
    fn visit<E: World>(self) -> Self::Output {
        let searches: &[&str] = if E::HAS_OPPONENT { &["mcts"] } else { &["dfs", "astar"] };
        let mut seen = Vec::new();
        let with_search = |format| searches.iter().map(move |search| (format, *search));
        let told: Vec<(&str, &str)> = format::NAMES.iter().flat_map(|format| with_search(*format)).collect();
        for (transform, (format, search)) in TRANSFORMS.iter().flat_map(|transform| told.iter().map(move |told| (*transform, *told))) {
            let spec = spec(E::NAME, search, format, transform, 6);
            let records = records::<E>(&spec).unwrap_or_default();
            let env = E::configure(&spec.difficulty).unwrap();
            seen.push((transform, records.len()));
            for record in records {
                let problem: E::Problem = serde_json::from_value(record.problem.clone()).unwrap();
                let format = format::build::<E>(&record.format, &Settings::default()).unwrap();
                let reading = reading_of::<E>(record.transform.as_deref(), &record.format).unwrap();
                let machine = Automaton::new(&format::responses(&env, format.as_ref(), &problem, reading));
                accept(&machine, &record.text[record.prompt_len as usize..], &format!("{} {search} {} {transform}", E::NAME, record.format));
            }
        }
        seen
    }
}

#[test]
fn every_transformed_response_is_of_its_language() {
    let seen: Vec<_> = registry::NAMES.iter().flat_map(|env| registry::visit(env, Transformed).unwrap()).collect();
    for transform in TRANSFORMS {
        let count: usize = seen.iter().filter(|(other, _)| other == transform).map(|(_, count)| count).sum();
        assert!(count >= 6, "{transform}: {count} records");
    }
}

/// An automaton with the way from each state to the nearest end.
struct Walker {
    machine: Automaton,
    /// By state: the bytes that go on towards an end, with the states after them.
    open: Vec<Vec<(u8, u32)>>,
    to_end: Vec<usize>,
}

impl Walker {
    fn new(pattern: &Pattern) -> Self {
        let machine = Automaton::new(pattern);
        let states = 0..machine.num_states() as u32;
        let all: Vec<Vec<(u8, u32)>> = states.clone().map(|state| (0..=255).map(|byte| (byte, machine.step(state, byte))).collect()).collect();
        let mut before = vec![Vec::new(); all.len()];
        for (state, row) in all.iter().enumerate() {
            row.iter().filter(|(_, next)| *next != Automaton::DEAD).for_each(|(_, next)| before[*next as usize].push(state));
        }
        let mut to_end = vec![usize::MAX; all.len()];
        let mut queue: VecDeque<usize> = states.filter(|state| machine.is_final(*state)).map(|state| state as usize).collect();
        queue.iter().for_each(|state| to_end[*state] = 0);
        while let Some(state) = queue.pop_front() {
            for &source in &before[state] {
                if to_end[source] == usize::MAX {
                    to_end[source] = to_end[state] + 1;
                    queue.push_back(source);
                }
            }
        }
        let open = all.into_iter().map(|row| row.into_iter().filter(|(_, next)| to_end[*next as usize] != usize::MAX).collect()).collect();
        Self { machine, open, to_end }
    }

    /// A random response: random bytes for a while, then the nearest end.
    fn walk(&self, length: usize, rng: &mut ChaCha8Rng) -> String {
        let (mut state, mut text) = (Automaton::START as usize, Vec::new());
        while text.len() < length && !self.open[state].is_empty() {
            let (byte, next) = self.open[state][rng.random_range(0..self.open[state].len())];
            text.push(byte);
            state = next as usize;
        }
        while self.to_end[state] > 0 {
            let (byte, next) = *self.open[state].iter().min_by_key(|(_, next)| self.to_end[*next as usize]).unwrap();
            text.push(byte);
            state = next as usize;
        }
        String::from_utf8(text).unwrap()
    }
}

/// The faults of form of a text; a plan of a frontier that stops early is a cut one, whatever it looks like.
fn faults_of_form<E: World>(env: &E, problem: &E::Problem, (name, format): (&str, &dyn TraceFormat<E>), reading: Reading, text: &str) -> Vec<DefectKind> {
    let is_form = |kind: &DefectKind| *kind == DefectKind::Syntax || (*kind == DefectKind::Cut && !name.starts_with("searchformer"));
    let defects = audit(env, Some(problem), &reading.parse(format, text)).defects;
    defects.into_iter().map(|defect| defect.kind).filter(is_form).collect()
}

fn prompt_of<E: World>(env: &E, problem: &E::Problem, format: &dyn TraceFormat<E>) -> String {
    let mut prompt = String::new();
    format.write_prompt(env, problem, &mut prompt);
    prompt
}

/// Random texts of every language, and damaged ones of them, against the reader.
struct Random;

impl EnvironmentVisitor for Random {
    type Output = [usize; 3];

    /// How many texts were read, how many damaged ones, and how many of these were refused.
    fn visit<E: World>(self) -> Self::Output {
        let env: E = small();
        let mut rng = SeedTree::root(51).child(E::NAME).stream(0);
        let mut counts = [0; 3];
        for (name, format) in formats::<E>() {
            for transform in std::iter::once(None).chain(TRANSFORMS.iter().map(|transform| Some(*transform))) {
                let Ok(reading) = reading_of::<E>(transform, name) else { continue };
                let (reading, is_plain) = (reading.of_response(), transform.is_none());
                if !is_plain && reading == Reading::default() {
                    continue;
                }
                for index in 0..if is_plain { 3 } else { 1 } {
                    let problem = problem(&env, index);
                    let prompt = prompt_of(&env, &problem, format.as_ref());
                    let walker = Walker::new(&format::responses(&env, format.as_ref(), &problem, reading));
                    let faults = |response: &str| faults_of_form(&env, &problem, (name, format.as_ref()), reading, &format!("{prompt}{response}"));
                    for walk in 0..if is_plain { 10 } else { 4 } {
                        let response = walker.walk(walk * 60, &mut rng);
                        let what = format!("{} {name} {transform:?}", E::NAME);
                        accept(&walker.machine, &response, &what);
                        let found = faults(&response);
                        assert!(found.is_empty(), "{what}: {found:?} in {prompt}{response}");
                        counts[0] += 1;
                        for _ in 0..5 {
                            let damaged = damage(&response, &mut rng);
                            let is_refused = !walker.machine.accepts(&damaged);
                            counts[1] += 1;
                            counts[2] += usize::from(is_refused);
                            assert!(is_refused || faults(&damaged).is_empty(), "{what} accepts {prompt}{damaged}");
                        }
                    }
                }
            }
        }
        counts
    }
}

/// A text that was cut short, with a piece left out, with a piece twice, or with a character of its own in another place.
fn damage(text: &str, rng: &mut ChaCha8Rng) -> String {
    let (from, to) = (rng.random_range(0..=text.len()), rng.random_range(0..=text.len()));
    let (from, to) = (from.min(to), from.max(to));
    match rng.random_range(0..4) {
        0 => text[..from].into(),
        1 => format!("{}{}", &text[..from], &text[to..]),
        2 => format!("{}{}", &text[..to], &text[from..]),
        _ => format!("{}{}{}", &text[..from], text.get(to..to + 1).unwrap_or("~"), &text[(from + 1).min(text.len())..]),
    }
}

#[test]
fn every_text_of_a_language_reads_without_a_fault_of_form() {
    for env in registry::NAMES {
        let [read, damaged, refused] = registry::visit(env, Random).unwrap();
        assert!(read >= 100 && 2 * refused > damaged, "{env}: {read} texts; {refused} of {damaged} damaged ones are refused");
    }
}

#[test]
fn a_fault_is_refused_where_it_stands() {
    let env = countdown(3);
    let sos = format("sos");
    let drawn = problem(&env, 0);
    let machine = Automaton::new(&format::responses(&env, sos.as_ref(), &drawn, Reading::default()));
    let text = write(&env, &drawn, &run(&env, &drawn, "dfs", &Settings::default(), 0), sos.as_ref());
    let response = &text[text.find("\nExploring").unwrap()..];
    assert!(machine.accepts(response));
    // Cut short, doubled, with a line left out, and with a word of another format.
    let second = response[1..].find('\n').unwrap() + 1;
    for wrong in [&response[..response.len() - 1], &format!("{response}\n"), &response[second..], &response.replace("Exploring", "Trying")] {
        assert!(!machine.accepts(wrong), "{wrong}");
    }
    let after = |text: &str| machine.walk(Automaton::START, text);
    assert_ne!(after("\nExploring Operation: 3*4=12, Resulting Numbers: [1, 12]"), Automaton::DEAD);
    for (right, wrong) in
        [("3*", "x"), ("0", "3"), ("", ","), ("3*4", ","), ("3*4=12", "="), ("3*4=12, Resulting Numbers: [1,", "2"), ("3*4=12, Resulting Numbers: [1]\n", "N")]
    {
        assert_ne!(after(&format!("\nExploring Operation: {right}")), Automaton::DEAD, "{right}");
        assert_eq!(after(&format!("\nExploring Operation: {right}{wrong}")), Automaton::DEAD, "{right}{wrong}");
    }
}

#[test]
fn a_language_is_that_of_its_problem() {
    let env = countdown(3);
    let machine = |text: &str, reading| {
        let problem = env.read_problem(text).unwrap();
        Automaton::new(&format::responses(&env, format::<Countdown>("sos").as_ref(), &problem, reading))
    };
    let named = "\nExploring Operation: 3*9=27, Resulting Numbers: [5, 27]\nGenerated Node #0,0: ";
    for (target, is_told) in [("24", true), ("25", false), ("24:[1, 2, 3, 4]", false)] {
        let state = machine("24:[3, 5, 9]", Reading::default()).walk(Automaton::START, &format!("{named}{target}"));
        assert_eq!(state != Automaton::DEAD, is_told, "{target}");
    }
    // A control tells of another problem than the prompt asks for.
    let swapped = reading_of::<Countdown>(Some("swap"), "sos").unwrap();
    assert_ne!(machine("24:[3, 5, 9]", swapped).walk(Automaton::START, &format!("{named}25")), Automaton::DEAD);

    let env = Maze::configure(&Difficulty::sized(5)).unwrap();
    let machine = |text: &str| {
        let problem = env.read_problem(text).unwrap();
        Automaton::new(&format::responses(&env, format::<Maze>("searchformer-plan").as_ref(), &problem, Reading::default()))
    };
    for (side, is_inside) in [("", false), ("size 6 5 ", true)] {
        let machine = machine(&format!("{side}start 0 0 goal 3 2"));
        assert!(machine.accepts("plan 0 0 plan 4 4") && !machine.accepts("plan 0 5") && !machine.accepts("plan 0 0 "));
        assert_eq!(machine.accepts("plan 5 0"), is_inside);
    }
}
