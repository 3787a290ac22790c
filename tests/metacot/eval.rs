//! Evaluation with a scripted generator: what is counted is what was said, and the report of it reads well.

use metacot::{
    eval::{Exam, baseline::baselines, statistics::Bootstrap},
    report::{Comparison, ComparisonRow, Report, Section, markdown},
    sample::{SampleConfig, ScriptedGenerator},
    tokenizer::Tokenizer,
};
use metacot_envs::{Difficulty, SeedTree, Settings};
use metacot_traces::{
    Budget,
    corpus::Split,
    generate::Spec,
    task::{self, Problem, Task},
};

fn task() -> Box<dyn Task> {
    task::open(&Spec { difficulty: Difficulty::sized(3), split: Split::Test, count: 4, ..Spec::new("countdown", "dfs", "sos") }).unwrap()
}

/// The response of a search, as ids with the end mark.
fn response(task: &dyn Task, tokenizer: &Tokenizer, problem: &Problem, search: &str) -> Vec<u32> {
    let solution = task.search(search, &Settings::default(), problem, Budget::default(), &mut SeedTree::root(0).stream(0)).unwrap();
    let mut ids = tokenizer.encode(&solution.text[solution.prompt_len..]);
    ids.push(Tokenizer::EOS);
    ids
}

#[test]
fn a_scripted_generator_gets_the_scores_that_it_earns() {
    let task = task();
    let tokenizer = Tokenizer::new(task.vocabulary().0, 99).unwrap();
    let problems: Vec<Problem> = (0..4).map(|id| task.draw(id).unwrap()).collect();
    // Of two samples: both right; one right and one cut; one nonsense and one with a wrong sum; none finished.
    let right: Vec<Vec<u32>> = problems.iter().map(|problem| response(task.as_ref(), &tokenizer, problem, "dfs")).collect();
    let cut = right[1][..right[1].len() / 2].to_vec();
    let nonsense = [tokenizer.encode("[ 4 = ="), vec![Tokenizer::EOS]].concat();
    let wrong = [tokenizer.encode("\nExploring Operation: 1+1=3, Resulting Numbers: [3]\n3,3 equal: Goal Reached"), vec![Tokenizer::EOS]].concat();
    let sampled = [right[0].clone(), right[0].clone(), right[1].clone(), cut.clone(), nonsense, wrong, cut.clone(), cut];
    let greedy = right.clone();
    let mut generator = ScriptedGenerator::new(sampled.into_iter().chain(greedy));
    let config = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 100_000, stop: vec![Tokenizer::EOS], scored_at: 1.0 };
    let seeds = SeedTree::root(1);
    let exam = Exam { task: task.as_ref(), tokenizer: &tokenizer, problems: &problems, samples: 2, config: &config, seeds: &seeds };
    let result = exam.take("scripted", &mut generator);
    let correct: Vec<u32> = result.problems.iter().map(|problem| problem.correct).collect();
    let valid: Vec<u32> = result.problems.iter().map(|problem| problem.valid).collect();
    assert_eq!((correct, valid), (vec![2, 1, 0, 0], vec![2, 1, 0, 0]));
    assert!(result.problems.iter().all(|problem| problem.is_greedy_correct));
    assert!(result.defects.keys().map(String::as_str).collect::<Vec<_>>().contains(&"cut"), "{:?}", result.defects);

    let bootstrap = Bootstrap::new(&SeedTree::root(2));
    let scores = result.scores(2, &bootstrap).unwrap();
    assert_eq!((scores.pass_at_1.value, scores.pass_at_k.value, scores.greedy_accuracy.value), (3.0 / 8.0, 0.5, 1.0));
    let mut rows = vec![ComparisonRow {
        name: result.policy.clone(),
        pass_at_1: Some(scores.pass_at_1.into()),
        pass_at_k: Some(scores.pass_at_k.into()),
        answer_accuracy: Some(scores.greedy_accuracy.into()),
        trace_validity: Some(scores.trace_validity.into()),
        tokens_per_solve: scores.tokens_per_solve.map(Into::into),
        problems: 4,
        samples: 2,
    }];
    for baseline in baselines(task.as_ref(), &tokenizer, &problems, &["dfs".into(), "bfs".into()], 400, &SeedTree::root(1)).unwrap() {
        rows.push(ComparisonRow {
            name: baseline.policy.clone(),
            pass_at_1: Some(baseline.pass_at(1, &bootstrap).unwrap().into()),
            tokens_per_solve: baseline.tokens_per_solve(&bootstrap).unwrap().map(Into::into),
            problems: 4,
            samples: 1,
            ..ComparisonRow::default()
        });
    }
    let comparison = Comparison { title: "Four problems, scripted responses".into(), k: 2, rows };
    let report = Report { title: "scripted".into(), sections: vec![Section::new("Scores").table(comparison.table())], ..Report::default() };
    insta::assert_snapshot!(markdown(&report));
}
