//! What crosses a boundary of the package, in one binary.

mod agreement;
mod cli;
mod eval;
mod pipeline;
mod report;
mod support;
mod tokenizer;
mod train;
