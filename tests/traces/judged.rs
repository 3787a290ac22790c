//! What is counted in responses: statements, nodes, how near a plan comes, and where the answer begins. Counted by hand.

use metacot_envs::{Difficulty, SeedTree, Settings};
use metacot_traces::{
    Budget,
    corpus::Split,
    generate::Spec,
    task::{self, Counts, Judged, Problem, Task},
};
use serde_json::json;

fn open(env: &str, size: &str, format: &str) -> Box<dyn Task> {
    let difficulty = Difficulty { size: Some(size.into()), settings: Settings::default() };
    task::open(&Spec { difficulty, split: Split::Train, count: 100, seed: 5, ..Spec::new(env, "dfs", format) }).unwrap()
}

fn countdown(format: &str) -> (Box<dyn Task>, Problem) {
    let task = open("countdown", "3", format);
    let problem = task.problem(&json!({"numbers": [3, 5, 9], "target": 24})).unwrap();
    (task, problem)
}

/// Statements, those of them that are true, and those that read.
fn statements(judged: &Judged) -> [u32; 3] {
    let Counts { statements, true_statements, readable, .. } = judged.counts;
    [statements, true_statements, readable]
}

#[test]
fn answers_alone_have_no_thought_and_come_as_near_as_their_value() {
    let (task, problem) = countdown("answer");
    let judge = |response: &str| task.judge(&problem, response);
    let right = judge("Answer: 3*5=15; 9+15=24");
    assert_eq!((right.thought_bytes, right.counts.plan, right.counts.closeness, right.cost), (0, 2, 1.0, Some(2)));
    assert_eq!(statements(&right), [1, 1, 1]);
    // 22 of 24; numbers left over; an action that is none; no plan.
    let near = judge("Answer: 3*9=27; 27-5=22");
    assert!((near.counts.closeness - 22.0 / 24.0).abs() < 1e-12);
    assert_eq!(statements(&near), [1, 0, 1]);
    for far in ["Answer: 3*9=27", "Answer: 8*3=24", "Answer: 3*9=28; 28-5=23", ""] {
        assert_eq!(judge(far).counts.closeness, 0.0, "{far}");
    }
    // A line that does not read, and the answer that is missing.
    assert_eq!(statements(&judge("no idea")), [2, 0, 0]);
}

#[test]
fn the_answer_after_steps_is_no_thought() {
    let (task, problem) = countdown("cot");
    let solution = task.search("dfs", &Settings::default(), &problem, Budget::default(), &mut SeedTree::root(1).stream(0)).unwrap();
    let response = &solution.text[solution.prompt_len..];
    let judged = task.judge(&problem, response);
    assert_eq!(&response[judged.thought_bytes..], response.lines().last().unwrap(), "{response}");
    assert_eq!((judged.counts.plan, judged.counts.nodes, statements(&judged)), (2, 3, [3, 3, 3]), "{response}");
    // The first step is wrong: it is false once, and what follows from it is, too.
    let wrong = task.judge(&problem, &response.replacen('=', "=1", 1));
    assert!(wrong.counts.true_statements < 3 && wrong.counts.statements == 3, "{wrong:?}");
}

#[test]
fn searches_count_their_nodes_and_are_thought_to_the_end() {
    let (task, problem) = countdown("sos");
    let solution = task.search("dfs", &Settings::default(), &problem, Budget::default(), &mut SeedTree::root(1).stream(0)).unwrap();
    let response = &solution.text[solution.prompt_len..];
    let judged = task.judge(&problem, response);
    let lines = response.lines().count() as u32;
    assert_eq!((judged.counts.nodes as u64, judged.counts.plan, judged.thought_bytes), (solution.generated, 2, response.len()), "{response}");
    let [all, right, readable] = statements(&judged);
    assert_eq!((all, right), (readable, readable), "{response}");
    assert!(0 < all && all <= lines, "{all} of {lines} lines");
    // Half of it: everything that stands there is true, and one statement is missing, or half there.
    let half = &response[..response[..response.len() / 2].rfind('\n').unwrap() + 1];
    let cut = task.judge(&problem, half);
    assert_eq!(cut.counts.statements, cut.counts.true_statements + 1, "{half}");
    assert!(cut.counts.nodes < judged.counts.nodes && !cut.is_format_ok);
    // A line of another dialect is one statement that does not read; the others stay what they were.
    let line = response.lines().next().unwrap();
    let mixed = task.judge(&problem, &response.replacen(line, &format!("{line}\nLet me think about 3 and 5."), 1));
    assert_eq!(mixed.counts.statements - mixed.counts.readable, 1, "{mixed:?}");
    assert!(mixed.counts.readable >= readable);
}

#[test]
fn mazes_come_as_near_as_the_way_that_is_left() {
    let task = open("maze", "5", "answer");
    let problem = task.problem(&json!({"width": 5, "height": 5, "walls": [[1, 0], [3, 3]], "start": [0, 0], "goal": [2, 2]})).unwrap();
    let solution = task.search("dfs", &Settings::default(), &problem, Budget::default(), &mut SeedTree::root(1).stream(0)).unwrap();
    let plan = solution.plan.unwrap();
    let response = &solution.text[solution.prompt_len..];
    assert_eq!(task.judge(&problem, response).counts.closeness, 1.0);
    // All but the last step: one of four is left.
    let last = plan.last().unwrap();
    let at = response.rfind(last.as_str()).unwrap();
    let short = task.judge(&problem, &format!("{}\n", response[..at].trim_end_matches([';', ' ', ','])));
    assert_eq!((short.counts.closeness, short.is_correct), (0.75, false), "{response}");
}
