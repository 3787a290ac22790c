//! `reasoning-gym`: entries `{"question", "answer", "metadata": {"source_dataset", …}}` of the tasks that are environments here: countdown,
//! puzzle24, shortest_path, sokoban, chain_sum, sudoku and mini_sudoku. The problem comes from the metadata. Entries of all tasks can be read
//! as `question-answer`.

use serde_json::{Map, Value, json};

use super::{Importer, Item, Refusal, field, integer, integers, rational_countdown, shorten, text, wrong};

/// The importer.
pub(super) struct ReasoningGym;

impl Importer for ReasoningGym {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        text("question", field(row, "question")?)?;
        let (metadata, answer) = (field(row, "metadata")?, field(row, "answer")?);
        // The package's own export has the metadata as text.
        let parsed: Map<String, Value>;
        let metadata = match metadata {
            Value::Object(map) => map,
            Value::String(json) => {
                parsed = serde_json::from_str(json).map_err(|error| Refusal::Malformed(format!("`metadata` is text that is no JSON object: {error}")))?;
                &parsed
            }
            other => return Err(wrong("metadata", other, "an object")),
        };
        let task = text("metadata.source_dataset", field(metadata, "source_dataset")?)?;
        match task {
            "countdown" => {
                let target = integer("metadata.target", field(metadata, "target")?)?;
                Ok(rational_countdown(&integers("metadata.numbers", field(metadata, "numbers")?)?, target))
            }
            "puzzle24" => {
                let numbers = integers("metadata.numbers", field(metadata, "numbers")?)?;
                Ok(Item::Problem { env: "game24", problem: json!({"numbers": numbers, "target": 24, "rules": "rational"}) })
            }
            "shortest_path" => shortest_path(field(metadata, "matrix")?, answer),
            "sokoban" => sokoban(text("metadata.gamestr", field(metadata, "gamestr")?)?),
            "chain_sum" => chain_sum(text("metadata.expression", field(metadata, "expression")?)?, answer),
            "sudoku" | "mini_sudoku" => sudoku(field(metadata, "puzzle")?),
            other => Err(Refusal::unusable(format!("task `{}` is no environment here", shorten(other)), "")),
        }
    }
}

fn matrix<'r>(name: &str, value: &'r Value) -> Result<Vec<&'r Vec<Value>>, Refusal> {
    let rows = value.as_array().ok_or_else(|| wrong(name, value, "a list of rows"))?;
    rows.iter().map(|row| row.as_array().ok_or_else(|| wrong(name, row, "a row"))).collect()
}

fn shortest_path(value: &Value, answer: &Value) -> Result<Item, Refusal> {
    if answer.as_str() == Some("infeasible") {
        return Err(Refusal::unusable("has no solution", "infeasible"));
    }
    let rows = matrix("metadata.matrix", value)?;
    let (mut walls, mut start, mut goal) = (Vec::new(), None, None);
    for (y, row) in rows.iter().enumerate() {
        for (x, cell) in row.iter().enumerate() {
            match cell.as_str() {
                Some("X") => walls.push([x, y]),
                Some("*") => start = Some([x, y]),
                Some("#") => goal = Some([x, y]),
                Some("O") => {}
                _ => return Err(wrong("metadata.matrix", cell, "one of *, #, O, X")),
            }
        }
    }
    let width = rows.first().map_or(0, |row| row.len());
    if rows.iter().any(|row| row.len() != width) {
        return Err(Refusal::Malformed("`metadata.matrix` has rows of different lengths".into()));
    }
    Ok(Item::Problem { env: "maze", problem: json!({"width": width, "height": rows.len(), "walls": walls, "start": start, "goal": goal}) })
}

fn sokoban(level: &str) -> Result<Item, Refusal> {
    let cell = |mark: char| match mark {
        '+' => Ok('#'),
        '-' => Ok(' '),
        '*' => Ok('@'),
        '%' => Ok('+'),
        '@' => Ok('$'),
        'X' => Ok('.'),
        '$' => Ok('*'),
        other => Err(Refusal::Malformed(format!("`metadata.gamestr` has {other:?}; expected one of + - * % @ X $"))),
    };
    let lines = level.lines().filter(|line| !line.trim().is_empty());
    let rows: Vec<String> = lines.map(|line| line.chars().filter(|mark| !mark.is_whitespace()).map(cell).collect()).collect::<Result<_, _>>()?;
    Ok(Item::Problem { env: "sokoban", problem: json!({"rows": rows}) })
}

fn chain_sum(expression: &str, answer: &Value) -> Result<Item, Refusal> {
    let bad = || Refusal::Malformed(format!("`metadata.expression` is {:?}; expected numbers with + and - between them", shorten(expression)));
    let (mut operands, mut operators) = (Vec::new(), Vec::new());
    for (index, word) in expression.split_ascii_whitespace().enumerate() {
        if index % 2 == 0 {
            operands.push(word.parse::<i64>().map_err(|_| bad())?);
        } else if ["+", "-"].contains(&word) {
            operators.push(word);
        } else {
            return Err(bad());
        }
    }
    let target = match answer {
        Value::String(text) => text.trim().parse::<i64>().map_err(|_| wrong("answer", answer, "a whole number"))?,
        other => integer("answer", other)?,
    };
    Ok(Item::Problem { env: "arithmetic", problem: json!({"kind": "order", "operands": operands, "operators": operators, "target": target}) })
}

fn sudoku(value: &Value) -> Result<Item, Refusal> {
    let digit = |cell: &Value| match integer("metadata.puzzle", cell)? {
        0 => Ok('.'),
        digit @ 1..=9 => Ok(char::from(b'0' + digit as u8)),
        _ => Err(wrong("metadata.puzzle", cell, "a digit")),
    };
    let rows: Vec<String> = matrix("metadata.puzzle", value)?.into_iter().map(|row| row.iter().map(digit).collect()).collect::<Result<_, Refusal>>()?;
    Ok(Item::Problem { env: "sudoku", problem: json!({"rows": rows}) })
}
