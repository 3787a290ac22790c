//! What is written can be read back, says the same in every container, and is named by its content.

use std::{collections::BTreeMap, fs};

use metacot_envs::Difficulty;
use metacot_layouts::{Folder, FolderSink, FolderSpec, Layout, read, source};
use metacot_traces::{
    corpus::{Record, Split},
    generate::{Job, Shard, Spec, generate_into},
};
use serde_json::{Map, Value, json};

use crate::support::{layout, records, write};

fn rows(folder: &std::path::Path, name: &str) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    source::rows(&folder.join(name), &mut |_, row| {
        rows.push(row.unwrap());
        Ok(())
    })
    .unwrap();
    rows
}

#[test]
fn whole_records_come_back_equal_from_every_container() {
    for (env, format) in [("countdown", "sos"), ("maze", "searchformer")] {
        let records = records(env, format, 700);
        assert!(records.len() > 600 && records.iter().any(|record| record.plan.is_some()));
        for name in ["jsonl", "jsonl.zst", "jsonl.gz", "parquet", "hf"] {
            let folder = tempfile::tempdir().unwrap();
            let manifest = write(&records, layout(name, None), folder.path()).unwrap();
            let mut found = Vec::new();
            let again = read(folder.path(), &mut |record| {
                found.push(record);
                Ok(())
            })
            .unwrap();
            assert_eq!((&again, found.len()), (&manifest, records.len()), "{name}");
            assert_eq!(found, records, "{name}");
            assert_eq!(manifest.counts["records"], records.len() as u64);
        }
    }
}

#[test]
fn json_lines_are_those_of_our_own_corpora() {
    let records = records("countdown", "sos", 40);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&records, layout("jsonl", None), folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join(&manifest.files[0].name)).unwrap();
    let expected: String = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    assert_eq!(text, expected);
}

#[test]
fn every_shape_says_the_same_in_json_lines_and_in_parquet() {
    let records = records("countdown", "sos", 60);
    for shape in ["text", "prompt-completion", "messages", "trl", "verl", "open-instruct", "openrlhf", "openai-rft"] {
        let styles: &[Option<&str>] = match shape {
            "trl" | "verl" | "openai-rft" => &[Some("json"), Some("struct")],
            _ => &[None],
        };
        for style in styles {
            let by_container: Vec<Vec<Map<String, Value>>> = ["jsonl", "parquet", "jsonl.zst"]
                .iter()
                .map(|container| {
                    let folder = tempfile::tempdir().unwrap();
                    let manifest = write(&records, layout(&format!("{shape}.{container}"), *style), folder.path()).unwrap();
                    rows(folder.path(), &manifest.files[0].name)
                })
                .collect();
            assert_eq!(by_container[0].len(), records.len());
            assert!(by_container.iter().all(|rows| *rows == by_container[0]), "{shape}");
        }
    }
}

#[test]
fn rows_are_what_the_trainers_ask_for() {
    let records = records("countdown", "sos", 1);
    let Record { text, prompt_len, problem, plan, .. } = &records[0];
    let (prompt, completion) = text.split_at(*prompt_len as usize);
    let user = json!([{"role": "user", "content": prompt}]);
    let json = problem.to_string();
    for (name, truth, expected) in [
        ("text.jsonl", None, json!({"text": text})),
        ("prompt-completion.jsonl", None, json!({"prompt": prompt, "completion": completion})),
        ("messages.jsonl", None, json!({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]})),
        ("trl.jsonl", None, json!({"prompt": prompt, "ground_truth": json, "env": "countdown", "format": "sos", "id": 0})),
        (
            "verl.jsonl",
            None,
            json!({
                "data_source": "metacot/countdown", "prompt": user, "ability": "search",
                "reward_model": {"style": "rule", "ground_truth": problem},
                "extra_info": {"split": "train", "index": 0, "env": "countdown", "format": "sos", "transform": null, "problem": json},
            }),
        ),
        ("open-instruct.jsonl", None, json!({"messages": user, "ground_truth": json, "dataset": "metacot_countdown"})),
        ("openrlhf.jsonl", None, json!({"input": prompt, "label": json, "datasource": "metacot/countdown"})),
        (
            "openai-rft",
            Some("struct"),
            json!({
                "messages": user, "ground_truth": problem, "reference_answer": plan.as_ref().map(|plan| plan.join("; ")),
                "env": "countdown", "format": "sos", "id": 0,
            }),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write(&records, layout(name, truth), folder.path()).unwrap();
        assert_eq!(Value::Object(rows(folder.path(), &manifest.files[0].name).remove(0)), expected, "{name}");
    }
}

