//! The commands over corpora as people meet them: filter, forensics, audit, stats, held-out splits.

use std::fs;

use metacot::cli::help;

use crate::support::{error_line, output, piped, stdout};

#[test]
fn help_reads_well() {
    for name in ["audit", "filter", "forensics", "stats"] {
        insta::with_settings!({ snapshot_suffix => name }, { insta::assert_snapshot!("corpora_help", help(Some(name))) });
    }
}

#[test]
fn a_corpus_goes_through_the_funnel_and_what_is_left_is_a_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (corpus, test, kept) = (path("corpus"), path("test"), path("kept"));
    stdout(&output(&["generate", "--size", "3", "--count", "400", "--layout", "shard", "--out", &corpus]));
    stdout(&output(&["generate", "--size", "3", "--count", "100", "--split", "test", "--out", &test, "--against", &corpus]));
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(path("test/contamination.json")).unwrap()).unwrap();
    assert_eq!(report["pairs"][0]["shared_problems"], serde_json::json!(0));
    let table =
        stdout(&output(&["filter", &corpus, "--out", &kept, "--against", &test, "--rules", "duplicate,canonical-duplicate,leak,guessable,near-duplicate"]));
    insta::assert_snapshot!("corpora_funnel", table);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output(&["stats", &kept, "--json"]))).unwrap();
    assert_eq!((&json["records"], &json["repeated_texts"]), (&json["distinct_problems"], &serde_json::json!(0)));
    let counts: serde_json::Value =
        serde_json::from_str(&stdout(&output(&["filter", &corpus, "--out", &path("again"), "--against", &corpus, "--json"]))).unwrap();
    assert_eq!((&counts["kept"], &counts["rules"][2]["rule"]), (&serde_json::json!(0), &serde_json::json!("leak")));
    // A corpus that repeats another is said to.
    let error = output(&["generate", "--size", "3", "--count", "50", "--out", &path("same"), "--against", &corpus]);
    assert_eq!(error.status.code(), Some(4));
}

#[test]
fn a_corpus_audits_clean_and_its_forensics_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus").display().to_string();
    stdout(&output(&["generate", "--size", "3", "--count", "50", "--format", "think", "--out", &corpus]));
    let rows = fs::read(folder.path().join("corpus/train-00000-of-00001.jsonl")).unwrap();
    let audited = stdout(&piped(&["audit", "--check"], &rows));
    assert!(audited.lines().count() == 50 && audited.lines().all(|line| line.contains("\"clean\":true")), "{audited}");
    let broken = String::from_utf8(rows).unwrap().replacen("=", "=1", 3);
    assert_eq!(piped(&["audit"], broken.as_bytes()).status.code(), Some(0));
    assert_eq!(piped(&["audit", "--check"], broken.as_bytes()).status.code(), Some(4));
    insta::assert_snapshot!("corpora_forensics", stdout(&output(&["forensics", &corpus, "--against", &corpus])));
    let digest = stdout(&output(&["stats", &corpus]));
    insta::assert_snapshot!("corpora_stats", digest.split_once('\n').unwrap().1);
}

#[test]
fn every_mistake_is_one_clear_line_with_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (corpus, out, rows) = (path("corpus"), path("out"), path("rows.jsonl"));
    stdout(&output(&["generate", "--size", "3", "--count", "5", "--out", &corpus]));
    fs::write(&rows, "{\"question\":\"x\"}\n{\"id\":1}\n").unwrap();
    fs::create_dir(path("empty")).unwrap();
    let (empty, missing) = (path("empty"), path("missing"));
    let cases: [(&str, Vec<&str>); 25] = [
        ("unknown rule", vec!["filter", &corpus, "--out", &out, "--rules", "duplicat"]),
        ("rule without what it needs", vec!["filter", &corpus, "--out", &out, "--rules", "leak"]),
        ("unknown setting of rules", vec!["filter", &corpus, "--out", &out, "--set", "guess=1"]),
        ("value out of range", vec!["filter", &corpus, "--out", &out, "--set", "guess_above=2"]),
        ("bad band", vec!["filter", &corpus, "--out", &out, "--set", "min_rate=0.9", "max_rate=0.1"]),
        ("unknown environment of rows", vec!["filter", &rows, "--out", &out, "--env", "contdown"]),
        ("nothing to filter", vec!["filter", &missing, "--out", &out]),
        ("folder without a manifest", vec!["filter", &empty, "--out", &out]),
        ("row without a question", vec!["filter", &rows, "--out", &out]),
        ("over itself", vec!["filter", &corpus, "--out", &corpus, "--force"]),
        ("nothing to compare with", vec!["filter", &corpus, "--out", &out, "--against", &missing]),
        ("nothing graded", vec!["filter", &corpus, "--out", &out, "--graded", &missing]),
        ("forensics of nothing", vec!["forensics", &missing]),
        ("forensics of rows without names", vec!["forensics", &rows]),
        ("audit in no world", vec!["audit", "--env", "contdown"]),
        ("audit in no format", vec!["audit", "--env", "countdown", "--format", "soss"]),
        ("audit of no transform", vec!["audit", "--transform", "nope"]),
        ("forensics in no world", vec!["forensics", &corpus, "--env", "bogus"]),
        ("held-out values that the world does not have", vec!["generate", "--env", "maze", "--count", "5", "--out", &out, "--hold-out", "targets=24"]),
        ("audit with a size of nothing", vec!["audit", "--size", "3"]),
        ("split of nothing", vec!["generate", "--count", "5", "--out", &out, "--split", "test-ood-target"]),
        ("unknown split", vec!["generate", "--count", "5", "--out", &out, "--split", "dev"]),
        ("unknown facet", vec!["generate", "--count", "5", "--out", &out, "--hold-out", "numbers=3"]),
        ("held-out size of the rest", vec!["generate", "--size", "3", "--count", "5", "--out", &out, "--hold-out", "sizes=3"]),
        ("nothing to be apart from", vec!["generate", "--count", "5", "--out", &out, "--against", &missing]),
    ];
    let mut lines: Vec<String> = cases.iter().map(|(name, args)| format!("{name}: {}", error_line(&output(args), folder.path()))).collect();
    stdout(&output(&["filter", &corpus, "--out", &out]));
    lines.push(format!("finished corpus: {}", error_line(&output(&["filter", &corpus, "--out", &out]), folder.path())));
    stdout(&output(&["filter", &corpus, "--out", &out, "--force"]));
    insta::assert_snapshot!("corpora_errors", lines.join("\n"));
}
