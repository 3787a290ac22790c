//! Reports as JSON: fields in the order of the types, numbers rounded to what a report can claim, a version to refuse by.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Block, Cell, Chart, Interval, Measure, Plot, Report};
use crate::error::{Error, Result};

/// Names the format in the first field of the file.
pub const FORMAT: &str = "metacot report";
/// Version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File<R> {
    format: String,
    version: u32,
    report: R,
}

/// The report as indented JSON with a final line end. Measured numbers have six significant digits, table numbers the decimals of
/// their cell and two more; a number that is not finite is `null`.
pub fn json(report: &Report) -> String {
    let mut report = report.clone();
    report.highlights.iter_mut().for_each(|highlight| round_cell(&mut highlight.value));
    for block in report.sections.iter_mut().flat_map(|section| &mut section.blocks) {
        match block {
            Block::Table { table } => table.rows.iter_mut().flatten().for_each(round_cell),
            Block::Chart { chart } => round_chart(chart),
            Block::Paragraph { .. } | Block::Listing { .. } => {}
        }
    }
    let file = File { format: FORMAT.into(), version: VERSION, report: &report };
    let mut text = serde_json::to_string_pretty(&file).expect("a report has text keys and nothing that serialization refuses");
    text.push('\n');
    text
}

/// Reads what [`json`] wrote; `path` is for the message of an error.
///
/// # Errors
/// [`Error::Data`] when it is not a report, or of another version.
pub fn parse_json(path: &Path, text: &str) -> Result<Report> {
    let file: File<serde_json::Value> = serde_json::from_str(text).map_err(|error| Error::data(path, format!("not a report: {error}")))?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(Error::data(path, format!("format {:?} version {}, expected {FORMAT:?} version {VERSION}", file.format, file.version)));
    }
    serde_json::from_value(file.report).map_err(|error| Error::data(path, format!("not a report: {error}")))
}

fn round_cell(cell: &mut Cell) {
    match cell {
        Cell::Percent { measure } => round_measure(measure, |value| fixed(value, 6)),
        Cell::Number { measure, precision, .. } => {
            let precision = *precision;
            round_measure(measure, |value| fixed(value, usize::from(precision.min(12)) + 2));
        }
        Cell::Missing | Cell::Text { .. } | Cell::Integer { .. } => {}
    }
}

fn round_chart(chart: &mut Chart) {
    match &mut chart.plot {
        Plot::Lines { series } => {
            for point in series.iter_mut().flat_map(|series| &mut series.points) {
                point.x = significant(point.x);
                round_measure(&mut point.y, significant);
            }
        }
        Plot::Bars { series, .. } => {
            series.iter_mut().flat_map(|series| &mut series.values).flatten().for_each(|measure| round_measure(measure, significant));
        }
        Plot::Histogram { bins } => bins.iter_mut().for_each(|bin| (bin.low, bin.high) = (significant(bin.low), significant(bin.high))),
    }
}

fn round_measure(measure: &mut Measure, round: impl Fn(f64) -> f64) {
    measure.value = round(measure.value);
    measure.interval = measure.interval.map(|Interval { low, high }| Interval { low: round(low), high: round(high) });
}

// Rounding goes through decimal text, so that what is written is the short decimal number itself. Adding 0 drops the sign of nothing.

fn fixed(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().map_or(value, |rounded: f64| rounded + 0.0)
}

fn significant(value: f64) -> f64 {
    format!("{value:.5e}").parse().map_or(value, |rounded: f64| rounded + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Axis, LineSeries, Section, Table};

    fn report() -> Report {
        let chart = Chart {
            title: "t".into(),
            description: String::new(),
            x: Axis::log("k", ""),
            y: Axis::percent("p"),
            plot: Plot::Lines { series: vec![LineSeries::new("a", [(1.0, 1.0 / 3.0), (2.0, f64::NAN)])] },
            is_tabled: false,
        };
        let table = Table::new("", ["a"]).row([Cell::number(2.0 / 3.0, 1, "s")]).row([Cell::percent(f64::INFINITY)]).row([Cell::Missing]);
        Report { title: "t".into(), sections: vec![Section::new("s").chart(chart).table(table).listing("c", "x")], ..Report::default() }
    }

    #[test]
    fn numbers_are_rounded_and_reading_and_writing_again_changes_nothing() {
        let text = json(&report());
        assert!(text.contains("0.333333") && text.contains("0.667") && text.contains("null") && !text.contains("0.3333333"));
        assert_eq!(json(&parse_json(Path::new("r.json"), &text).unwrap()), text);
    }

    #[test]
    fn other_files_and_versions_are_refused_by_name() {
        let refuse = |text: &str| parse_json(Path::new("r.json"), text).unwrap_err().to_string();
        assert!(refuse("{}").starts_with("r.json: not a report"));
        assert!(refuse("nonsense").starts_with("r.json: not a report"));
        let newer = json(&report()).replace("\"version\": 1", "\"version\": 2");
        assert_eq!(refuse(&newer), "r.json: format \"metacot report\" version 2, expected \"metacot report\" version 1");
    }
}
