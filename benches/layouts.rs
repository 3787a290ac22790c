//! Megabytes of text a second on one core: records into a layout, and back.
//!
//! `cargo bench -p metacot-layouts --bench layouts` prints one line per layout; what is read back is compared with what was written. Times are
//! those of the processor where the system tells them (Linux), so that other programs do not count.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{fs, sync::Arc, time::Instant};

use metacot_envs::{Difficulty, countdown::Countdown};
use metacot_layouts::{Bytes, Encoder, Folder, FolderSpec, Layout, read};
use metacot_traces::{
    corpus::Record,
    generate::{Desk, Maker, Spec},
};

const RECORDS: u64 = 6_000;
const ROUNDS: usize = 3;

/// Seconds that this thread has spent on a processor; those of the clock where the system does not say.
fn seconds(origin: Instant) -> f64 {
    let spent = fs::read_to_string("/proc/self/schedstat").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.map_or_else(|| origin.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn main() {
    let origin = Instant::now();
    let maker = Maker::<Countdown>::new(&Spec { difficulty: Difficulty::sized(4), ..Spec::new("countdown", "dfs", "sos") }).expect("a spec of ours");
    let mut desk = Desk::default();
    let records: Vec<Record> = (0..RECORDS).filter_map(|id| maker.record(id, &mut desk).expect("a true record")).collect();
    let text: usize = records.iter().map(|record| record.text.len()).sum();
    println!("{} records, {:.1} MB of text, mean {} bytes; best of {ROUNDS}", records.len(), text as f64 / 1e6, text / records.len());
    let encoder: Arc<dyn Encoder> = Arc::new(Bytes);
    for name in ["parquet", "jsonl", "jsonl.zst", "jsonl.gz", "shard", "text", "verl", "tokens"] {
        let (mut write_time, mut read_time, mut bytes) = (f64::INFINITY, f64::INFINITY, 0);
        for _ in 0..ROUNDS {
            let folder = std::env::temp_dir().join(format!("metacot-bench-{}", std::process::id()));
            let layout = Layout::parse(name, None, &encoder).expect("a known name");
            let copies = records.clone();
            let started = seconds(origin);
            let spec = FolderSpec { folder: folder.clone(), layout, config: serde_json::Value::Null, force: true, numbering: None, shard: None };
            let mut writer = Folder::create(spec).expect("a folder");
            copies.into_iter().for_each(|record| writer.push(record).expect("a record that fits"));
            let manifest = writer.finish().expect("a manifest");
            write_time = write_time.min(seconds(origin) - started);
            bytes = manifest.files.iter().map(|file| file.bytes).sum();
            if Layout::is_whole(name) {
                let (mut index, started) = (0, seconds(origin));
                read(&folder, &mut |record| {
                    assert_eq!(record, records[index]);
                    index += 1;
                    Ok(())
                })
                .expect("what was written");
                read_time = read_time.min(seconds(origin) - started);
                assert_eq!(index, records.len());
            }
            fs::remove_dir_all(&folder).expect("the folder of this bench");
        }
        let rate = |time: f64| text as f64 / 1e6 / time;
        println!("{name:<12} write {:>6.0} MB/s  read {:>6.0} MB/s  {:>8.2} MB", rate(write_time), rate(read_time), bytes as f64 / 1e6);
    }
}
