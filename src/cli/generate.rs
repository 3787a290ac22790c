//! `metacot generate`: a corpus of search traces.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use metacot_layouts::{FolderSink, FolderSpec};
use metacot_traces::{
    Budget,
    corpus::{Layout, Manifest, Split, SplitShares},
    generate::{Job, Shard, Spec, generate, generate_into, num_listed},
    settings::{Names, share_out},
    transform::Skip,
};

use super::{layout::LayoutOptions, mix, progress::Bar};
use crate::{Error, Result};

/// Generates a corpus of search traces, each replayed and audited before it is written.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Environment (see `metacot doctor` for all names). Lists such as maze,sokoban and the name all, here and for searches, formats and
    /// transforms, make one corpus of all combinations that go together.
    #[arg(long, default_value = "countdown")]
    pub(super) env: String,
    /// Its size, such as the number of numbers of a Countdown problem.
    #[arg(long)]
    pub(super) size: Option<String>,
    /// Search to run on every problem.
    #[arg(long, default_value = "dfs")]
    pub(super) search: String,
    /// Text format of the traces.
    #[arg(long, default_value = "sos")]
    pub(super) format: String,
    /// What is done to every trace before it is written, such as retry or thin; none writes it as it is.
    #[arg(long, default_value = "none")]
    pub(super) transform: String,
    /// What of a text is to be learned, noted as spans: full, response, correct-path or search.
    #[arg(long, default_value = "response")]
    pub(super) loss: String,
    /// Number of problems.
    #[arg(long, required_unless_present_any = ["all", "dry_run"])]
    pub(super) count: Option<u64>,
    /// Every problem that the environment lists, once and in its order, instead of draws: the 1,362 of game24, or those of countdown with small
    /// numbers. All of them where --split is left out, else those of the split.
    #[arg(long, conflicts_with_all = ["count", "distinct"])]
    pub(super) all: bool,
    /// Root seed; the same seed and settings give the same bytes at any number of threads.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Folder of the corpus.
    #[arg(long, required_unless_present = "dry_run")]
    pub(super) out: Option<PathBuf>,
    /// Part of the problem space, train where left out: train, val, test, or one that holds only what is held out: test-ood-target, test-ood-size, test-ood-set.
    /// No problem is in two of them, whatever the seed, if all are given the same --hold-out.
    #[arg(long)]
    pub(super) split: Option<String>,
    /// What train, val and test never have: targets=…, sizes=… or sets=…, with values, ranges such as 30..40 or a share such as 10%,
    /// comma-separated, such as targets=24,30..40 or sets=10%; can be given again.
    #[arg(long = "hold-out", value_name = "FACET=VALUES", num_args = 1..)]
    pub(super) hold_out: Vec<String>,
    /// Leaves out problems that an earlier record of the run has, up to symmetry.
    #[arg(long)]
    pub(super) distinct: bool,
    /// A corpus that must share no problem with this one; contamination.json says what it shares. Can be given again.
    #[arg(long)]
    pub(super) against: Vec<PathBuf>,
    /// Layout of the corpus: jsonl or shard for our own tools, or any that `metacot convert` writes.
    #[arg(long, default_value = "jsonl")]
    pub(super) layout: String,
    #[command(flatten)]
    pub(super) layout_options: LayoutOptions,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Which part of the run to generate, as i/n with i from 0; `metacot merge` puts the parts together.
    #[arg(long, default_value = "0/1")]
    pub(super) shard: String,
    /// Most expansions of one search; 100000 where left out, and in mixtures what the environment's preset says.
    #[arg(long)]
    pub(super) max_expansions: Option<u64>,
    /// Setting of the environment, the search, the format or the transform; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    pub(super) settings: Vec<String>,
    /// Weight of an environment, search, format or transform in a mixture, 1 for all others; can be given again.
    #[arg(long = "weight", value_name = "NAME=WEIGHT", num_args = 1..)]
    pub(super) weights: Vec<String>,
    /// Prints the combinations of a mixture and, with the reasons, those that do not go together; writes nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Replaces a finished corpus in the folder.
    #[arg(long)]
    pub(super) force: bool,
}

/// The most records of a run: ids beyond are those of further draws.
const MOST_RECORDS: u64 = 1 << 40;

