//! Histograms: how often values fall into each bin.

use super::{Frame, canvas::Canvas};
use crate::report::{
    Bin, Chart,
    number::{decimals_for, text_of},
};

/// Draws the bins below `top` and returns the height of the drawing.
pub(super) fn draw(canvas: &mut Canvas, chart: &Chart, bins: &[Bin], top: f64) -> f64 {
    let edges: Vec<f64> = bins.iter().flat_map(|bin| [bin.low, bin.high]).collect();
    let counts: Vec<f64> = bins.iter().map(|bin| bin.count as f64).collect();
    let (frame, height) = Frame::draw(canvas, (&chart.x, &chart.y), &edges, &counts, None, top);
    for (bin, &count) in bins.iter().zip(&counts) {
        let (Some(left), Some(right), Some(end)) = (frame.x.place(bin.low), frame.x.place(bin.high), frame.y.place(count)) else { continue };
        let gap = if right - left > 4.0 { 0.75 } else { 0.0 };
        let decimals = decimals_for(bin.high - bin.low);
        let tooltip = format!("{} to {}: {}", text_of(bin.low, decimals), text_of(bin.high, decimals), bin.count);
        if bin.count > 0 {
            canvas.rect("bar s0", (left + gap, frame.bottom), (right - gap, end), &tooltip);
        }
    }
    height
}
