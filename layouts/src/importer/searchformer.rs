//! `searchformer`: token rows `{"prompt": […], "reasoning": […], "plan": […]}`, each a list of words or one text parted by spaces; `trace` is
//! read as `reasoning`. A maze does not say how large it is: it is as large as the cells that are named.

use serde_json::{Map, Value, json};

use super::{Importer, Item, Refusal, field, shorten, text, wrong};

/// The importer.
pub(super) struct Searchformer;

/// Larger coordinates are in no world of ours.
const MOST_SIDE: usize = 64;
/// Marks that trainers put around sequences.
const MARKS: [&str; 2] = ["bos", "eos"];

impl Importer for Searchformer {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let prompt = words("prompt", field(row, "prompt")?)?;
        let reasoning = match row.get("reasoning").or_else(|| row.get("trace")) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => words("reasoning", value)?,
        };
        let plan = words("plan", field(row, "plan")?)?;
        let facts = facts(&prompt)?;
        let is_sokoban = facts.iter().any(|(word, ..)| *word == "worker");
        let (env, problem) = if is_sokoban { ("sokoban", sokoban(&facts)?) } else { ("maze", maze(&facts, &reasoning, &plan)?) };
        let (formats, search): (&[_], _) = if reasoning.is_empty() { (&["searchformer-plan"], "astar") } else { (&["searchformer"], "astar-nondet") };
        let text = reasoning.into_iter().chain(plan).collect::<Vec<_>>().join(" ");
        Ok(if text.is_empty() { Item::Problem { env, problem } } else { Item::Trace { env, formats, search: search.into(), problem, text } })
    }
}

fn words<'r>(name: &str, value: &'r Value) -> Result<Vec<&'r str>, Refusal> {
    let words: Vec<&str> = match value {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(values) => values.iter().map(|value| text(name, value)).collect::<Result<_, _>>()?,
        value => return Err(wrong(name, value, "a list of words")),
    };
    Ok(words.into_iter().filter(|word| !MARKS.contains(word)).collect())
}

/// The words of a prompt by threes: what stands where.
fn facts<'r>(prompt: &[&'r str]) -> Result<Vec<(&'r str, usize, usize)>, Refusal> {
    let bad =
        |words: &[&str]| Refusal::Malformed(format!("`prompt` has {:?}; expected a word and two coordinates below {MOST_SIDE}", shorten(&words.join(" "))));
    let number = |word: &str| word.parse::<usize>().ok().filter(|number| *number < MOST_SIDE);
    prompt
        .chunks(3)
        .map(|words| match words {
            [word, x, y] if ["start", "goal", "wall", "worker", "box", "dock"].contains(word) => match (number(x), number(y)) {
                (Some(x), Some(y)) => Ok((*word, x, y)),
                _ => Err(bad(words)),
            },
            words => Err(bad(words)),
        })
        .collect()
}

fn maze(facts: &[(&str, usize, usize)], reasoning: &[&str], plan: &[&str]) -> Result<Value, Refusal> {
    let cell = |name: &str| {
        let found = facts.iter().find(|(word, ..)| *word == name).map(|(_, x, y)| json!([x, y]));
        found.ok_or_else(|| Refusal::Malformed(format!("`prompt` has no `{name}`")))
    };
    let named = reasoning.iter().chain(plan).filter_map(|word| word.parse::<usize>().ok());
    let side = facts.iter().flat_map(|(_, x, y)| [*x, *y]).chain(named).max().unwrap_or(0).saturating_add(1);
    let walls: Vec<[usize; 2]> = facts.iter().filter(|(word, ..)| *word == "wall").map(|(_, x, y)| [*x, *y]).collect();
    Ok(json!({"width": side, "height": side, "walls": walls, "start": cell("start")?, "goal": cell("goal")?}))
}

fn sokoban(facts: &[(&str, usize, usize)]) -> Result<Value, Refusal> {
    let side = |pick: fn(&(&str, usize, usize)) -> usize| facts.iter().map(pick).max().unwrap_or(0) + 1;
    let mut rows = vec![vec!['-'; side(|fact| fact.1)]; side(|fact| fact.2)];
    for (word, x, y) in facts {
        let cell = &mut rows[*y][*x];
        *cell = match (*cell, *word) {
            ('-', "wall") => '#',
            ('-', "box") => '$',
            ('-', "dock") => '.',
            ('-', "worker") => '@',
            ('$', "dock") | ('.', "box") => '*',
            ('@', "dock") | ('.', "worker") => '+',
            _ => return Err(Refusal::Malformed(format!("`prompt` has {word} {x} {y} on a cell that is taken"))),
        };
    }
    let rows: Vec<String> = rows.into_iter().map(|row| row.into_iter().map(|cell| if cell == '-' { ' ' } else { cell }).collect()).collect();
    Ok(json!({"rows": rows}))
}
