//! How hard a problem is: a size plus named settings, each checked against what is allowed before any work starts.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The name is not one that is read.
    #[error("unknown setting `{name}`; allowed: {allowed}")]
    Unknown {
        /// The offending name.
        name: String,
        /// The names that are read, comma-separated.
        allowed: String,
    },
    /// The value is not one that is allowed.
    #[error("{name} = `{value}` is not allowed; expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// The offending value.
        value: String,
        /// What would be right.
        expected: String,
    },
}

/// Named settings as text (`--set key=value`), read once by whoever owns them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets `name` to `value`.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The same settings with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.insert(name, value.to_string());
        self
    }

    /// The value as it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The given names and values in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number within `range`, or `default` when it was not given.
    ///
    /// # Errors
    /// The text is no number or lies outside.
    pub fn number<T: FromStr + PartialOrd + Display + Copy>(&self, name: &str, range: RangeInclusive<T>, default: T) -> Result<T, SettingError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.parse::<T>() {
            Ok(value) if range.contains(&value) => Ok(value),
            _ => Err(SettingError::Value { name: name.into(), value: text.into(), expected: format!("a number from {} to {}", range.start(), range.end()) }),
        }
    }

    /// One of `choices`, or `default` when it was not given.
    ///
    /// # Errors
    /// The text is none of them.
    pub fn choice<'a>(&self, name: &str, choices: &[&'a str], default: &'a str) -> Result<&'a str, SettingError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        choices.iter().find(|choice| **choice == text).copied().ok_or_else(|| SettingError::Value {
            name: name.into(),
            value: text.into(),
            expected: format!("one of {}", choices.join(", ")),
        })
    }

    /// `true` or `false`, or `default` when it was not given.
    ///
    /// # Errors
    /// The text is neither.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, SettingError> {
        Ok(self.choice(name, &["true", "false"], if default { "true" } else { "false" })? == "true")
    }

    /// Checks that every given name is one of `allowed`.
    ///
    /// # Errors
    /// The first unknown name.
    pub fn only(&self, allowed: &[&str]) -> Result<(), SettingError> {
        match self.0.keys().find(|name| !allowed.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(SettingError::Unknown { name: name.clone(), allowed: if allowed.is_empty() { "none".into() } else { allowed.join(", ") } }),
        }
    }
}

/// What an environment is configured from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difficulty {
    /// The main dial (`--size`), in units that each environment documents; `None` takes its default.
    pub size: Option<String>,
    /// Everything else.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
}

impl Difficulty {
    /// The default settings at a size.
    pub fn sized(size: usize) -> Self {
        Self { size: Some(size.to_string()), settings: Settings::default() }
    }

    /// The size as a number within `range`, or `default` when it was not given.
    ///
    /// # Errors
    /// The text is no number or lies outside.
    pub fn size_within(&self, range: RangeInclusive<usize>, default: usize) -> Result<usize, SettingError> {
        let Some(size) = &self.size else { return Ok(default) };
        Settings::default().with("size", size).number("size", range, default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_value_and_what_is_allowed() {
        let settings = Settings::default().with("width", 99).with("mode", "odd");
        assert_eq!(settings.number("width", 1..=5, 2).unwrap_err().to_string(), "width = `99` is not allowed; expected a number from 1 to 5");
        assert_eq!(settings.choice("mode", &["a", "b"], "a").unwrap_err().to_string(), "mode = `odd` is not allowed; expected one of a, b");
        assert_eq!(settings.only(&["width"]).unwrap_err().to_string(), "unknown setting `mode`; allowed: width");
        assert_eq!(Difficulty::sized(9).size_within(3..=6, 4).unwrap_err().to_string(), "size = `9` is not allowed; expected a number from 3 to 6");
    }
}
