//! Mixed corpora: what goes together occurs, what does not is named, and the bytes depend on nothing but the spec.

use std::{collections::BTreeMap, path::Path};

use metacot_envs::{Settings, registry};
use metacot_traces::{
    corpus::{self, Layout, Split, SplitShares},
    generate::{Producer, Run, Shard},
    mix::{Mix, MixSpec, generate},
    transform::loss::LossMask,
};

fn spec(envs: &[&str], searches: &[&str], formats: &[&str], count: u64) -> MixSpec {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
    MixSpec {
        envs: list(envs),
        searches: list(searches),
        formats: list(formats),
        transforms: vec!["none".into()],
        size: None,
        settings: Settings::default(),
        weights: BTreeMap::new(),
        expansions: None,
        loss: LossMask::default(),
        split: Split::Train,
        shares: SplitShares::default(),
        count,
        seed: 1,
    }
}

fn run(out: &Path, threads: usize, shard: Shard) -> Run {
    Run { count: 0, split: Split::Train, out: out.into(), layout: Layout::Shard, threads, shard, force: false }
}

const WHOLE: Shard = Shard { index: 0, count: 1 };

#[test]
fn every_combination_occurs_in_every_round() {
    let all = spec(&["all"], &["all"], &["all"], 0);
    let mix = Mix::new(&all).unwrap();
    let count = mix.combinations().len() as u64;
    assert!(count > 500, "only {count} combinations");
    let mut desk = mix.desk();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut missing = Vec::new();
    for id in count..2 * count {
        // Combinations whose searches fail all draws show nothing; they must be few.
        let kind = mix.make(id, &mut desk, |record| format!("{}/{}/{}", record.env, record.search, record.format)).unwrap();
        match kind {
            Ok(kind) => *seen.entry(kind).or_default() += 1,
            Err(_) => missing.push(id),
        }
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert!(missing.len() as u64 <= count / 100, "{} of {count} combinations show nothing after all draws", missing.len());
    for env in registry::NAMES {
        assert!(seen.keys().any(|kind| kind.starts_with(env)), "{env} does not occur");
    }
    let refused = mix.refusals().iter().find(|one| (&*one.env, &*one.search, &*one.format) == ("hex", "bfs", "think")).unwrap();
    assert_eq!(refused.reason, "search = `bfs` is not allowed; expected a search for hex; bfs is for one player");
}

#[test]
fn bytes_do_not_depend_on_threads_or_shards() {
    let folder = tempfile::tempdir().unwrap();
    let mut mixed = spec(&["countdown", "arithmetic"], &["dfs", "astar"], &["sos", "think", "answer"], 100_030);
    mixed.transforms = vec!["none".into(), "conditioned".into()];
    let whole = generate(&mixed, run(&folder.path().join("whole"), 1, WHOLE), &mut |_| {}).unwrap();
    let shards: Vec<_> = (0..4).map(|index| folder.path().join(index.to_string())).collect();
    for (index, out) in (0..).zip(&shards) {
        generate(&mixed, run(out, 3, Shard { index, count: 4 }), &mut |_| {}).unwrap();
    }
    assert_eq!(corpus::merge(&shards, &folder.path().join("merged"), false, &mut |_, _| {}).unwrap(), whole);
    let mut ids = Vec::new();
    corpus::read(&folder.path().join("whole"), |record| ids.push(record.id)).unwrap();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids.len() > 100_000, "{} records", ids.len());

    let all = spec(&["all"], &["all"], &["all"], 1500);
    let digests = [1, 3].map(|threads| generate(&all, run(&folder.path().join(format!("all-{threads}")), threads, WHOLE), &mut |_| {}).unwrap().digest);
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn weights_and_settings_go_to_those_who_know_them() {
    let mut mixed = spec(&["countdown", "maze"], &["dfs", "mcts"], &["think"], 0);
    mixed.weights = [("maze".to_string(), 3), ("mcts".to_string(), 0)].into();
    mixed.settings = Settings::default().with("max_target", 30).with("simulations", 9);
    let mix = Mix::new(&mixed).unwrap();
    let shown: Vec<_> = mix.combinations().iter().map(|one| (one.weight, &*one.spec.env, &*one.spec.search)).collect();
    assert_eq!(shown, [(1, "countdown", "dfs"), (0, "countdown", "mcts"), (3, "maze", "dfs"), (0, "maze", "mcts")]);
    assert_eq!(mix.combinations()[0].spec.difficulty.settings, Settings::default().with("max_target", 30));
    assert_eq!(mix.combinations()[3].spec.search_settings, Settings::default().with("simulations", 9));
    let mut desk = mix.desk();
    let count = (0..40).filter(|id| mix.make(*id, &mut desk, |record| record.env == "maze").unwrap() == Ok(true)).count();
    assert_eq!(count, 30);
}

#[test]
fn mixtures_that_cannot_be_are_refused_by_name() {
    let refused = |spec: &MixSpec| Mix::new(spec).map(|_| ()).unwrap_err().to_string();
    let good = || spec(&["countdown"], &["dfs"], &["sos"], 0);
    assert!(refused(&MixSpec { envs: vec!["chess".into()], ..good() }).starts_with("unknown environment `chess` in a mixture; allowed: all, countdown"));
    assert!(refused(&MixSpec { transforms: vec!["swap".into()], ..good() }).starts_with("unknown transform `swap` in a mixture; allowed: all, none, retry"));
    assert_eq!(refused(&MixSpec { settings: Settings::default().with("depht", 3), ..good() }), "unknown setting `depht`: no combination takes it");
    assert_eq!(refused(&MixSpec { weights: [("maze".to_string(), 2)].into(), ..good() }), "weight of `maze`: no combination has it");
    let none = refused(&spec(&["countdown"], &["dfs"], &["searchformer"], 0));
    assert!(none.starts_with("no combination goes together: format = `searchformer` is not allowed"), "{none}");
}

#[test]
fn a_record_of_a_mixture_owes_nothing_to_the_one_before() {
    let mixed = MixSpec { transforms: vec!["none".into(), "dialects".into()], ..spec(&["maze", "countdown"], &["astar"], &["sos", "think"], 600) };
    let folder = tempfile::tempdir().unwrap();
    let digests = [1, 2, 3].map(|threads| generate(&mixed, run(&folder.path().join(threads.to_string()), threads, WHOLE), &mut |_| {}).unwrap().digest);
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    // Told by another maker than the one before, on a desk that others have used, a record is what it is on a fresh one.
    let mix = Mix::new(&mixed).unwrap();
    let mut used = mix.desk();
    for id in 0..200 {
        let [on_used, on_fresh] = [&mut used, &mut mix.desk()].map(|desk| mix.make(id, desk, |record| record.to_record()).unwrap());
        assert_eq!(on_used, on_fresh);
    }
}
