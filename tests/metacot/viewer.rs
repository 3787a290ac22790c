//! The tree viewer and `metacot inspect`: nothing hostile gets through, the same view gives the same page, and the page works in a browser.

use std::{fs, path::Path, process::Command};

use base64::Engine as _;
use metacot::report::viewer;
use metacot_envs::{Difficulty, Settings};
use metacot_traces::{
    generate::Spec,
    view::{SearchSource, TextSource, View, of_search, of_text},
};
use sha2::{Digest as _, Sha256};

use crate::support::{output, piped, stdout};

const HOSTILE: &str = "\n</script><script>alert(1)</script>\u{202e}\u{0}\u{2028}<img src=x onerror=alert(2)> é 🙂\nMoving to Node #9 & '\"";

fn searched(env: &str, search: &str, format: &str) -> View {
    of_search(&SearchSource { spec: &Spec::new(env, search, format), id: 0, problem: None }).unwrap()
}

fn told(text: &str) -> View {
    let (difficulty, settings) = (Difficulty::default(), Settings::default());
    let problem = serde_json::json!({"numbers": [3, 5, 9], "target": 24});
    let source = TextSource {
        env: "countdown",
        difficulty: &difficulty,
        format: "sos",
        format_settings: &settings,
        search: None,
        transform: None,
        problem: Some(&problem),
        text,
    };
    of_text(&source).unwrap()
}

/// What stands between two pieces of a page.
fn between<'t>(page: &'t str, before: &str, after: &str) -> &'t str {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}")).0
}

#[test]
fn hostile_text_stays_text() {
    let mut view = told(HOSTILE);
    view.title = HOSTILE.into();
    let page = viewer(&view);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\0'));
    let data = between(&page, "id=\"data\">", "</script>");
    assert!(!data.contains(['<', '>', '&', '\u{2028}']));
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    // Places count as a browser counts: in UTF-16, where the smile is two.
    let text: Vec<u16> = data["text"].as_str().unwrap().encode_utf16().collect();
    let (starts, ends) = (data["statements"]["start"].as_array().unwrap(), data["statements"]["end"].as_array().unwrap());
    let last = starts.len() - 1;
    let place = |list: &[serde_json::Value], at: usize| list[at].as_u64().unwrap() as usize;
    assert_eq!(String::from_utf16(&text[place(starts, last)..place(ends, last)]).unwrap(), "Moving to Node #9 & '\"");
    assert!(data["text"].as_str().unwrap().contains("</script><script>alert(1)</script>\u{fffd}\u{fffd}\u{2028}<img"));
}

#[test]
fn a_page_is_the_same_every_time_loads_nothing_and_allows_its_own_script_alone() {
    let page = viewer(&searched("maze", "astar", "searchformer"));
    assert_eq!(page, viewer(&searched("maze", "astar", "searchformer")));
    let script = between(&page, "</script>\n<script>", "</script>");
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
    assert!(page.contains(&format!("script-src 'sha256-{digest}'")));
    assert!(page.contains("default-src 'none'"));
    let foreign = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//cdn", "src=", "@import", "url(", "innerHTML", "eval(", "document.write"] {
        assert!(!foreign.contains(word), "{word}");
    }
}

#[test]
fn inspect_writes_pages_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let corpus = path("corpus");
    stdout(&output(&["generate", "--size", "3", "--count", "5", "--layout", "shard", "--out", &corpus]));
    assert!(stdout(&output(&["inspect", &corpus])).starts_with("corpus "));
    let page = path("page.html");
    stdout(&output(&["inspect", &corpus, "--record", "2", "--html", "--out", &page]));
    let first = fs::read(&page).unwrap();
    assert_eq!(output(&["inspect", &corpus, "--record", "3", "--html", "--out", &page]).status.code(), Some(5));
    assert_eq!(fs::read(&page).unwrap(), first);
    stdout(&output(&["inspect", &corpus, "--record", "3", "--html", "--out", &page, "--force"]));
    assert_ne!(fs::read(&page).unwrap(), first);
    let record = stdout(&output(&["inspect", &format!("{corpus}/train-00000-of-00001.shard"), "--record", "2", "--json"]));
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    // The record is found again from its seed and number.
    let again = stdout(&output(&["inspect", "--size", "3", "--record", "2", "--json"]));
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    for field in ["text", "problem", "nodes", "events", "statements"] {
        assert_eq!(record[field], again[field], "{field}");
    }
    let row = serde_json::json!({"id": "x", "problem": {"numbers": [3, 5, 9], "target": 24}, "response": HOSTILE}).to_string();
    let text = stdout(&piped(&["inspect", "-"], row.as_bytes()));
    assert!(text.contains("FALSE: syntax") && !text.contains(['\0', '\u{202e}']), "{text}");
    for (args, code) in [
        (vec!["inspect", &corpus, "--record", "99"], 2),
        (vec!["inspect", &corpus, "--record", "two"], 2),
        (vec!["inspect", "/no/such/path"], 3),
        (vec!["inspect", folder.path().to_str().unwrap()], 4),
        (vec!["inspect", "--problem", "{\"numbers\":[1]}"], 2),
        (vec!["inspect", "--search", "beam", "--set", "width=1", "--format", "cot", "--problem", "{\"numbers\":[1,1,1,1],\"target\":97}"], 2),
    ] {
        assert_eq!(output(&args).status.code(), Some(code), "{args:?}");
    }
}

