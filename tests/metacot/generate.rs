//! `metacot generate` and `merge` as people meet them: parts that make a whole, lists, corpora that must be apart, full disks.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::{error_line, output, stdout};

fn run(args: &[&str]) -> String {
    stdout(&output(args))
}

/// Names of files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn shards_of_any_count_merge_and_a_missing_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let base = ["generate", "--size", "3", "--count", "10"];
    let whole = run(&[&base[..], &["--out", &path("whole")]].concat());
    let parts: Vec<String> = (0..3).map(|index| path(&format!("part{index}"))).collect();
    for (index, part) in parts.iter().enumerate() {
        run(&[&base[..], &["--shard", &format!("{index}/3"), "--out", part]].concat());
        let lines = fs::read_to_string(format!("{part}/train-0000{index}-of-00003.jsonl")).unwrap().lines().count();
        assert!((3..=4).contains(&lines), "{lines}");
        assert!(fs::read_to_string(format!("{part}/manifest.json")).unwrap().contains(&format!("\"index\": {index}")));
    }
    assert_eq!(run(&["merge", &parts[2], &parts[0], &parts[1], "--out", &path("merged")]), whole);
    for (args, expected) in [
        (vec!["merge", &parts[0], &parts[2], "--out"], "2 1 of the shards is missing: 1/3"),
        (vec!["merge", &parts[0], &parts[1], &parts[1], "--out"], "are both shard 1/3"),
        (vec!["convert", &parts[0], &parts[2], "--layout", "jsonl", "--out"], "1 of the shards is missing: 1/3"),
    ] {
        let out = path("refused");
        let line = error_line(&output(&[&args[..], &[out.as_str()]].concat()), folder.path());
        assert!(line.replace("error: ", "").contains(expected), "{line}");
        assert!(!Path::new(&out).exists());
    }
    let line = error_line(&output(&[&base[..], &["--shard", "3/11", "--out", &path("x")]].concat()), folder.path());
    assert_eq!(line, "2 error: shard 3/11 of 10 records is not allowed; expected at most 10 shards, so that none is empty");
    // All shards together are all records, and one alone is told to be a part.
    run(&["convert", &parts[0], &parts[1], &parts[2], "--layout", "jsonl", "--out", &path("all")]);
    assert!(!fs::read_to_string(path("all/manifest.json")).unwrap().contains("\"shard\""));
    run(&["convert", &parts[1], "--layout", "parquet", "--out", &path("one")]);
    assert!(fs::read_to_string(path("one/manifest.json")).unwrap().contains("\"shard\""));
}

#[test]
fn the_full_list_of_game24_is_generated_and_worlds_without_a_list_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let rows = |name: &str, split: &str| {
        let text = fs::read_to_string(path(&format!("{name}/{split}-00000-of-00001.jsonl"))).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["problem"].to_string()).collect::<BTreeSet<_>>()
    };
    let base = ["generate", "--env", "game24", "--all", "--format", "answer", "--layout", "jsonl"];
    run(&[&base[..], &["--out", &path("all")]].concat());
    assert_eq!(rows("all", "train").len(), 1362);
    assert!(rows("all", "train").iter().any(|problem| problem.contains("[4,4,4,4]")));
    let parts = ["train", "val", "test"].map(|split| {
        run(&[&base[..], &["--split", split, "--out", &path(split)]].concat());
        rows(split, split)
    });
    assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 1362);
    assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>(), rows("all", "train"));
    let line = error_line(&output(&["generate", "--env", "maze", "--all", "--out", &path("x")]), folder.path());
    assert!(line.starts_with("2 error: maze cannot list all its problems"), "{line}");
}

