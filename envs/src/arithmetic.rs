//! Arithmetic by steps: column work, the order of evaluation of an expression, and small dependency graphs.
//!
//! Three families under one name, told apart by the `kind` of a problem. Forced steps are the only legal action of their state; wrong
//! branches exist where there is a choice: the digits of a quotient, the order of evaluation, the quantities that are not needed.

mod columns;
mod generate;
mod graph;
mod language;
mod order;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use columns::{Columns, MAX_OPERAND, Operation, Sheet};
pub use graph::{Definition, Graph, Known, Term};
pub use order::{Expression, Reduced};

use crate::{ActionFault, Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, Language, Notation, Oracle, SettingError, Status, Symbols};

/// `{"kind":"add","operands":[123,456]}`, and so for `sub`, `mul` and `div`;
/// `{"kind":"order","operands":[8,3,2],"operators":["-","*"],"target":10}`;
/// `{"kind":"graph","modulus":23,"definitions":["c=a+20","a=5"],"query":"c"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Problem {
    /// Addition in columns.
    Add(Pair),
    /// Subtraction in columns.
    Sub(Pair),
    /// Long multiplication.
    Mul(Pair),
    /// Long division.
    Div(Pair),
    /// An expression whose order of evaluation is sought.
    Order(Expression),
    /// Quantities that depend on each other.
    Graph(Graph),
}

/// The two numbers of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Each at most [`MAX_OPERAND`]; the larger first in a subtraction, the second not 0 in a division.
    pub operands: [u64; 2],
}

/// A problem by family.
enum Family<'a> {
    Sheet(Sheet),
    Order(&'a Expression),
    Graph(&'a Graph),
}

impl Problem {
    fn family(&self) -> Family<'_> {
        let sheet = |operation, pair: &Pair| Family::Sheet(Sheet { operation, a: pair.operands[0], b: pair.operands[1] });
        match self {
            Self::Add(pair) => sheet(Operation::Add, pair),
            Self::Sub(pair) => sheet(Operation::Sub, pair),
            Self::Mul(pair) => sheet(Operation::Mul, pair),
            Self::Div(pair) => sheet(Operation::Div, pair),
            Self::Order(expression) => Family::Order(expression),
            Self::Graph(graph) => Family::Graph(graph),
        }
    }

    fn from_sheet(sheet: Sheet) -> Self {
        let pair = Pair { operands: [sheet.a, sheet.b] };
        match sheet.operation {
            Operation::Add => Self::Add(pair),
            Operation::Sub => Self::Sub(pair),
            Operation::Mul => Self::Mul(pair),
            Operation::Div => Self::Div(pair),
        }
    }
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Column work.
    Columns(Columns),
    /// A reduced expression.
    Reduced(Reduced),
    /// The quantities that are known.
    Known(Known),
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The next column, with a digit of the quotient in a division and 0 otherwise.
    Column(u8),
    /// Reduces the operator at a place.
    Reduce(u8),
    /// Computes a quantity.
    Compute(char),
}

/// The environment; made by [`Environment::configure`].
///
/// Settings: `kind` (`add`, `sub`, `mul`, `div`, `order`, `graph`); `second` (digits of the second operand), `max_number` (largest operand
/// of an expression, 9), `modulus` (of a graph, a prime up to 97, 23), `extra` (quantities of a graph that are not needed, a third). The
/// size is digits of the first operand (1 to 9, 3), operands of an expression (3 to 8, 5) or quantities of a graph (3 to 26, 8).
#[derive(Clone, Debug)]
pub struct Arithmetic(generate::Config);

const HEURISTICS: &[Heuristic] = &[Heuristic { name: "steps", is_admissible: true }, Heuristic { name: "zero", is_admissible: true }];

impl Environment for Arithmetic {
    type Problem = Problem;
    type State = Work;
    type Action = Step;

