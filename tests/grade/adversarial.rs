//! Answers that were made to be paid without being right, or to hurt whoever reads them.

use std::time::{Duration, Instant};

use metacot_envs::countdown::{Problem, Rules};
use metacot_grade::{FaultKind, countdown};

fn fault(answer: &[u8], rules: Rules) -> Option<FaultKind> {
    let problem = Problem { numbers: vec![3, 5, 9], target: 24, rules };
    countdown::grade(&problem, answer).fault.map(|fault| fault.kind)
}

/// Generous for a shared machine; the work itself takes a few milliseconds at most.
const PATIENCE: Duration = Duration::from_millis(500);

#[test]
fn other_notations_are_no_answers() {
    for answer in [
        "0x3*5+9",
        "3*5+0x9",
        "0b11*5+9",
        "0o3*5+9",
        "3e0*5+9",
        "3*5+9e0",
        "3E0*5+9",
        "3.0*5+9",
        "3.*5+9",
        ".3*5+9",
        "3_0*5+9",
        "03*5+9",
        "3*5+09",
        "3*5+9j",
        "3**1*5+9",
        "9**9**9**9",
        "3 ** 5",
        "3* *5+9",
        "9//3*5+9",
        "9/ /3",
        "3^5",
        "24 if 3*5*9 else 0",
        "3*5+9 if True else 0",
        "(3,5,9)[0]*8",
        "24 or 3*5*9",
        "24 # 3 5 9",
        "int(3*5+9)",
        "abs(3*5+9)",
        "max(24,3,5,9)",
        "sqrt(9)+3*5",
        "3*5+9;",
        "3*5+9\n+0*",
        "lambda: 3",
        "__import__('os')",
        "3!*5+9",
        "3%5",
        "3&5|9",
        "~3",
        "3 × 5 + 9",
        "3·5+9",
        "3∗5+9",
        "3*5＋9",
        "3*5−9",
        "9÷3",
        "３*5+9",
        "٣*5+9",
        "3²*5",
        "½",
        "3*5+9\u{200b}",
        "\u{feff}3*5+9",
        "3\u{a0}*5+9",
        "3*5+9\u{0}",
        "\u{0}",
        "3*5\u{b}+9",
        "3*5+9=24",
        "24",
        "\"3*5+9\"",
        "[3*5+9]",
        "{3*5+9}",
        "3*5+9,",
        "$3*5+9$",
        "3*5+9.",
        "3 5 9",
        "3(5)+9",
        "(3)(5)+9",
        "()3*5+9",
        "3*5+9)",
        "(3*5+9",
        ")3*5+9(",
        "+3*5+9",
        "3*+5+9",
        "3*-5+9",
        "--3*5+9",
        "3*5+",
        "*3*5+9",
        "",
    ] {
        for rules in [Rules::Sos, Rules::Rational, Rules::Subset] {
            assert!(fault(answer.as_bytes(), rules).is_some(), "{answer:?} under {rules:?}");
        }
    }
}

#[test]
fn numbers_have_to_be_used_once() {
    for (answer, kind) in [
        ("3*5+9+9-9", FaultKind::Unavailable),
        ("3*8", FaultKind::Unavailable),
        ("24", FaultKind::Unavailable),
        ("9*3-3", FaultKind::Unavailable),
        ("35-9-2", FaultKind::Unavailable),
        ("3*5", FaultKind::Missing),
        ("9", FaultKind::Missing),
        ("99999999999999999999999999999999999999*3*5+9", FaultKind::Unavailable),
    ] {
        assert_eq!(fault(answer.as_bytes(), Rules::Rational), Some(kind), "{answer}");
    }
    assert_eq!(fault(b" ( 3 * 5 )\t+\r\n9 ", Rules::Sos), None);
}

#[test]
fn size_and_depth_cost_milliseconds() {
    let nested = |depth: usize| [&b"(".repeat(depth)[..], b"3*5+9", &b")".repeat(depth)].concat();
    let inner = |depth: usize| [&b"(3+".repeat(depth)[..], b"5", &b")".repeat(depth)].concat();
    for (answer, is_right) in [
        (nested(100_000), true),
        ([&b"(".repeat(100_000)[..], b"3*5+9"].concat(), false),
        (b")".repeat(100_000), false),
        (inner(100_000), false),
        (b"-(".repeat(100_000), false),
        (b"3".repeat(1_000_000), false),
        (b"3+".repeat(500_000), false),
        ([b"3*5+9".to_vec(), b" ".repeat(1_000_000)].concat(), true),
        (b"9**".repeat(300_000), false),
        (vec![0; 1_000_000], false),
        (vec![0xff; 1_000_000], false),
        ("é".repeat(500_000).into_bytes(), false),
    ] {
        for rules in [Rules::Sos, Rules::Rational, Rules::Subset] {
            let begin = Instant::now();
            assert_eq!(fault(&answer, rules).is_none(), is_right, "{}…", String::from_utf8_lossy(&answer[..20]));
            assert!(begin.elapsed() < PATIENCE, "{:?} for {}…", begin.elapsed(), String::from_utf8_lossy(&answer[..20]));
        }
    }
}

#[test]
fn every_expression_over_few_numbers_gets_the_verdict_of_brute_force() {
    // All expressions `a o b o c` and `a o (b o c)` over the permutations, against exact evaluation by hand in fractions.
    let numbers = [2_i64, 4, 8];
    let ops = ['+', '-', '*', '/'];
    let apply = |op, (a, b): (i64, i64), (c, d): (i64, i64)| match op {
        '+' => (a * d + c * b, b * d),
        '-' => (a * d - c * b, b * d),
        '*' => (a * c, b * d),
        _ => (a * d, b * c),
    };
    let mut right = 0;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let [a, b, c] = order.map(|index| numbers[index]);
        for (first, second) in ops.into_iter().flat_map(|first| ops.into_iter().map(move |second| (first, second))) {
            for (text, value) in [
                (format!("({a}{first}{b}){second}{c}"), apply(second, apply(first, (a, 1), (b, 1)), (c, 1))),
                (format!("{a} {first} ({b} {second} {c})"), apply(first, (a, 1), apply(second, (b, 1), (c, 1)))),
            ] {
                for target in 0..70 {
                    let problem = Problem { numbers: vec![2, 4, 8], target, rules: Rules::Rational };
                    let expected = value.1 != 0 && value.0 == i64::from(target) * value.1;
                    assert_eq!(countdown::grade(&problem, text.as_bytes()).is_correct(), expected, "{text} = {target}");
                    right += u32::from(expected);
                }
            }
        }
    }
    assert!(right > 50);
}
