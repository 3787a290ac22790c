use super::*;

fn problem(numbers: &[u32], target: u32) -> Problem {
    Problem { numbers: numbers.to_vec(), target, rules: Rules::Sos }
}

fn env() -> Countdown {
    Countdown::configure(&Difficulty::sized(3)).unwrap()
}

#[test]
fn children_come_in_stream_of_search_order() {
    let (env, problem) = (env(), problem(&[3, 5, 9], 24));
    let state = env.initial(&problem);
    let mut actions = Vec::new();
    env.actions(&problem, &state, &mut actions);
    let texts: Vec<String> = actions
        .iter()
        .map(|action| {
            let mut text = String::new();
            crate::Notation::write_action(&env, &problem, &state, action, &mut text);
            text
        })
        .collect();
    assert_eq!(texts, ["3+5=8", "3*5=15", "5-3=2", "3+9=12", "3*9=27", "9-3=6", "9/3=3", "5+9=14", "5*9=45", "9-5=4"]);
}

#[test]
fn heuristics_match_their_definitions() {
    let (env, problem) = (env(), problem(&[3, 5, 9], 24));
    let state = env.initial(&problem);
    assert_eq!(env.heuristic(0, &problem, &state), (21.0 + 19.0 + 15.0) / 3.0);
    assert_eq!(env.heuristic(1, &problem, &state), 0.0 + 1.0 + 1.0, "divisors of 24 nearest to 3, 5, 9 are 3, 4 or 6, 8");
    for (value, target) in (0..60).flat_map(|value| (2..60).map(move |target| (value, target))) {
        let slow = (2..=target).filter(|divisor| target % divisor == 0).map(|divisor: i64| (value - divisor).abs()).min().unwrap();
        assert_eq!(nearest_divisor_distance(value, target), slow, "{value} {target}");
    }
}

#[test]
fn division_needs_an_exact_nonzero_divisor() {
    assert_eq!(Op::Divide.apply(6, 0), None);
    assert_eq!(Op::Divide.apply(7, 2), None);
    assert_eq!(Op::Divide.apply(0, 5), None, "smaller by larger is not an operation");
    assert_eq!(Op::Subtract.apply(2, 3), None);
    assert_eq!(Op::Subtract.apply(3, 3), Some(0));
}
