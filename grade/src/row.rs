//! A row of input: `{"id", "problem", "answer" | "response", …}`, borrowed from its line.
//!
//! Rows of the usual shape are scanned by hand; all others go through serde, which also words what is wrong with them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{object_end, scalar_end, skip_space, string_end, unescape};

/// A final answer, or the whole of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt<'a> {
    Answer(&'a [u8]),
    Response(&'a [u8]),
}

impl<'a> Attempt<'a> {
    pub(crate) fn text(self) -> &'a [u8] {
        match self {
            Self::Answer(text) | Self::Response(text) => text,
        }
    }
}

/// The fields of a row as they stand in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row<'a> {
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) problem: Option<&'a [u8]>,
    answer: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    reference: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// What keeps it from being a row, as a lower-case fragment.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, String> {
        match scan(line) {
            Some(row) => Ok(row),
            None => parse(line),
        }
    }

    /// What is to be graded; strings with escapes are written out into `space`.
    ///
    /// # Errors
    /// There is nothing to grade, or it is no text.
    pub(crate) fn attempt<'s>(&self, space: &'s mut Vec<u8>) -> Result<Attempt<'s>, String>
    where
        'a: 's,
    {
        match (self.answer, self.response) {
            (Some(answer), None) => text(answer, space).map(Attempt::Answer),
            (None, Some(response)) => text(response, space).map(Attempt::Response),
            (None, None) => Err("a row needs `answer` or `response`".into()),
            (Some(_), Some(_)) => Err("a row has either `answer` or `response`, not both".into()),
        }
    }

    /// What graders compare with.
    ///
    /// # Errors
    /// It is no text.
    pub(crate) fn reference<'s>(&self, space: &'s mut Vec<u8>) -> Result<Option<&'s [u8]>, String>
    where
        'a: 's,
    {
        self.reference.map(|raw| text(raw, space)).transpose()
    }
}

/// The text of a value: a string, a number, the actions of a list, or nothing for `null`.
fn text<'s, 'a: 's>(raw: &'a [u8], space: &'s mut Vec<u8>) -> Result<&'s [u8], String> {
    space.clear();
    match raw.first() {
        Some(b'"') => {
            let inner = &raw[1..raw.len() - 1];
            if memchr::memchr(b'\\', inner).is_none() {
                return Ok(inner);
            }
            unescape(inner, space).ok_or("a string with an escape that JSON does not have")?;
            Ok(space)
        }
        Some(b'-' | b'0'..=b'9') => Ok(raw),
        Some(b'n') => Ok(b""),
        Some(b'[') => {
            let actions: Vec<Cow<'_, str>> = serde_json::from_slice(raw).map_err(|_| "a list as an answer has to hold strings")?;
            space.extend_from_slice(actions.join("; ").as_bytes());
            Ok(space)
        }
        _ => Err("an answer has to be a string, a number or a list of actions".into()),
    }
}

/// Reads a row of the usual shape: flat but for the problem. `None` means that serde has to look.
fn scan(line: &[u8]) -> Option<Row<'_>> {
    let mut row = Row::default();
    let mut place = skip_space(line, 0);
    if line.get(place) != Some(&b'{') {
        return None;
    }
    place = skip_space(line, place + 1);
    loop {
        if line.get(place) != Some(&b'"') {
            return None;
        }
        let (end, _) = string_end(line, place + 1)?;
        let key = &line[place + 1..end];
        place = skip_space(line, end + 1);
        if line.get(place) != Some(&b':') {
            return None;
        }
        let start = skip_space(line, place + 1);
        place = match line.get(start)? {
            b'"' => string_end(line, start + 1)?.0 + 1,
            b'{' if key == b"problem" => object_end(line, start)?,
            _ => scalar_end(line, start)?,
        };
        let value = &line[start..place];
        let field = match key {
            b"id" => &mut row.id,
            b"problem" => &mut row.problem,
            b"answer" => &mut row.answer,
            b"response" => &mut row.response,
            b"reference" => &mut row.reference,
            // An escape could spell a name that is known.
            _ if memchr::memchr(b'\\', key).is_some() => return None,
            _ => &mut None,
        };
        if field.replace(value).is_some() {
            return None;
        }
        place = skip_space(line, place);
        match line.get(place)? {
            b',' => place = skip_space(line, place + 1),
            b'}' => break,
            _ => return None,
        }
    }
    (skip_space(line, place + 1) == line.len()).then_some(row)
}

fn parse<'a>(line: &'a [u8]) -> Result<Row<'a>, String> {
    #[derive(Deserialize)]
    struct Fields<'r> {
        #[serde(borrow)]
        id: Option<&'r RawValue>,
        #[serde(borrow)]
        problem: Option<&'r RawValue>,
        #[serde(borrow)]
        answer: Option<&'r RawValue>,
        #[serde(borrow)]
        response: Option<&'r RawValue>,
        #[serde(borrow)]
        reference: Option<&'r RawValue>,
    }
    let fields: Fields<'a> = serde_json::from_slice(line).map_err(|error| format!("not a row: {error}"))?;
    let raw = |value: Option<&'a RawValue>| value.map(|value| value.get().as_bytes());
    // `Option` reads `null` as nothing, and an answer of `null` is an answer that is empty.
    let is_there = |name: &str| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).is_ok_and(|row| row.contains_key(name));
    let [id, problem, answer, response, reference] = [fields.id, fields.problem, fields.answer, fields.response, fields.reference].map(raw);
    let mut row = Row { id, problem, answer, response, reference };
    if row.answer.is_none() && row.response.is_none() {
        if is_there("answer") {
            row.answer = Some(b"null");
        } else if is_there("response") {
            row.response = Some(b"null");
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<String, String> {
        let row = Row::read(line.as_bytes())?;
        let mut space = Vec::new();
        let attempt = row.attempt(&mut space)?;
        let show = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
        Ok(format!("{} {} {}", show(row.id), show(row.problem), String::from_utf8_lossy(attempt.text())))
    }

    #[test]
    fn rows_read_the_same_by_hand_and_by_serde() {
        for (line, expected) in [
            (r#"{"id":1,"problem":{"a":[1]},"answer":"1+2"}"#, r#"1 {"a":[1]} 1+2"#),
            (r#" { "answer" : "a\nb" , "id" : "x}" , "problem":{"s":"}{"} } "#, "\"x}\" {\"s\":\"}{\"} a\nb"),
            (r#"{"id":null,"problem":{},"response":7,"extra":"\"","more":true}"#, "null {} 7"),
            (r#"{"id":[1,2],"problem":{},"answer":["down","up"]}"#, "[1,2] {} down; up"),
            (r#"{"problem":"text","answer":null}"#, r#"- "text" "#),
            (r#"{"problem":{},"answer":1e3}"#, "- {} 1e3"),
            (r#"{"\u0069d":4,"problem":{},"answer":""}"#, "4 {} "),
        ] {
            assert_eq!(read(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn malformed_rows_are_refused() {
        for line in [
            "",
            "[]",
            "7",
            "{",
            "{}",
            r#"{"problem":{}}"#,
            r#"{"answer":"1" "problem":{}}"#,
            r#"{"answer":"1",}"#,
            r#"{"answer":"1"}}"#,
            r#"{"answer":"1"#,
            r#"{"answer":"1","answer":"2"}"#,
            r#"{"answer":"1","response":"2"}"#,
            r#"{"answer":{"a":1}}"#,
            r#"{"answer":"\x"}"#,
            r#"{"answer":01}"#,
            r#"{'answer':1}"#,
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
