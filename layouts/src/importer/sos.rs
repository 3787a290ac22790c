//! `sos`: elements of Stream of Search's JSON arrays, with `nums`, `target`, `search_path`, and the search as `search_type` (`dfs`, `bfs_3`)
//! and `heuristic` (`sum_heuristic`, `mult_heuristic`).

use serde_json::{Map, Value, json};

use super::{Importer, Item, Refusal, field, integer, integers, text};

/// What is told without the faults of the published texts, and those with them: shared ids, failures that just stop.
const FORMATS: &[&str] = &["sos", "sos compat=true"];

/// The importer.
pub(super) struct StreamOfSearch;

impl Importer for StreamOfSearch {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let (numbers, target) = (integers("nums", field(row, "nums")?)?, integer("target", field(row, "target")?)?);
        let path = text("search_path", field(row, "search_path")?)?;
        let problem = json!({"numbers": numbers, "target": target});
        if path.trim().is_empty() {
            return Ok(Item::Problem { env: "countdown", problem });
        }
        Ok(Item::Trace { env: "countdown", formats: FORMATS, search: search(row), problem, text: path.into() })
    }
}

/// Our name of the search, as far as the row says.
fn search(row: &Map<String, Value>) -> String {
    let get = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let heuristic = get("heuristic").split('_').next().filter(|name| ["sum", "mult"].contains(name));
    match (get("search_type"), heuristic) {
        ("dfs", Some(heuristic)) => format!("sos-dfs-{heuristic}"),
        (bfs, Some(heuristic)) if bfs.strip_prefix("bfs_").is_some_and(|beam| ["1", "2", "3", "4", "5"].contains(&beam)) => {
            format!("sos-bfs-{heuristic}-{}", &bfs[4..])
        }
        _ => "sos-mix".into(),
    }
}
