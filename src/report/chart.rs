//! Charts as plain data; `svg` draws them, and every renderer can print them as a table.

use serde::{Deserialize, Serialize};

use super::{
    Cell, Measure, Table,
    number::{decimals_for, nice_step, text_of},
    table::null_as_nan,
};

/// The most rows of a curve's table.
pub const TABLE_PLACES: usize = 24;

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows, in a few words.
    pub title: String,
    /// What a reader who cannot see it should know; also its caption.
    pub description: String,
    /// The horizontal axis. Of bars, the axis along which they grow.
    pub x: Axis,
    /// The vertical axis. Of bars, only its label is used, as the heading of the categories.
    pub y: Axis,
    /// What is drawn.
    pub plot: Plot,
    /// Whether a table beside it gives the same numbers already, so that Markdown does not repeat them.
    #[serde(default)]
    pub is_tabled: bool,
}

/// An axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is measured along it.
    pub label: String,
    /// Unit, such as `tokens`; empty for none, and unused where the scale is percent.
    pub unit: String,
    /// How values become places.
    pub scale: Scale,
}

impl Axis {
    /// A linear axis; `unit` may be empty.
    pub fn linear(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { label: label.into(), unit: unit.into(), scale: Scale::Linear }
    }

    /// A logarithmic axis; `unit` may be empty.
    pub fn log(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { label: label.into(), unit: unit.into(), scale: Scale::Log }
    }

    /// An axis of shares in [0, 1] that are written in percent.
    pub fn percent(label: impl Into<String>) -> Self {
        Self { label: label.into(), unit: String::new(), scale: Scale::Percent }
    }

    /// The label with its unit in parentheses.
    pub(super) fn heading(&self) -> String {
        let unit = if self.scale == Scale::Percent { "%" } else { &self.unit };
        if unit.is_empty() { self.label.clone() } else { format!("{} ({unit})", self.label) }
    }

    fn cell(&self, measure: Measure) -> Cell {
        match self.scale {
            Scale::Percent => Cell::percent(measure),
            _ => Cell::number(measure, decimals_for(measure.value), ""),
        }
    }
}

/// How values become places on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal distances for equal differences.
    Linear,
    /// Equal distances for equal ratios; values that are not positive are left out.
    Log,
    /// Linear, of shares that are written in percent.
    Percent,
}

/// What a chart draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Plot {
    /// Curves, with a band where points have intervals.
    Lines {
        /// The curves.
        series: Vec<LineSeries>,
    },
    /// Horizontal bars in groups, one group for each category, with error bars where values have intervals.
    Bars {
        /// Names of the groups, top to bottom.
        categories: Vec<String>,
        /// One bar in each group for each of these.
        series: Vec<BarSeries>,
    },
    /// Counts of values in bins.
    Histogram {
        /// Bins, in order and without gaps.
        bins: Vec<Bin>,
    },
}

/// A curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineSeries {
    /// Its name in the legend.
    pub name: String,
    /// Its points, by increasing `x`.
    pub points: Vec<Point>,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Place on the horizontal axis.
    #[serde(deserialize_with = "null_as_nan")]
    pub x: f64,
    /// Place on the vertical axis.
    pub y: Measure,
}

/// One bar for each category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BarSeries {
    /// Its name in the legend.
    pub name: String,
    /// Its values, one for each category; `None` draws nothing.
    pub values: Vec<Option<Measure>>,
}

/// One bin of a histogram, from `low` up to but without `high`; the last bin holds `high` too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower edge.
    #[serde(deserialize_with = "null_as_nan")]
    pub low: f64,
    /// Upper edge.
    #[serde(deserialize_with = "null_as_nan")]
    pub high: f64,
    /// Values within.
    pub count: u64,
}

impl LineSeries {
    /// A curve through points of a place and a measured value.
    pub fn new<M: Into<Measure>>(name: impl Into<String>, points: impl IntoIterator<Item = (f64, M)>) -> Self {
        Self { name: name.into(), points: points.into_iter().map(|(x, y)| Point { x, y: y.into() }).collect() }
    }
}

impl BarSeries {
    /// One measured value for each category.
    pub fn new<M: Into<Measure>>(name: impl Into<String>, values: impl IntoIterator<Item = Option<M>>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(|value| value.map(Into::into)).collect() }
    }
}