    const NAME: &'static str = "arithmetic";

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        generate::configure(difficulty).map(Self)
    }

    fn validate(&self, problem: &Problem) -> Result<(), String> {
        match problem.family() {
            Family::Sheet(sheet) => sheet.validate(),
            Family::Order(expression) => expression.validate(),
            Family::Graph(graph) => graph.validate(),
        }
    }

    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        generate::generate(&self.0, rng)
    }

    fn initial(&self, problem: &Problem) -> Work {
        match problem.family() {
            Family::Sheet(_) => Work::Columns(Columns::default()),
            Family::Order(expression) => Work::Reduced(expression.initial()),
            Family::Graph(graph) => Work::Known(graph.initial()),
        }
    }

    /// A state of another family is a dead end.
    fn status(&self, problem: &Problem, state: &Work) -> Status {
        match (problem.family(), state) {
            (Family::Sheet(sheet), Work::Columns(state)) => sheet.status(state),
            (Family::Order(expression), Work::Reduced(state)) => expression.status(state),
            (Family::Graph(graph), Work::Known(state)) => graph.status(state),
            _ => Status::DeadEnd,
        }
    }

    fn actions(&self, problem: &Problem, state: &Work, out: &mut Vec<Step>) {
        match (problem.family(), state) {
            _ if self.status(problem, state) != Status::Open => {}
            (Family::Sheet(sheet), Work::Columns(state)) => {
                out.extend(sheet.choices().filter(|choice| sheet.after(state, *choice).is_some()).map(Step::Column));
            }
            (Family::Order(expression), Work::Reduced(state)) => out.extend(expression.actions(state).map(Step::Reduce)),
            (Family::Graph(graph), Work::Known(state)) => out.extend(graph.actions(state).map(Step::Compute)),
            _ => {}
        }
    }

    fn apply(&self, problem: &Problem, state: &Work, action: &Step) -> Result<Work, IllegalAction> {
        let next = match (problem.family(), state, action) {
            // A sheet asks for its status itself.
            (Family::Sheet(sheet), Work::Columns(state), Step::Column(choice)) => sheet.after(state, *choice).map(|(next, _)| Work::Columns(next)),
            _ if self.status(problem, state) != Status::Open => None,
            (Family::Order(expression), Work::Reduced(state), Step::Reduce(place)) => expression.after(state, *place).map(Work::Reduced),
            (Family::Graph(graph), Work::Known(state), Step::Compute(name)) => graph.after(state, *name).map(Work::Known),
            _ => None,
        };
        next.ok_or_else(|| IllegalAction::new(format!("{action:?} is no step of this state")))
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    fn heuristic(&self, index: usize, problem: &Problem, state: &Work) -> f64 {
        match self.lower_bound(problem, state) {
            None => f64::INFINITY,
            Some(steps) => f64::from(steps * u32::from(index == 0)),
        }
    }

    fn lower_bound(&self, problem: &Problem, state: &Work) -> Option<u32> {
        match (problem.family(), state) {
            _ if self.status(problem, state) == Status::DeadEnd => None,
            (Family::Sheet(sheet), Work::Columns(state)) => Some(sheet.steps(state)),
            (Family::Graph(graph), Work::Known(state)) => Some(graph.steps(state)),
            (Family::Order(expression), Work::Reduced(state)) => Some(expression.steps(state)),
            _ => None,
        }
    }
}

impl Notation for Arithmetic {
    const ACTION_NOUN: &'static str = "Step";
    const STATE_NOUN: &'static str = "Work";

    fn symbols(&self) -> Symbols {
        let words = ["carry", "rest", "digits", "sum", "mod", "none", "+", "-", "*", "/", "=", ",", ":", "(", ")", ";", "?", " "];
        let phrases = words.into_iter().map(String::from).chain(('a'..='z').map(String::from)).collect();
        Symbols { phrases, has_integers: true, largest_input: self.0.largest_input() }
    }

    /// The problem, and behind it the work where it has begun: `95+17`, then `95+17 carry 1 digits 2`.
    fn write_state(&self, problem: &Problem, state: &Work, out: &mut String) {
        match problem.family() {
            Family::Sheet(sheet) => sheet.write_problem(out),
            Family::Order(expression) => expression.write_problem(out),
            Family::Graph(graph) => graph.write_problem(out),
        }
        if *state != self.initial(problem) {
            out.push(' ');
            self.write_successor(problem, state, out);
        }
    }

    fn write_successor(&self, problem: &Problem, state: &Work, out: &mut String) {
        match (problem.family(), state) {
            (Family::Sheet(sheet), Work::Columns(state)) => sheet.write_state(state, out),
            (Family::Order(expression), Work::Reduced(state)) => expression.write_state(state, out),
            (Family::Graph(graph), Work::Known(state)) => graph.write_state(state, out),
            _ => {}
        }
    }

    fn write_action(&self, problem: &Problem, state: &Work, action: &Step, out: &mut String) {
        match (problem.family(), state, action) {
            (Family::Sheet(sheet), Work::Columns(state), Step::Column(choice)) => sheet.write_action(state, *choice, out),
            (Family::Order(expression), Work::Reduced(state), Step::Reduce(place)) => expression.write_action(state, *place, out),
            (Family::Graph(graph), Work::Known(state), Step::Compute(name)) => graph.write_action(state, *name, out),
            _ => {}
        }
    }

    fn write_comparison(&self, problem: &Problem, state: &Work, out: &mut String) {
        match (problem.family(), state) {
            (Family::Sheet(sheet), Work::Columns(state)) => sheet.write_comparison(state, out),
            (Family::Order(expression), Work::Reduced(state)) => expression.write_comparison(state, out),
            (Family::Graph(graph), Work::Known(state)) => graph.write_comparison(state, out),
            _ => {}
        }
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        match problem.map(Problem::family) {
            None => self.0.language(),
            Some(Family::Sheet(sheet)) => sheet.language(true),
            Some(Family::Order(expression)) => expression.language(true),
            Some(Family::Graph(graph)) => graph.language(),
        }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        if text.starts_with("mod ") {
            Graph::read_problem(text).map(Problem::Graph)
        } else if text.contains(':') {
            Expression::read_problem(text).map(Problem::Order)
        } else {
            Sheet::read_problem(text).map(Problem::from_sheet)
        }
    }

