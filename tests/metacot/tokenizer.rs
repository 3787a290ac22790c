//! The tokenizer against the Rust `tokenizers` crate, and its file against damage.

use metacot::Error;
use metacot::tokenizer::{Tokenizer, WHOLE_NUMBER_LIMITS};
use proptest::prelude::*;
use std::fs;

/// The fixed texts of the Stream of Search language, and some that are hostile to regular expressions.
const PHRASES: &[&str] = &[
    "Current State: ",
    "\nCurrent State: ",
    ":[",
    ", ",
    "], Operations: [",
    "]",
    "'",
    "\nExploring Operation: ",
    ", Resulting Numbers: [",
    "\nGenerated Node #",
    "\nMoving to Node #",
    " unequal: No Solution",
    " equal: Goal Reached",
    ",",
    "+",
    "-",
    "*",
    "/",
    "=",
    "(",
    "(?",
    "\\",
    "\\d",
    "^",
    "$",
    "a|b",
    "{",
    "<",
    "\\<",
    "<think>",
    "é",
    "→",
    "[[:",
    "&&",
    "#",
    "\r\n",
];

fn tokenizer(limit: u32) -> Tokenizer {
    Tokenizer::new(PHRASES.iter().copied(), limit).unwrap()
}

fn peer(tokenizer: &Tokenizer) -> tokenizers::Tokenizer {
    tokenizer.to_json().parse().unwrap()
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(PHRASES).prop_map(str::to_string),
        4 => (0u32..20_000).prop_map(|number| number.to_string()),
        1 => "[0-9]{1,6}",
        1 => proptest::sample::select(&["<pad>", "<bos>", "<eos>", "<unk>", "<eo", "s>"][..]).prop_map(str::to_string),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn ids_equal_those_of_the_tokenizers_crate(
        limit in proptest::sample::select(&WHOLE_NUMBER_LIMITS[..]),
        pieces in proptest::collection::vec(piece(), 0..30),
    ) {
        let (ours, text) = (tokenizer(limit), pieces.concat());
        let theirs = peer(&ours).encode(text.as_str(), false).unwrap();
        prop_assert_eq!(ours.encode(&text), theirs.get_ids());
    }

    #[test]
    fn decoding_gives_sayable_text_back(limit in proptest::sample::select(&WHOLE_NUMBER_LIMITS[..]), pieces in proptest::collection::vec(piece(), 0..30)) {
        let (ours, text) = (tokenizer(limit), pieces.concat());
        if let Ok(ids) = ours.encode_strict(&text) {
            prop_assert_eq!(ours.decode(&ids), text.clone());
            prop_assert_eq!(peer(&ours).decode(&ids, true).unwrap(), text);
        }
    }
}

#[test]
fn adding_special_tokens_adds_none() {
    let ours = tokenizer(99);
    assert_eq!(peer(&ours).encode("3+5", true).unwrap().get_ids(), ours.encode("3+5"));
}

#[test]
fn a_saved_tokenizer_loads_back() {
    let folder = tempfile::tempdir().unwrap();
    for limit in WHOLE_NUMBER_LIMITS {
        let path = folder.path().join("tokenizer.json");
        let ours = tokenizer(limit);
        ours.save(&path).unwrap();
        let loaded = Tokenizer::load(&path).unwrap();
        assert_eq!(loaded.to_json(), ours.to_json());
        assert_eq!(loaded.whole_numbers_up_to(), limit);
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let good = tokenizer(99).to_json();
    let foreign = r#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#;
    let spoiled = [
        good[..good.len() / 2].to_string(),
        good.replace("Isolated", "Removed"),
        good.replace("\" equal", "\" eqal"),
        good.replace("\"WordLevel\"", "\"BPE\""),
        good.replacen("\"98\"", "\"998\"", 1),
        foreign.into(),
        String::new(),
    ];
    for text in spoiled {
        assert!(text != good);
        fs::write(&path, &text).unwrap();
        assert!(matches!(Tokenizer::load(&path), Err(Error::Data { .. })), "{text}");
    }
    assert!(matches!(Tokenizer::load(&folder.path().join("missing.json")), Err(Error::Io { .. })));
}