#[test]
fn token_files_hold_every_document_between_its_marks() {
    let records = records("countdown", "sos", 50);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&records, layout("tokens", None), folder.path()).unwrap();
    let [tokens, index] = [0, 1].map(|file| fs::read(folder.path().join(&manifest.files[file].name)).unwrap());
    let header: Vec<u32> = tokens[..1024].chunks(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let tokens: Vec<u16> = tokens[1024..].chunks(2).map(|bytes| u16::from_le_bytes(bytes.try_into().unwrap())).collect();
    let index: Vec<u64> = index.chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(header[..4], [20_240_520, 1, tokens.len() as u32, 0]);
    assert_eq!((index.len(), *index.last().unwrap()), (records.len() + 1, tokens.len() as u64));
    for (record, ends) in records.iter().zip(index.windows(2)) {
        let document = &tokens[ends[0] as usize..ends[1] as usize];
        let (end, text) = document.split_last().unwrap();
        assert_eq!((*end, text.iter().map(|id| *id as u8).collect::<Vec<u8>>()), (256, record.text.clone().into_bytes()));
    }
    for entry in &manifest.files {
        let bytes = fs::read(folder.path().join(&entry.name)).unwrap();
        assert_eq!((entry.bytes, entry.blake3.as_str()), (bytes.len() as u64, blake3::hash(&bytes).to_hex().as_str()));
    }
}

#[test]
fn files_are_named_by_their_content_and_split() {
    let mut records = records("countdown", "sos", 30);
    records.iter_mut().skip(20).for_each(|record| record.split = Split::Val);
    let [one, other] = [0, 1].map(|_| {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write(&records, layout("hf", None), folder.path()).unwrap();
        (manifest, fs::read_to_string(folder.path().join("README.md")).unwrap())
    });
    assert_eq!(one, other);
    for file in &one.0.files {
        assert!(file.name.starts_with("countdown-sos/") && file.name.contains(&format!("-00000-of-00001-{}.parquet", &file.blake3[..8])), "{}", file.name);
    }
    let records_by_split: BTreeMap<bool, u64> = one.0.files.iter().map(|file| (file.name.contains("/train-"), file.records)).collect();
    assert_eq!(records_by_split, BTreeMap::from([(true, 20), (false, 10)]));
    assert!(one.1.contains("- split: val\n"));
}

#[test]
fn a_folder_is_whole_or_unfinished_and_never_overwritten() {
    let records = records("countdown", "sos", 5);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&records, layout("parquet", None), folder.path()).unwrap();
    let error = write(&records, layout("parquet", None), folder.path()).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    let path = folder.path().join(&manifest.files[0].name);
    let bytes = fs::read(&path).unwrap();
    for (damaged, expected) in [(bytes[..bytes.len() - 1].to_vec(), "truncated"), ([&bytes[..bytes.len() - 1], b"x"].concat(), "changed")] {
        fs::write(&path, damaged).unwrap();
        let error = read(folder.path(), &mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    assert!(read(folder.path(), &mut |_| Ok(())).unwrap_err().to_string().contains("not a finished corpus"));
}

#[test]
fn a_ground_truth_that_is_no_struct_of_the_others_is_refused_by_record() {
    let mut mixed = records("countdown", "sos", 600);
    mixed[599].problem = json!({"numbers": "many", "target": 1});
    let folder = tempfile::tempdir().unwrap();
    let error = write(&mixed, layout("verl", None), folder.path()).unwrap_err().to_string();
    assert!(error.contains("record 599") && error.contains("numbers") && error.contains("json"), "{error}");
    assert!(!folder.path().join("manifest.json").exists());
    let folder = tempfile::tempdir().unwrap();
    assert!(write(&mixed, layout("verl", Some("json")), folder.path()).is_ok());
}

#[test]
fn the_whole_record_has_the_fields_of_a_record() {
    let records = records("countdown", "sos", 1);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(&records, layout("parquet", None), folder.path()).unwrap();
    let columns: Vec<String> = rows(folder.path(), &manifest.files[0].name)[0].keys().cloned().collect();
    let Value::Object(fields) = serde_json::to_value(&records[0]).unwrap() else { panic!() };
    assert_eq!(columns, fields.keys().cloned().collect::<Vec<_>>());
    assert!(Layout::names().contains(&"openrlhf"));
}

#[test]
fn a_run_is_laid_out_alike_at_any_number_of_threads_and_as_it_would_be_converted() {
    let spec = Spec { difficulty: Difficulty::sized(3), count: 300, ..Spec::new("countdown", "dfs", "sos") };
    let generated = |threads: usize, name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"test": true});
        let mut sink =
            FolderSink::new(FolderSpec { folder: folder.path().into(), layout: layout(name, None), config, force: false, numbering: None, shard: None });
        let (out, shard) = (folder.path().into(), Shard { index: 0, count: 1 });
        let job = Job { spec: spec.clone(), out, layout: FolderSink::ENCODING, threads, shard, force: false };
        generate_into(&job, &mut sink, &mut |_| {}).unwrap();
        let mut manifest = sink.finish().unwrap();
        manifest.counts.remove("expanded");
        manifest
    };
    for name in ["parquet", "verl", "tokens"] {
        let folder = tempfile::tempdir().unwrap();
        let converted = write(&records("countdown", "sos", 300), layout(name, None), folder.path()).unwrap();
        assert_eq!((generated(1, name), generated(3, name)), (converted.clone(), converted), "{name}");
    }
}

