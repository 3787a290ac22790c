//! Planted corruptions: each is found and named, and nothing is found in a genuine trace.

use metacot_envs::{Difficulty, Environment, Notation, Settings, World, countdown::Countdown, maze::Maze};
use metacot_traces::{DefectKind, audit, format};

use crate::support::{countdown, format, run, write};

const TEXT: &str = "Current State: 24:[3, 5, 9], Operations: []
Exploring Operation: 3*9=27, Resulting Numbers: [5, 27]
Generated Node #0,0: 24:[5, 27] Operation: 3*9=27
Moving to Node #0,0
Current State: 24:[5, 27], Operations: ['3*9=27']
Exploring Operation: 27-5=22, Resulting Numbers: [22]
22,24 unequal: No Solution
Moving to Node #0
Current State: 24:[3, 5, 9], Operations: []
Exploring Operation: 3*5=15, Resulting Numbers: [9, 15]
Generated Node #0,1: 24:[9, 15] Operation: 3*5=15
Moving to Node #0,1
Current State: 24:[9, 15], Operations: ['3*5=15']
Exploring Operation: 9+15=24, Resulting Numbers: [24]
24,24 equal: Goal Reached";

/// The kinds of defect in a text, in order.
fn defects(text: &str) -> (Vec<DefectKind>, bool) {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let sos = format::<Countdown>("sos");
    let audited = audit(&env, Some(&problem), &sos.parse(text));
    (audited.defects.iter().map(|defect| defect.kind).collect(), audited.is_solved())
}

#[test]
fn a_genuine_trace_is_clean() {
    assert_eq!(defects(TEXT), (vec![], true));
}

#[test]
fn every_planted_corruption_is_found() {
    use DefectKind::*;
    // (what is replaced, by what, the defects, whether the answer is still right)
    let table: &[(&str, &str, &[DefectKind], bool)] = &[
        ("24:[3, 5, 9], Operations: []\nExploring Operation: 3*9", "24:[3, 5, 8], Operations: []\nExploring Operation: 3*9", &[WrongProblem], true),
        ("27-5=22", "27-5=21", &[Arithmetic], true),
        ("27-5=22", "27-9=18", &[Unavailable], true),
        ("27-5=22", "5-27=22", &[Illegal], true),
        ("27-5=22", "27 - 5 = 22", &[Syntax], true),
        ("Numbers: [5, 27]", "Numbers: [27, 5]", &[WrongSuccessor], true),
        ("#0,0: 24:[5, 27]", "#0,0: 24:[5, 28]", &[WrongState], true),
        ("24:[5, 27], Operations", "24:[5, 26], Operations", &[WrongState], true),
        ("Operations: ['3*9=27']", "Operations: ['3*9=26']", &[WrongHistory], true),
        ("#0,1: 24", "#0,0: 24", &[WrongId], true),
        ("Node #0,1\n", "Node #0,7\n", &[UnknownNode, WrongState, WrongHistory, Unavailable], true),
        (
            "22,24 unequal: No Solution",
            "22,24 equal: Goal Reached",
            &[WrongVerdict, AfterEnd, AfterEnd, AfterEnd, AfterEnd, AfterEnd, AfterEnd, AfterEnd, AfterEnd],
            false,
        ),
        ("22,24 unequal", "23,24 unequal", &[WrongVerdict], true),
        ("24,24 equal: Goal Reached", "24,24 unequal: No Solution", &[WrongVerdict, Cut], false),
        ("\n24,24 equal: Goal Reached", "", &[Cut], false),
        ("Goal Reached", "Goal Reached\nNo solution found.", &[AfterEnd], true),
        ("22,24 unequal: No Solution\n", "", &[WrongOrder], true),
        ("Moving to Node #0\nCurrent State: 24:[3, 5, 9], Operations: []\n", "", &[Unavailable, UnknownNode, WrongState, WrongHistory, Unavailable], true),
        ("Generated Node #0,1: 24:[9, 15] Operation: 3*5=15\n", "", &[WrongOrder, UnknownNode, WrongState, WrongHistory, Unavailable], true),
    ];
    for (old, new, expected, is_solved) in table {
        assert_eq!(TEXT.matches(old).count(), 1, "{old:?} is not unique");
        assert_eq!(defects(&TEXT.replace(old, new)), (expected.to_vec(), *is_solved), "{old:?} -> {new:?}");
    }
}

#[test]
fn every_cut_of_a_trace_is_found() {
    for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
        let (kinds, is_solved) = defects(&TEXT[..end]);
        assert!(!kinds.is_empty() && !is_solved, "cut at {end}");
    }
}

