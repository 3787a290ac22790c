//! Random and mutated input to every reader: no panic, and never a verdict that the other side of a comparison denies.

use std::time::{Duration, Instant};

use metacot_envs::countdown::{Problem, Rules};
use metacot_grade::{
    Config, Extraction, Grader, Mode, Rational, countdown, extract,
    graders::{Formula, Sample, Spec},
    http::read_head,
};
use proptest::prelude::*;

/// Text near expressions: pieces that readers know, and some that they do not.
fn near_expressions() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "3",
        "5",
        "9",
        "0",
        "24",
        "+",
        "-",
        "*",
        "/",
        "**",
        "//",
        "%",
        "(",
        ")",
        " ",
        ".",
        "e",
        "0x",
        "_",
        "#",
        "\n",
        "=",
        ";",
        "!",
        "\u{663}",
        "×",
        "\0",
        "\\frac{",
        "}",
        "{",
        "^",
        "10",
        "x",
        ",",
        "answer",
        "<answer>",
        "</answer>",
        "\\boxed{",
        "Assistant:",
        "plan",
        "up",
        "right",
        "eos",
        "Exploring Operation: ",
        "Current State: ",
        "24:[3, 5, 9]",
        ", Operations: [",
        "]",
        "'",
        "=24",
        ", Resulting Numbers: [",
        "24,24 equal: Goal Reached",
    ]);
    let text = prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![4 => text, 1 => bytes]
}

fn rows() -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(vec![
        r#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}"#,
        r#"{"problem":{"target":24,"numbers":[3,5,9],"rules":"rational"},"response":"a \"b\" \u00e9 <answer>1</answer>","id":"x"}"#,
        r#"{"id":{"a":[1,{}]},"problem":{"width":2,"height":1,"walls":[],"start":[0,0],"goal":[1,0]},"answer":["right"],"more":[{"x":null}]}"#,
    ]);
    (seed, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6)).prop_map(|(seed, edits)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (index, byte, kind) in edits {
            let place = index.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                0 if !bytes.is_empty() => drop(bytes.remove(place)),
                1 if !bytes.is_empty() => bytes[place] = byte,
                2 => bytes.insert(place, b"{}[]\",:\\0"[usize::from(byte) % 9]),
                _ => bytes.truncate(bytes.len() - bytes.len() / 8),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_of_answers_take_any_bytes(text in near_expressions()) {
        let begin = Instant::now();
        for rules in [Rules::Sos, Rules::Rational, Rules::Subset] {
            let _ = countdown::grade(&Problem { numbers: vec![3, 5, 9], target: 24, rules }, &text);
        }
        for name in Extraction::NAMES {
            let _ = extract(&text, Extraction::from_name(name).unwrap());
        }
        let _ = Rational::read(&text);
        let _ = read_head(&text);
        let _ = Formula::read(&String::from_utf8_lossy(&text));
        let spec: Spec = serde_json::from_str(r#"{"type":"text_similarity","reference":"3*5+9"}"#).unwrap();
        let score = spec.score(&Sample { output: &text, ..Sample::default() });
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_strict_answer_is_one_that_peers_pay_for(text in near_expressions()) {
        let problem = r#"{"numbers":[3,5,9],"target":24,"rules":"rational"}"#;
        let Ok(text) = String::from_utf8(text) else { return Ok(()) };
        let row = format!(r#"{{"problem":{problem},"answer":{}}}"#, serde_json::to_string(&text).unwrap());
        for (mode, env) in [(Mode::ReasoningGym, "countdown"), (Mode::TinyZero, "countdown"), (Mode::Sos, "countdown")] {
            let mut lines = Grader::new(Config { mode, ..Config::new(env) }).unwrap().lines();
            lines.grade_line(row.as_bytes(), &mut Vec::new());
            let verdict = lines.verdict();
            let is_expression = verdict.answer_correct && !text.contains('=') && !text.trim().contains(['\n', '\r']);
            prop_assert!(!is_expression || mode == Mode::Sos || verdict.score == Some(1.0), "{mode:?} {text:?}");
        }
    }

    #[test]
    fn any_line_gives_one_line_of_json(line in rows(), env in prop::sample::select(vec!["countdown", "maze", "sokoban", "arithmetic"])) {
        let mut lines = Grader::new(Config::new(env)).unwrap().lines();
        let mut out = Vec::new();
        lines.grade_line(&line, &mut out);
        prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let verdict: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert!(verdict["error"].is_string() || verdict["answer_correct"].is_boolean());
    }

    #[test]
    fn any_text_as_a_problem_is_read_or_refused(text in near_expressions(), env in prop::sample::select(metacot_envs::registry::NAMES.to_vec())) {
        let begin = Instant::now();
        let text = serde_json::to_string(&String::from_utf8_lossy(&text)).unwrap();
        let mut out = Vec::new();
        Grader::new(Config::new(env)).unwrap().lines().grade_line(format!(r#"{{"problem":{text},"answer":"3*5+9"}}"#).as_bytes(), &mut out);
        let verdict: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert!(verdict["error"].is_string() || verdict["answer_correct"].is_boolean());
        prop_assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn any_response_in_any_format_is_audited(text in near_expressions(), name in prop::sample::select(metacot_traces::format::NAMES.to_vec())) {
        let (env, problem) = match name {
            "searchformer" | "searchformer-plan" => ("maze", "\"size 4 4 start 0 0 goal 3 2 wall 1 0\""),
            _ => ("countdown", r#"{"numbers":[3,5,9],"target":24}"#),
        };
        let config = Config { format: Some(name.into()), ..Config::new(env) };
        let text = serde_json::to_string(&String::from_utf8_lossy(&text)).unwrap();
        let mut out = Vec::new();
        let row = format!(r#"{{"problem":{problem},"response":{text}}}"#);
        Grader::new(config).unwrap().lines().grade_line(row.as_bytes(), &mut out);
        let verdict: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert!(verdict["trace_valid"].is_boolean(), "{}", verdict);
    }

    #[test]
    fn any_line_is_audited_in_one_line(line in rows()) {
        let config = metacot_grade::AuditConfig { env: Some("countdown".into()), format: Some("sos".into()), ..Default::default() };
        let mut out = Vec::new();
        let line = line.into_iter().filter(|byte| *byte != b'\n').collect::<Vec<_>>();
        metacot_grade::audit_stream(&config, line.as_slice(), &mut out, 1).unwrap();
        prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), usize::from(!line.trim_ascii().is_empty()));
    }

    #[test]
    fn decimals_and_fractions_of_one_value_are_equal(whole in 0..10_000_i64, digits in 1..6_u32) {
        let scale = 10_i64.pow(digits);
        let decimal = format!("{}.{:0width$}", whole / scale, whole % scale, width = digits as usize);
        let spellings = [format!("{whole}/{scale}"), format!("\\frac{{{whole}}}{{{scale}}}"), format!("{whole}e-{digits}"), format!("{whole} x 10^-{digits}")];
        for spelling in spellings {
            prop_assert_eq!(Rational::read(decimal.as_bytes()), Rational::read(spelling.as_bytes()), "{} {}", decimal, spelling);
        }
    }
}
