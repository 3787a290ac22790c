//! `metacot convert`: corpora into other layouts, and files of other tools into corpora.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use metacot_layouts::{Folder, FolderSpec, Import, ImportReport, ImportSpec, Manifest, importer, read, read_file};
use metacot_traces::{
    Budget,
    corpus::{CorpusError, MANIFEST, Record, Shard, Split, check_shards},
};
use serde_json::json;

use super::{ids::Ids, layout, progress::Bar};
use crate::{Error, Result};

/// Writes corpora in another layout, or the rows of other tools as a corpus: each problem validated, each trace audited, and what cannot be
/// used counted by reason.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Finished corpora (folders) or files of records; with --from, files of that tool (JSON lines, JSON arrays, Parquet; plain, .zst or .gz)
    /// or folders of such files.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// The tool that wrote the files: countdown-tasks, sos, searchformer, reasoning-gym, openai-rft, verl or question-answer.
    #[arg(long)]
    from: Option<String>,
    /// Folder of the new corpus.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    layout: layout::LayoutArgs,
    /// With --from: format of prompts and of traces that --search makes; that by which the environment is best known where left out.
    #[arg(long, requires = "from")]
    format: Option<String>,
    /// With --from: a search to run on every problem that comes without a trace; prompts alone are written where left out.
    #[arg(long, requires = "from")]
    search: Option<String>,
    /// With --from: the split of all records; decided by each problem, as for generated corpora, where left out.
    #[arg(long, requires = "from")]
    split: Option<String>,
    /// With --from: counts malformed rows instead of stopping at the first.
    #[arg(long, requires = "from")]
    skip_malformed: bool,
    /// Numbers the records anew, in order of input, where inputs use the same ids for different records.
    #[arg(long, conflicts_with = "from")]
    renumber: bool,
    /// Root seed of searches that draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most expansions of one search.
    #[arg(long, default_value_t = Budget::default().expansions)]
    max_expansions: u64,
    /// Setting of the search; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1.., requires = "search")]
    settings: Vec<String>,
    /// Replaces a finished corpus in the folder.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &ConvertArgs) -> Result<()> {
    let layout = args.layout.layout()?;
    let importer = match &args.from {
        None => None,
        Some(name) => {
            Some(importer::find(name).ok_or_else(|| Error::Usage(format!("--from {name} is not allowed; expected one of {}", importer::NAMES.join(", "))))?)
        }
    };
    let files = inputs(args)?;
    let shard = shard_of(&files)?;
    let mut sources = Vec::new();
    for path in &files {
        sources.push(describe(path)?);
    }
    let name = layout.name().to_string();
    let config = json!({"convert": {
        "inputs": sources, "from": args.from, "layout": name, "format": args.format, "search": args.search, "split": args.split,
        "seed": args.search.as_ref().map(|_| args.seed), "set": args.settings,
    }});
    let config = if args.renumber { with_renumbering(config) } else { config };
    let spec = ImportSpec {
        format: args.format.clone(),
        search: args.search.clone(),
        search_settings: super::settings(&args.settings)?,
        budget: Budget { expansions: args.max_expansions.max(1), ..Budget::default() },
        seed: args.seed,
        split: args.split.as_deref().map(str::parse::<Split>).transpose().map_err(Error::Usage)?,
        skips_malformed: args.skip_malformed,
    };
    let mut folder = Folder::create(FolderSpec { folder: args.out.clone(), layout, config, force: args.force, numbering: None, shard })?;
    let bar = Bar::new("records");
    let mut done = 0;
    let mut take = |record: Record| {
        done += 1;
        bar.show(done, done);
        folder.push(record)
    };
    let mut twice = 0;
    let report = match importer {
        Some(importer) => {
            let mut import = Import::new(importer, spec);
            files.iter().try_for_each(|path| import.read(path, &mut take))?;
            Some(import.report().clone())
        }
        None => {
            let mut ids = Ids::new(args.renumber, files.len());
            for path in &files {
                ids.begin(path);
                let mut take = |record| ids.admit(record).and_then(|record| record.map_or(Ok(()), &mut take));
                if path.is_dir() { read(path, &mut take).map(|_| ())? } else { read_file(path, &mut take)? }
            }
            twice = ids.twice();
            None
        }
    };
    bar.clear();
    if let Some(report) = &report {
        tell(report);
        folder.count("rows", report.rows);
        report.refused.iter().for_each(|(reason, refused)| folder.count(&format!("refused: {reason}"), refused.count));
    }
    if twice > 0 {
        eprintln!("{twice} records stand in two of the inputs and are written once");
        folder.count("skipped_repeated", twice);
    }
    let manifest = folder.finish()?;
    super::generate::Report::from(manifest).print();
    Ok(())
}

/// Says what became of the rows.
fn tell(report: &ImportReport) {
    eprintln!("{} rows read, {} used", report.rows, report.records);
    for (reason, refused) in &report.refused {
        eprintln!("  {} {reason}; the first: {}", refused.count, refused.first);
    }
}

/// The corpora or files to read, folders of foreign files opened; none of them is in the folder that is written.
fn inputs(args: &ConvertArgs) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in &args.inputs {
        let place = fs::canonicalize(input).map_err(Error::io("cannot read", input))?;
        if fs::canonicalize(&args.out).is_ok_and(|out| place.starts_with(&out)) {
            return Err(Error::Usage(format!("{} lies in --out {}, which would be written over it", input.display(), args.out.display())));
        }
        if args.from.is_none() || !place.is_dir() {
            files.push(input.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(input).map_err(Error::io("cannot read", input))? {
            let path = entry.map_err(Error::io("cannot read", input))?.path();
            let is_data = path.extension().is_some_and(|extension| ["json", "jsonl", "parquet", "zst", "gz"].iter().any(|known| extension == *known));
            if is_data && path.is_file() && path.file_name().is_none_or(|name| name != MANIFEST) {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(Error::data(input, "no .json, .jsonl, .parquet, .zst or .gz file in this folder"));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// Notes in the configuration that ids are new.
fn with_renumbering(mut config: serde_json::Value) -> serde_json::Value {
    config["convert"]["renumber"] = true.into();
    config
}

/// The shard that a single input is; several shards of a run must be all of it.
fn shard_of(files: &[PathBuf]) -> Result<Option<Shard>> {
    let mut runs: BTreeMap<(String, u64), Vec<(Shard, &Path)>> = BTreeMap::new();
    for path in files.iter().filter(|path| path.is_dir()) {
        let manifest = Manifest::load(path)?;
        if let Some(shard) = manifest.shard {
            runs.entry((manifest.config.to_string(), shard.count)).or_default().push((shard, path));
        }
    }
    let single = runs.values().next().and_then(|shards| shards.first()).map(|(shard, _)| *shard);
    if files.len() == 1 {
        return Ok(single);
    }
    runs.values().try_for_each(|shards| check_shards(shards))?;
    Ok(None)
}

/// What of an input decides the output: the digest of a corpus, or that of a file.
fn describe(path: &Path) -> Result<serde_json::Value> {
    if path.is_dir() {
        let manifest = Manifest::load(path)?;
        return Ok(json!({"digest": manifest.digest, "config": manifest.config}));
    }
    let mut hasher = blake3::Hasher::new();
    let file = fs::File::open(path).map_err(Error::io("cannot read", path))?;
    hasher.update_reader(file).map_err(CorpusError::io("cannot read", path))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(json!({"file": name, "blake3": hasher.finalize().to_hex().as_str()}))
}
