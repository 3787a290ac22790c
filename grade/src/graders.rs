//! Graders in the shapes of reinforcement fine-tuning services: a tree of named checks that gives a number from 0 to 1.
//!
//! ```
//! use metacot_grade::graders::{Sample, Spec};
//! let spec: Spec = serde_json::from_str(r#"{"type":"multi","calculate_output":"0.8*right+0.2*short","graders":{
//!     "right":{"type":"numeric","reference":"1/20"},
//!     "short":{"type":"constraint","max_tokens":3}}}"#).unwrap();
//! let sample = Sample { output: b"5 x 10^-2", ..Sample::default() };
//! assert_eq!(spec.score(&sample), 0.8);
//! ```

mod constraint;
mod formula;
mod similarity;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use constraint::Constraint;
pub use formula::Formula;

use crate::Rational;

/// What is graded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample<'a> {
    /// The answer.
    pub output: &'a [u8],
    /// The answer that was expected, where a grader states none itself.
    pub reference: Option<&'a [u8]>,
    /// The numbers of the problem and the number that should come out, for constraints.
    pub numbers: Option<(&'a [u32], u32)>,
    /// Whether the environment's verifier accepts the answer.
    pub is_correct: Option<bool>,
}

/// How strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// The output holds the reference.
    Like,
    /// As `like`, letters of ASCII in either case.
    Ilike,
}

