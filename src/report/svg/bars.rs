//! Horizontal bars in groups: names have room to be read, whiskers show intervals, each bar ends in its number.

use super::{
    COLOURS, TEXT, WIDTH,
    canvas::{Canvas, cut, width},
    horizontal_ticks,
};
use crate::report::{Axis, BarSeries, Cell, Measure, Scale, number, ticks::Ruler};

/// Draws all groups below `top` and returns the height of the drawing.
pub(super) fn draw(canvas: &mut Canvas, axis: &Axis, categories: &[String], series: &[BarSeries], top: f64) -> f64 {
    let measures = || series.iter().flat_map(|series| series.values.iter().flatten());
    let ends = measures().flat_map(|measure| [Some(measure.value), measure.interval.map(|i| i.low), measure.interval.map(|i| i.high)]).flatten();
    let left = categories.iter().map(|name| width(name, TEXT)).fold(40.0, f64::max).min(230.0) + 10.0;
    let right = WIDTH - 14.0 - measures().map(|measure| width(&value_text(axis, measure), TEXT)).fold(0.0, f64::max);
    let ruler = Ruler::new(axis, ends, Some(0.0), (left, right), 6);
    let thickness = if series.len() > 1 { 15.0 } else { 20.0 };
    let group = thickness * series.len().max(1) as f64 + 14.0;
    let (top, bottom) = (top + 6.0, top + 6.0 + group * categories.len().max(1) as f64);

    horizontal_ticks(canvas, &ruler, bottom, "grid", top);
    let base = ruler.place(0.0).unwrap_or(left);
    canvas.line("axis", (base, top), (base, bottom));
    for (row, category) in categories.iter().enumerate() {
        let start = top + group * row as f64 + 7.0;
        canvas.text("name end", left - 10.0, start + (group - 14.0) / 2.0 + 4.0, &cut(category, TEXT, 230.0));
        for (index, series) in series.iter().enumerate() {
            let Some(measure) = series.values.get(row).copied().flatten() else { continue };
            let Some(end) = ruler.place(measure.value) else { continue };
            let (upper, lower) = (start + thickness * index as f64 + 1.0, start + thickness * (index + 1) as f64 - 1.0);
            let value = value_text(axis, &measure);
            let tooltip = format!("{category}, {}: {value}", series.name);
            canvas.rect(&format!("bar s{}", index % COLOURS), (base, upper), (end, lower), &tooltip);
            let interval = measure.interval.and_then(|i| Some((ruler.place(i.low)?, ruler.place(i.high)?)));
            if let Some(interval) = interval {
                canvas.whisker(false, interval, (upper + lower) / 2.0, thickness / 4.0);
            }
            let clear = interval.map_or(end, |(_, high)| high.max(end)).max(base);
            canvas.text("value", clear + 7.0, (upper + lower) / 2.0 + 4.0, &value);
        }
    }
    canvas.text("label middle", (left + right) / 2.0, bottom + 40.0, &cut(&axis.heading(), TEXT, WIDTH - left));
    bottom + 50.0
}

fn value_text(axis: &Axis, measure: &Measure) -> String {
    let cell = match axis.scale {
        Scale::Percent => Cell::percent(measure.value),
        _ => Cell::number(measure.value, number::decimals_for(measure.value), ""),
    };
    number::grouped(&number::cell_texts(&cell).0)
}
