//! Damaged texts in every format of every world: whatever is cut out, put in, repeated or moved, reading and auditing end without a panic, and
//! a text that says something else than the honest one is not taken for it.

use metacot_envs::{
    Difficulty, SeedTree, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{Auditor, Budget, Recorder, audit, format, search};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const ROUNDS: usize = 150;
const PIECES: &[&str] =
    &["", " ", "\n", "-", "0", "7", "99999999999999999999", "é", "\u{0}", "[", "]", "(", ",", "=", "#", "'", "<", ">", "c", "plan ", "close "];

/// The text with some places changed: characters, whole lines, or all that follows.
fn damaged(text: &str, rng: &mut ChaCha8Rng) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(String::from).collect();
    for _ in 0..rng.random_range(1..=4) {
        if lines.is_empty() {
            break;
        }
        let (line, other) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
        match rng.random_range(0..6) {
            0 => lines[line] = lines[other].clone(),
            1 => lines.swap(line, other),
            2 => lines.truncate(line + 1),
            3 => _ = lines.remove(line),
            _ => {
                let mut symbols: Vec<String> = lines[line].chars().map(String::from).collect();
                let place = rng.random_range(0..=symbols.len());
                let piece = PIECES[rng.random_range(0..PIECES.len())].to_string();
                if place == symbols.len() {
                    symbols.push(piece)
                } else {
                    symbols[place] = piece
                }
                lines[line] = symbols.concat();
            }
        }
    }
    lines.concat()
}

struct Hostile;

impl EnvironmentVisitor for Hostile {
    type Output = u64;

    fn visit<E: World>(self) -> u64 {
        let env = E::configure(&Difficulty::default()).unwrap();
        let problem = env.generate(&mut SeedTree::root(51).child(E::NAME).stream(0));
        let (mut recorder, mut auditor, mut count) = (Recorder::default(), Auditor::default(), 0);
        for name in format::NAMES {
            let Ok(format) = format::build::<E>(name, &Settings::default()) else { continue };
            let search = search::build::<E>(if E::HAS_OPPONENT { "mcts" } else { "astar" }, &env, &Settings::default()).unwrap();
            let budget = Budget { expansions: 60, nodes: 5_000 };
            search.run(&env, &problem, budget, &mut SeedTree::root(52).stream(0), &mut recorder);
            let mut honest = String::new();
            if format.can_write(recorder.trace()) {
                format.write(&env, &problem, recorder.trace(), &mut honest);
            } else {
                format.write_prompt(&env, &problem, &mut honest);
            }
            let mut rng: ChaCha8Rng = SeedTree::root(53).child(E::NAME).child(name).stream(0);
            for _ in 0..ROUNDS {
                let text = damaged(&honest, &mut rng);
                let parsed = format.parse(&text);
                let stated = audit(&env, None, &parsed);
                assert!(!stated.is_clean() || stated.problem.is_some(), "{} {name}: a text without a problem is true", E::NAME);
                auditor.check(&env, &problem, &parsed);
                for defect in auditor.defects() {
                    assert!(defect.span.start <= defect.span.end && defect.span.end <= text.len(), "{} {name}: {:?}", E::NAME, defect.kind);
                }
                count += 1;
            }
            let repeated = honest.repeat(50);
            auditor.check(&env, &problem, &format.parse(&repeated));
        }
        count
    }
}

#[test]
fn damaged_texts_of_every_format_are_read_and_audited() {
    for name in registry::NAMES {
        // The least number of formats that any environment has: the games.
        assert!(registry::visit(name, Hostile).unwrap() >= 4 * ROUNDS as u64, "{name}");
    }
}
