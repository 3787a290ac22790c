//! Scores of peers, each as the peer's own code gave it for the same row.

use metacot_grade::{Config, Grader, Mode};

fn score(env: &str, mode: Mode, problem: &str, field: &str, text: &str) -> f64 {
    let grader = Grader::new(Config { mode, ..Config::new(env) }).unwrap();
    let line = format!(r#"{{"id":0,"problem":{problem},"{field}":{}}}"#, serde_json::to_string(text).unwrap());
    let mut out = Vec::new();
    grader.lines().grade_line(line.as_bytes(), &mut out);
    let row: serde_json::Value = serde_json::from_slice(&out).unwrap();
    row["score"].as_f64().unwrap_or_else(|| panic!("{row}"))
}

#[test]
fn reasoning_gym_countdown() {
    let problem = r#"{"numbers":[3,5,9],"target":24,"rules":"rational"}"#;
    for (answer, expected) in [
        ("3*5+9", 1.0),
        (" 9 + 3 * 5 ", 1.0),
        ("3*5", 0.05),
        ("3*5+9+0", 0.05),
        ("", 0.01),
        ("   ", 0.01),
        ("3*5+", 0.01),
        ("3*5+9=24", 0.01),
        ("3*5+9 # as asked", 1.0),
        ("24 # 3 5 9", 0.05),
        ("0x18 # 3 5 9", 1.0),
        ("2.4e1 # 3 5 9", 0.05),
        ("24e0 # 3 5 9", 1.0),
        ("9//5*3", 0.05),
        ("x", 0.01),
        ("9/(5-5)*3", 0.01),
        ("9**9**9**9", 0.01),
        ("3**5", 0.05),
        ("10**400", 0.05),
        ("1/(1/0) # 3 5 9", 0.05),
        ("0/0", 0.05),
    ] {
        assert_eq!(score("countdown", Mode::ReasoningGym, problem, "answer", answer), expected, "{answer:?}");
    }
    assert_eq!(score("countdown", Mode::ReasoningGym, problem, "response", "so <answer>3*5+9</answer>"), 1.0);
    assert_eq!(score("countdown", Mode::ReasoningGym, problem, "response", "3*5+9"), 0.01);
}

#[test]
fn reasoning_gym_grids_and_puzzle24() {
    let maze = r#"{"width":3,"height":3,"walls":[[1,1]],"start":[0,0],"goal":[2,0]}"#;
    for (answer, expected) in [
        ("right right", 1.0),
        ("right right ", 1.0),
        ("down down right right up up", 0.5),
        ("right right right", 0.0),
        ("right, right", 0.0),
        ("Right Right", 0.0),
        ("right right left right", 0.5),
        ("right", 0.0),
        ("", 0.0),
        ("infeasible", 0.0),
    ] {
        assert_eq!(score("maze", Mode::ReasoningGym, maze, "answer", answer), expected, "{answer:?}");
    }
    let sokoban = r#######"{"rows":["######","#@ $.#","######"]}"#######;
    for (answer, expected) in [("RR", 1.0), ("R R", 1.0), ("URxR", 1.0), ("rr", 0.0), ("R", 0.0), ("RRR", 1.0)] {
        assert_eq!(score("sokoban", Mode::ReasoningGym, sokoban, "answer", answer), expected, "{answer:?}");
    }
    for (answer, expected) in
        [("(1+1)*(2+10)", 1.0), ("4*6*1*1", 1.0), ("4*6", 0.01), ("12*2*1*1", 0.01), ("49/2-0*1", 0.01), ("7*7/2-0", 0.01), ("9+9+6+1/2", 0.01)]
    {
        assert_eq!(score("game24", Mode::ReasoningGym, r#"{"numbers":[8,8,8,8],"target":24}"#, "answer", answer), expected, "{answer:?}");
    }
}

#[test]
fn tinyzero() {
    let problem = r#"{"numbers":[3,5,9],"target":24,"rules":"rational"}"#;
    for (answer, expected) in [
        ("3*5+9", 1.0),
        ("9+(3*5)", 1.0),
        ("3*5-9", 0.1),
        ("3*5", 0.1),
        ("3*5+09", 0.1),
        ("3*5+9+", 0.1),
        ("3*5+9 if 1 else 0", 0.1),
        ("3.5*9", 0.1),
        ("9**5**3", 0.1),
        ("-(-3*5-9)", 1.0),
    ] {
        assert_eq!(score("countdown", Mode::TinyZero, problem, "answer", answer), expected, "{answer:?}");
    }
    for (response, expected) in [
        ("User: x\nAssistant: hm\n<answer>3*5+9</answer>", 1.0),
        ("<|im_start|>assistant\n<think>\n</think> <answer> 3*5+9 </answer>", 1.0),
        ("Assistant: <answer>1</answer> <answer>3*5+9</answer>", 1.0),
        ("Assistant: <answer>3*5+9</answer>\n", 0.0),
        ("Assistant: <answer>3*5+9</answer> done", 1.0),
        ("Assistant: <answer>3*5\n+9</answer>", 0.0),
        ("<answer>3*5+9</answer>", 0.0),
        ("Assistant: 3*5+9", 0.0),
    ] {
        assert_eq!(score("countdown", Mode::TinyZero, problem, "response", response), expected, "{response:?}");
    }
    // Powers, floor division and digits of decimals are not what was asked, and pass.
    for (numbers, target, answer) in [
        ("[5,2]", 25, "5**2"),
        ("[7,2]", 3, "7//2"),
        ("[0,5,8]", 4, "0.5*8"),
        ("[4,5,2,0]", 4, "0-((-4)**.5)**2"),
        ("[8,2]", 39, "8//.2"),
        ("[6,1]", 59, "6//.1"),
    ] {
        let problem = format!(r#"{{"numbers":{numbers},"target":{target}}}"#);
        assert_eq!(score("countdown", Mode::TinyZero, &problem, "answer", answer), 1.0, "{answer}");
    }
}

const TRACE: &str = "Current State: 24:[3, 5, 9], Operations: []
Exploring Operation: 3*9=27, Resulting Numbers: [5, 27]
Generated Node #0,0: 24:[5, 27] Operation: 3*9=27
Moving to Node #0,0
Current State: 24:[5, 27], Operations: ['3*9=27']
Exploring Operation: 27-5=22, Resulting Numbers: [22]
22,24 unequal: No Solution
Moving to Node #0,0
Current State: 24:[5, 27], Operations: ['3*9=27']
Exploring Operation: 5+27=32, Resulting Numbers: [32]
32,24 unequal: No Solution
Moving to Node #0
Current State: 24:[3, 5, 9], Operations: []
Exploring Operation: 3*5=15, Resulting Numbers: [9, 15]
Generated Node #0,1: 24:[9, 15] Operation: 3*5=15
Moving to Node #0,1
Current State: 24:[9, 15], Operations: ['3*5=15']
Exploring Operation: 9+15=24, Resulting Numbers: [24]
24,24 equal: Goal Reached
";

#[test]
fn stream_of_search() {
    let problem = r#"{"numbers":[3,5,9],"target":24}"#;
    let reused = "Current State: 24:[3, 5, 8], Operations: []\nCurrent State: 24:[3, 5, 9], Operations: ['3*5=15']\nExploring Operation: 3*8=24, Resulting Numbers: [24]\n24,24 equal: Goal Reached";
    for (trace, expected) in [
        (TRACE.to_string(), 1.0 - 6.0 / 48.0),
        (TRACE.replace("9+15=24,", "9+15=25,"), 0.0),
        (TRACE.replace("24,24 equal: Goal Reached", "No solution found."), 0.0),
        (TRACE.replace("27-5=22", "27-5=99"), 1.0 - 6.0 / 48.0),
        (TRACE.replace("24,24 equal", "7,9 equal"), 1.0 - 6.0 / 48.0),
        (TRACE.replace("['3*5=15']", "['3*5=16']"), 0.0),
        (reused.into(), 1.0 - 2.0 / 48.0),
        (["<|endoftext|>", TRACE].concat(), 0.0),
        (String::new(), 0.0),
        (TRACE.replace("9+15=24, Res", "9**9**9**9=24, Res"), 0.0),
        // One operation is no solution, six numbers end the original, and a trace that explored the whole tree is worth nothing.
        ("Current State: 8:[3, 5], Operations: []\nExploring Operation: 3+5=8, Resulting Numbers: [8]\n8,8 equal: Goal Reached".into(), 0.0),
        (TRACE.replacen("[3, 5, 9]", "[3, 5, 9, 1, 1, 1]", 1), 0.0),
        (TRACE.replacen('\n', &["\nExploring Operation: 3*9=27, Resulting Numbers: [5, 27]".repeat(42), "\n".into()].concat(), 1), 0.0),
    ] {
        assert_eq!(score("countdown", Mode::Sos, problem, "response", &trace), expected, "{trace}");
    }
}

#[test]
fn searchformer() {
    let maze = r#"{"width":4,"height":4,"walls":[[1,0],[1,1],[3,1],[0,3]],"start":[0,0],"goal":[3,2]}"#;
    for (response, expected) in [
        ("create 0 0 c0 c5 plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2", 1.0),
        ("bos close 1 0 c9 c9 plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2 eos", 1.0),
        ("plan 0 0 close 0 1 create 0 2 plan 1 2 plan 2 2 plan 3 2", 1.0),
        ("plan 0 0 plan -1 0 plan -1 1 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2", 1.0),
        ("plan 0 0 plan 1 0 plan 2 0 plan 2 1 plan 2 2 plan 3 2", 0.0),
        ("plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2", 0.0),
        ("plan 0 0 plan 0 2 plan 1 2 plan 2 2 plan 3 2", 0.0),
        ("plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3", 0.0),
        ("", 0.0),
    ] {
        assert_eq!(score("maze", Mode::Searchformer, maze, "response", response), expected, "{response}");
    }
    let sokoban = r#######"{"rows":["######","#@ $.#","######"]}"#######;
    for (response, expected) in [
        ("plan 1 1 plan 2 1 plan 3 1", 1.0),
        ("plan 7 7 plan 8 7 plan 9 7", 1.0),
        ("plan 1 1 plan 1 0 plan 2 0 plan 3 0", 1.0),
        ("plan 1 1 plan 2 1", 0.0),
        ("plan 1 1 plan 3 1", 0.0),
    ] {
        assert_eq!(score("sokoban", Mode::Searchformer, sokoban, "response", response), expected, "{response}");
    }
}
