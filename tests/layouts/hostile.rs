//! Whatever bytes a file has, reading it ends with rows or an error: no panic, no memory or time without bound.

use std::{fs, io::Write, path::Path, sync::OnceLock, time::Instant};

use metacot_layouts::{Import, ImportSpec, importer, read_file, source};
use proptest::prelude::*;

use crate::support::{layout, records, write};

/// Every kind of file that is read, as honest as it comes.
fn honest() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let records = records("countdown", "sos", 60);
        ["jsonl", "jsonl.zst", "jsonl.gz", "parquet", "verl", "trl.jsonl.zst"]
            .iter()
            .map(|name| {
                let folder = tempfile::tempdir().unwrap();
                let manifest = write(&records, layout(name, None), folder.path()).unwrap();
                fs::read(folder.path().join(&manifest.files[0].name)).unwrap()
            })
            .collect()
    })
}

/// Reads bytes in every way that there is.
fn exercise(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let _ = source::rows(file.path(), &mut |_, _| Ok(()));
    let _ = read_file(file.path(), &mut |_| Ok(()));
    for name in importer::NAMES {
        let spec = ImportSpec { skips_malformed: true, ..ImportSpec::default() };
        let _ = Import::new(importer::find(name).unwrap(), spec).read(file.path(), &mut |_| Ok(()));
    }
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_string()),
        Just("true".into()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-3..70_i64).prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
        ".{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        prop::sample::select(vec![
            "dfs",
            "bfs_9",
            "sum_heuristic",
            "countdown",
            "sokoban",
            "shortest_path",
            "chain_sum",
            "mini_sudoku",
            "puzzle24",
            "maze",
            "user",
            "start",
            "goal",
            "wall",
            "worker",
            "box",
            "dock",
            "create",
            "close",
            "plan",
            "c1",
            "1",
            "63",
            "4 + 5",
            "+*@X-%$",
            "Current State: 24:[3, 5], Operations: []\\nExploring",
            "{\\\"numbers\\\":[1],\\\"target\\\":1}",
            "18446744073709551616",
            "*",
            "O",
            "#",
            "X",
        ])
        .prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..7).prop_map(|values| format!("[{}]", values.join(","))), object(inner)]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "target",
        "nums",
        "search_path",
        "search_type",
        "heuristic",
        "prompt",
        "reasoning",
        "plan",
        "question",
        "answer",
        "metadata",
        "source_dataset",
        "numbers",
        "matrix",
        "gamestr",
        "expression",
        "puzzle",
        "messages",
        "role",
        "content",
        "text",
        "reward_model",
        "ground_truth",
        "extra_info",
        "env",
        "problem",
        "rules",
        "reference_answer",
        "walls",
        "width",
        "height",
        "start",
        "goal",
        "rows",
        "kind",
        "operands",
        "operators",
    ]);
    prop::collection::vec((name, value), 0..9).prop_map(|fields| {
        let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_end_in_rows_or_an_error(
        which in 0..6_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        near_end in any::<bool>(),
    ) {
        let mut bytes = honest()[which].clone();
        for (place, byte) in edits {
            // What decides how the rest is read stands at the ends of a file.
            let length = if near_end { bytes.len().min(1500) } else { bytes.len() };
            let at = bytes.len() - length + place.index(length);
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        exercise(&bytes);
    }

    #[test]
    fn rows_of_the_right_names_and_any_values_are_taken_or_refused(rows in prop::collection::vec(object(value()), 1..6), is_array in any::<bool>()) {
        let text = if is_array { format!("[{}]", rows.join(",\n")) } else { rows.join("\n") };
        exercise(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_taken_or_refused(start in prop::sample::select(vec![&b""[..], b"PAR1", b"\x28\xB5\x2F\xFD", b"\x1F\x8B\x08", b"[", b"{", b"\xEF\xBB\xBF"]), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&[start, &bytes].concat());
    }
}

fn error_of(path: &Path) -> String {
    let mut first = Ok(());
    let whole = source::rows(path, &mut |place, row| {
        if first.is_ok() {
            first = row.map(|_| ()).map_err(|reason| format!("{place}: {reason}"));
        }
        Ok(())
    });
    whole.map_err(|error| error.to_string()).and(first).err().unwrap_or_default()
}

#[test]
fn bombs_are_refused_in_little_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let zeros = vec![b' '; 1 << 20];
    let zstd_path = folder.path().join("bomb.zst");
    let mut encoder = zstd::Encoder::new(fs::File::create(&zstd_path).unwrap(), 1).unwrap();
    (0..600).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap();
    let gzip_path = folder.path().join("bomb.gz");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&gzip_path).unwrap(), flate2::Compression::fast());
    (0..3000).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap();
    for path in [zstd_path, gzip_path] {
        let error = error_of(&path);
        assert!(error.contains("expands to more than") || error.is_empty(), "{error}");
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!(error.is_empty(), (length * 1024 + (256 << 20)) > (if path.ends_with("bomb.gz") { 3000 } else { 600 }) << 20, "{path:?}");
    }
    assert!(started.elapsed().as_secs() < 60);
}

#[test]
fn deep_and_long_rows_are_refused_and_the_next_row_is_read() {
    let deep = |open: &str, close: &str| format!("{{\"a\":{}{}}}", open.repeat(200_000), close.repeat(200_000));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(source::MOST_ROW_BYTES));
    for (bad, expected) in [(deep("[", "]"), "recursion limit"), (deep("{\"a\":", "}"), "recursion limit"), (long, "bytes")] {
        for array in [false, true] {
            let text = if array { format!("[{bad},\n{{\"b\":1}}]") } else { format!("{bad}\n{{\"b\":1}}\n") };
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), text).unwrap();
            let mut found = Vec::new();
            source::rows(file.path(), &mut |place, row| {
                found.push((place.number, row.map_err(|reason| reason.contains(expected))));
                Ok(())
            })
            .unwrap();
            let second = serde_json::json!({"b": 1}).as_object().unwrap().clone();
            assert_eq!(found, [(1, Err(true)), (2, Ok(second))], "{expected} {array}");
        }
    }
}
