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
    for name in ["supervised", "star-1", "star-2", "rest-1-1", "rest-1-2", "grpo"] {
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
    for file in ["metrics.jsonl", "checkpoints/grpo/weights.safetensors", "rollouts/star-2.jsonl", "eval/grpo-unseen.json"] {
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

#[test]
fn stages_that_cannot_be_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run").display().to_string();
    let refused = |change: &str| error_line(&output(&["run", &recipe(), "--out", &out, "--set", change]), folder.path());
    let lines = [
        "stage.grpo.policy.objective.name=dpo",
        "stage.grpo.policy.plan.minibatch=7",
        "stage.star.imitate.method=stare",
        "stage.nova.policy.steps=7",
        "stage.rest.name=star",
        "corpus.hinted=0.0",
    ]
    .map(refused);
    insta::assert_snapshot!(lines.join("\n"));
    assert!(!Path::new(&out).exists());
}
