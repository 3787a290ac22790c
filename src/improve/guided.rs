//! Expert iteration (Anthony et al., 1705.08439) and its form for games (AlphaZero, 1712.01815): searches guided by the model's own policy and
//! value over actions, and what they teach, distilled into the same model.
//!
//! Both are text: the policy is the likelihood of the actions as the format writes them, the value that of one of two marks behind a third. So
//! a policy needs no head of its own, and every model that was trained on a format has one.

mod distill;
mod guide;

pub use distill::{DistillConfig, DistillJob, Lesson, distill, lesson};
pub use guide::{ModelGuide, ValueMarks};
