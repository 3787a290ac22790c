//! Corpora through the command line: into other layouts, and files of other tools into corpora.

use std::{fs, path::Path};

use crate::support::{error_line, output, stdout};

fn run(args: &[&str]) -> String {
    stdout(&output(args)).trim().to_string()
}

fn data_file(folder: &Path, extension: &str) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_string_lossy().ends_with(extension)).unwrap()
}

#[test]
fn a_corpus_goes_through_every_layout_of_whole_records_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    run(&["generate", "--size", "3", "--count", "60", "--layout", "shard", "--out", &path("shard")]);
    for (from, to) in [("shard", "parquet"), ("parquet", "jsonl.gz"), ("jsonl.gz", "hf"), ("hf", "jsonl")] {
        run(&["convert", &path(from), "--layout", to, "--out", &path(to)]);
    }
    run(&["generate", "--size", "3", "--count", "60", "--out", &path("direct")]);
    let text = |name: &str| fs::read_to_string(data_file(&folder.path().join(name), ".jsonl")).unwrap();
    assert_eq!(text("jsonl"), text("direct"));
    // What is converted to our own layouts is a corpus like any other.
    assert!(run(&["stats", &path("jsonl")]).contains("records            60"));
    let digest = run(&["generate", "--size", "3", "--count", "60", "--layout", "parquet", "--out", &path("generated"), "--threads", "1"]);
    let again = run(&["generate", "--size", "3", "--count", "60", "--layout", "parquet", "--out", &path("again"), "--threads", "3"]);
    assert_eq!(digest, again);
    assert_eq!(digest, run(&["convert", &path("direct"), "--layout", "parquet", "--out", &path("converted")]));
}

#[test]
fn foreign_rows_are_used_or_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("rows.jsonl"), "{\"target\":24,\"nums\":[3,5,9]}\n{\"target\":1,\"nums\":[1,2,3,4,5,6,7]}\n").unwrap();
    let result = output(&["convert", &path("rows.jsonl"), "--from", "countdown-tasks", "--layout", "trl.jsonl", "--out", &path("trl")]);
    let told = String::from_utf8(result.stderr.clone()).unwrap();
    assert!(told.contains("2 rows read, 1 used") && told.contains("1 is outside of the limits of countdown; the first: "), "{told}");
    let row: serde_json::Value = serde_json::from_str(&fs::read_to_string(data_file(&folder.path().join("trl"), ".jsonl")).unwrap()).unwrap();
    assert_eq!(row["ground_truth"], r#"{"numbers":[3,5,9],"rules":"rational","target":24}"#);
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(path("trl/manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["counts"]["rows"], &manifest["counts"]["refused: is outside of the limits of countdown"]), (&2.into(), &1.into()));
}

#[test]
fn mistakes_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    run(&["generate", "--size", "3", "--count", "5", "--out", &path("corpus")]);
    run(&["convert", &path("corpus"), "--layout", "verl", "--out", &path("verl")]);
    fs::write(path("rows.jsonl"), "{\"target\":24}\n").unwrap();
    for (args, code, expected) in [
        (vec!["convert", &path("corpus"), "--layout", "csv", "--out", &path("a")], 2, "unknown layout `csv`; allowed: jsonl"),
        (vec!["generate", "--count", "5", "--layout", "csv", "--out", &path("a")], 2, "unknown layout `csv`"),
        (vec!["convert", &path("corpus"), "--ground-truth", "json", "--layout", "text", "--out", &path("a")], 2, "no ground truth"),
        (vec!["convert", &path("verl"), "--out", &path("a")], 2, "does not hold whole records"),
        (vec!["convert", &path("corpus"), "--out", &path("corpus"), "--force"], 2, "would be written over it"),
        (vec!["convert", &path("corpus"), "--out", &path("verl")], 5, "exists already"),
        (vec!["convert", &path("missing"), "--out", &path("a")], 3, "cannot read"),
        (vec!["convert", &path("rows.jsonl"), "--from", "countdown", "--out", &path("a")], 2, "expected one of countdown-tasks"),
        (vec!["convert", &path("rows.jsonl"), "--from", "countdown-tasks", "--out", &path("a")], 4, "line 1: no field `nums`; found target"),
        (vec!["stats", &path("verl")], 4, "layout `verl` is for other tools"),
    ] {
        let result = output(&args);
        let line = error_line(&result, folder.path());
        assert!(line.contains(expected), "{args:?}: {line}");
        assert_eq!(result.status.code(), Some(code), "{line}");
    }
}
