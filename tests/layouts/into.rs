//! Rows of other tools become true records, or are counted by reason and located.

use std::{collections::BTreeMap, fs, path::Path};

use metacot_envs::{Difficulty, Settings, countdown::Countdown};
use metacot_layouts::{Import, ImportReport, ImportSpec, QUESTION, importer};
use metacot_traces::{
    StopReason,
    corpus::{CorpusError, Record},
    generate::Spec,
};
use serde_json::{Value, json};

use crate::support::{layout, made, records, write};

fn import(name: &str, spec: ImportSpec, path: &Path) -> Result<(Vec<Record>, ImportReport), CorpusError> {
    let mut found = Vec::new();
    let mut import = Import::new(importer::find(name).unwrap(), spec);
    import.read(path, &mut |record| {
        found.push(record);
        Ok(())
    })?;
    Ok((found, import.report().clone()))
}

fn import_text(name: &str, spec: ImportSpec, text: &str) -> Result<(Vec<Record>, ImportReport), CorpusError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    import(name, spec, file.path())
}

fn rows(name: &str, rows: &[Value]) -> (Vec<Record>, ImportReport) {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    import_text(name, ImportSpec::default(), &lines).unwrap()
}

fn reasons(report: &ImportReport) -> BTreeMap<&str, u64> {
    report.refused.iter().map(|(reason, refused)| (reason.as_str(), refused.count)).collect()
}

#[test]
fn countdown_rows_become_prompts_under_the_rules_that_score_them() {
    let (found, report) = rows(
        "countdown-tasks",
        &[
            json!({"target": 98, "nums": [44, 19, 35]}),
            json!({"target": 64.0, "nums": [63, 95, 96], "extra": null}),
            json!({"target": 98, "nums": [1, 2, 3, 4, 5, 6, 7, 8, 9]}),
            json!({"target": -3, "nums": [1, 2]}),
        ],
    );
    assert_eq!(found[0].problem, json!({"numbers": [44, 19, 35], "target": 98, "rules": "rational"}));
    assert_eq!(found[0].text, "Current State: 98:[44, 19, 35], Operations: []");
    assert_eq!((found[0].prompt_len as usize, &found[0].plan, found[0].stop), (found[0].text.len(), &None, StopReason::None));
    assert_eq!((report.rows, report.records, reasons(&report)), (4, 2, BTreeMap::from([("is outside of the limits of countdown", 2)])));
    assert!(report.refused.values().all(|refused| refused.first.contains("line 3: ")));
}