impl Chart {
    /// The chart's numbers as a table (long curves at [`TABLE_PLACES`] evenly chosen places), for readers of Markdown and for those who cannot see the drawing.
    pub fn table(&self) -> Table {
        match &self.plot {
            Plot::Lines { series } => {
                let mut places: Vec<f64> = series.iter().flat_map(|series| &series.points).map(|point| point.x).collect();
                places.sort_by(f64::total_cmp);
                places.dedup_by(|a, b| a.total_cmp(b).is_eq());
                let caption = match places.len() {
                    many if many > TABLE_PLACES => format!("{} ({TABLE_PLACES} of {many} points)", self.title),
                    _ => self.title.clone(),
                };
                let places: Vec<f64> = thinned(places.len(), TABLE_PLACES).map(|index| places[index]).collect();
                let columns = std::iter::once(self.x.heading()).chain(series.iter().map(|series| series.name.clone()));
                let table = Table::new(caption, columns);
                places.into_iter().fold(table, |table, x| {
                    let at = |series: &LineSeries| series.points.iter().find(|point| point.x.total_cmp(&x).is_eq()).map(|point| point.y);
                    let values = series.iter().map(|series| Cell::maybe(at(series), |measure| self.y.cell(measure)));
                    table.row(std::iter::once(self.x.cell(x.into())).chain(values))
                })
            }
            Plot::Bars { categories, series } => {
                let columns = std::iter::once(self.y.label.clone()).chain(series.iter().map(|series| series.name.clone()));
                let table = Table::new(self.title.clone(), columns);
                categories.iter().enumerate().fold(table, |table, (index, category)| {
                    let values = series.iter().map(|series| Cell::maybe(series.values.get(index).copied().flatten(), |measure| self.x.cell(measure)));
                    table.row(std::iter::once(Cell::text(category)).chain(values))
                })
            }
            Plot::Histogram { bins } => {
                let table = Table::new(self.title.clone(), [self.x.heading(), self.y.heading()]);
                bins.iter().fold(table, |table, bin| {
                    let decimals = decimals_for(bin.high - bin.low);
                    let range = format!("{} – {}", text_of(bin.low, decimals), text_of(bin.high, decimals));
                    table.row([Cell::text(range), Cell::integer(bin.count)])
                })
            }
        }
    }
}

/// At most `most` (at least 2) indices below `count`, evenly chosen, the first and the last among them.
pub(super) fn thinned(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |index| if count == kept { index } else { index * (count - 1) / (kept - 1) })
}

/// Counts finite `values` in about `count` (1 to 100) bins with round edges; no bins where there is no finite value.
pub fn histogram_bins(values: &[f64], count: usize) -> Vec<Bin> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return Vec::new();
    }
    let step = nice_step(high - low, count.clamp(1, 100));
    let first = (low / step).floor();
    let num_bins = ((high / step).floor() - first).clamp(0.0, 200.0) as usize + 1;
    let edge = |index: usize| (first + index as f64) * step;
    let mut bins: Vec<Bin> = (0..num_bins).map(|index| Bin { low: edge(index), high: edge(index + 1), count: 0 }).collect();
    for value in finite() {
        let index = (value / step).floor() - first;
        bins[(index.max(0.0) as usize).min(num_bins - 1)].count += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_round_edges_and_lose_no_value() {
        let values: Vec<f64> = (0..100).map(|i| 3.0 + f64::from(i) * 0.37).chain([f64::NAN, f64::INFINITY]).collect();
        let bins = histogram_bins(&values, 10);
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 100);
        assert_eq!((bins[0].low, bins[0].high, bins.len()), (0.0, 5.0, 8));
    }

    #[test]
    fn bins_of_hostile_values_are_few_and_whole() {
        assert_eq!(histogram_bins(&[], 10), []);
        assert_eq!(histogram_bins(&[f64::NAN], 10), []);
        for values in [vec![5.0], vec![0.0; 3], vec![f64::MIN, f64::MAX], vec![1e300, 1e300 + 1.0], vec![1e16, 1e16 + 2.0], vec![5e-324, 0.0]] {
            let bins = histogram_bins(&values, 1000);
            assert!(!bins.is_empty() && bins.len() <= 201, "{values:?}");
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), values.len() as u64);
        }
    }
}
