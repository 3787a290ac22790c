//! The funnel: every planted defect is found by its rule, nothing else is dropped, and the outcome depends on the rows alone.

use std::{fs, path::Path};

use metacot_envs::{Difficulty, Settings, registry};
use metacot_traces::{
    corpus::{self, FilterJob, Layout, Manifest, RULES, Record, RuleCount, Split, Writer, WriterSpec, filter},
    generate::{Job, Shard, Spec, generate},
};
use serde_json::{Value, json};

use crate::support::a_search;

fn job(input: &Path, out: &Path, rules: &str) -> FilterJob {
    FilterJob {
        input: input.into(),
        out: out.into(),
        rules: (!rules.is_empty()).then(|| rules.split(',').map(str::to_string).collect()),
        settings: Settings::default(),
        env: None,
        against: Vec::new(),
        graded: None,
        threads: 2,
        force: false,
    }
}

fn run(job: &FilterJob) -> (u64, u64, Vec<RuleCount>) {
    filter(job, &mut |_, _| {}).unwrap()
}

fn dropped(counts: &[RuleCount]) -> Vec<(&str, u64)> {
    counts.iter().filter(|count| count.dropped > 0).map(|count| (count.rule.as_str(), count.dropped)).collect()
}

fn make(out: &Path, env: &str, size: Option<&str>, count: u64, layout: Layout) -> Manifest {
    let spec = Spec { count, difficulty: Difficulty { size: size.map(str::to_string), ..Difficulty::default() }, ..Spec::new(env, a_search(env), "answer") };
    generate(&Job { spec, out: out.into(), layout, threads: 2, shard: Shard { index: 0, count: 1 }, force: false }, &mut |_| {}).unwrap()
}

fn records(folder: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    corpus::read(folder, |record| records.push(record)).unwrap();
    records
}

/// Writes records as a corpus of JSON lines.
fn write(out: &Path, records: &[Record]) {
    let spec = WriterSpec {
        folder: out.into(),
        layout: Layout::Jsonl,
        prefix: "train".into(),
        files: 0..1,
        num_files: 1,
        shard: corpus::Shard::WHOLE,
        config: json!({ "env": "countdown" }),
        force: false,
    };
    let mut writer = Writer::create(spec).unwrap();
    for record in records {
        writer.append(format!("{}\n", serde_json::to_string(record).unwrap()).as_bytes(), 1).unwrap();
    }
    writer.finish().unwrap();
}

fn countdown(id: u64, numbers: &[u32], target: u32) -> Record {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let sorted: Vec<String> = sorted.iter().map(u32::to_string).collect();
    Record {
        id,
        env: "countdown".into(),
        search: "dfs".into(),
        format: "answer".into(),
        transform: None,
        split: Split::Train,
        canonical_key: format!("countdown:{target}:{}", sorted.join(",")),
        problem: json!({ "numbers": numbers, "target": target }),
        text: format!("{target}:{numbers:?}"),
        prompt_len: 0,
        plan: None,
        cost: None,
        stop: metacot_traces::StopReason::Exhausted,
        expanded: 0,
        generated: 1,
        loss_spans: Vec::new(),
    }
}

#[test]
fn every_planted_defect_in_records_is_found_by_its_rule() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let base = [countdown(0, &[3, 5, 9], 24), countdown(1, &[41, 62, 7, 88], 51), countdown(2, &[17, 29, 53], 65), countdown(3, &[13, 37, 71], 21)];
    let mut again = base[0].clone();
    again.text = "another trace".into();
    let planted = [
        base[0].clone(),                  // duplicate
        again,                            // canonical-duplicate
        countdown(5, &[9, 5, 3], 24),     // canonical-duplicate by order
        countdown(6, &[11, 31, 77], 33),  // leak
        countdown(7, &[2, 2], 4),         // yes-no has four actions; random play reaches 4 by 2*2 and 2+2: guessable
        countdown(8, &[3, 5, 9], 25),     // near-duplicate: the target one more
        countdown(9, &[17, 30, 53], 65),  // near-duplicate: a number one more
        countdown(10, &[17, 31, 53], 65), // two away from a kept row, one from a dropped one: kept
    ];
    write(&path("corpus"), &[base.as_slice(), &planted].concat());
    write(&path("test"), &[countdown(0, &[77, 11, 31], 33)]);
    let mut job = job(&path("corpus"), &path("kept"), "");
    job.against = vec![path("test")];
    let (rows, kept, counts) = run(&job);
    assert_eq!(dropped(&counts), [("duplicate", 1), ("canonical-duplicate", 2), ("leak", 1), ("guessable", 1), ("near-duplicate", 2)]);
    assert_eq!((rows, kept), (12, 5));
    let ids: Vec<u64> = records(&path("kept")).iter().map(|record| record.id).collect();
    assert_eq!(ids, [0, 1, 2, 3, 10]);
    let report: Value = serde_json::from_str(&fs::read_to_string(path("kept").join("funnel.json")).unwrap()).unwrap();
    assert_eq!((&report["rows"], &report["kept"], &report["rules"][1]["dropped"]), (&json!(12), &json!(5), &json!(2)));
    assert_eq!(report["input_digest"], json!(Manifest::load(&path("corpus")).unwrap().digest));
}

