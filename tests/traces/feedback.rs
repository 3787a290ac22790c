//! What environments say of attempts: in the notation of the task, and nothing that the attempt does not show.

use metacot_envs::{Difficulty, SeedTree, Settings};
use metacot_traces::{
    Budget,
    corpus::Split,
    generate::Spec,
    task::{self, Problem, Task},
};
use serde_json::json;

fn open(env: &str, size: Option<&str>, format: &str) -> Box<dyn Task> {
    let search = if env == "connect4" { "negamax" } else { "dfs" };
    let difficulty = Difficulty { size: size.map(str::to_owned), settings: Settings::default() };
    task::open(&Spec { difficulty, split: Split::Train, count: 100, seed: 5, ..Spec::new(env, search, format) }).unwrap()
}

/// Attempts beside the remarks on them.
fn told(task: &dyn Task, problem: &Problem, attempts: &[&str]) -> String {
    let line = |attempt: &&str| {
        let remark = task.remark(problem, attempt);
        let answer = remark.answer.map_or("none".to_owned(), |answer| format!("{answer:?}"));
        format!("{attempt:?}\n  {}  answer: {answer}\n", remark.text)
    };
    format!("{}{}", problem.prompt, attempts.iter().map(line).collect::<String>())
}

#[test]
fn remarks_say_what_an_attempt_shows() {
    let countdown = open("countdown", Some("3"), "answer");
    let problem = countdown.problem(&json!({"numbers": [3, 5, 9], "target": 24})).unwrap();
    let mut text = told(
        countdown.as_ref(),
        &problem,
        &[
            "Answer: 3*5=15; 9+15=24",
            "Answer: 3*9=27; 27-5=22",
            "Answer: 3*9=27",
            "Answer: 3*9=27; 27-3=24",
            "Answer: 8*3=24",
            "Answer: 3*9=28; 28-5=23",
            "Answer: 3-5=2; 2+9=11",
            "Answer: three times nine",
            "Answer: ",
            "no idea",
            "",
        ],
    );
    let sos = open("countdown", Some("3"), "sos");
    let problem = sos.problem(&json!({"numbers": [3, 5, 9], "target": 24})).unwrap();
    let solution = sos.search("dfs", &Settings::default(), &problem, Budget::default(), &mut SeedTree::root(1).stream(0)).unwrap();
    let response = &solution.text[solution.prompt_len..];
    text += &told(sos.as_ref(), &problem, &["", &response[..response.len() / 2]]);
    let remark = sos.remark(&problem, response);
    text += &format!("a solution in sos: {}", remark.text);
    assert_eq!(remark.answer, solution.plan);
    let maze = open("maze", Some("5"), "answer");
    let problem = maze.problem(&json!({"width": 5, "height": 5, "walls": [[1, 0], [3, 3]], "start": [0, 0], "goal": [2, 2]})).unwrap();
    text += &told(
        maze.as_ref(),
        &problem,
        &[
            "Answer: down; down; right; right",
            "Answer: down; right",
            "Answer: right",
            "Answer: down; up; up",
            "Answer: jump",
            "Answer: down; down; right; right; up",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_remark_does_not_depend_on_the_goal_and_says_no_step() {
    let task = open("countdown", Some("4"), "answer");
    let mut wrong = 0;
    for id in 0..60 {
        let problem = task.draw(id).unwrap();
        let other = task.draw(id + 1000).unwrap();
        let plan = |problem: &Problem| {
            let solution = task.search("dfs", &Settings::default(), problem, Budget::default(), &mut SeedTree::root(2).stream(id)).unwrap();
            solution.plan.unwrap()
        };
        let own = plan(&problem);
        // Right, stopped early, of other numbers, and begun right with a foreign end.
        let attempts = [own.clone(), own[..2].to_vec(), plan(&other), [&own[..1], &plan(&other)[1..]].concat()];
        let aims = [11, 97].map(|target| {
            let mut json = problem.json.clone();
            json["target"] = target.into();
            task.problem(&json).unwrap()
        });
        for attempt in attempts {
            let response = format!("Answer: {}", attempt.join("; "));
            let remark = task.remark(&problem, &response).text;
            assert!(aims.iter().all(|aim| task.remark(aim, &response).text == remark), "{response}: {remark}");
            assert!(!remark.contains('=') && own.iter().all(|step| !remark.contains(step.as_str())), "{response}: {remark}");
            wrong += u32::from(!task.judge(&problem, &response).is_correct);
        }
    }
    assert!(wrong > 150, "{wrong} attempts were wrong");
}
