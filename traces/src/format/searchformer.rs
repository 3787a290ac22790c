//! Searchformer (Lehnert et al. 2024): `create` and `close` with costs, then `plan`, word for word.
//!
//! The prompt is a line of its own, everything else stands on the second line, parted by single spaces. `searchformer-plan` leaves the
//! search out. Hopeless nodes are not told, as in the published traces. Sequences of tokens without a line end read as well, between `bos`
//! and `eos` where they have them.

use std::ops::Range;

use metacot_envs::{Language, Pattern, SettingError, Settings, Status, World, digits::push_integer};

use super::{TraceFormat, number, only_worlds};
use crate::{
    Event, Node, Trace,
    discourse::{
        Discourse, Parsed, Reading,
        frontier::{Claim, Dialect, Entry},
        reading::Thinning,
    },
};

/// The worlds that have words in this language.
const WORLDS: &[&str] = &["maze", "sokoban"];
/// The searches that keep a frontier by cost.
const SEARCHES: &[&str] = &["astar", "astar-nondet"];

/// Marks that its published models put before and after a sequence.
const MARKS: &[&str] = &["bos", "eos", "<bos>", "<eos>"];

/// The format. Settings: `ties` (`any`, or `fixed` where the audit must find the order of deterministic A*).
#[derive(Clone, Debug)]
pub struct Searchformer {
    has_search: bool,
    has_fixed_ties: bool,
}

impl Searchformer {
    /// Reads the settings of `searchformer`.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed, or an environment without words in this language.
    pub fn configure<E: World>(settings: &Settings) -> Result<Self, SettingError> {
        only_worlds::<E>("searchformer", WORLDS)?;
        settings.only(&["ties"])?;
        Ok(Self { has_search: true, has_fixed_ties: settings.choice("ties", &["any", "fixed"], "any")? == "fixed" })
    }

    /// Reads the settings of `searchformer-plan`: none.
    ///
    /// # Errors
    /// A setting that is unknown, or an environment without words in this language.
    pub fn configure_plan<E: World>(settings: &Settings) -> Result<Self, SettingError> {
        only_worlds::<E>("searchformer-plan", WORLDS)?;
        settings.only(&[])?;
        Ok(Self { has_search: false, has_fixed_ties: false })
    }
}

fn entry<E: World>(word: &str, env: &E, problem: &E::Problem, node: &Node<E>, out: &mut String) {
    out.push_str(word);
    env.write_successor(problem, &node.state, out);
    out.push_str(" c");
    push_integer(out, i64::from(node.cost));
    out.push_str(" c");
    push_integer(out, i64::from(node.bound));
    out.push(' ');
}

impl<E: World> TraceFormat<E> for Searchformer {
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize {
        let start = out.len();
        TraceFormat::<E>::write_prompt(self, env, problem, out);
        let prompt_len = out.len() - start;
        for event in trace.events.iter().filter(|_| self.has_search) {
            match event {
                Event::Generate(id) if env.status(problem, &trace.node(*id).state) != Status::DeadEnd => entry("create ", env, problem, trace.node(*id), out),
                Event::Visit(id) => entry("close ", env, problem, trace.node(*id), out),
                Event::Generate(_) | Event::Evaluate { .. } => {}
            }
        }
        if let Some(goal) = trace.goal {
            for id in std::iter::once(0).chain(trace.path(goal)) {
                out.push_str("plan ");
                env.write_place(problem, &trace.node(id).state, out);
                out.push(' ');
            }
        }
        if out.ends_with(' ') {
            out.pop();
        }
        prompt_len
    }

    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String) {
        env.write_state(problem, &env.initial(problem), out);
        out.push('\n');
    }

    fn can_write(&self, trace: &Trace<E>) -> bool {
        trace.goal.is_some()
    }

    fn parse<'t>(&self, text: &'t str) -> Parsed<'t> {
        let dialect = Dialect { read, has_search: self.has_search, has_fixed_ties: self.has_fixed_ties };
        Parsed::plain(text, Discourse::Frontier(dialect))
    }

    fn phrases(&self) -> Vec<String> {
        // After a word, with the space before it: ` c` alone would be the start of `create` and `close` too.
        let search = ["create ", " create ", " close ", " c"];
        let words = ["plan ", " plan ", " ", "\n"];
        search.iter().filter(|_| self.has_search).chain(&words).map(|word| (*word).to_string()).collect()
    }

    fn marks(&self) -> &'static [&'static str] {
        MARKS
    }

    /// Where each text has a level of its own, one that names no state is of level 4.
    fn grammar(&self, notation: &Language, reading: Reading) -> Pattern {
        let costs = || Pattern::line(&[" c", " c", ""], [number(), number()]);
        let entry = |word: &str, costs: Pattern| Pattern::line(&[word, "", " "], [notation.successor.clone(), costs]);
        let create = || entry("create ", costs());
        let name = || entry("create ", Pattern::sequence([]));
        let plan = || Pattern::line(&["plan ", ""], [notation.place.clone()]).list(" ", None);
        let close = || entry("close ", costs());
        let told = |level: u8| match level {
            0 => Pattern::sequence([create(), Pattern::choice([create(), close()]).many(), close()]),
            1 => create().repeat(1, None),
            2 => name().repeat(1, None),
            3 => name().many(),
            _ => Pattern::sequence([]),
        };
        match reading.thinning {
            _ if !self.has_search => plan(),
            None => Pattern::sequence([told(0), plan()]),
            Some(Thinning { level, has_mode_token }) => {
                let levels = level.map_or(vec![0, 1, 2, 4], |level| vec![level]);
                let text = |level: u8| {
                    let word = match (has_mode_token, level) {
                        (false, _) => "",
                        (true, 4) => "fast ",
                        (true, _) => "slow ",
                    };
                    Pattern::sequence([Pattern::text(word), told(level), plan()])
                };
                Pattern::choice(levels.into_iter().map(text))
            }
        }
    }

    fn searches(&self) -> Option<&'static [&'static str]> {
        self.has_search.then_some(SEARCHES)
    }
}

