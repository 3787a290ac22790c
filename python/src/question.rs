//! Problems as questions in plain words, with the form in which an answer is graded.

use serde_json::Value;

/// What is asked, where the problem itself stands (`{}`), and how to answer. Other environments are asked in the words of their notation.
const WORDS: [(&str, &str); 9] = [
    ("countdown", "Make {target} out of {numbers}. {use}, with + - * / and parentheses; {results}.\nAnswer with the expression alone, such as (3 + 5) * 2."),
    ("game24", "Make {target} out of {numbers}. Use every number exactly once, with + - * / and parentheses.\nAnswer with the expression alone."),
    (
        "maze",
        "Find a shortest way through a maze of {width} by {height} cells. Cells are named by column and row, from 0, with row 0 at the top.\n{state}\nAnswer \
         with the moves, parted by spaces: up, down, left, right.",
    ),
    (
        "sokoban",
        "Push every box ($) onto a dock (.) in as few moves as possible. # is a wall, @ the worker, * a box on a dock, + the worker on a \
         dock.\n{rows}\nAnswer with the moves of the worker, parted by spaces: up, down, left, right.",
    ),
    ("sudoku", "Fill the grid so that every row, column and box holds each digit once.\n{rows}\nAnswer with one cell after the other, such as r1c3=4; r2c1=2."),
    (
        "cryptarithm",
        "Find the digit of each letter so that the sum holds; different letters are different digits and no number begins with 0.\n{state}\nAnswer with \
         one letter after the other, such as A=1; B=7.",
    ),
    ("connect4", "Find a best move for the player to move in this game of Connect Four (x moves first).\n{rows}\nAnswer with a move, such as drop 3."),
    (
        "hex",
        "Find a best move for the player to move in this game of Hex (x moves first and joins top and bottom; o joins left and right).\n{rows}\nAnswer \
         with a move, such as b2.",
    ),
    ("arithmetic", "Work out step by step: {state}\nAnswer with the steps, parted by semicolons."),
];

/// The question of a problem of `env`, whose state in the words of the environment is `state`.
pub(crate) fn question(env: &str, problem: &Value, state: &str) -> String {
    let Some((_, template)) = WORDS.iter().find(|(name, _)| *name == env) else { return state.into() };
    let (mut text, mut rest) = (String::new(), *template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        text.push_str(before);
        text.push_str(&part(name, problem, state));
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// What stands in a template's place called `name`.
fn part(name: &str, problem: &Value, state: &str) -> String {
    let rules = problem["rules"].as_str().unwrap_or("sos");
    match (name, &problem[name]) {
        ("state", _) => state.into(),
        ("use", _) if rules == "subset" => "Use each number at most once".into(),
        ("use", _) => "Use every number exactly once".into(),
        ("results", _) if rules == "sos" => "every result on the way must be a whole number, not below 0".into(),
        ("results", _) => "fractions on the way are allowed".into(),
        ("rows", Value::Array(rows)) => rows.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        (_, Value::Array(values)) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        (_, value) => value.to_string(),
    }
}
