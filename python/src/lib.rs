//! The native half of the Python package `metacot`: problems by number, verdicts and corpora, as JSON in and out.
//!
//! Long calls release the interpreter. Whatever a caller passes ends in a value or a Python exception. What a user sees is the Python half
//! beside this crate, `metacot/`.

mod corpora;
mod error;
mod grading;
mod items;
mod question;

/// The module `metacot._native`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::corpora::{Records, generate, to_parquet};
    #[pymodule_export]
    use crate::grading::{Grader, audit};
    #[pymodule_export]
    use crate::items::Items;

    /// The registered environments.
    #[pyo3::pyfunction]
    fn environments() -> Vec<&'static str> {
        metacot_envs::registry::NAMES.to_vec()
    }
}
