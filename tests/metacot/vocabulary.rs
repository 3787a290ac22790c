//! The vocabulary of a task against the texts that the task writes: training never sees what the vocabulary cannot say.

use metacot::tokenizer::Tokenizer;
use metacot_envs::{SeedTree, Settings, registry};
use metacot_traces::{Budget, corpus::Split, format, generate::Spec, search, task};

use crate::small;

#[test]
fn every_text_of_every_world_search_and_format_is_sayable() {
    let mut told = 0;
    for env in registry::NAMES {
        let difficulty = small::difficulty(env);
        for format in format::NAMES {
            let (mut opened, mut responses) = (0, 0);
            for search in search::NAMES {
                let mut spec = Spec { split: Split::Train, count: 4, seed: 5, difficulty: difficulty.clone(), ..Spec::new(env, search, format) };
                if ["think", "prose"].contains(format) {
                    // Values have digits in their phrases, which no vocabulary takes.
                    spec.format_settings.insert("values", "false");
                }
                let Ok(task) = task::open(&spec) else { continue };
                opened += 1;
                let tokenizer = Tokenizer::new(task.vocabulary().0, 99).unwrap_or_else(|error| panic!("{env} {format}: {error}"));
                for id in 0..4 {
                    let problem = task.draw(id).unwrap();
                    let budget = Budget { expansions: 2_000, nodes: 20_000 };
                    let solution = task.search(search, &Settings::default(), &problem, budget, &mut SeedTree::root(2).stream(id)).unwrap();
                    let response = solution.text.get(solution.prompt_len..).unwrap_or_default();
                    responses += usize::from(!response.is_empty());
                    for text in [problem.prompt.as_str(), response] {
                        if let Err(unknown) = tokenizer.encode_strict(text) {
                            panic!("{env} {format} {search}: {unknown} in {text}");
                        }
                        assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text);
                    }
                }
            }
            // A format either goes with no search of a world, or some of its texts are here.
            assert!(opened == 0 || responses > 0, "{env} {format}: no text of {opened} searches");
            told += usize::from(responses > 0);
        }
    }
    assert!(told >= 57, "{told} pairs of a world and a format");
}
