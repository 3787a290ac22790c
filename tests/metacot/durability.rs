//! What a training survives: kills at random, a disk that fills up, another number of threads.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use metacot::{
    data::Example,
    device::DeviceChoice,
    model::ModelConfig,
    train::{Job, TrainConfig, fit},
};
use metacot_envs::SeedTree;
use rand::RngExt;

use crate::{
    support::{child, stdout, tiny, tiny_model},
    train,
};

/// Kills that must meet the training; `METACOT_KILLS` names another number.
const KILLS: u32 = 6;

#[test]
fn kills_at_random_do_not_change_the_weights() {
    let kills = std::env::var("METACOT_KILLS").ok().map_or(KILLS, |text| text.parse().unwrap());
    let whole = tempfile::tempdir().unwrap();
    train::run(&train::to_be_killed(), &train::examples(60), whole.path()).unwrap();
    train::assert_clean(whole.path());
    let expected = train::end_of(whole.path());
    let mut rng = SeedTree::root(50).child("kills").stream(0);
    let (mut met, mut trainings) = (0, 0);
    while met < kills {
        let folder = tempfile::tempdir().unwrap();
        for attempt in 0_u64.. {
            let threads = if rng.random::<bool>() { "1" } else { "2" };
            let mut process = child("train::victim", train::VICTIM, folder.path(), threads);
            // Later and later, so that a slow machine gets to the end as well.
            sleep(Duration::from_millis(rng.random_range(5..60 + 30 * attempt)));
            match process.try_wait().unwrap() {
                Some(status) => {
                    assert!(status.success());
                    break;
                }
                None if met == kills => assert!(process.wait().unwrap().success()),
                None => {
                    process.kill().unwrap();
                    process.wait().unwrap();
                    met += 1;
                }
            }
        }
        assert_eq!(train::end_of(folder.path()), expected, "after {met} kills");
        train::assert_clean(folder.path());
        trainings += 1;
    }
    if kills > KILLS {
        use std::io::Write;
        writeln!(std::io::stderr(), "{met} kills met {trainings} trainings; all ended with the weights and metrics of the uninterrupted one").unwrap();
    }
}

/// Set for the process that trains on so many threads; names its folder.
const SPREAD: &str = "METACOT_TEST_SPREAD";

/// Not a test of its own: a training large enough that every operation is cut into parts for several threads.
#[test]
fn spread() {
    let Some(folder) = std::env::var_os(SPREAD) else { return };
    let model = ModelConfig { width: 128, heads: 4, kv_heads: 2, hidden: 352, context: 160, vocab_size: 90, ..tiny_model(false) };
    let mut rng = SeedTree::root(6).stream(0);
    let mut example = || {
        let len = rng.random_range(20..150);
        Example { ids: (0..len).map(|_| rng.random_range(0..90)).collect(), response_start: 5 }
    };
    let examples: Vec<Example> = (0..60).map(|_| example()).collect();
    let config = TrainConfig { rows: 8, max_steps: Some(4), learning_rate: 3e-3, accumulation: 2, epochs: 3, ema_decay: Some(0.9), ..TrainConfig::default() };
    let (folder, devices) = (Path::new(&folder), &DeviceChoice::Cpu.into());
    fit(&Job { config: &config, model: &model, initial: None, examples: &examples, validation: &examples[..9], folder, devices, solver: None }, &mut |_| {})
        .unwrap();
}

#[test]
fn one_thread_and_several_train_the_same_bits() {
    let ends = ["1", "2", "2", "3"].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        assert!(child("durability::spread", SPREAD, folder.path(), threads).wait().unwrap().success());
        let (weights, metrics) = train::end_of(folder.path());
        assert_eq!(metrics.lines().count(), 5, "{metrics}");
        let newest = fs::read(folder.path().join("step-00000004.safetensors")).unwrap();
        (weights, metrics, newest)
    });
    assert!(ends.iter().all(|end| *end == ends[0]), "weights, metrics or moments differ");
}

/// Where files may grow to so many blocks of 1024 bytes and no further, runs the recipe of the tests; then again without a limit.
#[cfg(unix)]
fn run_out_of_space(script: &str, folder: &Path) {
    let [whole, full] = ["whole", "full"].map(|name| folder.join(name).display().to_string());
    let recipe = tiny().display().to_string();
    stdout(&crate::support::output(&["run", &recipe, "--out", &whole]));
    let script = script.replace("RUN", &format!("'{}' run '{recipe}' --out '{full}'", env!("CARGO_BIN_EXE_metacot"))).replace("FULL", &full);
    let done = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    let error = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("no error in {stderr}"));
    assert!(error.starts_with("error: cannot write ") && error.contains("step-"), "{error}");
    let results = fs::read(folder.join("weights")).unwrap();
    assert!(results == fs::read(Path::new(&whole).join("checkpoints/round-1/weights.safetensors")).unwrap(), "the weights differ");
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_grow_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("weights").display().to_string();
    // The first state has no moments and fits; the second does not.
    run_out_of_space(
        &format!(
            "trap '' XFSZ; (ulimit -f 400; RUN); [ $? = 3 ] || exit 9
             ls FULL/checkpoints/supervised | grep -q step-00000000.safetensors || exit 8
             ls -A FULL/checkpoints/supervised | grep -q partial && exit 7
             RUN 2>/dev/null && cp FULL/checkpoints/round-1/weights.safetensors '{weights}'"
        ),
        folder.path(),
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_last_checkpoint() {
    // A disk of our own to fill needs a mount, which not every machine lets us make.
    let can_mount = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output().is_ok_and(|output| output.status.success());
    if !can_mount {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("weights").display().to_string();
    let script = format!(
        "mkdir FULL; mount -t tmpfs -o size=1400k none FULL
         RUN; [ $? = 3 ] || exit 9
         ls FULL/checkpoints/supervised | grep -q step- || exit 8
         ls -A FULL/checkpoints/supervised | grep -q partial && exit 7
         mount -o remount,size=100m FULL
         RUN 2>/dev/null && cp FULL/checkpoints/round-1/weights.safetensors '{weights}'"
    );
    run_out_of_space(&format!("unshare -rm bash -c \"{}\"", script.replace('"', "\\\"").replace('$', "\\$")), folder.path());
}
