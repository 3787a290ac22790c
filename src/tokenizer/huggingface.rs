//! The `tokenizer.json` of Hugging Face `tokenizers`: a regular expression that cuts the text, and a word list.
//!
//! The expression uses only what Rust's `fancy-regex` and Python's Oniguruma read in the same way. Alternatives stand longest first, so that the first that
//! matches is the longest.

use super::{SPECIALS, Tokenizer};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize)]
struct File<'a> {
    version: &'a str,
    truncation: (),
    padding: (),
    added_tokens: Vec<AddedToken<'a>>,
    normalizer: (),
    pre_tokenizer: PreTokenizer<'a>,
    post_processor: (),
    decoder: Decoder<'a>,
    model: Model<'a>,
}

#[derive(Serialize)]
struct AddedToken<'a> {
    id: usize,
    content: &'a str,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

#[derive(Serialize)]
struct PreTokenizer<'a> {
    r#type: &'a str,
    pattern: Pattern,
    behavior: &'a str,
    invert: bool,
}

#[derive(Serialize)]
enum Pattern {
    Regex(String),
}

#[derive(Serialize)]
struct Decoder<'a> {
    r#type: &'a str,
}

#[derive(Serialize)]
struct Model<'a> {
    r#type: &'a str,
    #[serde(serialize_with = "in_id_order")]
    vocab: &'a [String],
    unk_token: &'a str,
}

/// The part of a file that says which vocabulary it is; all else follows from it.
#[derive(Deserialize)]
struct Vocabulary {
    model: Words,
}

#[derive(Deserialize)]
struct Words {
    vocab: std::collections::BTreeMap<String, u32>,
}

impl Tokenizer {
    /// The text of `tokenizer.json`.
    pub fn to_json(&self) -> String {
        let added_token = |(id, content)| AddedToken { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
        let file = File {
            version: "1.0",
            truncation: (),
            padding: (),
            added_tokens: SPECIALS.into_iter().enumerate().map(added_token).collect(),
            normalizer: (),
            pre_tokenizer: PreTokenizer { r#type: "Split", pattern: Pattern::Regex(self.pattern()), behavior: "Isolated", invert: false },
            post_processor: (),
            decoder: Decoder { r#type: "Fuse" },
            model: Model { r#type: "WordLevel", vocab: &self.tokens, unk_token: SPECIALS[Self::UNKNOWN as usize] },
        };
        serde_json::to_string_pretty(&file).expect("strings and integers always serialize")
    }

    /// The text of `tokenizer_config.json`, which tells `transformers` how to use `tokenizer.json`; `context` is in tokens.
    pub fn config_json(&self, context: usize) -> String {
        let config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": SPECIALS[Self::PAD as usize],
            "bos_token": SPECIALS[Self::BOS as usize],
            "eos_token": SPECIALS[Self::EOS as usize],
            "unk_token": SPECIALS[Self::UNKNOWN as usize],
            "clean_up_tokenization_spaces": false,
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": context,
            "padding_side": "left",
        });
        serde_json::to_string_pretty(&config).expect("strings and integers always serialize")
    }

    /// The tokenizer whose file `text` is.
    ///
    /// # Errors
    /// What keeps it from being one that [`to_json`](Self::to_json) wrote, as a lower-case fragment.
    pub fn from_json(text: &str) -> Result<Self, String> {
        const FOREIGN: &str = "not a tokenizer.json written by metacot";
        let value: Value = serde_json::from_str(text).map_err(|error| format!("{FOREIGN}: {error}"))?;
        let Vocabulary { model: Words { vocab } } = Vocabulary::deserialize(&value).map_err(|error| format!("{FOREIGN}: {error}"))?;
        let numbers = vocab.keys().filter(|token| token.bytes().all(|byte| byte.is_ascii_digit())).count() as u32;
        let limit = if numbers == 10 { 0 } else { numbers.saturating_sub(1) };
        let phrases = vocab.into_keys().filter(|token| !token.bytes().any(|byte| byte.is_ascii_digit()) && !SPECIALS.contains(&token.as_str()));
        let tokenizer = Self::new(phrases, limit).map_err(|error| format!("{FOREIGN}: {error}"))?;
        let expected: Value = serde_json::from_str(&tokenizer.to_json()).map_err(|error| error.to_string())?;
        for key in ["version", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"] {
            if value.get(key) != expected.get(key) {
                return Err(format!("{FOREIGN}: field {key:?} is not what its vocabulary gives"));
            }
        }
        Ok(tokenizer)
    }

    /// One alternative per kind of token; the last takes any one character, so that each unknown one is a piece of its own.
    fn pattern(&self) -> String {
        let mut phrases: Vec<&String> = self.phrases().iter().collect();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        let mut alternatives: Vec<String> = phrases.into_iter().map(|phrase| escape(phrase)).collect();
        if self.whole_numbers_up_to > 0 {
            let more_digits = self.whole_numbers_up_to.ilog10();
            alternatives.push(format!("(?<![0-9])(?:0|[1-9][0-9]{{0,{more_digits}}})(?![0-9])"));
        }
        alternatives.push("[0-9]".into());
        alternatives.push("[\\s\\S]".into());
        alternatives.join("|")
    }
}

/// Escapes the characters that both dialects take as operators, and no others: `\<` is a word boundary in one of them.
fn escape(phrase: &str) -> String {
    let mut escaped = String::with_capacity(phrase.len() + 4);
    for character in phrase.chars() {
        if "\\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn in_id_order<S: Serializer>(tokens: &&[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tokens.len()))?;
    for (id, token) in tokens.iter().enumerate() {
        map.serialize_entry(token, &id)?;
    }
    map.end()
}
