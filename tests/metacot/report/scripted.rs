//! A small report with every kind of block; its numbers are made up and stay as they are.

use metacot::{
    eval::statistics::{Estimate, wilson},
    report::{Axis, Cell, Chart, Comparison, ComparisonRow, Highlight, LineSeries, Measure, Plot, Provenance, Report, Section, Table, histogram_bins},
};

fn share(successes: u64, trials: u64) -> Measure {
    wilson(successes, trials).unwrap().into()
}

/// Models and baselines on the same 500 problems.
pub fn comparison() -> Comparison {
    let row = |name: &str, pass_at_1, pass_at_k, validity: Option<u64>, tokens: Option<f64>| ComparisonRow {
        name: name.into(),
        pass_at_1: Some(share(pass_at_1, 500)),
        pass_at_k: Some(share(pass_at_k, 500)),
        answer_accuracy: validity.map(|_| share(pass_at_1 + 7, 500)),
        trace_validity: validity.map(|valid| share(valid, 500)),
        tokens_per_solve: tokens.map(|tokens| Estimate { value: tokens, low: tokens * 0.93, high: tokens * 1.08 }.into()),
        problems: 500,
        samples: 8,
    };
    let rows = vec![
        row("random policy", 8, 55, None, None),
        row("greedy, sum heuristic", 44, 44, None, None),
        row("supervised", 206, 327, Some(402), Some(1840.0)),
        row("expert iteration, round 3", 291, 388, Some(451), Some(12_250.0)),
        row("depth-first search, 512 tokens", 262, 262, Some(500), Some(934.0)),
    ];
    Comparison { title: "Countdown with 4 numbers, unseen problems".into(), k: 8, rows }
}

/// Curves with intervals over attempts.
pub fn coverage() -> Chart {
    let curve = |name: &str, scores: [u64; 4]| LineSeries::new(name, [1.0, 2.0, 4.0, 8.0].into_iter().zip(scores.map(|solved| share(solved, 500))));
    Chart {
        title: "Coverage grows with attempts".into(),
        description: "Share of problems solved by at least one of k attempts; bands are 95 % intervals.".into(),
        x: Axis::log("attempts k", ""),
        y: Axis::percent("pass@k"),
        plot: Plot::Lines {
            series: vec![
                curve("random policy", [8, 16, 30, 55]),
                curve("supervised", [206, 251, 290, 327]),
                curve("expert iteration, round 3", [291, 334, 365, 388]),
            ],
        },
        is_tabled: false,
    }
}

/// How long completions are.
pub fn lengths() -> Chart {
    let lengths: Vec<f64> = (0..500).map(|i| f64::from((i * 7919) % 601) * f64::from((i * 104_729) % 401) / 401.0 + 12.0).collect();
    Chart {
        title: "Most completions are short".into(),
        description: "Tokens of 500 completions of the supervised model.".into(),
        x: Axis::linear("length", "tokens"),
        y: Axis::linear("completions", ""),
        plot: Plot::Histogram { bins: histogram_bins(&lengths, 7) },
        is_tabled: false,
    }
}

/// A report as a pipeline would make it.
pub fn report() -> Report {
    let defects = Table::new("Defects in 500 traces of the supervised model, by kind.", ["kind", "traces", "share", "first step"])
        .row([Cell::text("arithmetic"), Cell::integer(61), Cell::percent(share(61, 500)), Cell::number(4.25, 1, "")])
        .row([Cell::text("jump to a state never generated"), Cell::integer(29), Cell::percent(share(29, 500)), Cell::number(9.0, 1, "")])
        .row([Cell::text("format"), Cell::integer(0), Cell::percent(share(0, 500)), Cell::Missing]);
    let comparison = comparison();
    Report {
        title: "quickstart: what expert iteration adds".into(),
        summary: "After three rounds the model solves 58.2 % of unseen problems with one attempt, against 41.2 % before.".into(),
        provenance: Provenance {
            command: "metacot run quickstart --out runs/quickstart".into(),
            version: "0.1.0".into(),
            seeds: vec![("run".into(), 7), ("eval".into(), 11)],
            device: "cpu".into(),
            machine: "2 cores, 8 GiB".into(),
            recipe_digest: "blake3:0f1e2d3c".into(),
            facts: vec![("date".into(), "2000-01-01".into())],
        },
        highlights: vec![
            Highlight::new("pass@1, improved", Cell::percent(share(291, 500)), "supervised 41.2 %, random 1.6 %"),
            Highlight::new("pass@8, improved", Cell::percent(share(388, 500)), "supervised 65.4 %"),
            Highlight::new("Tokens per solve", Cell::number(12_250.0, 0, "tokens"), ""),
        ],
        sections: vec![
            Section::new("Unseen problems")
                .paragraph("Every row saw the same problems. The random policy and the greedy heuristic are floors that need no model.")
                .table(comparison.table())
                .chart(comparison.chart())
                .chart(coverage()),
            Section::new("Traces")
                .paragraph("A right answer at the end of a wrong trace counts as right above, and as a defect here.")
                .table(defects)
                .chart(lengths()),
            Section::new("One completion").listing("Problem 17: 3, 5, 9, 2 to 24; not solved.", HOSTILE),
        ],
    }
}

/// A completion that tries to become markup.
pub const HOSTILE: &str = "Current State: 24:[3, 5, 9, 2]\n</pre><script src=//evil.example/x.js></script>\n``` | **bold** \u{202e}reversed\u{0} & \"quoted\"";
