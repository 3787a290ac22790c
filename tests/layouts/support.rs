//! Records and folders that tests share.

use std::{path::Path, sync::Arc};

use metacot_layouts::{Bytes, Encoder, Folder, FolderSpec, Layout, Manifest};
use metacot_traces::{
    corpus::{CorpusError, Record},
    generate::{Desk, Maker, Spec},
};

/// The first `count` records of a small Countdown or maze corpus.
pub fn records(env: &str, format: &str, count: u64) -> Vec<Record> {
    let search = if env == "maze" { "astar" } else { "dfs" };
    match env {
        "maze" => made::<metacot_envs::maze::Maze>(&Spec { difficulty: metacot_envs::Difficulty::sized(6), ..Spec::new(env, search, format) }, count),
        _ => made::<metacot_envs::countdown::Countdown>(&Spec { difficulty: metacot_envs::Difficulty::sized(3), ..Spec::new(env, search, format) }, count),
    }
}

/// The first `count` solved records of a small Sokoban corpus.
pub fn levels(count: u64) -> Vec<Record> {
    made::<metacot_envs::sokoban::Sokoban>(&Spec::new("sokoban", "astar", "searchformer"), count)
}

pub fn made<E: metacot_envs::World>(spec: &Spec, count: u64) -> Vec<Record> {
    let maker = Maker::<E>::new(spec).unwrap();
    let mut desk = Desk::default();
    (0..count).filter_map(|id| maker.record(id, &mut desk).unwrap()).collect()
}

/// A layout by name, with bytes as tokens.
pub fn layout(name: &str, truth: Option<&str>) -> Layout {
    let encoder: Arc<dyn Encoder> = Arc::new(Bytes);
    Layout::parse(name, truth, &encoder).unwrap()
}

/// Writes records in a layout.
pub fn write(records: &[Record], layout: Layout, folder: &Path) -> Result<Manifest, CorpusError> {
    let config = serde_json::json!({"test": true});
    let mut writer = Folder::create(FolderSpec { folder: folder.into(), layout, config, force: false, numbering: None, shard: None })?;
    records.iter().try_for_each(|record| writer.push(record.clone()))?;
    writer.finish()
}