#[test]
fn answers_are_unique_by_the_exact_oracle() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // 3*5+9 is the only way to 24; 2*2 and 2+2 are two ways to 4.
    write(&path("corpus"), &[countdown(0, &[3, 5, 9], 24), countdown(1, &[2, 2], 4)]);
    let (_, kept, counts) = run(&job(&path("corpus"), &path("kept"), "not-unique"));
    assert_eq!((kept, dropped(&counts)), (1, vec![("not-unique", 1)]));
    let rows = [
        json!({ "env": "sudoku", "problem": { "rows": ["1...", "....", "....", "...."] } }),
        json!({ "env": "sudoku", "problem": { "rows": ["1234", "3412", "2143", "432."] } }),
        json!({ "env": "cryptarithm", "problem": { "words": ["SEND", "MORE"], "result": "MONEY" } }),
        json!({ "env": "cryptarithm", "problem": { "words": ["A", "B"], "result": "C" } }),
        json!({ "env": "maze", "problem": { "width": 2, "height": 2, "walls": [], "start": [0, 0], "goal": [1, 1] } }),
        json!({ "env": "maze", "problem": { "width": 2, "height": 2, "walls": [[1, 0]], "start": [0, 0], "goal": [1, 1] } }),
        json!({ "env": "arithmetic", "problem": { "kind": "order", "operands": [2, 2, 2], "operators": ["+", "+"], "target": 6 } }),
        json!({ "env": "arithmetic", "problem": { "kind": "add", "operands": [12, 34] } }),
        json!({ "question": "What is 3 + 4?", "answer": "7" }),
    ];
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    fs::write(path("rows.jsonl"), &text).unwrap();
    let (rows, kept, counts) = run(&job(&path("rows.jsonl"), &path("unique"), "not-unique"));
    assert_eq!((rows, kept, counts[0].dropped, counts[0].not_applicable), (9, 5, 4, 1));
    let left = fs::read_to_string(path("unique/train-00000-of-00001.jsonl")).unwrap();
    let expected: Vec<&str> = text.lines().enumerate().filter(|(row, _)| [1, 2, 5, 7, 8].contains(row)).map(|(_, line)| line).collect();
    assert_eq!(left.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn rows_in_prose_are_judged_by_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let story = "Ann has 12 apples and gives a quarter of them away to each of two friends, then buys five more at the market before noon. How many are left?";
    let rows = [
        json!({ "id": 1, "question": story, "answer": "11" }),
        json!({ "id": 2, "question": story, "answer": "11" }),
        json!({ "id": 3, "question": story.to_uppercase(), "answer": "eleven" }),
        json!({ "id": 4, "question": story.replace("Ann", "Bob"), "answer": "11" }),
        json!({ "id": 5, "question": "Which is prime? (A) 4 (B) 5 (C) 6", "answer": "B" }),
        json!({ "id": 6, "question": "Is 91 prime?", "answer": "No" }),
        json!({ "id": 7, "question": "What is 2^10?", "answer": 1024, "solve_rate": 0.99 }),
        json!({ "id": 8, "question": "What is the 3-adic valuation of 54?", "answer": "3", "solve_rate": 0.5 }),
        json!({ "id": "nine", "problem": "Find all primes below 10 whose square is above 30.", "solution": "7" }),
        json!({ "id": 10, "prompt": "Prove nothing; compute 17*23 instead.", "completion": "391" }),
        json!({ "id": 11, "question": "How many letters has this test?", "answer": "none" }),
    ];
    fs::write(path("rows.jsonl"), rows.iter().map(|row| format!("{row}\n\n")).collect::<String>()).unwrap();
    fs::write(path("test.jsonl"), "{\"question\":\"how many LETTERS has this test\"}\n").unwrap();
    fs::write(path("graded.jsonl"), "{\"id\":\"nine\",\"answer_correct\":true}\n{\"id\":\"nine\",\"answer_correct\":false}\n{\"id\":10,\"error\":\"x\"}\n")
        .unwrap();
    let mut job = job(&path("rows.jsonl"), &path("kept"), "");
    job.against = vec![path("test.jsonl")];
    job.graded = Some(path("graded.jsonl"));
    job.settings = Settings::default().with("min_rate", 0.1).with("max_rate", 0.9);
    let (rows, kept, counts) = run(&job);
    let expected = [("duplicate", 1), ("canonical-duplicate", 1), ("leak", 1), ("multiple-choice", 1), ("yes-no", 1), ("solve-rate", 2), ("near-duplicate", 1)];
    assert_eq!((rows, kept, dropped(&counts)), (11, 3, expected.to_vec()));
    let left = fs::read_to_string(path("kept/train-00000-of-00001.jsonl")).unwrap();
    let ids: Vec<Value> = left.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(8), json!("nine")]);
    // What was kept is a source again, and passes the same funnel whole.
    job.input = path("kept");
    job.out = path("again");
    assert_eq!(run(&job).1, 3);
}

