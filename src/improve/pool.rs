//! The problems that a run takes its prompts from, by their digest: a run that is taken up again must have the same.

use metacot_traces::task::Problem;

/// Digest of problems in their order, prompts and all.
pub(super) fn digest(pool: &[Problem]) -> String {
    let mut hasher = blake3::Hasher::new();
    pool.iter().for_each(|problem| {
        hasher.update(problem.prompt.as_bytes()).update(&[0]).update(problem.json.to_string().as_bytes()).update(&[0]);
    });
    hasher.finalize().to_hex().to_string()
}
