//! `metacot doctor`: one screen to paste into an issue.

use clap::Args;

use super::machine;
use crate::{
    Result,
    device::{Gpu, exchange, gpus},
};

/// Says what this build and this machine have.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

pub(super) fn run(_args: &DoctorArgs) -> Result<()> {
    let cuda = match gpus() {
        Ok(gpus) => {
            let of = |gpu: &Gpu| format!("{} is usable: {}, {:.0} GiB", gpu.device, gpu.name, gpu.memory as f64 / f64::from(1 << 30));
            let exchange = (gpus.len() > 1).then(|| format!("GPUs exchange through {}", exchange()));
            gpus.iter().map(of).chain(exchange).collect()
        }
        Err(error) => vec![error.to_string()],
    };
    println!("metacot    {}", env!("CARGO_PKG_VERSION"));
    println!("machine    {}", machine::describe());
    println!("simd       {}", crate::sample::simd_level());
    println!("cuda       {}", cuda.join("\n           "));
    println!("envs       {}", metacot_envs::registry::NAMES.join(" "));
    println!("searches   {}", metacot_traces::search::NAMES.join(" "));
    println!("formats    {}", metacot_traces::format::NAMES.join(" "));
    println!("transforms {}", metacot_traces::transform::NAMES.join(" "));
    println!("layouts    {}", metacot_layouts::Layout::names().join(" "));
    let recipes: Vec<&str> = crate::recipe::BUILT_IN.iter().map(|(name, _)| *name).collect();
    println!("recipes    {}", recipes.join(" "));
    Ok(())
}
