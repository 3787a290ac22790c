//! The generic contract, run on every registered environment, at several sizes.

use metacot_envs::{
    Difficulty, World,
    conformance::{Effort, check},
    registry::{self, EnvironmentVisitor},
};

struct Conformance;

impl EnvironmentVisitor for Conformance {
    type Output = ();
    fn visit<E: World>(self) {
        let env = E::configure(&Difficulty::default()).expect("the default difficulty is valid");
        check(&env, 11, Effort { problems: 30, walks: 3, depth: 60 });
    }
}

#[test]
fn every_registered_environment_keeps_the_contract() {
    for name in registry::NAMES {
        registry::visit(name, Conformance).expect("registered");
    }
}

#[test]
fn countdown_keeps_the_contract_at_every_size() {
    for size in 3..=6 {
        let env = metacot_envs::Environment::configure(&Difficulty::sized(size)).expect("in range");
        check::<metacot_envs::countdown::Countdown>(&env, 5, Effort { problems: 10, walks: 2, depth: 9 });
    }
}
