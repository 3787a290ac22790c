//! Reports: plain data that a run fills in, and renderers to Markdown, JSON and one self-contained HTML file.
//!
//! **Invariant**: a renderer is a function of the report alone; the same report gives the same bytes. No clock, no network, no script,
//! and every text is escaped: completions of a model are hostile. The [`viewer`] of traces alone has a script, its own, allowed by its digest.

mod chart;
mod comparison;
mod data;
mod escape;
mod html;
mod json;
mod markdown;
mod number;
mod revisions;
mod svg;
mod table;
mod ticks;
mod viewer;

pub use chart::{Axis, BarSeries, Bin, Chart, LineSeries, Plot, Point, Scale, TABLE_PLACES, histogram_bins};
pub use comparison::{Comparison, ComparisonRow};
pub use data::{Block, Highlight, Provenance, Report, Section};
pub(crate) use escape::visible;
pub use html::html;
pub use json::{FORMAT, VERSION, json, parse_json};
pub use markdown::markdown;
pub use revisions::revisions;
pub use svg::{svg, svg_file};
pub use table::{Cell, Column, Interval, Measure, Table};
pub use viewer::viewer;
