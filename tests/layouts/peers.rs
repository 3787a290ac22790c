//! The packages that people use read what we write, and we read what they write. Runs where `METACOT_PYTHON` names an interpreter that has
//! them; CI does.

use std::{env, fs, path::Path, process::Command};

use metacot_layouts::{Import, ImportSpec, importer};
use metacot_traces::corpus::{Record, Split};
use serde_json::Value;

use crate::support::{layout, records, write};

const LAYOUTS: &[&str] = &[
    "jsonl",
    "jsonl.zst",
    "jsonl.gz",
    "parquet",
    "hf",
    "tokens",
    "text",
    "prompt-completion",
    "messages",
    "messages.jsonl.zst",
    "trl",
    "verl",
    "verl.jsonl",
    "open-instruct",
    "openrlhf",
    "openai-rft",
    "openai-rft.parquet",
];

#[test]
fn data_sets_tables_and_tokens_are_read_as_we_mean_them() {
    let Ok(python) = env::var("METACOT_PYTHON") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut records = records("countdown", "sos", 90);
    records.iter_mut().skip(60).for_each(|record| record.split = Split::Val);
    records.iter_mut().skip(80).for_each(|record| record.split = Split::TestOodTarget);
    let lines: String = records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    fs::write(folder.path().join("records.jsonl"), lines).unwrap();
    for name in LAYOUTS {
        write(&records, layout(name, None), &folder.path().join("layouts").join(name)).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/python/layouts.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in LAYOUTS.iter().filter(|name| **name != "tokens") {
        assert_eq!(report["data_sets"][name], 90, "{name}: {report}");
    }
    assert_eq!((&report["tokens"], &report["tables"]["pyarrow"], &report["tables"]["polars"]), (&90.into(), &60.into(), &60.into()));

    let foreign = report["foreign"].as_array().unwrap();
    assert_eq!(foreign.len(), 7, "{report}");
    for name in foreign {
        let mut found: Vec<Record> = Vec::new();
        let mut import = Import::new(importer::find("countdown-tasks").unwrap(), ImportSpec::default());
        import
            .read(&folder.path().join("foreign").join(name.as_str().unwrap()), &mut |record| {
                found.push(record);
                Ok(())
            })
            .unwrap();
        assert_eq!((found.len(), import.report().refused.len()), (1000, 0), "{name}");
        for (index, record) in found.iter().enumerate() {
            let numbers: Vec<usize> = (1..4 + index % 2).collect();
            assert_eq!(record.problem, serde_json::json!({"numbers": numbers, "target": 10 + index, "rules": "rational"}), "{name}");
        }
    }
}
