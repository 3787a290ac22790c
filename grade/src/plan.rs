//! A plan as an answer: the actions of any environment in its own words, replayed by its own rules.
//!
//! Actions stand behind each other, parted by `;`, `,` or a new line; those of the grid worlds also by spaces.

use metacot_envs::{ActionFault, Environment, Status, World};

use crate::{Fault, FaultKind, verdict::Texts};

/// The outcome of replaying a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first fault; `None` where the plan solves the problem.
    pub fault: Option<Fault>,
    /// The cost of the actions up to the first fault.
    pub cost: u32,
}

/// Replays the plan that `answer` writes; its actions up to the first fault go to `plan`.
///
/// Actions are read in the state where they are taken. Actions behind a solved state are illegal.
pub fn grade<E: World>(env: &E, problem: &E::Problem, answer: &[u8], plan: &mut Texts) -> Outcome {
    let has_words = matches!(E::NAME, "maze" | "sokoban");
    let mut state = env.initial(problem);
    let mut cost = 0;
    let mut taken = Vec::new();
    let fault = actions(answer, has_words).enumerate().find_map(|(step, text)| match act(env, problem, &state, text, step) {
        Ok(action) => {
            cost += env.cost(problem, &state, &action);
            plan.push_with(|out| env.write_action(problem, &state, &action, out));
            state = env.apply(problem, &state, &action).expect("an action that was read is legal");
            if E::HAS_OPPONENT {
                taken.push(action);
            }
            None
        }
        Err(fault) => Some(fault),
    });
    let ending = || (!env.is_answer(problem, &taken, &state)).then(|| unsolved(answer));
    let fault = fault.or_else(ending);
    Outcome { fault, cost }
}

/// The fault of a legal plan that does not solve.
pub(crate) fn unsolved(answer: &[u8]) -> Fault {
    if answer.trim_ascii().is_empty() {
        return Fault::new(FaultKind::Cut, 0, "there is no answer");
    }
    Fault::new(FaultKind::WrongAnswer, 0, "the plan is legal and does not solve the problem")
}

/// The texts of the actions.
fn actions(answer: &[u8], has_words: bool) -> impl Iterator<Item = &[u8]> {
    let is_break = move |byte: &u8| matches!(byte, b';' | b',' | b'\n' | b'\r') || has_words && matches!(byte, b' ' | b'\t');
    answer.split(is_break).map(<[u8]>::trim_ascii).filter(|text| !text.is_empty())
}

fn act<E: World>(env: &E, problem: &E::Problem, state: &E::State, text: &[u8], step: usize) -> Result<E::Action, Fault> {
    let shown = || crate::verdict::shortened(text);
    let fault = |kind, why: &str| Fault::of(kind, step, format!("`{}` {why}", shown()));
    let Ok(words) = std::str::from_utf8(text) else { return Err(fault(FaultKind::Syntax, "is not UTF-8")) };
    if env.status(problem, state) != Status::Open {
        return Err(fault(FaultKind::Illegal, "stands behind the end"));
    }
    let read = env.read_action(problem, state, words, None);
    let action = read.map_err(|kind| match kind {
        ActionFault::Syntax => fault(FaultKind::Syntax, "does not read as an action"),
        ActionFault::Arithmetic => fault(FaultKind::Arithmetic, "has a wrong result"),
        ActionFault::Unavailable => fault(FaultKind::Unavailable, "uses what is not there"),
        ActionFault::Illegal => fault(FaultKind::Illegal, "is not allowed here"),
    })?;
    let is_legal = env.apply(problem, state, &action).is_ok();
    if is_legal { Ok(action) } else { Err(fault(FaultKind::Illegal, "is not allowed here")) }
}

/// The environment that knows the problems of outside, in its default shape.
pub(crate) fn default_env<E: Environment>(difficulty: &metacot_envs::Difficulty) -> Result<E, String> {
    E::configure(difficulty).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use metacot_envs::{
        Difficulty,
        countdown::{Countdown, Problem, Rules},
    };

    use super::*;

    #[test]
    fn countdown_plans_are_replayed() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let problem = Problem { numbers: vec![3, 5, 9], target: 24, rules: Rules::Sos };
        for (answer, kind) in [
            ("3*5=15; 9+15=24", None),
            ("3*5=15\n9+15=24\n", None),
            ("3*5=15, 9+15=24", None),
            ("3*5=15", Some(FaultKind::WrongAnswer)),
            ("3*5=16; 9+16=25", Some(FaultKind::Arithmetic)),
            ("3*5=15; 3*9=27", Some(FaultKind::Unavailable)),
            ("3-5=2; 9+2=11", Some(FaultKind::Illegal)),
            ("3*5=15; 9+15=24; 1+1=2", Some(FaultKind::Illegal)),
            ("3**5=15", Some(FaultKind::Syntax)),
            (" ; ;", Some(FaultKind::WrongAnswer)),
            ("", Some(FaultKind::Cut)),
        ] {
            let outcome = grade(&env, &problem, answer.as_bytes(), &mut Texts::default());
            assert_eq!(outcome.fault.map(|fault| fault.kind), kind, "{answer:?}");
        }
    }
}
