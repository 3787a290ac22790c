//! Text to ids and back over a closed vocabulary that is derived from the notation.
//!
//! Ids are laid out as: the specials, the phrases in byte order, the whole numbers from 0 up. Segmentation goes from left to right: a run of digits is one
//! token where it is a whole number of the vocabulary without a leading zero, else one token a digit; anywhere else the longest phrase matches; what no phrase
//! matches is `<unk>`, one per character. A special written out in the text counts as that special, as it does in Hugging Face `tokenizers`.
//!
//! **Invariant**: [`Tokenizer::encode`] gives the ids that `tokenizers` gives for the file that [`Tokenizer::save`] writes.

mod huggingface;
mod matcher;

use crate::{Error, Result, atomic};
use matcher::PhraseMatcher;
use std::path::Path;

/// Text of the specials; the position is the id.
pub(crate) const SPECIALS: [&str; 4] = ["<pad>", "<bos>", "<eos>", "<unk>"];

/// The values that `whole_numbers_up_to` can take: 0 (digits only), or all numbers of at most that many digits.
pub const WHOLE_NUMBER_LIMITS: [u32; 4] = [0, 99, 999, 9999];

/// A closed vocabulary with its segmentation.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    /// Token texts by id.
    tokens: Vec<String>,
    matcher: PhraseMatcher,
    first_number: u32,
    whole_numbers_up_to: u32,
}

/// Text that the vocabulary cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} at byte {position} is not in the vocabulary")]
pub struct UnknownText {
    /// The first character or special that is not allowed.
    pub text: String,
    /// Where it stands, in bytes.
    pub position: usize,
}

impl Tokenizer {
    /// Id of the padding token.
    pub const PAD: u32 = 0;
    /// Id of the token that opens every sequence.
    pub const BOS: u32 = 1;
    /// Id of the token that ends every completion.
    pub const EOS: u32 = 2;
    /// Id that stands for one unknown character.
    pub const UNKNOWN: u32 = 3;

    /// A vocabulary of `phrases` (their order and repetitions do not matter) and of the whole numbers up to `whole_numbers_up_to`, digits at least.
    ///
    /// # Errors
    /// [`Error::Usage`] on a limit outside [`WHOLE_NUMBER_LIMITS`], and on a phrase that is empty, has an ASCII digit or is a special.
    pub fn new<P: Into<String>>(phrases: impl IntoIterator<Item = P>, whole_numbers_up_to: u32) -> Result<Self> {
        if !WHOLE_NUMBER_LIMITS.contains(&whole_numbers_up_to) {
            return Err(Error::Usage(format!("whole_numbers_up_to = {whole_numbers_up_to} is not allowed; expected one of {WHOLE_NUMBER_LIMITS:?}")));
        }
        let mut phrases: Vec<String> = phrases.into_iter().map(Into::into).collect();
        phrases.sort_unstable();
        phrases.dedup();
        for phrase in &phrases {
            if phrase.is_empty() || phrase.bytes().any(|byte| byte.is_ascii_digit()) || SPECIALS.contains(&phrase.as_str()) {
                return Err(Error::Usage(format!("phrase {phrase:?} is not allowed; expected non-empty text without digits that is not one of {SPECIALS:?}")));
            }
        }
        let first_phrase = SPECIALS.len() as u32;
        let first_number = first_phrase + phrases.len() as u32;
        let matcher = PhraseMatcher::new(&phrases, first_phrase);
        let numbers = (0..=whole_numbers_up_to.max(9)).map(|number| number.to_string());
        let tokens = SPECIALS.iter().map(ToString::to_string).chain(phrases).chain(numbers).collect();
        Ok(Self { tokens, matcher, first_number, whole_numbers_up_to })
    }

    /// Number of ids.
    pub fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    /// The largest number that is one token; 0 where every digit is a token of its own.
    pub fn whole_numbers_up_to(&self) -> u32 {
        self.whole_numbers_up_to
    }

    /// The phrases, in the order of their ids.
    pub fn phrases(&self) -> &[String] {
        &self.tokens[SPECIALS.len()..self.first_number as usize]
    }

