//! Forensics of corpora and of completions: what they count, and what they refuse.

use std::{fs, path::Path};

use metacot_envs::Difficulty;
use metacot_traces::{
    corpus::{self, Layout},
    forensics::{Style, Survey, survey},
    generate::{Job, Shard, Spec, generate},
};
use serde_json::json;

fn make(out: &Path, search: &str, format: &str) {
    let spec = Spec { count: 60, difficulty: Difficulty::sized(3), ..Spec::new("countdown", search, format) };
    generate(&Job { spec, out: out.into(), layout: Layout::Jsonl, threads: 1, shard: Shard { index: 0, count: 1 }, force: false }, &mut |_| {}).unwrap();
}

fn job<'a>(input: &'a Path, against: Option<&'a Path>) -> Survey<'a> {
    Survey { input, against, env: None, format: None, threads: 2 }
}

#[test]
fn corpora_are_told_apart_and_overlap_with_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let [dfs, bfs, cot] = ["dfs", "bfs", "cot"].map(|name| folder.path().join(name));
    make(&dfs, "dfs", "think");
    make(&bfs, "bfs", "think");
    make(&cot, "dfs", "cot");
    let same = survey(&job(&dfs, Some(&dfs)), &mut |_, _| {}).unwrap();
    assert_eq!((same.traces, same.clean, same.solved), (60, 60, 60));
    let overlap = same.overlap.clone().unwrap();
    assert_eq!((overlap.pairs + overlap.unmatched, overlap.unmatched, overlap.max), (60, 0, 1.0));
    assert!(overlap.p50 == 1.0, "{overlap:?}");
    let other = survey(&job(&bfs, Some(&dfs)), &mut |_, _| {}).unwrap();
    let shared = other.overlap.unwrap();
    assert!(shared.pairs == 60 && shared.min > 0.0 && shared.mean < 1.0, "{shared:?}");
    assert_ne!(same.backtracks_by_levels, other.backtracks_by_levels);
    let straight = survey(&job(&cot, None), &mut |_, _| {}).unwrap();
    assert_eq!((straight.styles[&Style::Straight], straight.overlap, straight.per_trace["backtracks"].max), (60, None, 0));
    assert!(straight.by_kind.is_empty());
    let one = survey(&Survey { threads: 1, ..job(&dfs, None) }, &mut |_, _| {}).unwrap();
    assert_eq!(one.per_trace, same.per_trace);
}

#[test]
fn completions_count_like_the_records_that_they_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("corpus");
    make(&out, "dfs", "sos");
    let mut rows = String::new();
    corpus::read(&out, |record| {
        let response = &record.text[record.prompt_len as usize..];
        rows += &format!("{}\n", json!({ "id": record.id, "problem": record.problem, "response": response }));
    })
    .unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, rows).unwrap();
    let ours = survey(&job(&out, None), &mut |_, _| {}).unwrap();
    let theirs = survey(&Survey { env: Some("countdown"), format: Some("sos"), ..job(&path, Some(&out)) }, &mut |_, _| {}).unwrap();
    assert_eq!((&ours.per_trace, &ours.styles, ours.clean), (&theirs.per_trace, &theirs.styles, theirs.clean));
    assert_eq!(theirs.overlap.unwrap().unmatched, 0);
    for (env, format, expected) in [
        (None, Some("sos"), "row 1: a row needs `env`, or give --env"),
        (Some("countdown"), None, "row 1: a row needs `format`, or give --format"),
        (Some("contdown"), Some("sos"), "unknown environment `contdown`"),
        (Some("countdown"), Some("soss"), "`soss` is not allowed"),
        (Some("maze"), Some("cot"), "row 1: not a problem of maze"),
    ] {
        let error = survey(&Survey { env, format, ..job(&path, None) }, &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::write(&path, "{\"problem\":{}}\n").unwrap();
    let error = survey(&Survey { env: Some("countdown"), format: Some("sos"), ..job(&path, None) }, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.ends_with("row 1: a row needs `response` or `text`"), "{error}");
}
