//! A search told in a book of phrases: what the formats `think` and `prose` have in common.
//!
//! Nodes are numbered in order of generation. A node is told when it is generated; going into it and coming back to another are told in
//! different words, so that each move says whether it goes deeper.

use metacot_envs::{Language, Pattern, SettingError, Settings, Status, World, digits::push_integer};

use super::{TraceFormat, Turn, number};
use crate::{
    Event, NodeId, Trace,
    discourse::{
        Discourse, Parsed, Reading, split_at_phrase,
        tree::{Claim, Dialect, Ids},
    },
};

/// The wording of a format. Where a line holds several things, its phrases stand before, between and behind them.
#[derive(Debug)]
pub(super) struct Book {
    /// Around the problem.
    pub problem: [&'static str; 2],
    /// Begins the search.
    pub begin: &'static str,
    /// Around the id, the action and the successor of a new node.
    pub explore: [&'static str; 4],
    /// Around a comparison that ends a branch.
    pub dead: [&'static str; 2],
    /// Around a comparison that reaches the goal.
    pub goal: [&'static str; 2],
    /// Around the id and the state of a child to go into.
    pub enter: [&'static str; 3],
    /// Around the id and the state of a node to go back to.
    pub back: [&'static str; 3],
    /// Around the id and the value of a node.
    pub value: [&'static str; 3],
    /// Around a comparison that ends a game which goes well; [`dead`](Self::dead) ends the others.
    pub won: [&'static str; 2],
    /// Around the id of a node, the number of values below it, and their mean.
    pub tally: [&'static str; 4],
    /// Around the id and the state of the end of the line of play that is chosen.
    pub choose: [&'static str; 3],
    /// Gives up.
    pub give_up: &'static str,
    /// Ends the search.
    pub close: &'static str,
    /// Around the actions of the answer.
    pub answer: [&'static str; 2],
    /// Says that there is no answer.
    pub no_answer: &'static str,
    /// Between the actions of the answer.
    pub separator: &'static str,
}

/// A format with its book. Settings: `values` (whether values of nodes are told; true with an opponent, else false).
///
/// Games are told with two more kinds of line: who has won where play ends, and, at the end, which line of play is chosen, with the number
/// and the mean of the values below each first move where values are told.
#[derive(Clone, Debug)]
pub struct Tale {
    book: &'static Book,
    read: for<'t> fn(&'t str) -> Claim<'t>,
    has_values: bool,
}

impl Tale {
    pub(super) fn configure<E: World>(book: &'static Book, read: for<'t> fn(&'t str) -> Claim<'t>, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["values"])?;
        Ok(Self { book, read, has_values: settings.flag("values", E::HAS_OPPONENT)? })
    }
}

impl<E: World> TraceFormat<E> for Tale {
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize {
        let (book, start) = (self.book, out.len());
        TraceFormat::<E>::write_prompt(self, env, problem, out);
        let prompt_len = out.len() - start;
        line(out, book.begin);
        let mut at: Option<NodeId> = None;
        for event in &trace.events {
            match *event {
                Event::Generate(0) => {}
                Event::Generate(id) => {
                    let node = trace.node(id);
                    let parent = &trace.node(node.parent).state;
                    let [before, after_id, after_action, end] = book.explore;
                    out.push_str(before);
                    push_integer(out, i64::from(id));
                    out.push_str(after_id);
                    env.write_action(problem, parent, node.action.as_ref().expect("only the root has no action"), out);
                    out.push_str(after_action);
                    env.write_successor(problem, &node.state, out);
                    line(out, end);
                    match env.status(problem, &node.state) {
                        Status::DeadEnd => ending(env, problem, &node.state, book.dead, out),
                        Status::Solved if E::HAS_OPPONENT => ending(env, problem, &node.state, book.won, out),
                        _ => {}
                    }
                }
                Event::Visit(id) => {
                    if at.is_some() {
                        let is_deeper = id != 0 && at == Some(trace.node(id).parent);
                        let [before, between, end] = if is_deeper { book.enter } else { book.back };
                        out.push_str(before);
                        push_integer(out, i64::from(id));
                        out.push_str(between);
                        env.write_successor(problem, &trace.node(id).state, out);
                        line(out, end);
                    }
                    at = Some(id);
                }
                Event::Evaluate { node, value } if self.has_values => {
                    let [before, between, end] = book.value;
                    out.push_str(before);
                    push_integer(out, i64::from(node));
                    out.push_str(between);
                    push_hundredths(u64::from(hundredths(value)), out);
                    line(out, end);
                }
                Event::Evaluate { .. } => {}
            }
        }
        if E::HAS_OPPONENT && self.has_values {
            write_tallies(book, trace, out);
        }
        match trace.goal {
            Some(goal) if E::HAS_OPPONENT => {
                let [before, between, end] = book.choose;
                out.push_str(before);
                push_integer(out, i64::from(goal));
                out.push_str(between);
                env.write_successor(problem, &trace.node(goal).state, out);
                line(out, end);
            }
            Some(goal) => ending(env, problem, &trace.node(goal).state, book.goal, out),
            None => line(out, book.give_up),
        }
        line(out, book.close);
        if trace.goal.is_some() {
            out.push_str(book.answer[0]);
            write_plan(env, problem, trace, book.separator, out);
            out.push_str(book.answer[1]);
        } else {
            out.push_str(book.no_answer);
        }
        prompt_len
    }

    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String) {
        write_position(self.book, env, problem, &env.initial(problem), out);
    }

    fn write_turn(&self, env: &E, problem: &E::Problem, state: &E::State, out: &mut String) -> Option<Turn> {
        let Book { begin, explore: [before, after_id, ending, _], .. } = self.book;
        write_position(self.book, env, problem, state, out);
        Some(Turn { opening: format!("{begin}\n{before}1{after_id}"), ending, is_whole: false })
    }

    fn parse<'t>(&self, text: &'t str) -> Parsed<'t> {
        let dialect = Dialect { read: self.read, ids: Ids::Number, has_answer: true, is_whole: true, must_close: true, separator: self.book.separator };
        Parsed::plain(text, Discourse::Tree(dialect))
    }

    fn phrases(&self) -> Vec<String> {
        let Book { problem, begin, explore, dead, goal, enter, back, value, won, tally, choose, give_up, close, answer, no_answer, separator } = self.book;
        let mut pieces = vec![problem[0], dead[0], goal[0], answer[0], answer[1], no_answer, separator];
        pieces.extend(&explore[..3]);
        pieces.extend(&enter[..2]);
        pieces.extend(&back[..2]);
        let mut phrases: Vec<String> =
            [problem[1], begin, explore[3], dead[1], goal[1], enter[2], back[2], give_up, close].iter().map(|end| format!("{end}\n")).collect();
        if self.has_values {
            pieces.extend(&value[..2]);
            phrases.push(format!("{}\n", value[2]));
            pieces.extend(["0.", "1."]);
        }
        if E::HAS_OPPONENT {
            pieces.extend([won[0], choose[0], choose[1]]);
            pieces.extend(&tally[..3]);
            phrases.extend([won[1], choose[2], tally[3]].map(|end| format!("{end}\n")));
        }
        phrases.extend(pieces.into_iter().map(String::from));
        phrases.retain(|phrase| !phrase.is_empty());
        phrases.sort_unstable();
        phrases.dedup();
        phrases
    }

    fn grammar(&self, notation: &Language, _reading: Reading) -> Pattern {
        fn line<const N: usize>(texts: [&str; N], between: impl IntoIterator<Item = Pattern>) -> Pattern {
            Pattern::sequence([Pattern::line(&texts, between), Pattern::text("\n")])
        }
        let Language { action, successor, comparison, .. } = notation;
        let (book, has_values) = (self.book, self.has_values);
        let (action, successor, comparison) = (|| action.clone(), || successor.clone(), || comparison.clone());
        let digit = || Pattern::digit(0, 9);
        let hundredths = || Pattern::choice([Pattern::sequence([Pattern::text("0."), digit(), digit()]), Pattern::text("1.00")]);
        let mut told = vec![
            line(book.explore, [number(), action(), successor()]),
            line(book.dead, [comparison()]),
            line(book.enter, [number(), successor()]),
            line(book.back, [number(), successor()]),
        ];
        if E::HAS_OPPONENT {
            told.push(line(book.won, [comparison()]));
        }
        if has_values {
            told.push(line(book.value, [number(), hundredths()]));
        }
        let tallies = if E::HAS_OPPONENT && has_values { line(book.tally, [number(), number(), hundredths()]).many() } else { Pattern::sequence([]) };
        let chosen = if E::HAS_OPPONENT { line(book.choose, [number(), successor()]) } else { line(book.goal, [comparison()]) };
        let plan = Pattern::line(&book.answer, [action().list(book.separator, None).optional()]);
        let outcome = Pattern::choice([
            Pattern::sequence([chosen, line([book.close], []), plan]),
            Pattern::sequence([line([book.give_up], []), line([book.close], []), Pattern::text(book.no_answer)]),
        ]);
        Pattern::sequence([line([book.begin], []), Pattern::choice(told).many(), tallies, outcome])
    }
}

fn write_position<E: World>(book: &Book, env: &E, problem: &E::Problem, state: &E::State, out: &mut String) {
    out.push_str(book.problem[0]);
    env.write_state(problem, state, out);
    line(out, book.problem[1]);
}

/// A value as it is told: hundredths, rounded.
pub(crate) fn hundredths(value: f32) -> u32 {
    (value.clamp(0.0, 1.0) * 100.0).round() as u32
}

fn push_hundredths(hundredths: u64, out: &mut String) {
    push_integer(out, (hundredths / 100) as i64);
    out.push('.');
    out.push(char::from(b'0' + (hundredths / 10 % 10) as u8));
    out.push(char::from(b'0' + (hundredths % 10) as u8));
}

/// How many values are told of each node and all below it, and their sum in hundredths.
pub(crate) fn tallies<E: World>(trace: &Trace<E>) -> Vec<(u64, u64)> {
    let mut tallies = vec![(0, 0); trace.nodes.len()];
    for event in &trace.events {
        if let Event::Evaluate { node, value } = *event {
            let (count, sum) = &mut tallies[node as usize];
            (*count, *sum) = (*count + 1, *sum + u64::from(hundredths(value)));
        }
    }
    for id in (1..tallies.len()).rev() {
        let (count, sum) = tallies[id];
        let above = &mut tallies[trace.nodes[id].parent as usize];
        (above.0, above.1) = (above.0 + count, above.1 + sum);
    }
    tallies
}

/// The mean of a tally in hundredths, rounded.
pub(crate) fn mean_of((count, sum): (u64, u64)) -> u64 {
    (2 * sum + count) / (2 * count.max(1))
}

/// Tells the tallies of the first moves.
fn write_tallies<E: World>(book: &Book, trace: &Trace<E>, out: &mut String) {
    for (id, tally) in tallies(trace).into_iter().enumerate().skip(1).filter(|(_, tally)| tally.0 > 0) {
        if trace.nodes[id].parent == 0 {
            let [before, after_id, after_visits, end] = book.tally;
            out.push_str(before);
            push_integer(out, id as i64);
            out.push_str(after_id);
            push_integer(out, tally.0 as i64);
            out.push_str(after_visits);
            push_hundredths(mean_of(tally), out);
            line(out, end);
        }
    }
}

fn line(out: &mut String, end: &str) {
    out.push_str(end);
    out.push('\n');
}

fn ending<E: World>(env: &E, problem: &E::Problem, state: &E::State, [before, end]: [&str; 2], out: &mut String) {
    out.push_str(before);
    env.write_comparison(problem, state, out);
    line(out, end);
}

/// Appends the actions from the start to the goal; nothing where there is none.
pub(super) fn write_plan<E: World>(env: &E, problem: &E::Problem, trace: &Trace<E>, separator: &str, out: &mut String) {
    let path = trace.goal.map(|goal| trace.path(goal)).unwrap_or_default();
    for (index, id) in path.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { separator });
        let node = trace.node(id);
        env.write_action(problem, &trace.node(node.parent).state, node.action.as_ref().expect("only the root has no action"), out);
    }
}

/// What stands between two phrases that begin and end a line.
#[inline(always)]
pub(super) fn between<'t>(line: &'t str, [before, end]: [&str; 2]) -> Option<&'t str> {
    line.strip_prefix(before)?.strip_suffix(end)
}

/// Reads one line of a tale. Inlined into the reader of each book, so that its phrases are constants there and no comparison is a call.
#[inline(always)]
pub(super) fn read_line<'t>(book: &Book, line: &'t str) -> Claim<'t> {
    try_read_line(book, line).unwrap_or(Claim::Unreadable)
}

#[inline(always)]
fn try_read_line<'t>(book: &Book, line: &'t str) -> Option<Claim<'t>> {
    match line {
        _ if line == book.begin => return Some(Claim::Begin),
        _ if line == book.give_up => return Some(Claim::GiveUp),
        _ if line == book.close => return Some(Claim::Close),
        _ if line == book.no_answer => return Some(Claim::Answer { plan: None }),
        _ => {}
    }
    let [before, after_id, after_action, end] = book.explore;
    if let Some(rest) = between(line, [before, end])
        && let Some((id, rest)) = split_at_phrase(rest, after_id)
        && let Some((action, successor)) = split_at_phrase(rest, after_action)
    {
        return Some(Claim::Explore { id: Some(id), action, successor });
    }
    for (phrases, is_deeper) in [(book.enter, true), (book.back, false)] {
        if let Some(rest) = between(line, [phrases[0], phrases[2]])
            && let Some((id, state)) = split_at_phrase(rest, phrases[1])
        {
            return Some(Claim::Move { id, state: Some(state), is_deeper: Some(is_deeper) });
        }
    }
    if let Some(rest) = between(line, [book.value[0], book.value[2]])
        && let Some((id, value)) = split_at_phrase(rest, book.value[1])
    {
        return Some(Claim::Value { id, value });
    }
    if let Some(rest) = between(line, [book.choose[0], book.choose[2]])
        && let Some((id, state)) = split_at_phrase(rest, book.choose[1])
    {
        return Some(Claim::Choose { id, state });
    }
    if let Some(rest) = between(line, [book.tally[0], book.tally[3]])
        && let Some((id, rest)) = split_at_phrase(rest, book.tally[1])
        && let Some((visits, mean)) = split_at_phrase(rest, book.tally[2])
    {
        return Some(Claim::Tally { id, visits, mean });
    }
    if let Some(comparison) = between(line, book.won) {
        return Some(Claim::Won { comparison });
    }
    if let Some(comparison) = between(line, book.dead) {
        return Some(Claim::Ending { comparison, is_goal: false });
    }
    if let Some(comparison) = between(line, book.goal) {
        return Some(Claim::Ending { comparison, is_goal: true });
    }
    if let Some(state) = between(line, book.problem) {
        return Some(Claim::Problem { state });
    }
    between(line, book.answer).map(|plan| Claim::Answer { plan: Some(plan) })
}
