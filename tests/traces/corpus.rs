//! Corpora on disk: bytes independent of threads and shards, damage refused by name, nothing overwritten.

use std::{fs, path::Path};

use metacot_envs::{Difficulty, Settings};
use metacot_traces::{
    Budget,
    corpus::{self, Layout, Split, SplitBy, SplitShares},
    forensics::{Style, forensics, overlap},
    generate::{Job, Shard, Spec, generate},
    stats,
    transform::loss::LossMask,
};

use crate::support::{countdown, problem, run};

fn job(out: &Path, layout: Layout) -> Job {
    let spec = Spec {
        env: "countdown".into(),
        difficulty: Difficulty::sized(3),
        search: "dfs".into(),
        search_settings: Settings::default(),
        format: "sos".into(),
        format_settings: Settings::default(),
        transform: "none".into(),
        transform_settings: Settings::default(),
        loss: LossMask::default(),
        budget: Budget::default(),
        split: Split::Train,
        shares: SplitShares::default(),
        hold_out: Settings::default(),
        distinct: false,
        listed: false,
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
    let keys = [Split::Train, Split::Val, Split::Test].map(|split| {
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

#[test]
fn families_stay_on_one_side_of_a_split() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = [Split::Train, Split::Test].map(|split| {
        let mut job = job(&folder.path().join(split.name()), Layout::Jsonl);
        (job.spec.split, job.spec.shares.by) = (split, SplitBy::Family);
        generate(&job, &mut |_| {}).unwrap();
        let mut numbers = std::collections::BTreeSet::new();
        corpus::read(&job.out, |record| {
            let mut inputs: Vec<u64> = record.problem["numbers"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
            inputs.sort_unstable();
            numbers.insert(inputs);
        })
        .unwrap();
        numbers
    });
    assert!(numbers[0].is_disjoint(&numbers[1]));
}

#[test]
fn shards_merge_to_the_bytes_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = job(&folder.path().join("whole"), Layout::Shard);
    whole.spec.count = 100_100;
    whole.spec.search = "sos-bfs-sum-1".into();
    let files = generate(&whole, &mut |_| {}).unwrap().files;
    assert_eq!(files.len(), 3);
    let mut folders: Vec<_> = (0..8).map(|index| folder.path().join(index.to_string())).collect();
    for (index, out) in (0..).zip(&folders) {
        let shard = generate(&Job { out: out.clone(), threads: 2, shard: Shard { index, count: 8 }, ..whole.clone() }, &mut |_| {}).unwrap();
        assert_eq!((shard.shard, shard.counts["records"]), (Some(Shard { index, count: 8 }), 100_100 * (index + 1) / 8 - 100_100 * index / 8));
    }
    folders.reverse();
    let out = folder.path().join("merged");
    corpus::merge(&folders, &out, false, &mut |_, _| {}).unwrap();
    assert_eq!(corpus::Manifest::load(&out).unwrap(), corpus::Manifest::load(&whole.out).unwrap());
    for file in &files {
        assert!(fs::read(out.join(&file.name)).unwrap() == fs::read(whole.out.join(&file.name)).unwrap(), "{}", file.name);
    }
}

#[test]
fn shards_of_a_small_run_are_full_and_only_all_of_them_merge() {
    let folder = tempfile::tempdir().unwrap();
    for layout in Layout::ALL {
        let name = |shard: &str| folder.path().join(format!("{shard}-{}", layout.name()));
        let whole = generate(&job(&name("whole"), layout), &mut |_| {}).unwrap();
        let folders: Vec<_> = (0..5).map(|index| name(&index.to_string())).collect();
        for (index, out) in (0..).zip(&folders) {
            let shard = generate(&Job { shard: Shard { index, count: 5 }, ..job(out, layout) }, &mut |_| {}).unwrap();
            assert_eq!((shard.counts["records"], shard.files.len()), (46, 1));
            assert_eq!(shard.files[0].name, format!("train-0000{index}-of-00005.{}", layout.name()), "no two shards have a file of one name");
        }
        let merge = |folders: &[std::path::PathBuf], out: &Path| corpus::merge(folders, out, false, &mut |_, _| {});
        assert_eq!(merge(&folders, &name("merged")).unwrap(), whole);
        let refusal = |folders: &[std::path::PathBuf]| merge(folders, &name("refused")).unwrap_err().to_string();
        assert_eq!(refusal(&[&folders[..1], &folders[3..]].concat()), "2 of the shards are missing: 1/5, 2/5");
        assert!(refusal(&[&folders[..], &folders[2..3]].concat()).ends_with("are both shard 2/5"));
        assert!(refusal(&[name("whole")]).ends_with("is no shard of a run: it was made in one piece"));
        let mut other = Job { shard: Shard { index: 4, count: 5 }, ..job(&name("other"), layout) };
        other.spec.seed = 8;
        generate(&other, &mut |_| {}).unwrap();
        assert!(refusal(&[&folders[..4], &[name("other")]].concat()).contains("are shards of different runs"));
        let torn = folders[3].join(format!("train-00003-of-00005.{}", layout.name()));
        let bytes = fs::read(&torn).unwrap();
        fs::write(&torn, &bytes[..bytes.len() - 1]).unwrap();
        assert!(refusal(&folders).contains("truncated or changed"));
        assert!(!name("refused").exists(), "a refusal leaves nothing");
        let many = Job { shard: Shard { index: 0, count: 231 }, ..job(&name("many"), layout) };
        assert!(generate(&many, &mut |_| {}).unwrap_err().to_string().contains("expected at most 230 shards"));
    }
}

#[test]
fn what_a_killed_run_left_is_taken_away_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = || {
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    // A run of four files that was killed in the second, beside somebody's own files.
    for name in ["train-00000-of-00004.jsonl", "train-00001-of-00004.jsonl.tmp", "notes.tmp", "train.log"] {
        fs::write(path(name), "x").unwrap();
    }
    fs::write(path(".unfinished"), "train-00000-of-00004.jsonl\ntrain-00001-of-00004.jsonl\n../outside\n").unwrap();
    generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap();
    assert_eq!(files(), ["README.md", "manifest.json", "notes.tmp", "train-00000-of-00001.jsonl", "train.log"]);

    // A run that fails takes away what it wrote, and the folders that it made.
    let out = path("deep/corpus");
    let mut writer = corpus::Writer::create(corpus::WriterSpec {
        folder: out.clone(),
        layout: Layout::Jsonl,
        prefix: "train".into(),
        files: 0..3,
        num_files: 3,
        shard: Shard::WHOLE,
        config: serde_json::Value::Null,
        force: false,
    })
    .unwrap();
    // A file has its name once the next one is finished.
    for _ in 0..2 {
        writer.append(b"{}\n", 1).unwrap();
        writer.end_file().unwrap();
    }
    writer.append(b"{}\n", 1).unwrap();
    assert!(out.join("train-00000-of-00003.jsonl").exists() && out.join("train-00002-of-00003.jsonl.tmp").exists());
    let second = generate(&Job { force: true, ..job(&out, Layout::Jsonl) }, &mut |_| {}).unwrap_err().to_string();
    assert!(second.contains("another run is writing into this folder"), "{second}");
    drop(writer);
    assert!(!path("deep").exists());
}

#[test]
fn contamination_counts_shared_problems_and_the_card_names_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let manifest = generate(&job(&one, Layout::Jsonl), &mut |_| {}).unwrap();
    let mut test = job(&other, Layout::Jsonl);
    test.spec.split = Split::Test;
    generate(&test, &mut |_| {}).unwrap();
    let clean = corpus::contamination(&[("train", &one), ("test", &other)]).unwrap();
    assert!(clean.is_clean(), "{clean:?}");
    let same = corpus::contamination(&[("train", &one), ("train again", &one)]).unwrap();
    assert_eq!(same.pairs[0].shared_problems + same.duplicates[0].1, 230);
    same.save(&one).unwrap();
    let card = fs::read_to_string(one.join(corpus::CARD)).unwrap();
    assert!(card.contains("path: \"train-*.jsonl\"") && card.contains(&manifest.digest) && card.contains("230 records"), "{card}");
}

#[test]
fn stats_and_forensics_tell_searches_apart() {
    let folder = tempfile::tempdir().unwrap();
    generate(&job(folder.path(), Layout::Shard), &mut |_| {}).unwrap();
    let mut collector = stats::Collector::default();
    corpus::read(folder.path(), |record| collector.add(&record)).unwrap();
    let stats = collector.finish();
    assert_eq!((stats.records, stats.by_kind["countdown/dfs/sos"]), (230, 230));
    assert!(stats.text_bytes.min <= stats.text_bytes.p50 && stats.text_bytes.p50 <= stats.text_bytes.max);
    let env = countdown(4);
    let problem = problem(&env, 3);
    let trace = |name: &str| run(&env, &problem, name, &Settings::default(), 0).trace().clone();
    let (dfs, bfs) = (trace("dfs"), trace("bfs"));
    assert_eq!(forensics(&env, &problem, &dfs.solution_only().unwrap()).style, Style::Straight);
    assert!(forensics(&env, &problem, &dfs).visits > 0 && forensics(&env, &problem, &bfs).backtracks.values().sum::<u64>() > 0);
    assert_eq!(overlap(&dfs, &dfs), 1.0);
    assert!(overlap(&dfs, &bfs) < 1.0);
}

#[test]
fn files_that_no_corpus_wrote_are_not_replaced_and_those_of_an_unfinished_one_are() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["README.md", "train-00000-of-00001.jsonl"] {
        let path = folder.path().join(name);
        fs::write(&path, "mine").unwrap();
        let error = generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("exists already"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        fs::remove_file(&path).unwrap();
    }
    let whole = generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap();
    assert!(!folder.path().join(".unfinished").exists());
    // A run that was killed before its manifest leaves the mark and its files.
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    fs::write(folder.path().join(".unfinished"), "").unwrap();
    assert_eq!(generate(&job(folder.path(), Layout::Jsonl), &mut |_| {}).unwrap().digest, whole.digest);
}

#[test]
fn what_gives_no_record_is_counted_by_reason_and_refused_where_nothing_can_come() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, search: &str, format: &str, transform: &str| {
        let spec = Spec { transform: transform.into(), difficulty: Difficulty::sized(3), count: 200, ..Spec::new("countdown", search, format) };
        generate(&Job { spec, ..job(&folder.path().join(name), Layout::Shard) }, &mut |_| {})
    };
    let manifest = make("wrong", "sos-bfs-sum-1", "sos", "all-wrong").unwrap();
    let count = |name: &str| manifest.counts.get(name).copied().unwrap_or(0);
    assert!(count("records") > 0 && count("skipped_solved") > 0 && count("skipped_unsolved") == 0, "{:?}", manifest.counts);
    assert_eq!((count("records") + count("skipped_solved"), count("solved")), (200, 0));
    let manifest = make("unsolved", "sos-bfs-sum-1", "sos-plan", "none").unwrap();
    assert!(manifest.counts["skipped_unsolved"] > 0 && !manifest.counts.contains_key("skipped_solved"));
    for transform in ["swap", "all-wrong"] {
        let manifest = make(transform, "dfs", "cot", transform).unwrap();
        assert_eq!((manifest.counts["records"], manifest.counts["solved"]), (200, 0), "{transform}");
        let mut collector = stats::Collector::default();
        corpus::read(&folder.path().join(transform), |record| collector.add(&record)).unwrap();
        let stats = collector.finish();
        assert_eq!((stats.solved, stats.by_stop.get(&metacot_traces::StopReason::Solved), stats.cost.max), (0, None, 0), "{transform}");
    }
    let error = make("nothing", "dfs", "sos", "all-wrong").unwrap_err().to_string();
    assert!(error.contains("all-wrong keeps failed searches in sos, and dfs solves every problem of countdown"), "{error}");
    assert!(make("plan", "dfs", "sos-plan", "all-wrong").unwrap_err().to_string().contains("all-wrong is for sos, think, prose, cot, answer, table"));
    assert!(!folder.path().join("nothing").join("manifest.json").exists());
}

#[test]
fn the_order_of_deterministic_search_is_audited_when_it_is_generated() {
    use metacot_envs::{Environment as _, maze::Maze};
    use metacot_traces::{audit, format};
    let env = Maze::configure(&Difficulty::sized(6)).unwrap();
    let spec = |search: &str| Spec { difficulty: Difficulty::sized(6), ..Spec::new("maze", search, "searchformer") };
    let fixed = format::build_for::<Maze>("astar", "searchformer", &Settings::default()).unwrap();
    let count = |search: &str| {
        let maker = metacot_traces::generate::Maker::<Maze>::new(&spec(search)).unwrap();
        let records = (0..30).map(|id| maker.record(id, &mut metacot_traces::generate::Desk::default()).unwrap().unwrap());
        let is_clean = |record: &corpus::Record| {
            let problem = serde_json::from_value(record.problem.clone()).unwrap();
            let env = env.at(&problem).unwrap_or(env.clone());
            audit(&env, Some(&problem), &fixed.parse(&record.text)).is_clean()
        };
        records.filter(|record| is_clean(record)).count()
    };
    assert_eq!(count("astar"), 30);
    assert!(count("astar-nondet") < 25);
}
