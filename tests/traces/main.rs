//! What must hold of every search, format and corpus.

mod audit;
mod claim;
mod corpus;
mod feedback;
mod filter;
mod forensics;
mod games;
mod golden;
mod grammar;
mod guide;
mod held_out;
mod hostile;
mod judged;
mod matrix;
mod mix;
mod reading;
mod roundtrip;
mod search;
#[path = "../small.rs"]
mod small;
mod support;
mod transform;
mod view;
