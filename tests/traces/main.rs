//! What must hold of every search, format and corpus.

mod audit;
mod corpus;
mod golden;
mod matrix;
mod roundtrip;
mod search;
mod support;
mod transform;
mod view;
