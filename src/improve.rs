//! Learning from verified samples: sample, verify, keep, train again. The one loop that every way of improving joins.

mod effort;
mod evidence;
mod evolution;
mod guided;
mod hint;
mod keep;
mod policy;
mod pool;
mod revise;
mod store;

pub use effort::{Marked, effort_marks, mark_examples, mark_ids};
pub use evidence::evidence;
pub use evolution::{EvolutionConfig, EvolutionJob, evolve};
pub use guided::{DistillConfig, DistillJob, Lesson, ModelGuide, ValueMarks, distill, lesson};
pub use hint::{HINT, Rationalization, hinted_example, hinted_prompt_ids};
pub use keep::{Kept, example, keep};
pub use policy::{Curriculum, CurriculumConfig, Episode, EpisodeGroup, Mode, PolicyConfig, PolicyJob, ReplayConfig, StepReport, VineConfig, policy_gradient};
pub use revise::{RevisionRecord, Source, Target, regression, revise};
pub use store::{load_records, save_records};