#[test]
fn a_reused_number_in_the_plan_is_no_answer() {
    let text = "Current State: 24:[3, 5, 9], Operations: []
Exploring Operation: 3*5=15, Resulting Numbers: [24]
24,24 equal: Goal Reached";
    let (kinds, is_solved) = defects(text);
    assert!(kinds.contains(&DefectKind::WrongSuccessor) && !is_solved, "{kinds:?}");
}

#[test]
fn a_failed_search_says_so() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":997}"#).unwrap();
    let recorder = run(&env, &problem, "bfs", &Settings::default(), 0);
    let sos = format::<Countdown>("sos");
    let text = write(&env, &problem, &recorder, sos.as_ref());
    assert!(text.ends_with("\nNo solution found."));
    assert!(audit(&env, Some(&problem), &sos.parse(&text)).is_clean());
}

/// A text of a format, the changes that are planted in it, and a defect that each must show.
fn check_table<E: World>(env: &E, problem: &E::Problem, format_name: &str, settings: &Settings, text: &str, table: &[(&str, &str, DefectKind)]) {
    let format = format::build::<E>(format_name, settings).unwrap();
    let kinds = |text: &str| -> Vec<DefectKind> { audit(env, Some(problem), &format.parse(text)).defects.iter().map(|defect| defect.kind).collect() };
    assert_eq!(kinds(text), [], "{format_name}: a genuine text is clean");
    for (old, new, expected) in table {
        assert_eq!(text.matches(old).count(), 1, "{format_name}: {old:?} is not unique in {text}");
        let found = kinds(&text.replace(old, new));
        assert!(found.contains(expected), "{format_name}: {old:?} -> {new:?} gives {found:?}, not {expected:?}");
    }
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        // A cut inside the last number of a plan may leave another true plan of the same length only where the text is whole.
        assert!(!kinds(&text[..end]).is_empty(), "{format_name}: cut at {end}");
    }
}

#[test]
fn corruptions_of_tagged_thinking_and_prose_are_found() {
    use DefectKind::*;
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let recorder = run(&env, &problem, "sos-dfs-sum", &Settings::default(), 0);
    let think = write(&env, &problem, &recorder, format::<Countdown>("think").as_ref());
    check_table(
        &env,
        &problem,
        "think",
        &Settings::default(),
        &think,
        &[
            ("<problem> 24:[3, 5, 9]", "<problem> 24:[3, 5, 8]", WrongProblem),
            ("27-5=22", "27-5=21", Arithmetic),
            ("27-5=22", "27-9=18", Unavailable),
            ("27-5=22 -> [22]", "27-5=22 -> [23]", WrongSuccessor),
            ("#2 ", "#7 ", WrongId),
            ("<enter> #1", "<enter> #0", WrongOrder),
            ("<enter> #4 [9, 15]", "<enter> #9 [9, 15]", UnknownNode),
            ("<backtrack> #1 [5, 27]", "<backtrack> #1 [5, 28]", WrongState),
            ("<backtrack> #0", "<enter> #0", WrongOrder),
            ("<verify> 22,24 no\n", "", WrongOrder),
            ("<verify> 22,24 no", "<goal> 22,24 yes", WrongVerdict),
            ("<goal> 24,24 yes", "<verify> 24,24 no", WrongVerdict),
            ("<think>\n", "", WrongOrder),
            ("</think>\n", "", WrongOrder),
            ("<answer> 3*5=15; 9+15=24 </answer>", "<answer> 3*9=27; 5+27=32 </answer>", WrongAnswer),
            ("<answer> 3*5=15; 9+15=24 </answer>", "<answer>none</answer>", WrongAnswer),
            ("</answer>", "</answer>\n<think>", AfterEnd),
            ("<verify> 32,24 no", "<verify> maybe", Syntax),
        ],
    );
    let prose = write(&env, &problem, &recorder, format::<Countdown>("prose").as_ref());
    check_table(
        &env,
        &problem,
        "prose",
        &Settings::default(),
        &prose,
        &[
            ("27-5=22", "27-5=21", Arithmetic),
            ("Idea 2: 27-5=22", "Idea 2: 27-9=18", Unavailable),
            ("give me [22]", "give me [23]", WrongSuccessor),
            ("I like idea 4", "I like idea 9", UnknownNode),
            ("22,24 is a dead end.", "22,24 is exactly the goal!", WrongVerdict),
            ("That settles it.", "That is that.", Syntax),
        ],
    );
}