/// The end of the word that starts at `at`.
fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b' ').map_or(bytes.len(), |length| at + length)
}

/// Reads a creation or a closing word for word as it is written before another statement, which nearly all of a text is; the rest is left to
/// the reader of everything.
#[inline]
fn read_entry(text: &str, at: usize) -> Option<(Claim<'_>, Range<usize>, usize)> {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    let is_create = rest.starts_with(b"create ");
    let body = at + if is_create { 7 } else { rest.starts_with(b"close ").then_some(6)? };
    if matches!(bytes.get(body)?, b'c' | b'p') {
        return None;
    }
    let mut state_end = body;
    loop {
        while *bytes.get(state_end)? != b' ' {
            state_end += 1;
        }
        match bytes.get(state_end + 1)? {
            b'c' => break,
            b'p' => return None,
            _ => state_end += 1,
        }
    }
    let cost_end = number_end(bytes, state_end + 2)?;
    (bytes.get(cost_end..cost_end + 2)? == b" c").then_some(())?;
    let end = number_end(bytes, cost_end + 2)?;
    let next = bytes.get(end..).filter(|rest| rest.starts_with(b" create ") || rest.starts_with(b" close ") || rest.starts_with(b" plan "));
    next?;
    let entry = Entry { state: text.get(body..state_end)?, cost: text.get(state_end + 2..cost_end)?, bound: text.get(cost_end + 2..end)? };
    Some((if is_create { Claim::Create(entry) } else { Claim::Close(entry) }, at..end, end + 1))
}

/// The end of the digits that start at `at`; `None` where there are none.
#[inline]
fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while bytes.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    (end > at).then_some(end)
}

#[inline]
fn is_keyword(word: &[u8]) -> bool {
    matches!(word.first(), Some(b'c' | b'p')) && matches!(word, b"create" | b"close" | b"plan")
}

/// Where the prompt stands: behind a mark, up to the end of its line, or to the first keyword where a sequence of tokens has no lines.
fn prompt(text: &str) -> (usize, usize) {
    let start = MARKS.iter().find_map(|mark| text.strip_prefix(mark)?.starts_with(' ').then_some(mark.len() + 1)).unwrap_or(0);
    let line = text.find('\n').unwrap_or(text.len());
    if line + 1 < text.len() {
        return (start.min(line), line);
    }
    let keyword = [" create ", " close ", " plan "].iter().filter_map(|word| text[start..line].find(word)).min();
    (start, keyword.map_or(line, |keyword| start + keyword))
}

/// Reads the statement at `at`: the prompt up to the end of its line, or what a keyword begins.
fn read(text: &str, at: usize) -> Option<(Claim<'_>, Range<usize>, usize)> {
    let bytes = text.as_bytes();
    if at == 0 {
        let (start, end) = prompt(text);
        return (!text.is_empty()).then(|| (Claim::Problem { state: &text[start..end] }, start..end, end + 1));
    }
    if at >= bytes.len() || MARKS.contains(&&text[at..]) {
        return None;
    }
    if let Some(entry) = read_entry(text, at) {
        return Some(entry);
    }
    let keyword_end = word_end(bytes, at);
    let body = (keyword_end + 1).min(bytes.len());
    // The statement goes on until the next keyword; costs are the words that begin with `c` and a digit.
    let (mut word, mut costs, mut num_costs, mut state_end) = (body, [(0, 0); 2], 0, body);
    while word < bytes.len() {
        let end = word_end(bytes, word);
        if bytes[word] == b'c' && bytes.get(word + 1).is_some_and(u8::is_ascii_digit) {
            if num_costs < 2 {
                costs[num_costs] = (word + 1, end);
            }
            num_costs += 1;
        } else if is_keyword(&bytes[word..end]) || (end == bytes.len() && MARKS.contains(&&text[word..end])) {
            break;
        } else if num_costs == 0 {
            state_end = end;
        } else {
            num_costs = 3;
        }
        word = end + 1;
    }
    let next = word.min(bytes.len() + 1);
    let end = next.saturating_sub(1).clamp(at, bytes.len());
    let state = text.get(body..state_end).unwrap_or_default();
    let entry = || Some(Entry { state, cost: text.get(costs[0].0..costs[0].1)?, bound: text.get(costs[1].0..costs[1].1)? });
    let claim = match (&bytes[at..keyword_end], num_costs) {
        (b"create", 2) => entry().map(Claim::Create),
        (b"create", 0) => Some(Claim::Name { state }),
        (b"close", 2) => entry().map(Claim::Close),
        (b"plan", 0) => Some(Claim::Plan { place: state }),
        _ => None,
    };
    Some((claim.unwrap_or(Claim::Unreadable), at..end, next))
}
