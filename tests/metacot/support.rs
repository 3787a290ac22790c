//! Shared set-up: the binary as a child process, and redactions for snapshots.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use metacot::model::ModelConfig;

/// A model that trains in seconds.
pub fn tiny_model(tied_embeddings: bool) -> ModelConfig {
    ModelConfig {
        vocab_size: 24,
        width: 32,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        hidden: 48,
        context: 40,
        rope_theta: 10_000.0,
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings,
    }
}

/// Runs the test `victim` of this binary, told its folder by `variable`, and kills it again and again until one run gets to its end; on one
/// and on two threads in turns. Gives the number of kills that met it.
///
/// Later and later from `first` milliseconds on, by `step` more each time, so that the kills fall on different places and the run ends at last.
pub fn kill_until_done(victim: &str, variable: &str, folder: &Path, first: u64, step: u64) -> u32 {
    let mut kills = 0;
    for attempt in 0_u64.. {
        let mut child = child(victim, variable, folder, if attempt % 2 == 0 { "1" } else { "2" });
        sleep(Duration::from_millis(first + step * attempt));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success());
                break;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    kills
}

/// When a run is killed.
pub struct Random {
    /// How often.
    pub kills: u32,
    /// The longest that a run may work, once it has begun, before it is killed.
    pub longest: Duration,
    /// Decides the points.
    pub seed: u64,
}

/// Runs the test `victim` as [`kill_until_done`] does and kills it at random points, then lets it end. Gives the number of kills that met it: fewer
/// than wanted where it ended before.
pub fn kill_at_random(victim: &str, variable: &str, folder: &Path, random: &Random) -> u32 {
    let mut rng = metacot_envs::SeedTree::root(random.seed).child("kills").stream(0);
    for kill in 0..random.kills {
        let before = last_change(folder);
        let mut child = child(victim, variable, folder, if kill % 2 == 0 { "1" } else { "2" });
        // It has begun when it has written something.
        while child.try_wait().unwrap().is_none() && last_change(folder) == before {
            sleep(Duration::from_millis(1));
        }
        sleep(random.longest.mul_f64(rand::RngExt::random::<f64>(&mut rng)));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return kill;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(child(victim, variable, folder, "1").wait().unwrap().success());
    random.kills
}

/// The newest time of change of a folder and of its files.
fn last_change(folder: &Path) -> Option<std::time::SystemTime> {
    let times = std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok());
    times.max()
}

/// The test `victim` of this binary as a process of its own on so many threads, told its folder by `variable`.
pub fn child(victim: &str, variable: &str, folder: &Path, threads: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", victim]).env(variable, folder).env("RAYON_NUM_THREADS", threads).stdout(Stdio::null()).spawn().unwrap()
}

/// The recipe of the tests.
pub fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metacot/tiny.toml")
}

/// The binary with these arguments.
pub fn metacot(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metacot"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub fn output(args: &[&str]) -> Output {
    metacot(args).output().unwrap()
}

/// Runs the binary with text on its standard input.
pub fn piped(args: &[&str], input: &[u8]) -> Output {
    let mut child = metacot(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A child that refuses its arguments closes the pipe early.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Standard output as text; panics with standard error where the command failed.
#[track_caller]
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The error line of a failed command with its exit code, folders replaced by `DIR`.
#[track_caller]
pub fn error_line(output: &Output, folder: &Path) -> String {
    assert!(!output.status.success(), "the command was expected to fail");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let line = stderr.lines().find(|line| line.starts_with("error")).unwrap_or_else(|| panic!("no error line in {stderr}"));
    format!("{:?} {}", output.status.code().unwrap(), line.replace(&folder.display().to_string(), "DIR"))
}
