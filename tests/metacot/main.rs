//! Tests of what crosses a boundary of the package, in one binary.

mod interop;
mod reference;
mod sample;
mod tokenizer;
