//! Training: supervised through burn-train ([`fit`]), and by policy gradients ([`PolicyTrainer`]); a resume equals an uninterrupted run bit for bit on a CPU.

mod actor;
mod config;
mod distribution;
mod fit;
mod learner;
mod lora;
mod metrics;
mod optimizer;
mod part;
mod policy;
mod progress;
mod replicas;
mod schedule;
mod solving;
mod state;
mod step;
mod strategy;

pub use actor::{Actor, ActorState};
pub use config::{TrainConfig, Watch};
pub use fit::{Job, fit};
pub use learner::{Learner, Scores, TrainerConfig, Update};
pub use lora::{LoraConfig, LoraState, Projection};
pub use optimizer::AdamConfig;
pub use policy::PolicyTrainer;
pub use progress::Progress;
pub use schedule::Schedule;
pub use solving::{SolveCount, Solver};
pub use step::Measured;