#[test]
fn problems_can_be_searched_on_the_way_in() {
    let spec = ImportSpec { search: Some("dfs".into()), ..ImportSpec::default() };
    let (found, _) = import_text("countdown-tasks", spec, r#"{"target": 98, "nums": [44, 19, 35]}"#).unwrap();
    assert_eq!((found[0].search.as_str(), found[0].stop, found[0].plan.as_ref().map(Vec::len)), ("dfs", StopReason::Solved, Some(2)));
    let spec = ImportSpec { search: Some("dfz".into()), ..ImportSpec::default() };
    let error = import_text("countdown-tasks", spec, r#"{"target": 98, "nums": [44, 19, 35]}"#).unwrap_err().to_string();
    assert!(error.contains("dfz"), "{error}");
}

#[test]
fn streams_of_search_are_audited_and_come_in_as_they_are() {
    let ours = records("countdown", "sos", 30);
    let row = |record: &Record, text: &str| {
        json!({
            "nums": record.problem["numbers"], "target": record.problem["target"], "solution": [], "search_path": text, "rating": 0.5,
            "search_type": "bfs_3", "optimal_path": "", "heuristic": "sum_heuristic",
        })
    };
    let mut array: Vec<Value> = ours.iter().map(|record| row(record, &record.text)).collect();
    array.push(row(&ours[0], &ours[0].text.replace("Exploring Operation: ", "Exploring Operation: 9")));
    array.push(row(&ours[0], &ours[1].text));
    let (found, report) = import_text("sos", ImportSpec::default(), &serde_json::to_string_pretty(&array).unwrap()).unwrap();
    assert_eq!(found.len(), ours.len());
    for (found, ours) in found.iter().zip(&ours) {
        assert_eq!((&found.text, found.prompt_len, &found.plan, found.cost), (&ours.text, ours.prompt_len, &ours.plan, ours.cost));
        assert_eq!((found.search.as_str(), found.expanded > 0, found.canonical_key.as_str()), ("sos-bfs-sum-3", true, ours.canonical_key.as_str()));
        assert_eq!(found.stop == StopReason::Solved, ours.plan.is_some());
    }
    assert_eq!(reasons(&report).values().sum::<u64>(), 2);
    assert!(report.refused.keys().all(|reason| reason.starts_with("has a trace that is not true")), "{report:?}");
}

#[test]
fn published_streams_of_search_come_in_with_their_faults() {
    let spec =
        Spec { difficulty: Difficulty::sized(4), format_settings: Settings::default().with("compat", "true"), ..Spec::new("countdown", "sos-dfs-sum", "sos") };
    let ours = made::<Countdown>(&spec, 40);
    assert!(ours.iter().any(|record| record.plan.is_none()));
    let rows: Vec<Value> =
        ours.iter().map(|record| json!({"nums": record.problem["numbers"], "target": record.problem["target"], "search_path": record.text})).collect();
    let (found, report) = import_text("sos", ImportSpec::default(), &serde_json::to_string(&rows).unwrap()).unwrap();
    assert_eq!(found.len(), ours.len(), "{report:?}");
    for (found, ours) in found.iter().zip(&ours) {
        assert_eq!((&found.text, &found.plan), (&ours.text, &ours.plan));
        assert!(["sos", "sos compat=true"].contains(&found.format.as_str()));
    }
    assert!(found.iter().any(|record| record.format == "sos compat=true"));
}

#[test]
fn searchformer_tokens_come_in_for_mazes_and_levels() {
    for env in ["maze", "sokoban"] {
        let ours = if env == "maze" { records("maze", "searchformer", 20) } else { crate::support::levels(5) };
        let lines: String = ours
            .iter()
            .map(|record| {
                let (prompt, rest) = record.text.split_at(record.prompt_len as usize);
                let prompt: Vec<&str> = prompt.split_whitespace().collect();
                let (reasoning, plan) = rest.split_at(rest.find("plan").unwrap());
                let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
                let prompt = [["bos"].as_slice(), &prompt].concat();
                json!({"prompt": prompt, "reasoning": words(reasoning), "plan": words(plan)}).to_string() + "\n"
            })
            .collect();
        let (found, report) = import_text("searchformer", ImportSpec::default(), &lines).unwrap();
        assert_eq!(reasons(&report), BTreeMap::new(), "{env}");
        for (found, ours) in found.iter().zip(&ours) {
            assert_eq!((&found.problem, &found.text, &found.plan, found.cost), (&ours.problem, &ours.text, &ours.plan, ours.cost));
        }
    }
}

#[test]
fn reasoning_gym_entries_become_problems_where_there_is_a_world() {
    let entry = |task: &str, answer: &str, more: Value| {
        let mut metadata = json!({"source_dataset": task, "source_index": 0, "difficulty": {}});
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"question": "?", "answer": answer, "metadata": metadata})
    };
    let (found, report) = rows(
        "reasoning-gym",
        &[
            entry("countdown", "3*5+9", json!({"numbers": [3, 5, 9], "target": 24})),
            entry("puzzle24", "", json!({"numbers": [3, 3, 8, 8]})),
            entry("shortest_path", "right down", json!({"matrix": [["*", "O"], ["X", "#"]]})),
            entry("shortest_path", "infeasible", json!({"matrix": [["*", "X"], ["X", "#"]]})),
            entry("sokoban", "R", json!({"gamestr": "+ + + + +\n+ * @ X +\n+ + + + +\n"})),
            entry("chain_sum", "7", json!({"expression": "4 + 5 - 2"})),
            entry("mini_sudoku", "", json!({"puzzle": [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0]]})),
            entry("zebra_puzzles", "", json!({})),
        ],
    );
    let problems: Vec<(&str, String)> = found.iter().map(|record| (record.env.as_str(), record.problem.to_string())).collect();
    let expected = [
        ("countdown", r#"{"numbers":[3,5,9],"rules":"rational","target":24}"#),
        ("game24", r#"{"numbers":[3,3,8,8],"rules":"rational","target":24}"#),
        ("maze", r#"{"goal":[1,1],"height":2,"start":[0,0],"walls":[[0,1]],"width":2}"#),
        ("sokoban", "{\"rows\":[\"#####\",\"#@$.#\",\"#####\"]}"),
        ("arithmetic", r#"{"kind":"order","operands":[4,5,2],"operators":["+","-"],"target":7}"#),
        ("sudoku", r#"{"rows":["1...","....","...2","...."]}"#),
    ];
    assert_eq!(problems, expected.map(|(env, problem)| (env, problem.to_string())));
    assert_eq!(reasons(&report), BTreeMap::from([("has no solution", 1), ("task `zebra_puzzles` is no environment here", 1)]));
}

#[test]
fn questions_in_words_keep_their_answers_and_say_why_others_are_left() {
    let (found, report) = rows(
        "question-answer",
        &[
            json!({"problem": " What is 2 + 2? ", "answer": "4", "source": "x", "llama8b_solve_rate": 0.5}),
            json!({"question": "Half?", "answer": 0.5}),
            json!({"question": "Who?", "answer": null}),
            json!({"question": "Which?", "answer": ["a", "b"]}),
            json!({"question": "", "answer": "1"}),
        ],
    );
    assert_eq!(found[0].problem, json!({"question": "What is 2 + 2?", "answer": "4"}));
    assert_eq!((found[0].env.as_str(), found[1].problem["answer"].as_str()), (QUESTION, Some("0.5")));
    assert_eq!(reasons(&report), BTreeMap::from([("has no answer", 1), ("has no question", 1), ("has several answers", 1)]));
    // A verifier is given the answer itself.
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&found[..1], layout("openrlhf.jsonl", None), folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join(&manifest.files[0].name)).unwrap();
    assert_eq!(text, "{\"input\":\"What is 2 + 2?\",\"label\":\"4\",\"datasource\":\"metacot/question\"}\n");
}

#[test]
fn what_we_write_for_trainers_comes_back_as_the_same_problems() {
    for (name, importer) in [("openai-rft", "openai-rft"), ("verl", "verl"), ("verl.jsonl.gz", "verl")] {
        for (env, format) in [("countdown", "sos"), ("maze", "searchformer")] {
            for truth in ["struct", "json"] {
                let ours = records(env, format, 40);
                let folder = tempfile::tempdir().unwrap();
                let manifest = write(&ours, layout(name, Some(truth)), folder.path()).unwrap();
                let (found, report) = import(importer, ImportSpec::default(), &folder.path().join(&manifest.files[0].name)).unwrap();
                assert_eq!(reasons(&report), BTreeMap::new(), "{name} {truth}");
                let problems = |records: &[Record]| records.iter().map(|record| record.problem.clone()).collect::<Vec<_>>();
                assert_eq!(problems(&found), problems(&ours));
                assert!(found.iter().zip(&ours).all(|(found, ours)| found.text == ours.text[..ours.prompt_len as usize]));
            }
        }
    }
    let tinyzero = json!({"data_source": "countdown", "prompt": [{"role": "user", "content": "…"}], "reward_model": {"ground_truth": {"target": 24, "numbers": [3, 5, 9]}}});
    let theirs =
        json!({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "Q"}]}], "reference_answer": "A"});
    let answered = json!({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "reference_answer": "A"});
    assert_eq!(rows("verl", &[tinyzero]).0[0].problem, json!({"numbers": [3, 5, 9], "target": 24, "rules": "rational"}));
    let (found, report) = rows("openai-rft", &[theirs, answered]);
    assert_eq!(found[0].problem, json!({"question": "S\n\nQ", "answer": "A"}));
    assert_eq!(reasons(&report), BTreeMap::from([("does not end with the user", 1)]));
}