#[test]
fn only_the_new_corpus_must_be_apart_and_damage_is_noticed_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let make = |name: &str, split: &str, more: &[&str]| {
        output(&[&["generate", "--size", "3", "--count", "40", "--split", split, "--out", &path(name)], more].concat())
    };
    stdout(&make("test", "test", &[]));
    stdout(&make("again", "test", &["--seed", "1"]));
    let against = ["--against", &path("test"), "--against", &path("again")];
    stdout(&make("train", "train", &against));
    let report = fs::read_to_string(path("train/contamination.json")).unwrap();
    assert!(report.contains("\"shared_texts\": 40"), "what the others share is told: {report}");
    let line = error_line(&make("third", "test", &against), folder.path());
    assert!(line.starts_with("4 error: DIR/third: problems are shared: ") && line.contains("with DIR/test") && line.contains("with DIR/again"), "{line}");
    let data = path("again/test-00000-of-00001.jsonl");
    fs::write(&data, &fs::read(&data).unwrap()[1..]).unwrap();
    let line = error_line(&make("fourth", "train", &against), folder.path());
    assert!(line.starts_with("4 error: DIR/again/test-00000-of-00001.jsonl: truncated or changed"), "{line}");
    assert!(!folder.path().join("fourth").exists());
}

#[test]
fn ids_of_several_inputs_stay_unique() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    run(&["generate", "--size", "3", "--count", "6", "--out", &path("a")]);
    run(&["generate", "--size", "3", "--count", "6", "--seed", "2", "--out", &path("b")]);
    let convert = |more: &[&str]| output(&[&["convert", "--layout", "jsonl", "--force", "--out", &path("out")], more].concat());
    let line = error_line(&convert(&[&path("a"), &path("b")]), folder.path());
    assert!(line.starts_with("2 error: id 0 of split train names different records of DIR/a and DIR/b; give --renumber"), "{line}");
    assert!(!folder.path().join("out").exists(), "a refusal leaves nothing");
    let ids = || -> Vec<u64> {
        let name = names(&folder.path().join("out")).into_iter().find(|name| name.starts_with("train")).unwrap();
        let text = fs::read_to_string(folder.path().join("out").join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap()).collect()
    };
    stdout(&convert(&["--renumber", &path("a"), &path("b")]));
    assert_eq!(ids(), (0..12).collect::<Vec<_>>());
    let twice = convert(&[&path("a"), &path("a")]);
    stdout(&twice);
    assert!(String::from_utf8_lossy(&twice.stderr).contains("6 records stand in two of the inputs and are written once"));
    assert_eq!(ids(), (0..6).collect::<Vec<_>>());
}

#[test]
fn a_dry_run_needs_no_folder_and_counts_have_bounds() {
    let text = run(&["generate", "--env", "countdown,maze", "--search", "astar", "--format", "all", "--dry-run"]);
    assert!(text.contains("1\tmaze\tastar\tsearchformer\tnone\t"), "{text}");
    let refusals = text.lines().filter(|line| line.starts_with("0\t")).count();
    assert!(refusals > 0);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    for count in ["0", "18446744073709551615"] {
        let line = error_line(&output(&["generate", "--count", count, "--out", &out]), folder.path());
        assert_eq!(line, format!("2 error: --count {count} is not allowed; expected 1 to 1099511627776"));
    }
    let line = error_line(&output(&["generate", "--env", "maze", "--search", "sos-dfs-sum", "--count", "1", "--out", &out]), folder.path());
    assert!(line.starts_with("2 error: search = `sos-dfs-sum` is not allowed; expected a search for maze; sos-dfs-sum needs the heuristic sum"), "{line}");
    let line = error_line(&output(&["generate", "--hold-out", "foo", "--count", "1", "--out", &out]), folder.path());
    assert!(line.starts_with("2 error: --hold-out foo: expected targets=…, sizes=… or sets=…"), "{line}");
    assert!(!Path::new(&out).exists());
    assert!(run(&["doctor"]).contains("\ntransforms retry "));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("notes.txt"), "precious").unwrap();
    // The device that is always full, under the name of the draft.
    std::os::unix::fs::symlink("/dev/full", out.join("train-00000-of-00001.jsonl.tmp")).unwrap();
    let line = error_line(&output(&["generate", "--size", "3", "--count", "5", "--force", "--out", out.to_str().unwrap()]), folder.path());
    assert_eq!(line, "3 error: cannot write DIR/out/train-00000-of-00001.jsonl.tmp: No space left on device (os error 28)");
    assert_eq!(names(&out), ["notes.txt"]);
}
