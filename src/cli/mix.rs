//! `metacot generate` with lists of names: one corpus of every combination that goes together.

use std::collections::BTreeMap;

use metacot_layouts::FolderSink;
use metacot_traces::{
    corpus::SplitShares,
    generate::Run,
    mix::{Mix, MixSpec, generate, generate_into},
};

use super::{
    generate::{GenerateArgs, Report, Target, count, folder, shard, split, target},
    progress::Bar,
};
use crate::{Error, Result};

/// Whether the arguments name more than one combination, or ask which there are.
pub(super) fn is_mixed(args: &GenerateArgs) -> bool {
    let is_list = |names: &String| names == "all" || names.contains(',');
    args.dry_run || !args.weights.is_empty() || [&args.env, &args.search, &args.format, &args.transform].into_iter().any(is_list)
}

pub(super) fn run(args: &GenerateArgs) -> Result<()> {
    let flags = [("--all", args.all), ("--distinct", args.distinct), ("--hold-out", !args.hold_out.is_empty())];
    if let Some((flag, _)) = flags.into_iter().find(|(_, is_given)| *is_given) {
        return Err(Error::Usage(format!("{flag} is not allowed for a mixture; expected one environment, search, format and transform")));
    }
    let list = |names: &str| names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect();
    let spec = MixSpec {
        envs: list(&args.env),
        searches: list(&args.search),
        formats: list(&args.format),
        transforms: list(&args.transform),
        size: args.size.clone(),
        settings: super::settings(&args.settings)?,
        weights: weights(&args.weights)?,
        expansions: args.max_expansions.map(|most| most.max(1)),
        loss: args.loss.parse().map_err(Error::Usage)?,
        split: split(args)?,
        shares: SplitShares::default(),
        count: count(args)?,
        seed: args.seed,
    };
    if args.dry_run {
        return list_combinations(&spec);
    }
    let against = super::contamination::readable(&args.against)?;
    let shard = shard(&args.shard)?;
    let (count, split, threads) = (spec.count, spec.split, super::threads(args.threads)?);
    let out = folder(args);
    let run = |layout| Run { count, split, out: out.clone(), layout, threads, shard, force: args.force };
    let bar = Bar::new("records");
    let mut progress = |done| bar.show(done, count.div_ceil(shard.count.max(1)));
    let done = match target(args, &spec)? {
        Target::Corpus(layout) => Report::from(generate(&spec, run(layout), &mut progress)?),
        Target::Folder(mut sink) => {
            generate_into(&spec, run(FolderSink::ENCODING), sink.as_mut(), &mut progress)?;
            Report::from(sink.finish()?)
        }
    };
    bar.clear();
    done.print();
    super::contamination::check(&out, &against)
}

fn weights(texts: &[String]) -> Result<BTreeMap<String, u32>> {
    let settings = super::pairs_of("--weight", "name=weight", texts)?;
    let weight = |(name, _)| Ok((String::from(name), settings.number(name, 0..=1000, 1).map_err(|error| Error::Usage(format!("--weight: {error}")))?));
    settings.iter().map(weight).collect()
}

/// Prints a row per combination, tab-separated: its weight, its names, and, where it does not go together, the reason.
fn list_combinations(spec: &MixSpec) -> Result<()> {
    let mix = Mix::new(spec)?;
    for one in mix.combinations() {
        println!("{}\t{}\t{}\t{}\t{}\t", one.weight, one.spec.env, one.spec.search, one.spec.format, one.spec.transform);
    }
    for one in mix.refusals() {
        println!("0\t{}\t{}\t{}\t{}\t{}", one.env, one.search, one.format, one.transform, one.reason);
    }
    eprintln!("{} combinations go together, {} do not", mix.combinations().len(), mix.refusals().len());
    Ok(())
}
