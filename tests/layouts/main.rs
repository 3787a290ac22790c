//! Corpora in every layout, and files of other tools.

mod bombs;
mod hostile;
mod into;
mod out;
mod peers;
mod support;
