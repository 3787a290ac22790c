//! Stages of a recipe, and policy gradients from the checkpoint of a run.

use std::{fs, path::Path, thread::sleep, time::Instant};

use crate::support::{error_line, metacot, output, stdout};

fn recipe() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metacot/stages.toml").display().to_string()
}

#[test]
fn every_stage_runs_in_order_and_a_killed_run_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name).display().to_string());
    let started = Instant::now();
    let text = stdout(&output(&["run", &recipe(), "--out", &whole]));
    let duration = started.elapsed();
    assert!(text.contains("unlocked are problems that only a hint solved"), "{text}");
    assert!(text.contains("The dial of effort") && Path::new(&whole).join("eval/grpo-effort-b-unseen.json").exists());
    assert!(text.contains("Expert iteration at operation level") && text.contains("before expert"), "{text}");
    for name in ["supervised", "star-1", "star-2", "rest-1-1", "rest-1-2", "grpo", "expert-1", "expert-2", "genes"] {
        assert!(Path::new(&whole).join("checkpoints").join(name).join("weights.safetensors").exists(), "{name}");
    }
    let metrics = fs::read_to_string(Path::new(&whole).join("metrics.jsonl")).unwrap();
    assert!(metrics.lines().any(|line| line.contains("\"split\":\"grpo\"") && line.contains("\"zero_variance_share\"")));

    for part in 1..=4 {
        let mut command = metacot(&["run", &recipe(), "--out", &killed]);
        let mut child = command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        sleep(duration.mul_f64(0.1 * f64::from(part)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    stdout(&output(&["run", &recipe(), "--out", &killed]));
    for file in [
        "metrics.jsonl",
        "checkpoints/grpo/weights.safetensors",
        "rollouts/star-2.jsonl",
        "eval/grpo-unseen.json",
        "eval/grpo-effort-b-before-unseen.json",
        "rollouts/expert-2.jsonl",
        "eval/expert-2-actions.json",
        "checkpoints/genes/weights.safetensors",
    ] {
        assert!(fs::read(Path::new(&whole).join(file)).unwrap() == fs::read(Path::new(&killed).join(file)).unwrap(), "{file} differs");
    }

    // From one of its checkpoints on, in a folder of its own.
    let out = folder.path().join("ppo").display().to_string();
    let args = ["improve", &whole, "--checkpoint", "supervised", "--objective", "ppo", "--out", &out];
    let small = ["--set", "steps=2", "--set", "pool=6", "--set", "plan={prompts=2, samples=2, minibatch=4, epochs=1}", "--set", "reward={name='format'}"];
    let first = stdout(&output(&[&args[..], &small].concat()));
    assert!(first.starts_with("{\"after\":{\"greedy_accuracy\":"), "{first}");
    assert_eq!(first, stdout(&output(&[&args[..], &small].concat())), "a finished one gives its numbers again");
    let other = output(&[&args[..], &small, &["--set", "steps=3"]].concat());
    assert_eq!(error_line(&other, folder.path()), "4 error: DIR/ppo: holds a run of other settings; give another --out, or --force to replace it");
}

/// Games on the smallest boards, in seconds.
fn play() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metacot/play.toml").display().to_string()
}

#[test]
fn self_play_is_measured_against_chance_search_and_best_play_and_goes_on_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name).display().to_string());
    let text = compact(&stdout(&output(&["run", &play(), "--out", &whole])));
    for line in ["Strength of play", "| play-2 | guided, 8 simulations | plain MCTS, 8 simulations |", "| before play | chance |", "best play"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let games = fs::read_to_string(Path::new(&whole).join("rollouts/play-2.jsonl")).unwrap();
    assert_eq!(games.lines().count(), 6);
    // All but the first round is gone, as after a kill.
    copy_without(Path::new(&whole), Path::new(&killed), &["play-2", "manifest.json", "report"]);
    stdout(&output(&["run", &play(), "--out", &killed]));
    for file in ["metrics.jsonl", "checkpoints/play-2/weights.safetensors", "rollouts/play-2.jsonl", "eval/play-2-play.json"] {
        assert!(fs::read(Path::new(&whole).join(file)).unwrap() == fs::read(Path::new(&killed).join(file)).unwrap(), "{file} differs");
    }
    let refused = output(&["run", &recipe(), "--out", &killed, "--force", "--set", "stage=[{name='play', self_play={}}]"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("unknown game `countdown`"), "{}", String::from_utf8_lossy(&refused.stderr));
}

/// A text with one space where tables are padded.
fn compact(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

/// Copies a folder without what has one of some names in it.
fn copy_without(from: &Path, to: &Path, left_out: &[&str]) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if left_out.iter().any(|part| name.contains(part)) {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => copy_without(&entry.path(), &to.join(name), left_out),
            false => drop(fs::copy(entry.path(), to.join(name)).unwrap()),
        }
    }
}

