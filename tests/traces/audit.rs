//! Planted corruptions: each is found and named, and nothing is found in a genuine trace.

use metacot_envs::{Settings, countdown::Countdown};
use metacot_traces::{DefectKind, audit};

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
