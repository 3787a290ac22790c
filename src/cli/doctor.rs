//! `metacot doctor`: one screen to paste into an issue.

use clap::Args;

use super::machine;
use crate::{Result, device::DeviceChoice};

/// Says what this build and this machine have.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

pub(super) fn run(_args: &DoctorArgs) -> Result<()> {
    let cuda = match DeviceChoice::Cuda(0).check() {
        Ok(()) => "cuda:0 is usable".to_string(),
        Err(error) => error.to_string(),
    };
    println!("metacot    {}", env!("CARGO_PKG_VERSION"));
    println!("machine    {}", machine::describe());
    println!("simd       {}", crate::sample::simd_level());
    println!("cuda       {cuda}");
    println!("envs       {}", metacot_envs::registry::NAMES.join(" "));
    println!("searches   {}", metacot_traces::search::NAMES.join(" "));
    println!("formats    {}", metacot_traces::format::NAMES.join(" "));
    println!("transforms {}", metacot_traces::transform::NAMES.join(" "));
    println!("layouts    {}", metacot_layouts::Layout::names().join(" "));
    let recipes: Vec<&str> = crate::recipe::BUILT_IN.iter().map(|(name, _)| *name).collect();
    println!("recipes    {}", recipes.join(" "));
    Ok(())
}