/// A grader; its serde form has the kind as `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// 1 where output and reference are the same text, white space at the ends aside.
    Exact {
        /// What is expected; the row's `reference` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// 1 where a comparison of texts holds.
    StringCheck {
        /// The comparison.
        operation: Operation,
        /// What is expected; the row's `reference` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// 1 where both are numbers, however written, and differ by no more than a tolerance; 0 tolerance compares exactly.
    Numeric {
        /// What is expected; the row's `reference` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// Allowed difference.
        #[serde(default)]
        absolute: f64,
        /// Allowed difference as a share of the reference.
        #[serde(default)]
        relative: f64,
    },
    /// One less the edit distance as a share of the longer text; 0 below a threshold.
    TextSimilarity {
        /// What is expected; the row's `reference` without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// The least similarity that counts, from 0 to 1.
        #[serde(default)]
        pass_threshold: f64,
    },
    /// 1 where all stated limits hold.
    Constraint(Constraint),
    /// 1 where the verifier of the environment accepts the answer.
    Program {},
    /// A formula over other graders.
    Multi {
        /// The graders by name.
        graders: BTreeMap<String, Spec>,
        /// Names, numbers, `+ - * /`, parentheses, `min`, `max`, `abs`, `floor`, `ceil`, `sqrt`, `exp`, `log`. A result that is not finite, such
        /// as that of `1/0` or `exp(1000)`, is 0.
        calculate_output: Formula,
    },
}

/// How deep graders may hold each other.
const MAX_DEPTH: usize = 8;

impl Spec {
    /// Checks that every name of a formula is a grader's.
    ///
    /// # Errors
    /// The name that is none, or graders that nest too deep.
    pub fn validate(&self) -> Result<(), String> {
        self.check(0)
    }

    fn check(&self, depth: usize) -> Result<(), String> {
        let Self::Multi { graders, calculate_output } = self else { return Ok(()) };
        if depth == MAX_DEPTH {
            return Err(format!("graders nested more than {MAX_DEPTH} deep are not allowed"));
        }
        if let Some(name) = calculate_output.names().find(|name| !graders.contains_key(*name)) {
            let known: Vec<&str> = graders.keys().map(String::as_str).collect();
            return Err(format!("`{name}` in calculate_output is no grader; expected one of {}", known.join(", ")));
        }
        graders.values().try_for_each(|grader| grader.check(depth + 1))
    }

    /// The score, from 0 to 1; of a formula, what it gives, cut to that range, and 0 where that is not a finite number.
    pub fn score(&self, sample: &Sample<'_>) -> f64 {
        let of = |holds: bool| f64::from(u8::from(holds));
        let expected = |own: &'_ Option<String>| own.as_ref().map(|text| text.as_bytes().to_vec()).or_else(|| sample.reference.map(<[u8]>::to_vec));
        match self {
            Self::Exact { reference } => of(expected(reference).is_some_and(|text| text.trim_ascii() == sample.output.trim_ascii())),
            Self::StringCheck { operation, reference } => of(expected(reference).is_some_and(|text| compare(*operation, sample.output, &text))),
            Self::Numeric { reference, absolute, relative } => {
                let pair = Rational::read(sample.output).zip(expected(reference).and_then(|text| Rational::read(&text)));
                of(pair.is_some_and(|(ours, theirs)| {
                    let distance = (ours.to_f64() - theirs.to_f64()).abs();
                    ours == theirs || (*absolute > 0.0 || *relative > 0.0) && distance <= absolute.max(relative * theirs.to_f64().abs())
                }))
            }
            Self::TextSimilarity { reference, pass_threshold } => {
                let similarity = expected(reference).map_or(0.0, |text| similarity::similarity(sample.output, &text));
                if similarity >= *pass_threshold { similarity } else { 0.0 }
            }
            Self::Constraint(constraint) => of(constraint.holds(sample)),
            Self::Program {} => of(sample.is_correct == Some(true)),
            Self::Multi { graders, calculate_output } => {
                let value = calculate_output.value(&mut |name| graders.get(name).map_or(f64::NAN, |grader| grader.score(sample)));
                if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
            }
        }
    }
}

fn compare(operation: Operation, output: &[u8], reference: &[u8]) -> bool {
    match operation {
        Operation::Eq => output == reference,
        Operation::Ne => output != reference,
        Operation::Like => memchr::memmem::find(output, reference).is_some(),
        Operation::Ilike => memchr::memmem::find(&output.to_ascii_lowercase(), &reference.to_ascii_lowercase()).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(spec: &str, output: &str, reference: &str) -> f64 {
        let spec: Spec = serde_json::from_str(spec).unwrap();
        spec.validate().unwrap();
        spec.score(&Sample { output: output.as_bytes(), reference: Some(reference.as_bytes()), numbers: Some((&[3, 5, 9], 24)), is_correct: Some(true) })
    }

    #[test]
    fn graders_give_hand_computed_scores() {
        for (spec, output, reference, expected) in [
            (r#"{"type":"exact"}"#, " 24 ", "24", 1.0),
            (r#"{"type":"exact"}"#, "24.0", "24", 0.0),
            (r#"{"type":"exact","reference":"x"}"#, "x", "24", 1.0),
            (r#"{"type":"string_check","operation":"ne"}"#, "a", "b", 1.0),
            (r#"{"type":"string_check","operation":"like"}"#, "so 24.", "24", 1.0),
            (r#"{"type":"string_check","operation":"like"}"#, "YES", "yes", 0.0),
            (r#"{"type":"string_check","operation":"ilike"}"#, "YES!", "yes", 1.0),
            (r#"{"type":"numeric"}"#, ".05", r"\frac{1}{20}", 1.0),
            (r#"{"type":"numeric"}"#, ".05", r"\frac{1}{2}", 0.0),
            (r#"{"type":"numeric","absolute":0.01}"#, "3.14", "3.141", 1.0),
            (r#"{"type":"numeric","relative":0.01}"#, "102", "100", 0.0),
            (r#"{"type":"numeric","relative":0.02}"#, "102", "100", 1.0),
            (r#"{"type":"text_similarity"}"#, "kitten", "sitting", 1.0 - 3.0 / 7.0),
            (r#"{"type":"text_similarity","pass_threshold":0.9}"#, "kitten", "sitting", 0.0),
            (r#"{"type":"constraint","max_tokens":40,"uses_each_number_once":true,"ends_with_goal":true}"#, "3*5+9 = 24", "", 1.0),
            (r#"{"type":"constraint","uses_each_number_once":true}"#, "3*5+5", "", 0.0),
            (r#"{"type":"constraint","max_tokens":2}"#, "a b c", "", 0.0),
            (r#"{"type":"program"}"#, "", "", 1.0),
            (r#"{"type":"multi","graders":{"a":{"type":"exact"},"b":{"type":"program"}},"calculate_output":"max(0.25*a + b/2, 0.1)"}"#, "1", "1", 0.75),
            (r#"{"type":"multi","graders":{},"calculate_output":"1/0"}"#, "1", "1", 0.0),
            (r#"{"type":"multi","graders":{},"calculate_output":"-1/0"}"#, "1", "1", 0.0),
            (r#"{"type":"multi","graders":{},"calculate_output":"exp(1000)"}"#, "1", "1", 0.0),
            (r#"{"type":"multi","graders":{},"calculate_output":"log(-1)"}"#, "1", "1", 0.0),
            (r#"{"type":"multi","graders":{},"calculate_output":"exp(9)"}"#, "1", "1", 1.0),
        ] {
            assert!((score(spec, output, reference) - expected).abs() < 1e-12, "{spec} {output}: {}", score(spec, output, reference));
        }
    }

    #[test]
    fn wrong_graders_are_refused() {
        for spec in [r#"{"type":"python"}"#, r#"{"type":"exact","extra":1}"#, r#"{"type":"multi","graders":{},"calculate_output":"1+"}"#] {
            assert!(serde_json::from_str::<Spec>(spec).is_err(), "{spec}");
        }
        let spec: Spec = serde_json::from_str(r#"{"type":"multi","graders":{"a":{"type":"exact"}},"calculate_output":"a+b"}"#).unwrap();
        assert_eq!(spec.validate().unwrap_err(), "`b` in calculate_output is no grader; expected one of a");
    }
}
