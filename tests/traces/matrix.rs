//! Every world with every search and every format: it audits clean, or the combination is refused by name.

use metacot_envs::{
    Difficulty, SeedTree, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{Auditor, Budget, Recorder, format, search};

struct Matrix;

impl EnvironmentVisitor for Matrix {
    type Output = u64;

    fn visit<E: World>(self) -> u64 {
        let env = E::configure(&Difficulty::default()).unwrap();
        let formats: Vec<_> = format::NAMES.iter().filter_map(|name| Some((*name, format::build::<E>(name, &Settings::default()).ok()?))).collect();
        assert!(formats.len() >= if E::HAS_OPPONENT { 4 } else { 6 }, "{} has hardly any format", E::NAME);
        let (mut auditor, mut recorder) = (Auditor::default(), Recorder::default());
        let mut count = 0;
        for name in search::NAMES {
            let Ok(search) = search::build::<E>(name, &env, &Settings::default()) else {
                assert!(name.starts_with("sos-") || E::HAS_OPPONENT || *name == "negamax", "{} refuses {name}", E::NAME);
                continue;
            };
            for index in 0..if E::HAS_OPPONENT { 20 } else { 2 } {
                let problem = env.generate(&mut SeedTree::root(31).child(E::NAME).stream(index));
                let budget = Budget { expansions: 300, nodes: 20_000 };
                search.run(&env, &problem, budget, &mut SeedTree::root(32).stream(index), &mut recorder);
                for (format_name, format) in &formats {
                    if format::check_pair(format.as_ref(), format_name, name).is_err() || !format.can_write(recorder.trace()) {
                        continue;
                    }
                    let mut text = String::new();
                    let prompt_len = format.write(&env, &problem, recorder.trace(), &mut text);
                    let mut prompt = String::new();
                    format.write_prompt(&env, &problem, &mut prompt);
                    assert_eq!(prompt, text[..prompt_len], "{} {name} {format_name}", E::NAME);
                    auditor.check(&env, &problem, &format.parse(&text));
                    let shown: Vec<_> = auditor.defects().iter().take(3).map(|defect| (defect.kind, text.get(defect.span.clone()))).collect();
                    assert!(shown.is_empty(), "{} {name} {format_name}: {shown:?} in {}", E::NAME, text.get(..600).unwrap_or(&text));
                    assert_eq!(auditor.is_solved(), recorder.trace().goal.is_some(), "{} {name} {format_name}", E::NAME);
                    count += 1;
                }
            }
        }
        count
    }
}

#[test]
fn every_world_is_told_by_every_search_and_format() {
    for name in registry::NAMES {
        let count = registry::visit(name, Matrix).unwrap();
        assert!(count > 60, "{name}: only {count} texts");
    }
}