#[test]
fn any_number_of_configurations_is_laid_out_as_each_would_be_alone() {
    let of = |number: usize| -> Vec<Record> {
        let mut records = records("countdown", "sos", 30);
        records.iter_mut().for_each(|record| record.format = format!("sos{number:03}"));
        records.iter_mut().step_by(3).for_each(|record| record.split = Split::Test);
        records
    };
    let groups: Vec<Vec<Record>> = (0..60).map(of).collect();
    let mixed: Vec<Record> = (0..30).flat_map(|place| groups.iter().map(move |group| group[place].clone())).collect();
    let folder = tempfile::tempdir().unwrap();
    let all = write(&mixed, layout("hf", None), &folder.path().join("all")).unwrap();
    let alone: Vec<_> = groups
        .iter()
        .enumerate()
        .flat_map(|(number, group)| write(group, layout("hf", None), &folder.path().join(number.to_string())).unwrap().files)
        .collect();
    assert_eq!((all.files.len(), &all.files), (120, &alone));
    let mut read_back = Vec::new();
    read(&folder.path().join("all"), &mut |record| {
        read_back.push(record);
        Ok(())
    })
    .unwrap();
    read_back.sort_by(|one, other| (one.id, &one.format).cmp(&(other.id, &other.format)));
    assert!(read_back == mixed);
    let names: Vec<_> = fs::read_dir(folder.path().join("all/countdown-sos059")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing that waited is left: {names:?}");
}

#[test]
fn a_refusal_leaves_nothing_and_a_replaced_folder_keeps_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made/for/it");
    let mut writer =
        Folder::create(FolderSpec { folder: out.clone(), layout: layout("hf", None), config: json!({}), force: false, numbering: None, shard: None }).unwrap();
    for number in 0..40 {
        for mut record in records("countdown", "sos", 100) {
            record.format = number.to_string();
            writer.push(record).unwrap();
        }
    }
    writer.end_files().unwrap();
    assert!(out.join("countdown-39/train-00000.parquet.tmp").exists());
    drop(writer);
    assert!(!folder.path().join("made").exists());

    // A folder in use is claimed; files of somebody else stay.
    write(&records("countdown", "sos", 5), layout("hf", None), &out).unwrap();
    fs::write(out.join("countdown-sos/notes.parquet.tmp"), "mine").unwrap();
    let mut writer =
        Folder::create(FolderSpec { folder: out.clone(), layout: layout("parquet", None), config: json!({}), force: true, numbering: None, shard: None })
            .unwrap();
    writer.push(records("countdown", "sos", 1).remove(0)).unwrap();
    writer.finish().unwrap();
    let inside: Vec<_> = fs::read_dir(out.join("countdown-sos")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(inside, ["notes.parquet.tmp"]);
}
