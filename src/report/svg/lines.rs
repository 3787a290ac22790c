//! Curves: a line through the points of each series, a band where they have intervals, marks where they are few.

use super::{COLOURS, Frame, canvas::Canvas};
use crate::report::{Chart, LineSeries, chart::thinned};

/// The most points drawn of a curve; longer ones are thinned evenly.
const MOST_POINTS: usize = 600;
/// Curves with more points than this have no marks.
const MOST_MARKS: usize = 24;

/// A point in pixels: place, and the ends of its interval.
type Pixel = (f64, f64, Option<(f64, f64)>);

/// Draws all curves below `top` and returns the height of the drawing.
pub(super) fn draw(canvas: &mut Canvas, chart: &Chart, series: &[LineSeries], top: f64) -> f64 {
    let points = || series.iter().flat_map(|series| &series.points).filter(|point| point.y.value.is_finite());
    let xs: Vec<f64> = points().map(|point| point.x).collect();
    let ys: Vec<f64> = points().flat_map(|point| [Some(point.y.value), point.y.interval.map(|i| i.low), point.y.interval.map(|i| i.high)]).flatten().collect();
    let (frame, height) = Frame::draw(canvas, (&chart.x, &chart.y), &xs, &ys, None, top);
    let runs: Vec<Vec<Vec<Pixel>>> = series.iter().map(|series| runs(series, &frame)).collect();
    for (index, run) in numbered(&runs) {
        let band: Vec<(f64, f64, f64)> = run.iter().filter_map(|&(x, _, interval)| interval.map(|(low, high)| (x, low, high))).collect();
        if band.len() > 1 {
            let lower = band.iter().map(|&(x, low, _)| (x, low));
            let upper = band.iter().rev().map(|&(x, _, high)| (x, high));
            canvas.path(&format!("band s{}", index % COLOURS), &lower.chain(upper).collect::<Vec<_>>(), true);
        }
    }
    for (index, run) in numbered(&runs) {
        if let [(x, _, Some(interval))] = run[..] {
            canvas.whisker(true, interval, x, 5.0);
        }
        if run.len() > 1 {
            let points: Vec<(f64, f64)> = run.iter().map(|&(x, y, _)| (x, y)).collect();
            canvas.path(&format!("curve s{} d{}", index % COLOURS, index % 4), &points, false);
        }
        if run.len() == 1 || series[index].points.len() <= MOST_MARKS {
            run.iter().for_each(|&(x, y, _)| canvas.mark(index, (x, y)));
        }
    }
    height
}

fn numbered(runs: &[Vec<Vec<Pixel>>]) -> impl Iterator<Item = (usize, &Vec<Pixel>)> {
    runs.iter().enumerate().flat_map(|(index, runs)| runs.iter().map(move |run| (index, run)))
}

/// Stretches of points without a missing one between them, in pixels.
fn runs(series: &LineSeries, frame: &Frame) -> Vec<Vec<Pixel>> {
    let mut runs = vec![Vec::new()];
    for index in thinned(series.points.len(), MOST_POINTS) {
        let point = series.points[index];
        match (frame.x.place(point.x), frame.y.place(point.y.value)) {
            (Some(x), Some(y)) => {
                let interval = point.y.interval.and_then(|i| Some((frame.y.place(i.low)?, frame.y.place(i.high)?)));
                runs.last_mut().expect("there is always an open run").push((x, y, interval));
            }
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}