    /// The text of an id; `None` outside the vocabulary.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    /// The id whose text is exactly `token`, such as a phrase that ends a completion.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokens.iter().position(|other| other == token).map(|id| id as u32)
    }

    /// The ids of `text`, without BOS and EOS. Linear in its length.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 2);
        self.encode_into(text, &mut ids);
        ids
    }

    /// Appends the ids of `text` to `ids`.
    pub fn encode_into(&self, text: &str, ids: &mut Vec<u32>) {
        let (mut start, mut from) = (0, 0);
        while let Some(offset) = text[from..].find('<') {
            let at = from + offset;
            match SPECIALS.iter().position(|special| text[at..].starts_with(special)) {
                Some(id) => {
                    self.encode_plain(&text.as_bytes()[start..at], ids);
                    ids.push(id as u32);
                    start = at + SPECIALS[id].len();
                    from = start;
                }
                None => from = at + 1,
            }
        }
        self.encode_plain(&text.as_bytes()[start..], ids);
    }

    /// The ids of `text`, which must be sayable in full.
    ///
    /// # Errors
    /// The first character outside the vocabulary, or the first special: text that we write has neither.
    pub fn encode_strict(&self, text: &str) -> std::result::Result<Vec<u32>, UnknownText> {
        let ids = self.encode(text);
        let mut position = 0;
        for &id in &ids {
            let found = &text[position..];
            match SPECIALS.get(id as usize) {
                None => position += self.tokens[id as usize].len(),
                Some(special) if found.starts_with(special) => return Err(UnknownText { text: special.to_string(), position }),
                Some(_) => return Err(UnknownText { text: found.chars().take(1).collect(), position }),
            }
        }
        Ok(ids)
    }

    /// The text of `ids`. Specials and ids outside the vocabulary are left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        ids.iter().filter(|id| **id as usize >= SPECIALS.len()).filter_map(|id| self.token(*id)).collect()
    }

    /// Writes `tokenizer.json` as Hugging Face `tokenizers` reads it. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic::write(path, self.to_json().as_bytes())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Data`] where it is damaged or another program's tokenizer.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
        Self::from_json(&text).map_err(|reason| Error::data(path, reason))
    }

    /// Appends the ids of text in which no special is to be looked for.
    fn encode_plain(&self, text: &[u8], ids: &mut Vec<u32>) {
        let mut at = 0;
        while at < text.len() {
            if text[at].is_ascii_digit() {
                let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.encode_digits(&text[at..at + digits], ids);
                at += digits;
            } else if let Some((id, length)) = self.matcher.longest(&text[at..]) {
                ids.push(id);
                at += length;
            } else {
                ids.push(Self::UNKNOWN);
                at += 1 + text[at + 1..].iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
            }
        }
    }

    fn encode_digits(&self, digits: &[u8], ids: &mut Vec<u32>) {
        if digits.len() <= 4 && (digits[0] != b'0' || digits.len() == 1) {
            let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
            if number <= self.whole_numbers_up_to.max(9) {
                ids.push(self.first_number + number);
                return;
            }
        }
        ids.extend(digits.iter().map(|digit| self.first_number + u32::from(digit - b'0')));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(limit: u32) -> Tokenizer {
        Tokenizer::new(["a", "ab", " ", "→", "a<"], limit).unwrap()
    }

    fn pieces(limit: u32, text: &str) -> Vec<String> {
        let tokenizer = tokenizer(limit);
        tokenizer.encode(text).iter().map(|id| tokenizer.token(*id).unwrap().to_string()).collect()
    }

    #[test]
    fn the_longest_phrase_wins() {
        assert_eq!(pieces(0, "aab a→"), ["a", "ab", " ", "a", "→"]);
    }

    #[test]
    fn whole_numbers_have_no_leading_zero_and_stay_below_the_limit() {
        assert_eq!(pieces(99, "99 100 007 0 10"), ["99", " ", "1", "0", "0", " ", "0", "0", "7", " ", "0", " ", "10"]);
        assert_eq!(pieces(0, "99 7"), ["9", "9", " ", "7"]);
    }

    #[test]
    fn each_unknown_character_is_one_unknown_token() {
        assert_eq!(pieces(0, "xé a"), ["<unk>", "<unk>", " ", "a"]);
    }

    #[test]
    fn specials_in_text_come_before_phrases() {
        assert_eq!(pieces(0, "a<eos>a<pad"), ["a", "<eos>", "a<", "<unk>", "a", "<unk>"]);
    }

    #[test]
    fn strict_encoding_names_the_first_fault() {
        let tokenizer = tokenizer(99);
        assert_eq!(tokenizer.encode_strict("ab 12").unwrap(), tokenizer.encode("ab 12"));
        assert_eq!(tokenizer.encode_strict("ab 12é").unwrap_err(), UnknownText { text: "é".into(), position: 5 });
        assert_eq!(tokenizer.encode_strict("a<eos>").unwrap_err(), UnknownText { text: "<eos>".into(), position: 1 });
    }

    #[test]
    fn order_and_repetition_of_phrases_do_not_matter() {
        let (one, other) = (Tokenizer::new(["b", "a"], 0).unwrap(), Tokenizer::new(["a", "b", "a"], 0).unwrap());
        assert_eq!(one.tokens, other.tokens);
    }

    #[test]
    fn unusable_vocabularies_are_refused() {
        for (phrases, limit) in [(vec!["a1"], 0), (vec![""], 0), (vec!["<eos>"], 0), (vec!["a"], 5)] {
            assert!(matches!(Tokenizer::new(phrases, limit), Err(Error::Usage(_))));
        }
    }
}
