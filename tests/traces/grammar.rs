//! The languages of formats: all that is written is of them, and what is not is refused where it goes wrong.

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{Automaton, format, search};

use crate::support::{countdown, format, problem, run, write};

/// Every format that takes the environment, with every search that it tells, on two problems each.
struct Written;

impl EnvironmentVisitor for Written {
    type Output = usize;
    fn visit<E: World>(self) -> usize {
        let size = match E::NAME {
            "countdown" | "game24" | "arithmetic" => Some("3"),
            "maze" => Some("5"),
            "sudoku" => Some("4"),
            "cryptarithm" => Some("2"),
            "connect4" => Some("4x4"),
            "hex" => Some("3"),
            _ => None,
        };
        let difficulty = Difficulty { size: size.map(String::from), ..Difficulty::default() };
        let Ok(env) = E::configure(&difficulty).or_else(|_| E::configure(&Difficulty::default())) else { panic!("{} at its default size", E::NAME) };
        let mut read = 0;
        for name in format::NAMES {
            let settings: &[Settings] = match *name {
                "sos" => &[Settings::default(), Settings::default().with("compat", true)],
                "think" | "prose" => &[Settings::default(), Settings::default().with("values", true)],
                _ => &[Settings::default()],
            };
            for settings in settings {
                let Ok(format) = format::build::<E>(name, settings) else { continue };
                let grammar = format.grammar().unwrap_or_else(|| panic!("{name} says what its responses look like"));
                let machine = Automaton::new(&grammar, &env.symbols());
                assert!(machine.num_states() < 2000, "{name} of {}: {} states", E::NAME, machine.num_states());
                for search in search::NAMES {
                    let can_run = search::build::<E>(search, &env, &Settings::default()).is_ok();
                    if !can_run || format::check_pair(format.as_ref(), name, search).is_err() {
                        continue;
                    }
                    for index in 0..2 {
                        let problem = problem(&env, index);
                        let recorder = run(&env, &problem, search, &Settings::default(), index);
                        if !format.can_write(recorder.trace()) {
                            continue;
                        }
                        let mut text = String::new();
                        let prompt = format.write(&env, &problem, recorder.trace(), &mut text);
                        let mut state = Automaton::START;
                        for (at, byte) in text.bytes().enumerate().skip(prompt) {
                            state = machine.step(state, byte);
                            assert_ne!(state, Automaton::DEAD, "{name} {search} of {}: {:?}", E::NAME, text.get(at.saturating_sub(60)..=at));
                        }
                        assert!(machine.is_final(state), "{name} {search} of {}: ends {:?}", E::NAME, text.get(text.len().saturating_sub(60)..));
                        read += 1;
                    }
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
        assert!(read >= 2, "{env}: {read} texts");
    }
}

#[test]
fn a_fault_is_refused_where_it_stands() {
    let env = countdown(3);
    let sos = format("sos");
    let machine = Automaton::new(&sos.grammar().unwrap(), &metacot_envs::Notation::symbols(&env));
    let drawn = problem(&env, 0);
    let text = write(&env, &drawn, &run(&env, &drawn, "dfs", &Settings::default(), 0), sos.as_ref());
    let response = &text[text.find("\nExploring").unwrap()..];
    assert!(machine.accepts(response));
    // Cut short, doubled, with a line left out, and with a word of another format.
    let second = response[1..].find('\n').unwrap() + 1;
    for wrong in [&response[..response.len() - 1], &format!("{response}\n"), &response[second..], &response.replace("Exploring", "Trying")] {
        assert!(!machine.accepts(wrong), "{wrong}");
    }
    assert_ne!(machine.walk(Automaton::START, "\nExploring Operation: 3*"), Automaton::DEAD);
    assert_eq!(machine.walk(Automaton::START, "\nExploring Operation: 3*x"), Automaton::DEAD);
    assert_eq!(machine.walk(Automaton::START, "\nExploring Operation: , Resulting"), Automaton::DEAD);
}
