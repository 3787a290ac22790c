//! The card of an exported model: what it is, where it comes from, what was measured of it, how it is used.

use std::fmt::Write as _;

use crate::{
    model::{ModelConfig, Weights},
    tokenizer::Tokenizer,
};

/// The run that a model comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The run in one line.
    pub title: String,
    /// The environment, for the metadata.
    pub env: String,
    /// Which of the run's trainings it is.
    pub training: String,
    /// The resolved recipe.
    pub recipe: String,
    /// Whether the recipe alone makes the model, and not from a checkpoint of others.
    pub is_whole: bool,
    /// What was measured of it; empty where the run has not come so far.
    pub results: Vec<Measurement>,
    /// A prompt of the task.
    pub prompt: Option<String>,
}

/// A measured share with its 95 % interval, in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// On which problems.
    pub set: String,
    /// Of what, such as pass@1.
    pub name: String,
    /// The value and the ends of its interval.
    pub percent: [f64; 3],
}

/// The card as Markdown, its metadata in front as the Hugging Face hub reads it.
pub(super) fn model_card(weights: &Weights, tokenizer: &Tokenizer, origin: Option<&Origin>) -> String {
    let mut card = metadata(origin);
    let title = origin.map_or("A metacot model", |origin| origin.title.as_str());
    let _ = write!(
        card,
        "\n# {}\n\nA small Llama-style transformer that was trained on the text of symbolic searches. It knows this one task and its notation; it is not a model of \
         language.\n\n{}",
        one_line(title),
        shape(&weights.config, tokenizer)
    );
    if let Some(origin) = origin {
        card.push_str(&results(&origin.results));
        card.push_str(&provenance(origin, weights));
    }
    card.push_str(&usage(origin.and_then(|origin| origin.prompt.as_deref())));
    card
}

/// The front matter. Strings are JSON, which YAML reads, so that nothing in a title breaks it.
fn metadata(origin: Option<&Origin>) -> String {
    let mut yaml = "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- metacot\n- llama\n".to_owned();
    if let Some(origin) = origin {
        let _ = writeln!(yaml, "- {}", json(&origin.env));
        if !origin.results.is_empty() {
            let _ = write!(yaml, "model-index:\n- name: {}\n  results:\n", json(&origin.title));
        }
        for Measurement { set, name, percent } in &origin.results {
            let _ = write!(
                yaml,
                "  - task:\n      type: text-generation\n    dataset:\n      type: metacot\n      name: {}\n    metrics:\n    - type: {}\n      name: {}\n      value: {:.1}\n",
                json(&format!("{}, {set}", origin.env)),
                json(name),
                json(&format!("{name}, percent")),
                percent[0]
            );
        }
    }
    yaml + "---\n"
}

fn shape(config: &ModelConfig, tokenizer: &Tokenizer) -> String {
    let numbers = match tokenizer.whole_numbers_up_to() {
        0 => "every digit is one token".to_string(),
        limit => format!("whole numbers up to {limit} are one token, longer ones are split into digits"),
    };
    format!(
        "| | |\n|---|---|\n| parameters | {} |\n| layers, width, heads (key-value heads) | {}, {}, {} ({}) |\n| feed-forward width | {} |\n| context | {} tokens |\n\
         | vocabulary | {} ids; {numbers} |\n",
        config.num_parameters(),
        config.layers,
        config.width,
        config.heads,
        config.kv_heads,
        config.hidden,
        config.context,
        tokenizer.vocab_size(),
    )
}

fn results(results: &[Measurement]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut text = "\n## What was measured\n\n| problems | measure | value | 95 % interval |\n|---|---|---:|---|\n".to_owned();
    for Measurement { set, name, percent: [value, low, high] } in results {
        let _ = writeln!(text, "| {set} | {name} | {value:.1} % | {low:.1} to {high:.1} % |");
    }
    text + "\nIntervals are over problems: a training with another seed can differ by more.\n"
}

fn provenance(origin: &Origin, weights: &Weights) -> String {
    let fence = fence(&origin.recipe);
    let again =
        if origin.is_whole { " `metacot run recipe.toml` trains it from nothing." } else { " The recipe starts from a checkpoint that is not told here." };
    format!(
        "\n## Where it comes from\n\nThe training `{}` of the recipe below, exported by metacot {}; the digest of its weights is `{}`.{again}\n\n\
         {fence}toml\n{}\n{fence}\n",
        origin.training,
        env!("CARGO_PKG_VERSION"),
        weights.digest(),
        origin.recipe.trim_end(),
    )
}

fn usage(prompt: Option<&str>) -> String {
    let given = prompt.map(|prompt| format!("prompt = {}\n", json(prompt))).unwrap_or_default();
    format!(
        "\n## How to use it\n\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n\
         tokenizer = AutoTokenizer.from_pretrained(\".\")\nmodel = AutoModelForCausalLM.from_pretrained(\".\")\n{given}\
         ids = tokenizer(tokenizer.bos_token + prompt, return_tensors=\"pt\")\n\
         print(tokenizer.decode(model.generate(**ids, do_sample=False)[0], skip_special_tokens=True))\n```\n\n\
         The tokenizer adds no special tokens: a sequence opens with `<bos>`, and `<eos>` ends a completion. Text outside the vocabulary becomes `<unk>`.\n"
    )
}

/// A fence longer than every row of backticks in `text`.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// A string as YAML, JSON and Python read it: JSON with the control characters beyond ASCII's escaped, too, which YAML does not take as they are.
fn json(text: &str) -> String {
    let mut quoted = String::new();
    for character in serde_json::Value::from(text).to_string().chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => quoted.push(other),
        }
    }
    quoted
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use metacot_envs::SeedTree;

    use super::*;

    #[test]
    fn a_card_says_what_it_is_whence_it_comes_and_what_was_measured() {
        let tokenizer = Tokenizer::new(["a", "b"], 99).unwrap();
        let config = ModelConfig {
            vocab_size: tokenizer.vocab_size(),
            layers: 1,
            width: 8,
            heads: 2,
            kv_heads: 2,
            hidden: 16,
            context: 32,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        };
        let weights = Weights::init(&config, &SeedTree::root(1));
        let origin = Origin {
            title: "a \"title\":\nof two lines\u{9b}".into(),
            env: "countdown".into(),
            training: "round-1".into(),
            recipe: "# ```\nseed = 1\n".into(),
            is_whole: true,
            results: vec![Measurement { set: "Unseen problems".into(), name: "pass@1".into(), percent: [22.25, 20.0, 25.06] }],
            prompt: Some("24:[3, \"5\"]".into()),
        };
        insta::assert_snapshot!(
            model_card(&weights, &tokenizer, Some(&origin)).replace(&weights.digest(), "<digest>").replace(env!("CARGO_PKG_VERSION"), "<version>")
        );
        let plain = model_card(&weights, &tokenizer, None);
        assert!(plain.starts_with("---\nlibrary_name: transformers\n") && !plain.contains("## Where") && !plain.contains("model-index"));
    }
}
