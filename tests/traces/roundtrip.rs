//! Reading back what was written gives the same search, and reading anything at all gives an answer.

use metacot_envs::{Settings, countdown::Countdown};
use metacot_traces::{Event, Trace, audit, format, search};
use proptest::prelude::*;

use crate::support::{countdown, format, problem, run, write};

/// What a text can tell of a search: evaluations are not written, and neither is how a failed search was stopped.
fn told(trace: &Trace<Countdown>) -> (Vec<(u32, Vec<i64>)>, Vec<Event>, bool) {
    let nodes = trace.nodes.iter().map(|node| (node.parent, node.state.as_slice().to_vec())).collect();
    let events = trace.events.iter().filter(|event| !matches!(event, Event::Evaluate { .. })).copied().collect();
    (nodes, events, trace.goal.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_a_written_trace_gives_the_same_search(index in 0_u64..100_000, size in 3_usize..=4, which in 0..search::NAMES.len()) {
        let env = countdown(size);
        let problem = problem(&env, index);
        let recorder = run(&env, &problem, search::NAMES[which], &Settings::default(), index);
        let sos = format::<Countdown>("sos");
        let text = write(&env, &problem, &recorder, sos.as_ref());
        let audited = audit(&env, None, &sos.parse(&text));
        prop_assert!(audited.is_clean(), "{:?} in {text}", audited.defects);
        prop_assert_eq!(audited.is_solved(), recorder.trace().goal.is_some());
        prop_assert_eq!(told(&audited.trace), told(recorder.trace()));

        if recorder.trace().goal.is_none() {
            return Ok(());
        }
        let plan = format::<Countdown>("sos-plan");
        let text = write(&env, &problem, &recorder, plan.as_ref());
        let audited = audit(&env, Some(&problem), &plan.parse(&text));
        prop_assert!(audited.is_clean() && audited.is_solved(), "{text}");
    }

    #[test]
    fn any_text_can_be_read_and_audited(text in "(Current State: |Exploring Operation: |Generated Node #|Moving to Node #|, Operations: |, Resulting Numbers: |[0-9,\\[\\]'=+*/: \n-]|.){0,60}") {
        let env = countdown(3);
        for name in format::NAMES {
            let format = format::<Countdown>(name);
            let parsed = format.parse(&text);
            let audited = audit(&env, None, &parsed);
            prop_assert!(!audited.is_clean() || audited.problem.is_some());
            let audited = audit(&env, Some(&problem(&env, 0)), &parsed);
            prop_assert!(!audited.is_clean(), "a random text tells no true search");
        }
    }
}
