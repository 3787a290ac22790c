//! Ranges of settings: one function per kind of range, all of which refuse what is not a finite number.

use crate::ObjectiveError;

/// Refuses a setting unless `is_allowed`; NaN must not be.
pub(crate) fn require(is_allowed: bool, setting: &'static str, value: f64, expected: &'static str) -> Result<(), ObjectiveError> {
    if is_allowed { Ok(()) } else { Err(ObjectiveError::Setting { setting, value, expected }) }
}

/// Any finite number.
pub(crate) fn finite(setting: &'static str, value: f64) -> Result<(), ObjectiveError> {
    require(value.is_finite(), setting, value, "a finite number")
}

/// A finite number above 0.
pub(crate) fn positive(setting: &'static str, value: f64) -> Result<(), ObjectiveError> {
    require(value.is_finite() && value > 0.0, setting, value, "a finite number above 0")
}

/// A finite number of at least 0.
pub(crate) fn not_negative(setting: &'static str, value: f64) -> Result<(), ObjectiveError> {
    require(value.is_finite() && value >= 0.0, setting, value, "a finite number of at least 0")
}

/// A number from 0 to 1.
pub(crate) fn share(setting: &'static str, value: f64) -> Result<(), ObjectiveError> {
    require((0.0..=1.0).contains(&value), setting, value, "a number from 0 to 1")
}

/// A count of at least 1.
pub(crate) fn count(setting: &'static str, value: usize) -> Result<(), ObjectiveError> {
    require(value > 0, setting, value as f64, "at least 1")
}
