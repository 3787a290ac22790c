//! The house keeps its rules: what a file may know is read from the sources themselves.

use std::{fs, path::Path};

/// Every Rust source below a folder of the repository, with its path.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The files below `folder` that hold `text`, sorted.
fn files_with(folder: &str, text: &str) -> Vec<String> {
    let mut names: Vec<String> = sources(folder).into_iter().filter(|(_, source)| source.contains(text)).map(|(name, _)| name).collect();
    names.sort();
    names
}

#[test]
fn the_symbolic_crates_know_no_learning() {
    for member in ["envs", "traces", "objectives", "grade", "layouts", "python"] {
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(member).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("burn") && !manifest.contains("tokio"), "{member}");
    }
}

#[test]
fn backends_and_bincode_are_known_to_one_file_each() {
    assert_eq!(files_with("src", "feature = \"cuda\""), ["src/device.rs"]);
    assert_eq!(files_with("traces/src", "bincode::"), ["traces/src/corpus/shard.rs"]);
}

#[test]
fn evaluation_knows_no_training_and_only_the_command_line_prints() {
    for forbidden in ["crate::train", "crate::improve", "train::"] {
        assert_eq!(files_with("src/eval", forbidden), [""; 0], "{forbidden}");
    }
    for print in [" println!(", " eprintln!("] {
        let strangers: Vec<String> = files_with("src", print).into_iter().filter(|name| !name.starts_with("src/cli")).collect();
        assert_eq!(strangers, [""; 0]);
    }
}
