//! Charts as SVG: deterministic text, colours from style variables, so that one drawing serves light, dark and paper.

mod bars;
mod canvas;
mod histogram;
mod legend;
mod lines;

use canvas::Canvas;

use super::{Axis, Chart, Plot, escape, number::grouped, ticks::Ruler};

/// Width of every drawing in pixels; the page scales it.
const WIDTH: f64 = 720.0;
/// Size of tick and legend text in pixels.
const TEXT: f64 = 12.0;
/// Height of the plotting area of curves and histograms in pixels.
const PLOT_HEIGHT: f64 = 260.0;
/// Colours in the style sheet.
const COLOURS: usize = 7;

/// Style rules of drawings; a page that holds [`svg`] elements must hold them once.
pub(super) const STYLE: &str = include_str!("svg/style.css");

/// The chart as an `svg` element for the inside of an HTML page, without its style rules.
pub fn svg(chart: &Chart) -> String {
    element(chart, "")
}

/// The chart as an SVG file of its own.
pub fn svg_file(chart: &Chart) -> String {
    let file = element(chart, " xmlns=\"http://www.w3.org/2000/svg\"");
    let palette = include_str!("html/palette.css");
    file.replacen("<title>", &format!("<style>\n{palette}{STYLE}</style>\n<title>"), 1)
}

fn element(chart: &Chart, attributes: &str) -> String {
    let mut canvas = Canvas::default();
    canvas.text("heading", 0.0, 16.0, &canvas::cut(&chart.title, 15.0, WIDTH));
    let height = match &chart.plot {
        Plot::Lines { series } => {
            let top = legend::draw(&mut canvas, series.iter().map(|series| series.name.as_str()), legend::Key::Line);
            lines::draw(&mut canvas, chart, series, top)
        }
        Plot::Bars { categories, series } => {
            let top = legend::draw(&mut canvas, series.iter().map(|series| series.name.as_str()), legend::Key::Box);
            bars::draw(&mut canvas, &chart.x, categories, series, top)
        }
        Plot::Histogram { bins } => histogram::draw(&mut canvas, chart, bins, 28.0),
    };
    let (title, label) = (escape::html(&chart.title), escape::html(&format!("{}. {}", chart.title, chart.description)));
    let open = format!("<svg{attributes} class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">");
    format!("{open}\n<title>{title}</title>\n{}</svg>\n", canvas.into_body())
}

/// The frame of a plot with two axes: where values lie, and the place of its edges.
struct Frame {
    x: Ruler,
    y: Ruler,
    bottom: f64,
}

impl Frame {
    /// Draws grid, ticks and labels, and leaves room for the widest tick label. Returns the frame and the height of the drawing.
    fn draw(canvas: &mut Canvas, axes: (&Axis, &Axis), xs: &[f64], ys: &[f64], x_base: Option<f64>, top: f64) -> (Self, f64) {
        let (x_axis, y_axis) = axes;
        let (top, bottom) = (top + 26.0, top + 26.0 + PLOT_HEIGHT);
        let y = Ruler::new(y_axis, ys.iter().copied(), Some(0.0), (bottom, top), 6);
        let left = y.ticks.iter().map(|(_, text)| canvas::width(&grouped(text), TEXT)).fold(0.0, f64::max) + 10.0;
        let x = Ruler::new(x_axis, xs.iter().copied(), x_base, (left + 6.0, WIDTH - 24.0), 8);
        canvas.text("label", 0.0, top - 14.0, &canvas::cut(&y_axis.heading(), TEXT, WIDTH));
        for (value, text) in &y.ticks {
            let Some(place) = y.place(*value) else { continue };
            canvas.line("grid", (left, place), (WIDTH - 12.0, place));
            canvas.text("tick end", left - 6.0, place + 4.0, &grouped(text));
        }
        canvas.line("axis", (left, bottom), (WIDTH - 12.0, bottom));
        horizontal_ticks(canvas, &x, bottom, "mark", bottom + 5.0);
        canvas.text("label middle", (left + WIDTH) / 2.0, bottom + 40.0, &canvas::cut(&x_axis.heading(), TEXT, WIDTH - left));
        (Self { x, y, bottom }, bottom + 50.0)
    }
}

/// Ticks of a horizontal axis whose labels stand below `bottom`; each line goes up or down to `end`. Labels that would touch are left out.
fn horizontal_ticks(canvas: &mut Canvas, ruler: &Ruler, bottom: f64, class: &str, end: f64) {
    let widest = ruler.ticks.iter().map(|(_, text)| canvas::width(&grouped(text), TEXT)).fold(0.0, f64::max);
    let mut free_from = f64::NEG_INFINITY;
    for (value, text) in &ruler.ticks {
        let Some(place) = ruler.place(*value) else { continue };
        canvas.line(class, (place, bottom), (place, end));
        if place - widest / 2.0 >= free_from {
            canvas.text("tick middle", place, bottom + 19.0, &grouped(text));
            free_from = place + widest / 2.0 + 8.0;
        }
    }
}