#[test]
fn the_outcome_depends_on_the_rows_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for layout in [Layout::Jsonl, Layout::Shard] {
        let corpus = path(layout.name());
        make(&corpus, "countdown", Some("3"), 9000, layout);
        let digests: Vec<(String, Vec<RuleCount>)> = [1, 2, 5]
            .map(|threads| {
                let out = path(&format!("{}-{threads}", layout.name()));
                let (rows, kept, counts) = run(&FilterJob { threads, ..job(&corpus, &out, "") });
                assert_eq!(rows - kept, counts.iter().map(|count| count.dropped).sum::<u64>());
                assert!(counts.windows(2).all(|pair| pair[0].asked - pair[0].dropped == pair[1].asked), "{counts:?}");
                (Manifest::load(&out).unwrap().digest, counts)
            })
            .to_vec();
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
        let kept = records(&path(&format!("{}-1", layout.name())));
        let keys: std::collections::BTreeSet<&str> = kept.iter().map(|record| record.canonical_key.as_str()).collect();
        assert_eq!(keys.len(), kept.len());
        // A second pass drops nothing.
        let (rows, kept, _) = run(&job(&path(&format!("{}-1", layout.name())), &path(&format!("{}-again", layout.name())), ""));
        assert_eq!(rows, kept);
    }
}

#[test]
fn every_rule_takes_every_environment() {
    let folder = tempfile::tempdir().unwrap();
    for env in registry::NAMES {
        let corpus = folder.path().join(env);
        make(&corpus, env, None, 12, Layout::Jsonl);
        for kind in RULES {
            let mut job = job(&corpus, &folder.path().join(format!("{env}-{}", kind.name)), kind.name);
            job.against = vec![corpus.clone()];
            let (rows, kept, counts) = run(&job);
            assert_eq!((rows, counts[0].asked), (records(&corpus).len() as u64, rows), "{env} {}", kind.name);
            if kind.name == "leak" {
                assert_eq!(kept, 0, "{env}");
            }
        }
    }
}

#[test]
fn mistakes_are_refused_by_name_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    make(&path("corpus"), "countdown", Some("3"), 20, Layout::Shard);
    fs::write(path("bad.jsonl"), "{\"question\":\"x\"}\nnot json\n").unwrap();
    fs::write(path("nothing.jsonl"), "{\"id\":3}\n").unwrap();
    fs::write(path("alien.jsonl"), "{\"env\":\"countdown\",\"problem\":{\"rows\":[]}}\n").unwrap();
    run(&job(&path("corpus"), &path("kept"), "duplicate"));
    let error = |job: FilterJob| filter(&job, &mut |_, _| {}).unwrap_err().to_string().replace(&folder.path().display().to_string(), "DIR");
    let refused: Vec<String> = [
        error(job(&path("corpus"), &path("kept"), "duplicate")),
        error(job(&path("corpus"), &path("corpus"), "duplicate")),
        error(job(&path("corpus"), &path("out"), "duplicat")),
        error(job(&path("corpus"), &path("out"), "leak")),
        error(FilterJob { settings: Settings::default().with("guess_above", 2), ..job(&path("corpus"), &path("out"), "guessable") }),
        error(FilterJob { settings: Settings::default().with("min_rate", 0.5), ..job(&path("corpus"), &path("out"), "guessable") }),
        error(FilterJob { settings: Settings::default().with("min_rate", 0.5).with("max_rate", 0.2), ..job(&path("corpus"), &path("out"), "") }),
        error(FilterJob { against: vec![path("missing")], ..job(&path("corpus"), &path("out"), "") }),
        error(FilterJob { graded: Some(path("nothing.jsonl")), ..job(&path("corpus"), &path("out"), "") }),
        error(job(&path("bad.jsonl"), &path("out"), "")),
        error(job(&path("nothing.jsonl"), &path("out"), "")),
        error(job(&path("alien.jsonl"), &path("out"), "")),
        error(job(&path("missing"), &path("out"), "")),
    ]
    .to_vec();
    insta::assert_snapshot!(refused.join("\n"));
    assert_eq!(records(&path("corpus")).len(), 20);
    assert!(!path("out").join("manifest.json").exists(), "a failed run leaves no finished corpus");
}
