//! A name with its settings as one text, as records carry those of formats and transforms: `retry mode=multi rate=0.5`, `sos compat=true`.

use metacot_envs::{SettingError, Settings};

use crate::generate::NO_TRANSFORM;

/// The name of a format or a transform with the settings that were given, ordered by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its registered name.
    pub name: String,
    /// Its settings as they were given; defaults are not named.
    pub settings: Settings,
}

impl Label {
    /// Reads a label; `None` for `none` and for no words at all.
    ///
    /// # Errors
    /// A word behind the name that is no `key=value`.
    pub fn read(text: &str) -> Result<Option<Self>, SettingError> {
        let mut words = text.split_ascii_whitespace();
        let Some(name) = words.next().filter(|name| *name != NO_TRANSFORM) else { return Ok(None) };
        let mut settings = Settings::default();
        for word in words {
            let refuse = || SettingError::Value { name: "name".into(), value: text.into(), expected: "a name and settings such as rate=0.5".into() };
            let (key, value) = word.split_once('=').ok_or_else(refuse)?;
            settings.insert(key, value);
        }
        Ok(Some(Self { name: name.into(), settings }))
    }

    /// The name alone.
    pub fn name_of(text: &str) -> &str {
        text.split_ascii_whitespace().next().unwrap_or(text)
    }

    /// The label as text.
    pub fn write(name: &str, settings: &Settings) -> String {
        settings.iter().fold(name.to_string(), |label, (key, value)| format!("{label} {key}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_read_as_they_are_written() {
        let settings = Settings::default().with("rate", "0.5").with("mode", "multi");
        let text = Label::write("retry", &settings);
        assert_eq!(text, "retry mode=multi rate=0.5");
        assert_eq!(Label::read(&text).unwrap(), Some(Label { name: "retry".into(), settings }));
        assert_eq!(Label::read("none").unwrap(), None);
        assert_eq!(Label::read("").unwrap(), None);
        assert!(Label::read("retry rate").is_err());
    }
}
