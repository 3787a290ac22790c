//! What crosses a boundary of the package, in one binary.

mod agreement;
mod cli;
mod convert;
mod corpora;
mod devices;
mod durability;
mod eval;
mod generate;
mod gpu;
mod house;
mod import;
mod improve;
mod interop;
mod pipeline;
mod policy;
mod reference;
mod report;
mod revise;
mod sample;
#[path = "../small.rs"]
mod small;
mod stages;
mod support;
mod tape;
mod tokenizer;
mod train;
mod viewer;
mod vocabulary;
