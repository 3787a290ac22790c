//! Held-out facets and distinct problems: no split shares a problem, each shows one shift, and bytes do not depend on threads and shards.

use std::{collections::BTreeSet, path::Path};

use metacot_envs::{
    Difficulty, Facet, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    corpus::{self, Layout, Manifest, Split},
    generate::{Job, Shard, Spec, generate},
};

use crate::support::a_search;

fn run(spec: Spec, out: &Path, threads: usize, shard: Shard) -> Result<Manifest, corpus::CorpusError> {
    generate(&Job { spec, out: out.into(), layout: Layout::Jsonl, threads, shard, force: false }, &mut |_| {})
}

const WHOLE: Shard = Shard { index: 0, count: 1 };

/// A size for the out-of-distribution split of an environment.
fn other_size(env: &str) -> &'static str {
    match env {
        "maze" => "8x6",
        "sokoban" => "8",
        "sudoku" => "6",
        "cryptarithm" => "4",
        "countdown" | "hex" => "3",
        "connect4" => "4x4",
        _ => "5",
    }
}

/// Targets to hold out: a share, or one by name where an environment has too few for a share.
fn targets(env: &str) -> &'static str {
    match env {
        "sudoku" => "sudoku:1234/3412/2143/4321",
        "cryptarithm" => "ABC",
        "connect4" | "hex" => "win in 3",
        _ => "30%",
    }
}

/// The facets of the records of a corpus.
struct Facets<'a> {
    folder: &'a Path,
}

impl EnvironmentVisitor for Facets<'_> {
    type Output = Vec<[String; 3]>;

    fn visit<E: World>(self) -> Self::Output {
        let env = E::configure(&Difficulty::default()).unwrap();
        let mut facets = Vec::new();
        corpus::read(self.folder, |record| {
            let problem: E::Problem = serde_json::from_value(record.problem).unwrap();
            facets.push(Facet::ALL.map(|facet| env.facet(&problem, facet).unwrap()));
        })
        .unwrap();
        facets
    }
}

#[test]
fn every_environment_has_out_of_distribution_splits_that_share_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for env in registry::NAMES {
        let size = other_size(env);
        let hold_out = Settings::default().with("targets", targets(env)).with("sizes", size).with("sets", "30%");
        // The game has one target and one size.
        let is_game24 = *env == "game24";
        let hold_out = if is_game24 { Settings::default().with("sets", "30%") } else { hold_out };
        let mut seen: Vec<(Split, Vec<[String; 3]>, std::path::PathBuf)> = Vec::new();
        for split in [Split::Train, Split::Test, Split::TestOodTarget, Split::TestOodSize, Split::TestOodSet] {
            if is_game24 && [Split::TestOodTarget, Split::TestOodSize].contains(&split) {
                continue;
            }
            let out = folder.path().join(format!("{env}-{}", split.name()));
            let spec = Spec { split, hold_out: hold_out.clone(), count: 25, ..Spec::new(env, a_search(env), "answer") };
            run(spec, &out, 2, WHOLE).unwrap();
            let facets = registry::visit(env, Facets { folder: &out }).unwrap();
            assert!(!facets.is_empty(), "{env} {}", split.name());
            seen.push((split, facets, out));
        }
        let of = |split: Split, place: usize| -> BTreeSet<&String> {
            seen.iter().filter(|(other, ..)| *other == split).flat_map(|(_, facets, _)| facets.iter().map(move |facet| &facet[place])).collect()
        };
        for (place, ood) in [Split::TestOodTarget, Split::TestOodSize, Split::TestOodSet].into_iter().enumerate() {
            for split in Split::ALL.into_iter().filter(|split| *split != ood) {
                assert!(of(ood, place).is_disjoint(&of(split, place)), "{env}: {} of {} are in {}", Facet::ALL[place].plural(), ood.name(), split.name());
            }
        }
        let named: Vec<(&str, &Path)> = seen.iter().map(|(split, _, out)| (split.name(), out.as_path())).collect();
        assert!(corpus::contamination(&named).unwrap().is_clean(), "{env}");
    }
}

