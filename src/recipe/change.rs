//! Changes of settings as a command line gives them: `key.path=value`, applied to a table or to defaults.

use serde::Serialize;

use crate::{Error, Result};

/// Settings from a table with `key.path=value` changes applied.
///
/// # Errors
/// An unknown key, a value that is not allowed.
pub fn changed<T: serde::de::DeserializeOwned>(mut table: toml::Table, changes: &[String]) -> Result<T> {
    for change in changes {
        apply(&mut table, change)?;
    }
    table.try_into().map_err(|error| Error::Usage(one_line(&error)))
}

/// Settings with `key.path=value` changes applied to what `defaults` says: the rest of a section stays. Where a change gives a section another kind
/// (its `name`, `kind`, `keep`, `mode` or `by`), nothing of the default one is left in it.
///
/// # Errors
/// An unknown key, a value that is not allowed.
pub fn changed_from<T: Serialize + serde::de::DeserializeOwned>(defaults: &T, changes: &[String]) -> Result<T> {
    const TAGS: [&str; 5] = ["name", "kind", "keep", "mode", "by"];
    let mut table = toml::Table::try_from(defaults).map_err(|error| Error::Usage(one_line(&error)))?;
    for (path, value) in changes.iter().filter_map(|change| change.split_once('=')) {
        let Some((section, tag)) = path.rsplit_once('.').filter(|(_, tag)| TAGS.contains(tag)) else { continue };
        let mut keys = section.split('.');
        let first = keys.next().and_then(|key| table.get_mut(key));
        let section = keys.fold(first, |at, key| at?.get_mut(key)).and_then(toml::Value::as_table_mut);
        if let Some(section) =
            section.filter(|section| section.get(tag).and_then(toml::Value::as_str).is_some_and(|kind| kind != value.trim_matches(['"', '\''])))
        {
            section.clear();
        }
    }
    changed(table, changes)
}

/// Sets `a.b.c=value`; the value is read as TOML, and as plain text where it is none. In a list, `b` is the name of an entry.
fn apply(table: &mut toml::Table, change: &str) -> Result<()> {
    let Some((path, value)) = change.split_once('=') else {
        return Err(Error::Usage(format!("--set {change}: expected key=value")));
    };
    let value = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut parsed| parsed.remove("value")).unwrap_or_else(|| value.into());
    let mut keys: Vec<&str> = path.split('.').collect();
    let Some(last) = keys.pop().filter(|last| !last.is_empty()) else {
        return Err(Error::Usage(format!("--set {change}: expected key=value")));
    };
    let mut at = table;
    let mut keys = keys.into_iter();
    while let Some(key) = keys.next() {
        let mut entry = at.entry(key).or_insert_with(|| toml::Table::new().into());
        if let toml::Value::Array(entries) = entry {
            let name = keys.next().unwrap_or_default();
            let named = entries.iter_mut().find(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(name));
            entry = named.ok_or_else(|| Error::Usage(format!("--set {change}: no {key} is called `{name}`")))?;
        }
        at = entry.as_table_mut().ok_or_else(|| Error::Usage(format!("--set {change}: `{key}` is a value, not a section")))?;
    }
    at.insert(last.to_string(), value);
    Ok(())
}

/// A TOML error without its line breaks.
fn one_line(error: &impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::improve::PolicyConfig;

    fn improved(changes: &[&str]) -> Result<PolicyConfig> {
        changed_from(&PolicyConfig::default(), &changes.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn changes_merge_into_the_defaults() {
        let default = PolicyConfig::default();
        assert_eq!(improved(&[]).unwrap(), default);
        let config = improved(&["steps=50", "plan.prompts=8", "reward.right=2", "objective.name=\"grpo\""]).unwrap();
        assert_eq!((config.steps, config.plan.prompts, config.plan.samples), (50, 8, default.plan.samples));
        let right: PolicyConfig = toml::from_str("reward = { name = 'outcome', right = 2.0 }").unwrap();
        assert_eq!(config.reward, right.reward);
    }

    #[test]
    fn another_kind_of_a_section_leaves_nothing_of_the_default() {
        let config = improved(&["filter.high=0.9", "filter.low=0.1", "filter.keep=band", "reward.name=process", "mode.lag=2", "mode.kind='async'"]).unwrap();
        let expected: PolicyConfig =
            toml::from_str("filter = { keep = 'band', low = 0.1, high = 0.9 }\nreward = { name = 'process' }\nmode = { kind = 'async', lag = 2 }").unwrap();
        assert_eq!(config, expected);
        let config = improved(&["schedule={ kind = 'cosine', warmup = 0.1, end = 0.0 }"]).unwrap();
        assert_eq!(config.schedule, crate::train::Schedule::Cosine { warmup: 0.1, end: 0.0 });
        assert!(improved(&["plan.promts=8"]).unwrap_err().to_string().contains("promts"));
        assert!(improved(&["steps.x=8"]).unwrap_err().to_string().contains("`steps` is a value, not a section"));
    }
}