    fn read_action(&self, problem: &Problem, state: &Work, text: &str, effect: Option<&str>) -> Result<Step, ActionFault> {
        match (problem.family(), state) {
            (Family::Sheet(sheet), Work::Columns(state)) => sheet.read_action(state, text).map(Step::Column),
            (Family::Order(expression), Work::Reduced(state)) => expression.read_action(state, text, effect).map(Step::Reduce),
            (Family::Graph(graph), Work::Known(state)) => graph.read_action(state, text).map(Step::Compute),
            _ => Err(ActionFault::Unavailable),
        }
    }
}

impl Canonical for Arithmetic {
    /// The prompt; addends are sorted, and a graph is taken without the names, the order of definitions and what is not needed.
    fn canonical_key(&self, problem: &Problem) -> String {
        let mut key = String::from("arithmetic:");
        match problem {
            Problem::Add(pair) => {
                let [a, b] = pair.operands;
                Sheet { operation: Operation::Add, a: a.min(b), b: a.max(b) }.write_problem(&mut key);
            }
            Problem::Graph(graph) => key.push_str(&graph.key()),
            _ => self.write_state(problem, &self.initial(problem), &mut key),
        }
        key
    }

    /// The result (the quotient of a division); digits of the first operand (of the larger addend), operands or quantities; the operands,
    /// sorted, as `8+3+2`, or the key of a graph.
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        let sorted = |mut values: Vec<i128>| {
            values.sort_unstable();
            values.iter().map(i128::to_string).collect::<Vec<_>>().join("+")
        };
        match (problem.family(), facet) {
            (Family::Sheet(sheet), Facet::Target) => sheet.result().map(|value| value.to_string()),
            (Family::Sheet(Sheet { operation, a, b }), Facet::Size) => {
                let first = if operation == Operation::Add { a.max(b) } else { a };
                Some(first.to_string().len().to_string())
            }
            (Family::Sheet(Sheet { a, b, .. }), Facet::Set) => Some(sorted(vec![a.into(), b.into()])),
            (Family::Order(expression), Facet::Target) => Some(expression.target.to_string()),
            (Family::Order(expression), Facet::Size) => Some(expression.operands.len().to_string()),
            (Family::Order(expression), Facet::Set) => Some(sorted(expression.operands.iter().map(|value| i128::from(*value)).collect())),
            (Family::Graph(graph), Facet::Target) => graph.answer().map(|value| value.to_string()),
            (Family::Graph(graph), Facet::Size) => Some(graph.definitions.len().to_string()),
            (Family::Graph(graph), Facet::Set) => Some(graph.key().replace(',', ";")),
        }
    }

    /// An operand, or the target of an expression, one more or one less; none for graphs.
    fn near_keys(&self, problem: &Problem) -> Vec<String> {
        let mut near = Vec::new();
        for step in [-1_i64, 1] {
            match problem.family() {
                Family::Sheet(sheet) => {
                    let moved = |value: u64| value.checked_add_signed(step);
                    near.extend(moved(sheet.a).map(|a| Problem::from_sheet(Sheet { a, ..sheet })));
                    near.extend(moved(sheet.b).map(|b| Problem::from_sheet(Sheet { b, ..sheet })));
                }
                Family::Order(expression) => {
                    near.extend(expression.target.checked_add(step).map(|target| Problem::Order(Expression { target, ..expression.clone() })));
                    for place in 0..expression.operands.len() {
                        let mut moved = expression.clone();
                        moved.operands[place] += step;
                        near.push(Problem::Order(moved));
                    }
                }
                Family::Graph(_) => {}
            }
        }
        near.iter().filter(|near| self.validate(near).is_ok()).map(|near| self.canonical_key(near)).collect()
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        let mut variants = vec![problem.clone()];
        match problem {
            Problem::Add(pair) => variants.push(Problem::Add(Pair { operands: [pair.operands[1], pair.operands[0]] })),
            Problem::Graph(graph) => {
                let mut turned = graph.clone();
                turned.definitions.rotate_left(1);
                variants.push(Problem::Graph(turned));
            }
            _ => {}
        }
        variants
    }
}

impl Oracle for Arithmetic {
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        match problem.family() {
            Family::Sheet(sheet) => Some(sheet.total_steps()),
            Family::Order(expression) => expression.all_values().contains(&expression.target).then(|| expression.steps(&expression.initial())),
            Family::Graph(graph) => Some(graph.steps(&graph.initial())),
        }
    }

    /// A result is unique; an expression has an answer for every way to set brackets that gives the target.
    fn num_answers(&self, problem: &Problem, limit: usize) -> Option<usize> {
        Some(match problem.family() {
            Family::Order(expression) => expression.num_brackets(limit),
            Family::Sheet(_) | Family::Graph(_) => 1.min(limit),
        })
    }
}

#[cfg(test)]
#[path = "arithmetic/tests.rs"]
mod tests;
