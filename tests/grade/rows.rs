//! Rows in, verdict rows out.

use metacot_grade::{Config, Grader, grade_stream};

fn grade(config: Config, rows: &[u8], threads: usize) -> String {
    let mut out = Vec::new();
    grade_stream(&Grader::new(config).unwrap(), rows, &mut out, threads).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn verdict_rows_read_as_documented() {
    let rows = br#"{"id":"a","problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}
{"id":2,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*9-5"}

{"id":3,"problem":{"numbers":[3,5,9],"target":24},"response":"<think>\u003c</think> <answer>9+3*5</answer>"}
{"id":[4],"problem":{"target":24,"numbers":[3,3,8,8],"rules":"rational"},"answer":"8/(3-8/3)"}
{"id":5,"problem":{"numbers":[3,5,9],"target":24},"answer":["3*5=15","9+15=24"]}
"#;
    let expected = r#"{"id":"a","answer_correct":true,"optimal":true,"format_ok":true,"trace_valid":null,"plan":["3*5=15","15+9=24"],"cost":2,"defects":[],"reason":"correct"}
{"id":2,"answer_correct":false,"optimal":null,"format_ok":true,"trace_valid":null,"plan":["3*9=27","27-5=22"],"cost":null,"defects":[{"kind":"wrong-answer","step":0,"text":"3*9-5"}],"reason":"the value is 22 instead of 24"}
{"id":3,"answer_correct":true,"optimal":true,"format_ok":true,"trace_valid":null,"plan":["3*5=15","9+15=24"],"cost":2,"defects":[],"reason":"correct"}
{"id":[4],"answer_correct":true,"optimal":true,"format_ok":true,"trace_valid":null,"plan":["8/3=(8/3)","3-(8/3)=(1/3)","8/(1/3)=24"],"cost":3,"defects":[],"reason":"correct"}
{"id":5,"answer_correct":true,"optimal":true,"format_ok":true,"trace_valid":null,"plan":["3*5=15","9+15=24"],"cost":2,"defects":[],"reason":"correct"}
"#;
    assert_eq!(grade(Config::new("countdown"), rows, 1), expected);
}

#[test]
fn malformed_rows_do_not_end_the_stream() {
    let good = r#"{"id":9,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}"#;
    let bad: [&[u8]; 12] = [
        b"{",
        b"[1]",
        b"\xff\xfe",
        b"null",
        br#"{"id":1}"#,
        br#"{"id":1,"problem":{"numbers":[3,5,9],"target":24}}"#,
        br#"{"id":1,"problem":{"numbers":[3,5,9]},"answer":"1"}"#,
        br#"{"id":1,"problem":{"numbers":[],"target":1},"answer":"1"}"#,
        br#"{"id":1,"problem":{"numbers":[1000],"target":1},"answer":"1"}"#,
        br#"{"id":1,"problem":{"numbers":[3.5],"target":1},"answer":"1"}"#,
        br#"{"id":1,"problem":"24:[3, 5, 9","answer":"1"}"#,
        br#"{"id":1,"problem":{"numbers":[3,5,9],"target":24,"rules":"none"},"answer":"1"}"#,
    ];
    let rows: Vec<u8> = bad.iter().flat_map(|bad| [*bad, b"\n", good.as_bytes(), b"\n"].concat()).collect();
    let out = grade(Config::new("countdown"), &rows, 2);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2 * bad.len());
    for pair in lines.chunks(2) {
        assert!(pair[0]["error"].is_string(), "{}", pair[0]);
        assert_eq!(pair[1]["answer_correct"], true);
    }
    assert_eq!(lines[8]["id"], 1, "an id that could be read is kept");
}

#[test]
fn hostile_answers_are_verdicts() {
    let mut rows = br#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"#.to_vec();
    rows.extend_from_slice(b"\xff\"}\n");
    rows.extend_from_slice(b"{\"id\":2,\"problem\":{\"numbers\":[3,5,9],\"target\":24},\"answer\":\"3*5+9\0\"}\n");
    rows.extend_from_slice(br#"{"id":3,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9\u0000"}"#);
    rows.push(b'\n');
    rows.extend_from_slice(format!(r#"{{"id":4,"problem":{{"numbers":[3,5,9],"target":24}},"answer":"{}"}}"#, "(".repeat(100_000)).as_bytes());
    let out = grade(Config::new("countdown"), &rows, 1);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    for line in lines {
        assert_eq!((&line["answer_correct"], &line["format_ok"]), (&false.into(), &false.into()), "{line}");
    }
}

#[test]
fn ids_come_back_as_json_whatever_they_are() {
    for (id, expected) in [("\"a\\nb\"", "a\nb"), ("\"\\q\"", "\\q"), ("\"\u{1}\"", "\u{1}"), ("\"ü\"", "ü")] {
        let row = format!("{{\"id\":{id},\"problem\":{{\"numbers\":[3,5,9],\"target\":24}},\"answer\":\"3*5+9\"}}");
        let verdict: serde_json::Value = serde_json::from_str(&grade(Config::new("countdown"), row.as_bytes(), 1)).unwrap();
        assert_eq!(verdict["id"], expected);
    }
}

#[test]
fn order_and_bytes_do_not_depend_on_threads() {
    let rows: String = (0..20_000)
        .map(|id| {
            let padding = " ".repeat(id % 7 * 30);
            format!("{{\"id\":{id},\"problem\":{{\"numbers\":[3,5,{}],\"target\":24}},\"answer\":\"3*5+9{padding}\"}}\n", id % 20)
        })
        .collect();
    let one = grade(Config::new("countdown"), rows.as_bytes(), 1);
    assert_eq!(one.lines().count(), 20_000);
    for threads in [2, 8] {
        assert!(grade(Config::new("countdown"), rows.as_bytes(), threads) == one, "{threads} threads");
    }
}

#[test]
fn mazes_and_sokoban_are_graded_by_their_plans() {
    let rows = r##"{"id":1,"problem":{"width":3,"height":3,"walls":[[1,1]],"start":[0,0],"goal":[2,0]},"answer":"right right"}
{"id":2,"problem":{"width":3,"height":3,"walls":[[1,1]],"start":[0,0],"goal":[2,0]},"answer":"down down right right up up"}
{"id":3,"problem":{"width":3,"height":3,"walls":[[1,1]],"start":[0,0],"goal":[2,0]},"answer":"right down"}
"##;
    let verdicts: Vec<serde_json::Value> = grade(Config::new("maze"), rows.as_bytes(), 1).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| verdicts.iter().map(|verdict| verdict[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("answer_correct"), [true, true, false]);
    assert_eq!(of("optimal"), [serde_json::json!(true), false.into(), serde_json::Value::Null]);
    assert_eq!(of("cost"), [serde_json::json!(2), 6.into(), serde_json::Value::Null]);
    let row = r#######"{"id":1,"problem":{"rows":["######","#@ $.#","######"]},"answer":"right right"}"#######;
    assert!(grade(Config::new("sokoban"), row.as_bytes(), 1).contains(r#""answer_correct":true"#));
}

#[test]
fn graders_score_rows() {
    let spec = r#"{"type":"multi","graders":{"right":{"type":"program"},"short":{"type":"constraint","max_tokens":5,"ends_with_goal":true}},"calculate_output":"0.9*right+0.1*short"}"#;
    let config = Config { grader: Some(serde_json::from_str(spec).unwrap()), ..Config::new("countdown") };
    let out = grade(config, br#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}"#, 1);
    assert!(out.ends_with("\"score\":0.9}\n"), "{out}");
    let config = Config { grader: Some(serde_json::from_str(r#"{"type":"numeric"}"#).unwrap()), ..Config::new("countdown") };
    let out = grade(config, br#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"response":"so \\boxed{\\frac{1}{20}}","reference":"5E-02"}"#, 1);
    assert!(out.ends_with("\"score\":1.0}\n"), "{out}");
}

#[test]
fn wrong_configurations_are_refused() {
    let error = |config| Grader::new(config).err().unwrap().to_string();
    assert!(error(Config::new("chess")).starts_with("unknown environment `chess`"));
    let mode = metacot_grade::Mode::TinyZero;
    assert_eq!(error(Config { mode, ..Config::new("maze") }), "mode `compat-tinyzero` does not score maze; it scores countdown, game24");
}

#[cfg(feature = "traces")]
#[test]
fn responses_in_a_format_are_audited() {
    let config = Config { format: Some("sos".into()), ..Config::new("countdown") };
    let response = "Current State: 24:[3, 5, 9], Operations: []\nExploring Operation: 3*5=16, Resulting Numbers: [9, 16]\n";
    let row = format!(r#"{{"id":1,"problem":{{"numbers":[3,5,9],"target":24}},"response":{}}}"#, serde_json::to_string(response).unwrap());
    let out = grade(config, row.as_bytes(), 1);
    let verdict: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&verdict["answer_correct"], &verdict["trace_valid"]), (&false.into(), &false.into()), "{out}");
    assert_eq!(verdict["defects"][0]["kind"], "arithmetic", "{out}");
}

#[test]
fn problems_may_be_json_in_a_string_or_states_in_the_words_of_the_environment() {
    for (env, problem, answer, is_right) in [
        ("countdown", r#""{\"numbers\":[3,5,9],\"target\":24}""#, "3*5+9", true),
        ("countdown", r#"" 24:[3, 5, 9]\n""#, "3*5+9", true),
        ("countdown", r#""24:[3, 5, 9]""#, "3*5", false),
        ("countdown", r#""rational 24:[3, 3, 8, 8]""#, "8/(3-8/3)", true),
        ("maze", r#""size 3 3 start 0 0 goal 2 0 wall 1 1""#, "right right", true),
        ("sudoku", r#""1 2 3 4 / 3 4 1 2 / 2 1 4 3 / 4 3 2 .""#, "r4c4=1", true),
    ] {
        let row = format!(r#"{{"id":1,"problem":{problem},"answer":"{answer}"}}"#);
        let verdict: serde_json::Value = serde_json::from_str(&grade(Config::new(env), row.as_bytes(), 1)).unwrap();
        assert_eq!(verdict["answer_correct"], is_right, "{problem}: {verdict}");
    }
    for problem in [r#""""#, r#""make 24""#, r#""{\"numbers\":[3]}""#, r#""24:[]""#, r#""24:[3, 5, 9""#, r#""\q""#] {
        let row = format!(r#"{{"id":1,"problem":{problem},"answer":"3"}}"#);
        let verdict: serde_json::Value = serde_json::from_str(&grade(Config::new("countdown"), row.as_bytes(), 1)).unwrap();
        assert!(verdict["error"].is_string(), "{problem}: {verdict}");
    }
}

#[cfg(feature = "traces")]
#[test]
fn the_prompt_of_every_format_is_a_problem() {
    use metacot_traces::{Budget, corpus::CorpusError, format, generate::Spec, task};
    let mut count = 0;
    for env in metacot_envs::registry::NAMES {
        for name in format::NAMES {
            let search = if ["connect4", "hex"].contains(env) { "negamax" } else { "dfs" };
            let difficulty = metacot_traces::mix::preset(env).size.map(|size| metacot_envs::Difficulty { size: Some(size.into()), ..Default::default() });
            let spec = Spec { difficulty: difficulty.unwrap_or_default(), ..Spec::new(env, search, name) };
            let task = match task::open(&spec) {
                Ok(task) => task,
                Err(CorpusError::Usage(_)) => continue,
                Err(error) => panic!("{error}"),
            };
            let problem = task.draw(3).unwrap();
            let mut rng = metacot_envs::SeedTree::root(1).stream(0);
            let plan = task.search(search, &Default::default(), &problem, Budget::default(), &mut rng).unwrap().plan;
            let answer = serde_json::to_string(&plan.unwrap_or_default().join("; ")).unwrap();
            let verdict = |problem: String| {
                let config = Config { difficulty: spec.difficulty.clone(), ..Config::new(*env) };
                grade(config, format!(r#"{{"problem":{problem},"answer":{answer}}}"#).as_bytes(), 1)
            };
            let (by_json, by_prompt) = (verdict(problem.json.to_string()), verdict(serde_json::to_string(&problem.prompt).unwrap()));
            assert!(by_json.contains(r#""answer_correct":true"#), "{env}: {by_json}");
            assert_eq!(by_prompt, by_json, "{env} {name}: {:?}", problem.prompt);
            count += 1;
        }
    }
    assert!(count >= 50, "{count} pairs");
}
