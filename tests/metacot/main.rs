//! What crosses a boundary of the package, in one binary.

mod report;
mod tokenizer;
mod train;
