//! `countdown-tasks`: rows `{"target": 98, "nums": [44, 19, 35]}`, as in Countdown-Tasks-3to4; the rules are those of TinyZero, which
//! scores them.

use serde_json::{Map, Value};

use super::{Importer, Item, Refusal, field, integer, integers, rational_countdown};

/// The importer.
pub(super) struct CountdownTasks;

impl Importer for CountdownTasks {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let target = integer("target", field(row, "target")?)?;
        Ok(rational_countdown(&integers("nums", field(row, "nums")?)?, target))
    }
}
