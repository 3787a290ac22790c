//! What must hold of every search, format and corpus.

mod audit;
mod corpus;
mod games;
mod golden;
mod matrix;
mod mix;
mod roundtrip;
mod search;
mod support;
mod transform;
