//! Problems as rows have them: an object, its JSON in a string, or the text of a prompt. Objects of the usual shape are read by hand; what does
//! not look usual is `None` there, and left to serde.

use metacot_envs::{
    World,
    countdown::{self, Rules},
    grid::{Cell, Grid},
    maze,
};

use crate::json::{skip_space, unescape};

/// A problem of `env` from the JSON value of a row.
///
/// # Errors
/// It is none, or not one that the environment allows.
pub(crate) fn read<E: World>(env: &E, value: &[u8]) -> Result<E::Problem, String> {
    let object = |json: &[u8]| serde_json::from_slice(json).map_err(|error| format!("not a problem of {}: {error}", E::NAME));
    let problem = if value.first() != Some(&b'"') {
        object(value)?
    } else {
        let mut text = Vec::new();
        unescape(&value[1..value.len() - 1], &mut text).ok_or("a string with an escape that JSON does not have")?;
        let words = String::from_utf8_lossy(&text);
        match words.trim() {
            words if words.starts_with('{') => object(words.as_bytes())?,
            words => prompt(env, words).ok_or_else(|| format!("not a problem of {}: neither JSON nor a prompt that reads", E::NAME))?,
        }
    };
    env.validate(&problem)?;
    Ok(problem)
}

/// The problem that a prompt poses: a state in the words of the environment (`24:[3, 5, 9]`), bare or in one of the text formats.
fn prompt<E: World>(env: &E, words: &str) -> Option<E::Problem> {
    let bare = env.read_problem(words);
    #[cfg(feature = "traces")]
    let bare = bare.or_else(|| crate::audit::read_prompt(env, words));
    bare
}

/// `{"numbers":[3,5,9],"target":24}`, in either order; the caller checks the limits.
pub(crate) fn countdown(text: &[u8]) -> Option<countdown::Problem> {
    compact(text).or_else(|| spaced(text))
}

