//! The renderers, on a small report whose numbers are scripted.

mod scripted;

use metacot::{
    eval::statistics::wilson,
    report::{Axis, BarSeries, Cell, Chart, LineSeries, Plot, Report, Scale, Section, Table, html, json, markdown, parse_json, svg, svg_file},
};
use scripted::HOSTILE;

/// Fails unless every element of HTML or SVG that is opened is closed, in order.
#[track_caller]
fn check_well_formed(markup: &str) {
    const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
    let mut open: Vec<&str> = Vec::new();
    // The style sheets hold no angle brackets, so splitting at them finds exactly the tags.
    for part in markup.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag has an end");
        assert!(!text.contains('>'), "stray bracket after <{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes another element");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

fn fragment<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.find(from).unwrap_or_else(|| panic!("no {from}"));
    &page[start..start + page[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + to.len()]
}

#[test]
fn markdown_reads_as_text() {
    insta::assert_snapshot!(markdown(&scripted::report()));
}

#[test]
fn json_keeps_the_order_of_fields() {
    let curve = Plot::Lines { series: vec![LineSeries::new("supervised", [(1.0, wilson(206, 500).unwrap())])] };
    let table = Table::new("Defects", ["share"]).row([Cell::percent(1.0 / 3.0)]);
    let section = Section::new("Coverage").table(table).chart(Chart { plot: curve, ..scripted::coverage() });
    let report = Report { title: "quickstart".into(), sections: vec![section], ..Report::default() };
    insta::assert_snapshot!(json(&report));
}

#[test]
fn json_read_and_written_again_is_the_same() {
    let text = json(&scripted::report());
    let read = parse_json("report.json".as_ref(), &text).unwrap();
    assert_eq!(json(&read), text);
    assert_eq!(markdown(&read), markdown(&scripted::report()));
}

#[test]
fn html_of_a_table() {
    let page = html(&scripted::report());
    insta::assert_snapshot!(fragment(&page, "<section id=\"part-2\">", "</table>"));
}

#[test]
fn html_of_the_record() {
    let page = html(&scripted::report());
    insta::assert_snapshot!([fragment(&page, "<header>", "</header>"), fragment(&page, "<section id=\"provenance\">", "</section>")].join("\n"));
}

#[test]
fn svg_of_bars() {
    let mut comparison = scripted::comparison();
    comparison.rows.truncate(3);
    insta::assert_snapshot!(svg(&comparison.chart()));
}

#[test]
fn svg_of_curves() {
    insta::assert_snapshot!(svg(&scripted::coverage()));
}

#[test]
fn a_page_is_whole_and_fetches_nothing() {
    let page = html(&scripted::report());
    check_well_formed(&page);
    for forbidden in ["http://", "https://", "<script", "<link", "<img", "<iframe", "@import", "url(", " onload", " onclick", "src="] {
        let found = page.replace("&lt;script src=//evil", "").contains(forbidden);
        assert!(!found, "the page holds {forbidden}");
    }
    let drawing = svg_file(&scripted::coverage());
    check_well_formed(&drawing);
    assert_eq!(drawing.matches("http://").count(), 1, "only the name of the format is an address");
}

#[test]
fn hostile_text_stays_text_wherever_it_stands() {
    let bars = Plot::Bars { categories: vec![HOSTILE.into()], series: vec![BarSeries::new(HOSTILE, [Some(0.5)]), BarSeries::new(HOSTILE, [Some(0.1)])] };
    let axis = || Axis { label: HOSTILE.into(), unit: HOSTILE.into(), scale: Scale::Linear };
    let chart = Chart { title: HOSTILE.into(), description: HOSTILE.into(), x: axis(), y: axis(), plot: bars, is_tabled: false };
    let mut report = scripted::report();
    (report.title, report.summary, report.provenance.command) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
    report.provenance.facts = vec![(HOSTILE.into(), HOSTILE.into())];
    report.sections = vec![Section::new(HOSTILE).paragraph(HOSTILE).listing(HOSTILE, HOSTILE).table(chart.table()).chart(chart)];
    let (page, text) = (html(&report), markdown(&report));
    check_well_formed(&page);
    for rendered in [&page, &text] {
        assert!(!rendered.contains(['\0', '\u{202e}']));
    }
    assert!(!page.contains("<script"));
    // Outside of fenced blocks no bracket of a tag is left bare.
    let prose = text.split("````").step_by(2).collect::<String>();
    assert!(prose.contains("\\<script") && !prose.replace("\\<", "").contains('<'));
}

#[test]
fn charts_of_nothing_and_of_hostile_numbers_are_drawn() {
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0, -1.0, 1e-300];
    let plots = || {
        vec![
            Plot::Lines { series: vec![] },
            Plot::Lines { series: vec![LineSeries::new("a", numbers.map(|x| (x, x)))] },
            Plot::Lines { series: vec![LineSeries::new("long", (0..5000).map(|x| (f64::from(x), f64::from(x % 7))))] },
            Plot::Bars { categories: vec![], series: vec![] },
            Plot::Bars { categories: vec!["a".into(), "b".into()], series: numbers.map(|x| BarSeries::new("s", [Some(x)])).into() },
            Plot::Histogram { bins: vec![] },
            Plot::Histogram { bins: metacot::report::histogram_bins(&numbers, 10) },
        ]
    };
    for axis in [Axis::linear("x", "s"), Axis::log("x", ""), Axis::percent("x")] {
        for plot in plots() {
            let chart = Chart { title: String::new(), description: String::new(), x: axis.clone(), y: axis.clone(), plot, is_tabled: false };
            let drawing = svg(&chart);
            check_well_formed(&drawing);
            assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
            assert!(drawing.len() < 100_000 && chart.table().rows.len() < 300);
        }
    }
}

#[test]
fn an_empty_report_renders() {
    let report = Report::default();
    check_well_formed(&html(&report));
    assert!(markdown(&report).ends_with('\n'));
    assert_eq!(parse_json("r".as_ref(), &json(&report)).unwrap(), report);
}
