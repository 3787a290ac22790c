//! What people read: one small trace per search and format, as text.

use metacot_envs::{Settings, countdown::Countdown};
use metacot_traces::{format, search};

use crate::support::{countdown, format, run, write};

#[test]
fn traces_of_every_search_are_golden() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    for name in search::NAMES {
        let recorder = run(&env, &problem, name, &Settings::default(), 0);
        let text = write(&env, &problem, &recorder, format::<Countdown>("sos").as_ref());
        let head: Vec<&str> = text.lines().take(24).collect();
        let tail = text.lines().count().saturating_sub(24);
        insta::with_settings!({ snapshot_suffix => format!("countdown-{name}"), description => format!("countdown 24:[3, 5, 9], search {name}, format sos") }, {
            insta::assert_snapshot!("trace", format!("{}\n({tail} more lines)", head.join("\n")));
        });
    }
}

#[test]
fn texts_of_every_format_are_golden() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let settings = Settings::default().with("heuristic", "sum").with("prune", true);
    let recorder = run(&env, &problem, "dfs", &settings, 0);
    for name in format::NAMES {
        let text = write(&env, &problem, &recorder, format::<Countdown>(name).as_ref());
        insta::with_settings!({ snapshot_suffix => format!("countdown-{name}"), description => format!("countdown 24:[3, 5, 9], search dfs heuristic=sum prune=true, format {name}") }, {
            insta::assert_snapshot!("format", text);
        });
    }
}