/// The shape that programs write, with no white space and the numbers first: half of the work of the general reader.
fn compact(text: &[u8]) -> Option<countdown::Problem> {
    let mut rest = text.strip_prefix(br#"{"numbers":["#)?;
    let mut numbers = Vec::with_capacity(countdown::MAX_NUMBERS);
    loop {
        let (number, sign, behind) = leading(rest)?;
        numbers.push(number);
        rest = behind;
        match sign {
            b',' => {}
            b']' => break,
            _ => return None,
        }
    }
    let (target, sign, rest) = leading(rest.strip_prefix(br#","target":"#)?)?;
    (sign == b'}' && rest.is_empty()).then(|| countdown::Problem { numbers, target, rules: Rules::default() })
}

/// A number of at most eight digits, the byte behind it, and the rest.
fn leading(text: &[u8]) -> Option<(u32, u8, &[u8])> {
    let mut value = 0;
    for (length, byte) in text.iter().take(9).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let is_read = length == 1 || length > 1 && text[0] != b'0';
            return is_read.then(|| (value, *byte, &text[length + 1..]));
        }
        value = 10 * value + u32::from(digit);
    }
    None
}

fn spaced(text: &[u8]) -> Option<countdown::Problem> {
    let (mut numbers, mut target) = (Vec::new(), None);
    let mut reader = Reader { text, place: skip_space(text, 0) };
    reader.fields(|reader, name| match name {
        b"numbers" if numbers.is_empty() => {
            numbers.reserve(countdown::MAX_NUMBERS);
            reader.list(|reader| {
                numbers.push(reader.number()?);
                Some(())
            })
        }
        b"target" if target.is_none() => reader.number().map(|number| target = Some(number)),
        _ => None,
    })?;
    let problem = countdown::Problem { numbers, target: target?, rules: Rules::default() };
    (!problem.numbers.is_empty()).then_some(problem)
}

/// `{"width":5,"height":5,"walls":[[x,y],…],"start":[x,y],"goal":[x,y]}`, in any order.
pub(crate) fn maze(text: &[u8]) -> Option<maze::Problem> {
    let (mut width, mut height, mut start, mut goal) = (None, None, None, None);
    let mut walls: Option<Vec<Cell>> = None;
    let mut reader = Reader { text, place: skip_space(text, 0) };
    reader.fields(|reader, name| match name {
        b"width" if width.is_none() => reader.byte().map(|side| width = Some(side)),
        b"height" if height.is_none() => reader.byte().map(|side| height = Some(side)),
        b"start" if start.is_none() => reader.cell().map(|cell| start = Some(cell)),
        b"goal" if goal.is_none() => reader.cell().map(|cell| goal = Some(cell)),
        b"walls" if walls.is_none() => {
            let walls = walls.insert(Vec::with_capacity(64));
            reader.list(|reader| {
                walls.push(reader.cell()?);
                Some(())
            })
        }
        _ => None,
    })?;
    maze::Problem::new(Grid { width: width?, height: height? }, walls?, start?, goal?).ok()
}

struct Reader<'a> {
    text: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    /// A sign, and the white space behind it.
    fn sign(&mut self, sign: u8) -> Option<()> {
        let is_there = self.text.get(self.place) == Some(&sign);
        if is_there {
            self.place = skip_space(self.text, self.place + 1);
        }
        is_there.then_some(())
    }

    /// An object that is all of the text; `field` reads the value behind a name.
    fn fields(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.sign(b'{')?;
        loop {
            let quote = self.place;
            self.sign(b'"').filter(|()| self.place == quote + 1)?;
            let length = self.text[self.place..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
            let name = &self.text[self.place..self.place + length];
            self.place += length;
            self.sign(b'"')?;
            self.sign(b':')?;
            field(self, name)?;
            if self.sign(b',').is_none() {
                break;
            }
        }
        self.sign(b'}')?;
        (self.place == self.text.len()).then_some(())
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.sign(b'[')?;
        if self.sign(b']').is_some() {
            return Some(());
        }
        item(self)?;
        while self.sign(b',').is_some() {
            item(self)?;
        }
        self.sign(b']')
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.place;
        let mut value = 0_u32;
        while let Some(digit) = self.text.get(self.place).filter(|byte| byte.is_ascii_digit()) {
            value = value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
            self.place += 1;
        }
        let is_read = self.place > start && (self.text[start] != b'0' || self.place == start + 1);
        self.place = skip_space(self.text, self.place);
        is_read.then_some(value)
    }

    fn byte(&mut self) -> Option<u8> {
        u8::try_from(self.number()?).ok()
    }

    fn cell(&mut self) -> Option<Cell> {
        self.sign(b'[')?;
        let x = self.byte()?;
        self.sign(b',')?;
        let y = self.byte()?;
        self.sign(b']')?;
        Some(Cell::new(x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_by_hand_reads_the_same_by_serde() {
        for text in [
            r#"{"numbers":[3,5,9],"target":24}"#,
            r#" { "target" : 24 , "numbers" : [ 3 , 0 ] } "#.trim(),
            r#"{"numbers":[03],"target":24}"#,
            r#"{"numbers":[],"target":24}"#,
            r#"{"numbers":[3],"target":24,"target":25}"#,
            r#"{"numbers":[3],"target":4294967296}"#,
            r#"{"numbers":[3,],"target":1}"#,
            r#"{"numbers":[3],"target":1} x"#,
            r#"{"numbers":[3],"target":1.5}"#,
            r#"{" numbers":[3],"target":1}"#,
            r#"{"numbers":[3,0],"target":0}"#,
            r#"{"numbers":[3],"target":01}"#,
            r#"{"numbers":[3],"target":1}}"#,
            r#"{"numbers":[99999999,4294967295],"target":12345678}"#,
            r#"{"numbers":[3,],"target":}"#,
        ] {
            if let Some(problem) = countdown(text.as_bytes()) {
                assert_eq!(serde_json::from_str::<countdown::Problem>(text).ok(), Some(problem), "{text}");
            }
        }
        assert!(countdown(br#"{"numbers":[3,5,9],"target":24}"#).is_some());
        for text in [
            r#"{"width":3,"height":3,"walls":[[1,1]],"start":[0,0],"goal":[2,0]}"#,
            r#"{"goal":[2, 0],"width":3,"height":3,"walls":[],"start":[0,0]}"#,
            r#"{"width":3,"height":3,"walls":[[1,300]],"start":[0,0],"goal":[2,0]}"#,
            r#"{"width":3,"height":3,"walls":[[1,1]],"start":[1,1],"goal":[2,0]}"#,
            r#"{"width":3,"height":3,"start":[0,0],"goal":[2,0]}"#,
        ] {
            assert_eq!(maze(text.as_bytes()), serde_json::from_str(text).ok(), "{text}");
        }
    }
}
