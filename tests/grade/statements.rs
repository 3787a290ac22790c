//! Audits of rows: what is false is named where it stands, what cannot be read does not stop the rest, threads change nothing.

use metacot_envs::{Difficulty, Settings, World, countdown::Countdown, maze::Maze};
use metacot_grade::{AuditConfig, Audits, audit_stream};
use metacot_traces::generate::{Desk, Maker, Spec};
use serde_json::{Value, json};

const TRACE: &str = "Current State: 24:[3, 5, 9], Operations: []\nExploring Operation: 3*5=15, Resulting Numbers: [9, 15]\nGenerated Node #0,0: 24:[9, 15] Operation: 3*5=15\nMoving to Node #0,0\nCurrent State: 24:[9, 15], Operations: ['3*5=15']\nExploring Operation: 9+15=24, Resulting Numbers: [24]\n24,24 equal: Goal Reached";

fn problem() -> Value {
    json!({ "numbers": [3, 5, 9], "target": 24 })
}

fn audit(config: &AuditConfig, input: &str, threads: usize) -> (Vec<Value>, Audits) {
    let mut out = Vec::new();
    let audits = audit_stream(config, input.as_bytes(), &mut out, threads).unwrap();
    (String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect(), audits)
}

fn sos() -> AuditConfig {
    AuditConfig { env: Some("countdown".into()), format: Some("sos".into()), ..AuditConfig::default() }
}

#[test]
fn a_true_trace_is_clean_in_every_shape_of_row() {
    let (prompt, response) = TRACE.split_at(TRACE.find('\n').unwrap());
    assert!(prompt.ends_with("[]"));
    let rows = [
        json!({ "id": 1, "problem": problem(), "response": response }),
        json!({ "id": 2, "problem": problem(), "response": TRACE }),
        json!({ "id": 3, "text": TRACE }),
        json!({ "id": "four", "text": TRACE, "problem": problem() }),
        json!({ "env": "countdown", "format": "sos", "text": TRACE, "problem": null }),
        json!({ "id": 6, "problem": problem(), "response": format!("{TRACE}<|endoftext|>") }),
    ];
    let input: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let (found, audits) = audit(&sos(), &input, 2);
    for (row, found) in rows.iter().zip(&found) {
        assert_eq!(found, &json!({ "id": row.get("id"), "clean": true, "solved": true, "defects": [] }));
    }
    assert_eq!((audits.rows, audits.clean, audits.solved, audits.errors), (6, 6, 6, 0));
}

#[test]
fn a_false_statement_is_named_where_it_stands() {
    let text = TRACE.replace("Exploring Operation: 3*5=15, Resulting Numbers: [9, 15]", "Exploring Operation: 3*5=16, Resulting Numbers: [9, 16]");
    let (found, audits) = audit(&sos(), &format!("{}\n", json!({ "id": 1, "problem": problem(), "text": text })), 1);
    let defect = &found[0]["defects"][0];
    assert_eq!((&found[0]["clean"], &defect["kind"], &defect["step"]), (&json!(false), &json!("arithmetic"), &json!(1)));
    let place = |index: usize| defect["span"][index].as_u64().unwrap() as usize;
    assert!(text[place(0)..place(1)].contains("3*5=16") && defect["text"].as_str().unwrap().contains("3*5=16"), "{defect}");
    assert_eq!((audits.clean, audits.defects["arithmetic"]), (0, 1));
}

#[test]
fn rows_that_do_not_read_give_errors_and_the_rest_goes_on() {
    let rows = [
        "nonsense".to_string(),
        json!({ "id": 1, "problem": problem() }).to_string(),
        json!({ "id": 2, "response": "x" }).to_string(),
        json!({ "id": 3, "problem": problem(), "response": "x", "text": "y" }).to_string(),
        json!({ "id": 4, "problem": { "rows": [] }, "text": TRACE }).to_string(),
        json!({ "id": 5, "env": "contdown", "text": TRACE }).to_string(),
        json!({ "id": 6, "format": "soss", "text": TRACE }).to_string(),
        json!({ "id": [7], "text": TRACE }).to_string(),
        "{\"id\":8,\"text\":\"\\ud800\"}".to_string(),
        json!({ "id": 9, "text": "" }).to_string(),
        json!({ "id": 10, "problem": { "numbers": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "target": 24 }, "text": TRACE }).to_string(),
    ];
    let (found, audits) = audit(&sos(), &rows.join("\n"), 2);
    assert_eq!((found.len(), audits.rows, audits.clean), (11, 11, 1));
    let has_error: Vec<bool> = found.iter().map(|row| row["error"].is_string()).collect();
    assert_eq!(has_error, [true, true, true, true, true, true, true, false, true, false, true]);
    assert_eq!((&found[4]["id"], &found[7]["id"], audits.errors), (&json!(4), &json!([7]), 9));
    assert_eq!(found[9]["clean"], json!(false));
}

#[test]
fn mixed_rows_come_back_in_order_at_any_number_of_threads() {
    let cut = |row: usize| &TRACE[..TRACE.len() - row % 40];
    let input: String = (0..40_000).map(|row| format!("{}\n", json!({ "id": row, "env": "countdown", "format": "sos", "text": cut(row) }))).collect();
    let (one, counts) = audit(&AuditConfig::default(), &input, 1);
    assert!(one.iter().enumerate().all(|(row, found)| found["id"] == json!(row) && found["clean"] == json!(row % 40 == 0)));
    for threads in [2, 5] {
        assert_eq!(audit(&AuditConfig::default(), &input, threads), (one.clone(), counts.clone()));
    }
}

#[test]
fn configurations_that_cannot_be_are_refused_before_any_row() {
    for (env, format, expected) in [
        (Some("contdown"), None, "unknown environment `contdown`"),
        (None, Some("soss"), "`soss` is not allowed"),
        (Some("maze"), Some("table"), "a format for maze"),
    ] {
        let config = AuditConfig { env: env.map(str::to_string), format: format.map(str::to_string), ..AuditConfig::default() };
        let error = audit_stream(&config, "".as_bytes(), &mut Vec::new(), 1).unwrap_err();
        assert!(error.kind() == std::io::ErrorKind::InvalidInput && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_a_text_leaves_unsaid_is_read_from_its_problem() {
    // No text of a maze says its size, and texts do not name the rules of their own corpus.
    fn rows<E: World>(spec: &Spec) -> String {
        let (maker, mut desk) = (Maker::<E>::new(spec).unwrap(), Desk::default());
        let row = |id| serde_json::to_string(&maker.record(id, &mut desk).unwrap()?).ok();
        (0..10).filter_map(row).map(|row| row + "\n").collect()
    }
    let sized = Difficulty { size: Some("8x12".into()), ..Difficulty::default() };
    let ruled = Difficulty { settings: Settings::default().with("rules", "rational"), ..Difficulty::default() };
    let mazes = rows::<Maze>(&Spec { difficulty: sized, ..Spec::new("maze", "astar", "searchformer") });
    let numbers = rows::<Countdown>(&Spec { difficulty: ruled, ..Spec::new("countdown", "dfs", "sos") });
    let (_, audits) = audit(&AuditConfig::default(), &(mazes + &numbers), 2);
    assert_eq!((audits.rows, audits.clean), (20, 20), "{audits:?}");
}