#[test]
fn corruptions_of_solutions_are_found() {
    use DefectKind::*;
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let recorder = run(&env, &problem, "sos-dfs-sum", &Settings::default(), 0);
    let text = |name: &str| write(&env, &problem, &recorder, format::<Countdown>(name).as_ref());
    check_table(
        &env,
        &problem,
        "cot",
        &Settings::default(),
        &text("cot"),
        &[
            ("24:[3, 5, 9]", "24:[3, 5, 8]", WrongProblem),
            ("Step 1: 3*5=15", "Step 1: 3*5=16", Arithmetic),
            ("Step 2: 9+15=24", "Step 2: 3+15=18", Unavailable),
            ("gives [9, 15]", "gives [9]", WrongSuccessor),
            ("Step 2", "Step 3", WrongId),
            ("Answer: 3*5=15; 9+15=24", "Answer: 3*5=15", WrongAnswer),
            ("Answer: 3*5=15; 9+15=24", "Answer: 3*9=27; 27-5=22", WrongAnswer),
        ],
    );
    check_table(
        &env,
        &problem,
        "table",
        &Settings::default(),
        &text("table"),
        &[("| --- | --- | --- |\n", "", WrongOrder), ("| 1 | 3*5=15 |", "| 1 | 3*5=16 |", Arithmetic), ("| [24] |", "| [25] |", WrongSuccessor)],
    );
    check_table(
        &env,
        &problem,
        "answer",
        &Settings::default(),
        &text("answer"),
        &[("3*5=15; ", "", WrongAnswer), ("9+15=24", "9+15=25", WrongAnswer), ("9+15=24", "9*15=135", WrongAnswer)],
    );
}

#[test]
fn corruptions_of_frontiers_are_found() {
    use DefectKind::*;
    let env = Maze::configure(&Difficulty::sized(5)).unwrap();
    let problem = env.read_problem("size 4 4 start 0 0 goal 3 2 wall 1 0 wall 1 1 wall 3 1 wall 0 3").unwrap();
    let recorder = run(&env, &problem, "astar", &Settings::default(), 0);
    let text = write(&env, &problem, &recorder, format::<Maze>("searchformer").as_ref());
    let fixed = Settings::default().with("ties", "fixed");
    check_table(
        &env,
        &problem,
        "searchformer",
        &fixed,
        &text,
        &[
            ("goal 3 2 wall 1 0", "goal 3 2 wall 2 0", WrongProblem),
            ("create 0 1 c1 c4", "create 1 1 c1 c4", Illegal),
            ("create 0 1 c1 c4", "create 0 2 c1 c4", Illegal),
            ("create 0 1 c1 c4", "create 0 1 c2 c4", WrongCost),
            ("close 1 2 c3 c2", "close 1 2 c3 c3", WrongCost),
            ("close 0 2 c2 c3", "close 3 3 c2 c3", UnknownNode),
            ("create 1 3 c4 c3 create 2 2 c4 c1", "create 2 2 c4 c1 create 1 3 c4 c3", WrongOrder),
            ("close 2 2 c4 c1", "close 1 3 c4 c3", WrongOrder),
            ("create 2 1 c5 c2 ", "", Missing),
            ("close 0 2 c2 c3", "close 0 1 c1 c4", Repeated),
            ("close 0 1 c1 c4", "close 0 1 c1 c4 create 0 0 c2 c5", Repeated),
            ("create 2 1 c5 c2", "make 2 1 c5 c2", Syntax),
            ("plan 0 1 ", "plan 1 0 ", Illegal),
            ("plan 0 1 ", "", Illegal),
            ("plan 2 2 plan 3 2", "plan 2 2 plan 4 2", Illegal),
            ("plan 0 0 ", "plan 0 1 ", WrongState),
            (" close 3 2 c5 c0", "", WrongOrder),
        ],
    );
    let any = format::<Maze>("searchformer");
    let swapped = text.replace("create 1 3 c4 c3 create 2 2 c4 c1", "create 2 2 c4 c1 create 1 3 c4 c3");
    assert!(audit(&env, Some(&problem), &any.parse(&swapped)).is_clean(), "children may come in any order under other ties");
    let plan = write(&env, &problem, &recorder, format::<Maze>("searchformer-plan").as_ref());
    check_table(
        &env,
        &problem,
        "searchformer-plan",
        &Settings::default(),
        &plan,
        &[("plan 0 1 ", "plan 0 5 ", Illegal), ("plan 0 0", "close 0 0 c0 c5 plan 0 0", WrongOrder)],
    );
}
