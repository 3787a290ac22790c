//! Corpora on disk: bytes independent of threads and shards, damage refused by name, nothing overwritten.

use std::{fs, path::Path};

use metacot_envs::{Difficulty, Settings};
use metacot_traces::{
    Budget,
    corpus::{self, Layout, Split, SplitShares},
    generate::{Job, Shard, Spec, generate},
};

fn job(out: &Path, layout: Layout) -> Job {
    let spec = Spec {
        env: "countdown".into(),
        difficulty: Difficulty::sized(3),
        search: "dfs".into(),
        search_settings: Settings::default(),
        format: "sos".into(),
        format_settings: Settings::default(),
        budget: Budget::default(),
        split: Split::Train,
        shares: SplitShares::default(),
        count: 230,
        seed: 1,
    };
    Job { spec, out: out.into(), layout, threads: 1, shard: Shard { index: 0, count: 1 }, force: false }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    for layout in Layout::ALL {
        let digests: Vec<String> = [1, 2, 8]
            .into_iter()
            .map(|threads| {
                let out = folder.path().join(format!("{}-{threads}", layout.name()));
                generate(&Job { threads, ..job(&out, layout) }, &mut |_| {}).unwrap().digest
            })
            .collect();
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    }
}

#[test]
fn both_layouts_read_back_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<Vec<corpus::Record>> = Layout::ALL
        .into_iter()
        .map(|layout| {
            let out = folder.path().join(layout.name());
            generate(&job(&out, layout), &mut |_| {}).unwrap();
            let mut records = Vec::new();
            corpus::read(&out, |record| records.push(record)).unwrap();
            records
        })
        .collect();
    assert_eq!(records[0].len(), 230);
    assert_eq!(records[0], records[1]);
    assert!(records[0].iter().all(|record| record.split == Split::Train && record.text[..record.prompt_len as usize].ends_with("Operations: []")));
}

#[test]
fn splits_share_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Split::ALL.map(|split| {
        let out = folder.path().join(split.name());
        let mut job = job(&out, Layout::Shard);
        job.spec.split = split;
        generate(&job, &mut |_| {}).unwrap();
        let mut keys = std::collections::BTreeSet::new();
        corpus::read(&out, |record| {
            keys.insert(record.canonical_key);
        })
        .unwrap();
        keys
    });
    assert!(keys[0].is_disjoint(&keys[1]) && keys[0].is_disjoint(&keys[2]) && keys[1].is_disjoint(&keys[2]));
}

#[test]
fn damage_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("corpus");
    assert_eq!(corpus::read(folder.path(), |_| {}).unwrap_err().to_string().split(": ").nth(1), Some("no manifest.json"));
    let manifest = generate(&job(&out, Layout::Shard), &mut |_| {}).unwrap();
    let path = out.join(&manifest.files[0].name);
    let bytes = fs::read(&path).unwrap();
    for (damaged, expected) in [(bytes[..bytes.len() - 7].to_vec(), "truncated or changed"), ([&bytes[..100], b"x", &bytes[101..]].concat(), "digest")] {
        fs::write(&path, damaged).unwrap();
        let error = corpus::read(&out, |_| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_finished_corpus_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap();
    let error = generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    generate(&Job { force: true, ..job(folder.path(), Layout::Jsonl) }, &mut |_| {}).unwrap();
}
