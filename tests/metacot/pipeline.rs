//! A whole run: it ends, says so the second time, and comes out the same however often it is killed.

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::{error_line, metacot, output, piped, stdout, tiny};

fn args<'a>(recipe: &'a str, out: &'a str) -> [&'a str; 4] {
    ["run", recipe, "--out", out]
}

/// Digests of what must not depend on how often the run was interrupted: the report less its command line, the weights, all samples.
fn results(out: &Path) -> Vec<String> {
    let report = fs::read_to_string(out.join("report.json")).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["report"]["provenance"]["command"].is_string());
    report["report"]["provenance"]["command"] = serde_json::Value::Null;
    let manifest = fs::read_to_string(out.join("manifest.json")).unwrap();
    let weights = manifest.lines().find(|line| line.contains("weights_digest")).unwrap().to_string();
    let mut files = vec![report.to_string(), weights];
    for name in ["supervised-unseen", "supervised-held-out", "round-1-unseen", "round-1-held-out"] {
        files.push(fs::read_to_string(out.join(format!("eval/{name}.json"))).unwrap());
    }
    files.push(fs::read_to_string(out.join("rollouts/round-1.jsonl")).unwrap());
    files.iter().map(|text| blake3::hash(text.as_bytes()).to_hex().to_string()).collect()
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = tiny().display().to_string();
    let whole = folder.path().join("whole");
    let started = Instant::now();
    stdout(&output(&args(&recipe, whole.to_str().unwrap())));
    let duration = started.elapsed();

    let again = output(&args(&recipe, whole.to_str().unwrap()));
    assert!(again.status.success() && again.stdout.is_empty());
    assert!(String::from_utf8_lossy(&again.stderr).starts_with("finished already"));

    // Trainings of every kind are told of, those of a supervised one too.
    let told = stdout(&output(&["inspect", whole.to_str().unwrap()]));
    assert!(told.starts_with("run ") && told.contains("supervised, train") && told.contains("round-1, "), "{told}");

    let killed = folder.path().join("killed");
    for part in 1..=8 {
        let mut child =
            metacot(&args(&recipe, killed.to_str().unwrap())).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        sleep(duration.mul_f64(0.07 * f64::from(part)).max(Duration::from_millis(20)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = output(&args(&recipe, killed.to_str().unwrap()));
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert_eq!(results(&killed), results(&whole));
    let [metrics, again] = [&whole, &killed].map(|run| fs::read_to_string(run.join("metrics.jsonl")).unwrap());
    assert!(metrics == again && metrics.lines().any(|line| line.contains("\"solve_rate\"")), "{}", metrics.lines().last().unwrap());

    // The model answers, and leaves as a folder for others.
    let problems = b"{\"numbers\":[3,5,6],\"target\":14}\n{\"numbers\":[1,2,3],\"target\":11}\n";
    let args = ["sample", whole.to_str().unwrap(), "--samples", "2", "--temperature", "1"];
    let rows = stdout(&piped(&args, problems));
    assert_eq!(rows.lines().count(), 4);
    assert_eq!(rows, stdout(&piped(&[&args[..], &["--threads", "1"]].concat(), problems)), "threads change nothing");
    let constrained = stdout(&piped(&[&args[..], &["--grammar"]].concat(), problems));
    assert_eq!(constrained.lines().count(), 4);
    for row in constrained.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap()) {
        assert!(row["is_format_ok"] == true && row["is_finished"] == true, "{row}");
    }
    let export = folder.path().join("export");
    stdout(&output(&["export", whole.to_str().unwrap(), "--checkpoint", "supervised", "--out", export.to_str().unwrap()]));
    assert!(export.join("model.safetensors").exists() && export.join("config.json").exists());
    let [card, report, resolved] =
        [export.join("README.md"), whole.join("report.md"), whole.join("recipe.resolved.toml")].map(|path| fs::read_to_string(path).unwrap());
    assert!(card.contains(resolved.trim_end()), "{card}");
    let row = card.lines().find_map(|line| line.strip_prefix("| unseen problems | pass@1 | ")).unwrap();
    let told = row.replace(" % |", " %").replace(" % ", " % [").replace(" to ", ", ").trim_end_matches(" %").to_owned();
    assert!(report.contains(&format!("{told}]")), "{told} is not in the report");

    // Another recipe does not touch what is there.
    let other = output(&["run", &recipe, "--set", "train.epochs=9", "--out", whole.to_str().unwrap()]);
    insta::assert_snapshot!("another_recipe", error_line(&other, folder.path()));
    // A checkpoint of another configuration is refused by name, and left as it is.
    let checkpoint = whole.join("checkpoints/supervised");
    let other = folder.path().join("other");
    output(&["run", &recipe, "--set", "model.width=16", "--out", other.to_str().unwrap()]);
    fs::remove_file(other.join("manifest.json")).unwrap();
    fs::remove_dir_all(other.join("checkpoints/supervised")).unwrap();
    copy_folder(&checkpoint, &other.join("checkpoints/supervised"));
    let refused = output(&["run", &recipe, "--set", "model.width=16", "--out", other.to_str().unwrap()]);
    insta::assert_snapshot!("another_checkpoint", error_line(&refused, folder.path()));
}

#[test]
fn the_threads_asked_for_are_those_of_training_and_change_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = tiny().display().to_string();
    let of = |threads: &str| {
        let out = folder.path().join(threads);
        stdout(&output(&[&args(&recipe, out.to_str().unwrap())[..], &["--threads", threads, "--set", "train.epochs=2"]].concat()));
        let log = fs::read_to_string(out.join("log.txt")).unwrap();
        assert!(log.contains(&format!("trains on cpu; threads of the CPU: {threads}\n")), "{log}");
        results(&out)
    };
    assert_eq!(of("1"), of("3"));
}

#[test]
fn one_process_at_a_time_works_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = tiny().display().to_string();
    let out = folder.path().join("run");
    fs::create_dir(&out).unwrap();
    let lock = fs::File::create(out.join(".lock")).unwrap();
    lock.lock().unwrap();
    let line = error_line(&output(&args(&recipe, out.to_str().unwrap())), folder.path());
    assert_eq!(line, "4 error: DIR/run: another process is at work in this folder; wait for it, or give another --out");
}

#[test]
fn a_damaged_corpus_stops_the_run_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = tiny().display().to_string();
    let out = folder.path().join("run");
    stdout(&output(&args(&recipe, out.to_str().unwrap())));
    fs::remove_file(out.join("manifest.json")).unwrap();
    let shard = out.join("corpus/train/train-00000-of-00001.shard");
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, &bytes[..bytes.len() - 9]).unwrap();
    let line = error_line(&output(&args(&recipe, out.to_str().unwrap())), folder.path());
    assert!(line.starts_with("4 error: DIR/run/corpus/train/train-00000-of-00001.shard: truncated or changed"), "{line}");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
