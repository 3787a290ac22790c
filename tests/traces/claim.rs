//! A corpus that is to be replaced stands until the new one is complete, however the run ends.

use std::{collections::BTreeMap, fs, path::Path};

use metacot_traces::corpus::{CARD, Claim, Layout, MANIFEST, Shard, Writer, WriterSpec};

/// A writer of two files.
fn writer(folder: &Path, force: bool) -> Result<Writer, String> {
    let spec = WriterSpec {
        folder: folder.into(),
        layout: Layout::Jsonl,
        prefix: "train".into(),
        files: 0..2,
        num_files: 2,
        shard: Shard::WHOLE,
        config: serde_json::json!({"filter": {}}),
        force,
    };
    Writer::create(spec).map_err(|error| error.to_string())
}

/// Writes both files of a corpus, each of one record that says `word`.
fn fill(writer: &mut Writer, word: &str) {
    for _ in 0..2 {
        writer.append(format!("{{\"word\":\"{word}\"}}\n").as_bytes(), 1).unwrap();
        writer.end_file().unwrap();
    }
}

/// A finished corpus that says `old`, with the counts of a filter, beside files of somebody else.
fn old(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut writer = writer(folder, false).unwrap();
    fill(&mut writer, "old");
    writer.finish().unwrap();
    fs::write(folder.join("funnel.json"), "counts").unwrap();
    fs::write(folder.join("train.log"), "mine").unwrap();
    files(folder)
}

/// Every file in a folder by its name within, with its bytes; empty folders by their names.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            let inside = files(&path);
            found.extend(inside.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
            found.insert(format!("{name}/"), Vec::new());
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

/// What a run that is killed now would leave of a folder.
fn killed(from: &Path, to: &Path) {
    for (name, bytes) in files(from).iter().filter(|(name, _)| !name.ends_with('/')) {
        fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn a_forced_run_that_fails_leaves_the_old_corpus_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let before = old(folder.path());
    let mut new = writer(folder.path(), true).unwrap();
    assert!(!folder.path().join(MANIFEST).exists(), "no reader takes what is being written for a corpus");
    drop(new);
    assert!(files(folder.path()) == before);
    new = writer(folder.path(), true).unwrap();
    fill(&mut new, "new");
    fs::write(folder.path().join("funnel.json"), "new counts").unwrap();
    new.append(b"{}\n", 1).unwrap();
    drop(new);
    assert!(files(folder.path()) == before);
}

#[test]
fn a_forced_run_that_is_killed_loses_nothing() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = old(folder.path());
    let mut new = writer(folder.path(), true).unwrap();
    fill(&mut new, "new");
    new.append(b"{}\n", 1).unwrap();
    // The last finished file is named beside the work on the next one.
    while !folder.path().join("train-00001-of-00002.jsonl").exists() {
        std::thread::yield_now();
    }
    let [kept, replaced, foreign] = ["kept", "replaced", "foreign"].map(|name| copy.path().join(name));
    [&kept, &replaced, &foreign].into_iter().for_each(|to| killed(folder.path(), to));
    drop(new);

    let refusal = |folder: &Path| writer(folder, false).err().unwrap();
    assert!(refusal(&kept).contains("exists already"));
    assert!(files(&kept) == before, "the refusal put it back");

    let mut new = writer(&replaced, true).unwrap();
    fill(&mut new, "newer");
    new.finish().unwrap();
    let after = files(&replaced);
    let expected = [CARD, MANIFEST, "train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "train.log"];
    assert_eq!(after.keys().collect::<Vec<_>>(), expected);
    assert_eq!(after["train-00001-of-00002.jsonl"], b"{\"word\":\"newer\"}\n");

    // What somebody has written under a name of the old corpus is not lost without a word.
    fs::write(foreign.join(CARD), "mine").unwrap();
    assert!(refusal(&foreign).contains(CARD));
    assert_eq!(fs::read_to_string(foreign.join(CARD)).unwrap(), "mine");
    fs::remove_file(foreign.join(CARD)).unwrap();
    assert!(refusal(&foreign).contains("exists already"));
    assert!(files(&foreign) == before);
}

#[test]
fn a_run_that_is_killed_at_the_ends_of_its_work_leaves_one_whole_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let before = old(folder.path());
    let aside = folder.path().join(".replaced");
    // Killed while the old corpus was set aside or put back: its manifest is there, and a part of its files.
    fs::create_dir(&aside).unwrap();
    for name in [MANIFEST, "train-00000-of-00002.jsonl"] {
        fs::rename(folder.path().join(name), aside.join(name)).unwrap();
    }
    fs::write(folder.path().join(".unfinished"), "").unwrap();
    assert!(writer(folder.path(), false).is_err());
    assert!(files(folder.path()) == before);

    // Killed after the manifest of the new one: the mark lists it, and a part of the old one is removed.
    fs::create_dir(&aside).unwrap();
    for name in [MANIFEST, "train-00001-of-00002.jsonl"] {
        fs::copy(folder.path().join(name), aside.join(name)).unwrap();
    }
    let listed = format!("train-00000-of-00002.jsonl\ntrain-00001-of-00002.jsonl\n{CARD}\n{MANIFEST}\n");
    fs::write(folder.path().join(".unfinished"), &listed).unwrap();
    assert!(writer(folder.path(), false).is_err());
    assert!(files(folder.path()) == before);
    fs::write(folder.path().join(".unfinished"), listed).unwrap();
    drop(writer(folder.path(), true).unwrap());
    assert!(files(folder.path()) == before, "a forced run that then fails finds it as well");
}

#[test]
fn folders_within_are_set_aside_and_files_of_others_stay_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = r#"{"files": [{"name": "one/a.parquet"}, {"name": "two/deep/b.parquet"}, {"name": "../outside"}, {"name": "gone"}]}"#;
    fs::create_dir_all(folder.path().join("corpus/two/deep")).unwrap();
    fs::create_dir_all(folder.path().join("corpus/one")).unwrap();
    for (name, text) in [(MANIFEST, manifest), ("one/a.parquet", "a"), ("two/deep/b.parquet", "b"), ("one/notes", "mine")] {
        fs::write(folder.path().join("corpus").join(name), text).unwrap();
    }
    fs::write(folder.path().join("outside"), "mine").unwrap();
    let before = files(folder.path());
    let claim = Claim::take(&folder.path().join("corpus"), "train", true).unwrap();
    assert!(!folder.path().join("corpus/two").exists());
    drop(claim);
    assert!(files(folder.path()) == before);
    let claim = Claim::take(&folder.path().join("corpus"), "train", true).unwrap();
    // Somebody puts a file where the old corpus waits.
    fs::write(folder.path().join("corpus/.replaced/notes"), "mine").unwrap();
    claim.release().unwrap();
    let names = files(folder.path());
    assert_eq!(names.keys().collect::<Vec<_>>(), ["corpus/", "corpus/.replaced/", "corpus/.replaced/notes", "corpus/one/", "corpus/one/notes", "outside"]);
}