/// The page with a script that does more, allowed by its own digest.
fn driven(page: &str, steps: &str) -> String {
    let script = between(page, "</script>\n<script>", "</script>");
    let digest = |script: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
    let longer = format!("{script}{steps}");
    page.replace(&digest(script), &digest(&longer)).replace(script, &longer)
}

/// The page after its script has run, as the browser that `METACOT_BROWSER` names has it; `None` where none is named.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn in_browser(folder: &Path, page: &str, hash: &str) -> Option<String> {
    let Some(browser) = std::env::var_os("METACOT_BROWSER").filter(|browser| !browser.is_empty()) else {
        eprintln!("METACOT_BROWSER names no browser: the script of the viewer is not driven");
        return None;
    };
    let path = folder.join("page.html");
    fs::write(&path, page).unwrap();
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1600,1000", "--virtual-time-budget=5000", "--dump-dom", &profile];
    let done = Command::new(browser).args(args).arg(format!("file://{}#{hash}", path.display())).output().unwrap();
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn clicks_keys_slider_and_address_move_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let view = searched("countdown", "dfs", "sos");
    let steps = r#"
const key = (name) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true })), note = (name) => { document.body.dataset[name] = document.body.dataset.event + "/" + document.body.dataset.node; };
note("start");
key("Home"); for (let i = 0; i < 5; i++) key("ArrowRight"); note("keys");
document.querySelector(".s[data-at='5']").click(); note("click");
const slide = document.getElementById("slide"); slide.value = 12; slide.oninput(); note("slide");
"#;
    let Some(dom) = in_browser(folder.path(), &driven(&viewer(&view), steps), "event=7&node=1") else { return };
    let body = between(&dom, "<body", ">");
    let event = view.events.iter().position(|event| event.statement == Some(5)).unwrap();
    let node = view.statements[5].node.unwrap();
    assert!(body.contains("data-ready=\"yes\""), "{body}");
    for (name, expected) in [("start", "7/1".into()), ("keys", "6/1".into()), ("click", format!("{}/{node}", event + 1)), ("slide", format!("12/{node}"))] {
        assert!(body.contains(&format!("data-{name}=\"{expected}\"")), "{name} is not {expected} in {body}");
    }
    // Events count from 1 wherever a person sees them: on the page, on the slider and in the address.
    let now = view.events[11].statement.unwrap();
    assert!(dom.contains(&format!("now\" data-at=\"{now}\"")), "statement {now} is not the one of event 12");
    assert_eq!(dom.matches("alert(1)").count(), 0);

    let hostile = told(HOSTILE);
    let dom = in_browser(folder.path(), &viewer(&hostile), "").unwrap();
    assert!(dom.contains("data-ready=\"yes\"") && dom.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "{dom}");
    assert_eq!(dom.matches("<script").count(), 2);
    assert!(dom.contains("<em class=\"kind\">syntax</em>"));

    for (env, search, format) in [
        ("maze", "astar", "searchformer"),
        ("sokoban", "astar", "searchformer"),
        ("countdown", "mcts", "think"),
        ("sudoku", "dfs", "prose"),
        ("arithmetic", "dfs", "table"),
    ] {
        let view = searched(env, search, format);
        let dom = in_browser(folder.path(), &viewer(&view), "event=1&node=0").unwrap();
        assert!(dom.contains("data-ready=\"yes\"") && dom.contains("data-event=\"1\""), "{env} {search} {format}");
    }
}