pub(super) fn run(args: &GenerateArgs) -> Result<()> {
    if mix::is_mixed(args) {
        return mix::run(args);
    }
    let settings = super::settings(&args.settings)?;
    let names = Names { env: &args.env, size: args.size.as_deref(), search: &args.search, format: &args.format, transform: &args.transform };
    let parts = share_out(names, &settings)?;
    let mut spec = Spec {
        env: args.env.clone(),
        difficulty: parts.difficulty,
        search: args.search.clone(),
        search_settings: parts.search,
        format: args.format.clone(),
        format_settings: parts.format,
        transform: args.transform.clone(),
        transform_settings: parts.transform,
        loss: args.loss.parse().map_err(Error::Usage)?,
        budget: Budget { expansions: args.max_expansions.unwrap_or(Budget::default().expansions).max(1), ..Budget::default() },
        split: split(args)?,
        // A list that no split is asked of is whole.
        shares: if args.all && args.split.is_none() { SplitShares { val: 0.0, test: 0.0, ..SplitShares::default() } } else { SplitShares::default() },
        hold_out: super::pairs_of("--hold-out", "targets=…, sizes=… or sets=…, such as targets=24,30..40 or sets=10%", &args.hold_out)?,
        distinct: args.distinct,
        listed: args.all,
        count: count(args)?,
        seed: args.seed,
    };
    if args.all {
        spec.count = num_listed(&spec)?;
    }
    let against = super::contamination::readable(&args.against)?;
    let (threads, shard) = (super::threads(args.threads)?, shard(&args.shard)?);
    let out = folder(args);
    let job = |layout| Job { spec: spec.clone(), out: out.clone(), layout, threads, shard, force: args.force };
    let bar = Bar::new("records");
    let mut progress = |done| bar.show(done, spec.count.div_ceil(shard.count.max(1)));
    let done = match target(args, &spec)? {
        Target::Corpus(layout) => Report::from(generate(&job(layout), &mut progress)?),
        Target::Folder(mut sink) => {
            generate_into(&job(FolderSink::ENCODING), sink.as_mut(), &mut progress)?;
            Report::from(sink.finish()?)
        }
    };
    bar.clear();
    done.print();
    super::contamination::check(&out, &against)
}

/// The number of problems that is asked for; 0 where it is not said.
pub(super) fn count(args: &GenerateArgs) -> Result<u64> {
    match args.count {
        Some(count) if !(1..=MOST_RECORDS).contains(&count) => Err(Error::Usage(format!("--count {count} is not allowed; expected 1 to {MOST_RECORDS}"))),
        count => Ok(count.unwrap_or(0)),
    }
}

/// The folder of the corpus, which only a run that writes nothing leaves out.
pub(super) fn folder(args: &GenerateArgs) -> PathBuf {
    args.out.clone().unwrap_or_default()
}

/// The part of the problem space that is asked for.
pub(super) fn split(args: &GenerateArgs) -> Result<Split> {
    args.split.as_deref().map_or(Ok(Split::Train), str::parse).map_err(Error::Usage)
}

/// Where records go.
pub(super) enum Target {
    /// A corpus of our own.
    Corpus(Layout),
    /// A folder for other tools.
    Folder(Box<FolderSink>),
}

/// What `--layout` asks for; `config` goes into the manifest of a folder.
pub(super) fn target(args: &GenerateArgs, config: &impl serde::Serialize) -> Result<Target> {
    if let Ok(layout) = args.layout.parse::<Layout>() {
        return Ok(Target::Corpus(layout));
    }
    let layout = args.layout_options.layout(&args.layout)?;
    if !args.against.is_empty() {
        return Err(Error::Usage(format!("--against is not allowed with layout {}; generate jsonl or shard, then convert", layout.name())));
    }
    let config = serde_json::to_value(config).expect("a spec is plain data");
    Ok(Target::Folder(Box::new(FolderSink::new(FolderSpec { folder: folder(args), layout, config, force: args.force, numbering: None, shard: None }))))
}

/// What was written.
pub(super) struct Report {
    counts: BTreeMap<String, u64>,
    num_files: usize,
    digest: String,
}

impl From<Manifest> for Report {
    fn from(manifest: Manifest) -> Self {
        Self { counts: manifest.counts, num_files: manifest.files.len(), digest: manifest.digest }
    }
}

impl From<metacot_layouts::Manifest> for Report {
    fn from(manifest: metacot_layouts::Manifest) -> Self {
        Self { counts: manifest.counts, num_files: manifest.files.len(), digest: manifest.digest }
    }
}

impl Report {
    /// Counts for people, the digest for programs.
    pub(super) fn print(&self) {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or(0);
        let skipped = Skip::ALL.map(|skip| (skip, count(skip.count_name())));
        eprintln!(
            "{} records ({} solved, {} skipped, {} repeated), {} bytes of text in {} files",
            count("records"),
            count("solved"),
            skipped.iter().map(|(_, count)| count).sum::<u64>(),
            count("skipped_repeated"),
            count("text_bytes"),
            self.num_files
        );
        for (skip, count) in skipped.iter().filter(|(_, count)| *count > 0) {
            eprintln!("skipped: {count} problems {}", skip.reason());
        }
        println!("{}", self.digest);
    }
}

pub(super) fn shard(text: &str) -> Result<Shard> {
    let parsed = text.split_once('/').and_then(|(index, count)| Some(Shard { index: index.parse().ok()?, count: count.parse().ok()? }));
    match parsed {
        Some(shard) if shard.index < shard.count => Ok(shard),
        _ => Err(Error::Usage(format!("--shard {text} is not allowed; expected i/n with i from 0 to n-1"))),
    }
}