#[test]
fn an_arm_that_stops_is_named_and_does_not_stop_the_ladder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("ladder").display().to_string();
    // Nothing earns a reward above 1, so that this arm has nothing to learn from.
    let changes = [
        "ladder={seeds=1, tokens=1500}",
        "stage.rest.imitate.thresholds=[2.0]",
        "stage.rest.imitate.problems=20",
        "stage.grpo.policy.steps=2",
        "stage.genes.evolve.reward={name=\"constraints\", require=[{max-tokens=0}]}",
        "stage.genes.evolve.patience=2",
    ];
    let changes: Vec<&str> = changes.into_iter().flat_map(|change| ["--set", change]).collect();
    let text = compact(&stdout(&output(&[&["run", recipe().as_str(), "--out", &out], &changes[..]].concat())));
    assert!(text.contains("rest stopped with seed 1, which the row leaves out: rest-s1-1: none of"), "{text}");
    assert!(text.contains("genes stopped with seed 1, which the row leaves out: stopped at step 2: no copy earned anything in 2 steps"), "{text}");
    assert!(text.contains("Claims of the literature at this scale") && text.contains("| policy gradients raise pass@1 |"), "{text}");
}

#[test]
fn stages_that_cannot_be_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    let recipe = folder.path().join("stages.toml");
    fs::copy(self::recipe(), &recipe).unwrap();
    let refused = |change: &str| error_line(&output(&["run", recipe.to_str().unwrap(), "--out", &out, "--set", change]), folder.path());
    let lines = [
        "stage.grpo.policy.objective.name=score",
        "stage.star.guided={rounds=1}",
        "stage.grpo.policy.plan.minibatch=7",
        "stage.star.imitate.method=stare",
        "stage.rest.imitate.second_try=true",
        "stage.rest.imitate.reward={name=\"discount\", gamma=1.5}",
        "ladder={seeds=1, tokens=1, compute_of=\"nobody\"}",
        "stage.nova.policy.steps=7",
        "stage.rest.name=star",
        "corpus.hinted=0.0",
    ]
    .map(refused);
    insta::assert_snapshot!(lines.join("\n"));
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_ladder_starts_every_arm_from_one_model_and_samples_equal_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let [out, again] = ["ladder", "again"].map(|name| folder.path().join(name).display().to_string());
    let ladder = ["--set", "ladder={seeds=2, tokens=3000}", "--set", "stage.rest.imitate.problems=200", "--set", "stage.grpo.policy.steps=100"];
    let text = stdout(&output(&[&["run", &recipe(), "--out", &out], &ladder[..]].concat()));
    let table = text.lines().skip_while(|line| !line.contains("Arms at equal sampled tokens"));
    let arms: Vec<&str> = table.filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).skip_while(|name| *name != "supervised").take(6).collect();
    assert_eq!(arms, ["supervised", "star", "rest", "grpo", "expert", "genes"]);
    for seed in [1, 2] {
        // 16 problems, 2 responses of at most 70 tokens: a part is at most 2240 tokens; a policy step at most 1120.
        let metrics = fs::read_to_string(Path::new(&out).join(format!("checkpoints/grpo-s{seed}/metrics.jsonl"))).unwrap();
        let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        assert!((3000.0..4200.0).contains(&last["sampled_tokens"].as_f64().unwrap()), "{last}");
        let rollouts = fs::read_to_string(Path::new(&out).join(format!("rollouts/rest-s{seed}-1.jsonl"))).unwrap();
        let tokens: u64 = rollouts.lines().flat_map(|line| tokens(&serde_json::from_str(line).unwrap())).sum();
        assert!((3000..5300).contains(&tokens), "{tokens}");
    }
    // Removed at the end and run again, it reads what is there.
    fs::rename(&out, &again).unwrap();
    fs::remove_file(Path::new(&again).join("manifest.json")).unwrap();
    let repeated = stdout(&output(&[&["run", &recipe(), "--out", &again], &ladder[..]].concat()));
    let body = |text: &str| text.lines().filter(|line| !line.contains("--out")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&repeated), body(&text));
}

fn tokens(group: &serde_json::Value) -> Vec<u64> {
    group["rollouts"].as_array().unwrap().iter().map(|rollout| rollout["tokens"].as_u64().unwrap()).collect()
}