#[test]
fn malformed_rows_are_named_by_file_and_line() {
    let good = r#"{"target": 98, "nums": [44, 19, 35]}"#;
    for (bad, expected) in [
        ("{", "line 3: not a JSON object"),
        ("[1]", "line 3: not a JSON object"),
        (r#"{"nums": [1]}"#, "line 3: no field `target`; found nums"),
        (r#"{"target": "x", "nums": [1]}"#, "line 3: `target` is \"x\"; expected a whole number"),
        (r#"{"target": 1, "nums": 7}"#, "line 3: `nums` is 7; expected a list"),
    ] {
        let text = format!("{good}\r\n\n{bad}\n{good}\n");
        let error = import_text("countdown-tasks", ImportSpec::default(), &text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let (found, report) = import_text("countdown-tasks", ImportSpec { skips_malformed: true, ..ImportSpec::default() }, &text).unwrap();
        assert_eq!((found.len(), reasons(&report)), (2, BTreeMap::from([("malformed", 1)])));
        assert!(report.refused["malformed"].first.contains("line 3"));
    }
    let error = import_text("sos", ImportSpec::default(), "[\n  {\"nums\": [1]},\n  {\"a\"").unwrap_err().to_string();
    assert!(error.contains("line 2: no field"), "{error}");
    let error = import_text("sos", ImportSpec { skips_malformed: true, ..ImportSpec::default() }, "[\n{},\n{\"a\"").unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("truncated"), "{error}");
}