#[test]
fn named_targets_and_sets_are_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let spec = |split, hold_out: &Settings| Spec {
        difficulty: Difficulty { size: Some("3".into()), settings: Settings::default().with("max_number", 9).with("max_target", 40) },
        split,
        hold_out: hold_out.clone(),
        count: 200,
        ..Spec::new("countdown", "dfs", "answer")
    };
    let hold_out = Settings::default().with("targets", "24,30..32").with("sets", "3+5+9,2+3+4").with("sizes", "4,5");
    let facets = |split: Split| {
        let out = folder.path().join(split.name());
        run(spec(split, &hold_out), &out, 1, WHOLE).unwrap();
        registry::visit("countdown", Facets { folder: &out }).unwrap()
    };
    let targets: BTreeSet<String> = facets(Split::TestOodTarget).into_iter().map(|[target, ..]| target).collect();
    assert_eq!(targets.into_iter().collect::<Vec<_>>(), ["24", "30", "31", "32"]);
    let sizes: Vec<String> = facets(Split::TestOodSize).into_iter().map(|[_, size, _]| size).collect();
    assert!(sizes.len() == 200 && sizes.iter().step_by(2).all(|size| size == "4") && sizes.iter().skip(1).step_by(2).all(|size| size == "5"));
    let sets: BTreeSet<String> = facets(Split::TestOodSet).into_iter().map(|[.., set]| set).collect();
    assert_eq!(sets.into_iter().collect::<Vec<_>>(), ["2+3+4", "3+5+9"]);
    let train = facets(Split::Train);
    assert!(train.iter().all(|[target, size, set]| target != "24" && size == "3" && set != "3+5+9" && set != "2+3+4"));

    let refused = |split, hold_out: Settings| run(spec(split, &hold_out), &folder.path().join("refused"), 1, WHOLE).unwrap_err().to_string();
    for (split, hold_out, expected) in [
        (Split::TestOodTarget, Settings::default(), "split `test-ood-target` is empty: nothing is held out; give --hold-out targets="),
        (Split::Train, Settings::default().with("target", "24"), "`target` is no facet of problems; expected targets=…, sizes=… or sets=…"),
        (Split::Train, Settings::default().with("targets", "200%"), "targets = `200%` is not allowed; expected values, ranges"),
        (Split::Train, Settings::default().with("sizes", "3"), "sizes = `3` has the size 3 that is generated"),
        (Split::Train, Settings::default().with("sizes", "10%"), "sizes = `10%` is not allowed; expected a list of sizes"),
        (Split::Train, Settings::default().with("targets", "1%"), "name the values instead"),
        (Split::Train, Settings::default().with("sizes", "99"), "size = `99` is not allowed"),
        (Split::Train, Settings::default().with("targets", "a"), "targets = `a` is not allowed; countdown has values such as "),
        (Split::Train, Settings::default().with("sets", "3..5"), "sets = `3..5` is not allowed; countdown has values such as `"),
        (Split::TestOodTarget, Settings::default().with("targets", "99"), "no problem of countdown falls into the split `test-ood-target`"),
    ] {
        let error = refused(split, hold_out);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn distinct_problems_have_the_same_bytes_at_any_thread_count_and_in_shards() {
    let folder = tempfile::tempdir().unwrap();
    let spec = |distinct| Spec {
        difficulty: Difficulty { size: Some("3".into()), settings: Settings::default().with("max_number", 6).with("max_target", 14) },
        distinct,
        count: 100_100,
        ..Spec::new("countdown", "dfs", "answer")
    };
    let all = run(spec(false), &folder.path().join("all"), 2, WHOLE).unwrap();
    let one = run(spec(true), &folder.path().join("one"), 1, WHOLE).unwrap();
    let two = run(spec(true), &folder.path().join("two"), 2, WHOLE).unwrap();
    assert_eq!(one.files, two.files);
    assert_eq!(one.counts["records"] + one.counts["skipped_repeated"], all.counts["records"]);
    let shards: Vec<_> = (0..3).map(|index| folder.path().join(index.to_string())).collect();
    for (index, out) in (0..).zip(&shards) {
        run(spec(true), out, 2, Shard { index, count: 3 }).unwrap();
    }
    assert_eq!(corpus::merge(&shards, &folder.path().join("merged"), false, &mut |_, _| {}).unwrap(), one);
    let distinct = |name: &str| {
        let mut keys = BTreeSet::new();
        let manifest = corpus::read(&folder.path().join(name), |record| assert!(keys.insert(record.canonical_key) || name == "all")).unwrap();
        (keys, manifest.counts["records"])
    };
    let ((all, _), (kept, count)) = (distinct("all"), distinct("one"));
    assert_eq!((kept.len() as u64, &kept), (count, &all));
}
