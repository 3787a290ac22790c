//! A trace beside its text: every node is found where the text tells of it, in every world, search and format.

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    Budget,
    audit::StatementKind,
    corpus::Record,
    format,
    generate::{Desk, Maker, Spec},
    search,
    view::{EventKind, SearchSource, TextSource, View, of_search, of_text, outline},
};

/// What holds of every view: places lie in the text, ascend, and say what they are said to say.
fn check(view: &View, what: &str) {
    let mut end = 0;
    for statement in &view.statements {
        assert!(statement.start >= end && statement.start <= statement.end, "{what}: {statement:?} after {end}");
        let between = view.text.get(end..statement.start).unwrap_or_else(|| panic!("{what}: {statement:?} cuts a character"));
        assert!(between.trim().is_empty() || end == 0, "{what}: {between:?} is in no statement");
        assert!(view.text.get(statement.start..statement.end).is_some(), "{what}: {statement:?}");
        assert!(statement.node.is_none_or(|node| (node as usize) < view.nodes.len()), "{what}: {statement:?}");
        end = statement.end;
    }
    assert!(view.text[end..].trim().is_empty(), "{what}: the end is in no statement");
    for (index, event) in view.events.iter().enumerate() {
        assert!((event.node as usize) < view.nodes.len(), "{what}: event {index}");
        assert!(event.statement.is_none_or(|statement| (statement as usize) < view.statements.len()), "{what}: event {index}");
    }
    for mention in &view.mentions {
        assert_eq!(view.text[mention.start..mention.end], view.nodes[mention.node as usize].action, "{what}");
    }
    for defect in &view.defects {
        assert!(defect.statement <= view.statements.len(), "{what}: {defect:?}");
    }
}

/// What holds of the view of a true text besides: statements name the action and the state of their node.
fn check_true(view: &View, what: &str) {
    check(view, what);
    assert_eq!(view.defects, [], "{what}");
    for statement in &view.statements {
        let text = &view.text[statement.start..statement.end];
        let Some(node) = statement.node.map(|node| &view.nodes[node as usize]) else {
            assert!(matches!(statement.kind, StatementKind::Frame | StatementKind::GiveUp | StatementKind::Answer), "{what}: {text:?} is about no node");
            continue;
        };
        let (says_action, says_state) = match statement.kind {
            StatementKind::Explore | StatementKind::Step => (true, true),
            StatementKind::Create | StatementKind::Close => (false, true),
            StatementKind::Name => (true, false),
            _ => (false, false),
        };
        assert!(!says_action || text.contains(&node.action), "{what}: {text:?} does not say {}", node.action);
        assert!(!says_state || text.contains(&node.state), "{what}: {text:?} does not say {}", node.state);
    }
    for (index, event) in view.events.iter().enumerate() {
        let told = event.statement.map(|statement| view.statements[statement as usize].kind);
        let fits = match (event.kind, told) {
            (_, None) => true,
            (EventKind::Evaluate, Some(kind)) => kind == StatementKind::Value,
            (EventKind::Generate, Some(kind)) => kind != StatementKind::Move && kind != StatementKind::Close,
            (EventKind::Visit, Some(kind)) => kind != StatementKind::Explore && kind != StatementKind::Create,
        };
        assert!(fits, "{what}: event {index} {:?} is told by {told:?}", event.kind);
    }
}

struct Matrix;

impl EnvironmentVisitor for Matrix {
    type Output = usize;

    fn visit<E: World>(self) -> usize {
        let env = E::configure(&Difficulty::default()).unwrap();
        let mut count = 0;
        for search in search::NAMES.iter().filter(|name| search::build::<E>(name, &env, &Settings::default()).is_ok()) {
            for format in format::NAMES.iter().filter(|name| format::build::<E>(name, &Settings::default()).is_ok()) {
                let what = format!("{} {search} {format}", E::NAME);
                let spec = Spec { budget: Budget { expansions: 200, nodes: 5_000 }, ..Spec::new(E::NAME, search, format) };
                // A combination that makes no sense, or a failed search in a format of solutions.
                let Ok(view) = of_search(&SearchSource { spec: &spec, id: 1, problem: None }) else { continue };
                check_true(&view, &what);
                let is_whole = !["sos-plan", "cot", "answer", "table", "searchformer-plan"].contains(format);
                let num_told = (0..view.nodes.len() as u32).filter(|node| !view.spans(*node).is_empty()).count();
                let path = view.goal.map_or(0, |goal| view.nodes[goal as usize].depth as usize + 1);
                match *format {
                    "searchformer" => assert!(num_told >= path && num_told <= view.nodes.len(), "{what}"),
                    _ if is_whole => assert_eq!(num_told, view.nodes.len(), "{what}: every node is told"),
                    _ => assert_eq!(num_told, path, "{what}: the way to the goal is told"),
                }
                let is_untold = |event: &metacot_traces::view::EventView| event.kind != EventKind::Evaluate && event.statement.is_none();
                assert!(!is_whole || *format == "searchformer" || !view.events.iter().any(is_untold), "{what}: every event is told");

                // The text alone tells the same.
                let settings = Settings::default();
                let difficulty = Difficulty::default();
                let source = TextSource {
                    env: E::NAME,
                    difficulty: &difficulty,
                    format,
                    format_settings: &settings,
                    search: Some(search),
                    transform: None,
                    problem: view.problem.as_ref(),
                    text: &view.text[view.prompt_len..],
                };
                let told = of_text(&source).unwrap();
                check_true(&told, &what);
                assert_eq!((&told.text, told.prompt_len, told.statements.len()), (&view.text, view.prompt_len, view.statements.len()), "{what}");
                assert_eq!(told.goal.is_some(), view.goal.is_some(), "{what}");
                if is_whole && *format != "searchformer" {
                    assert_eq!(told.statements, view.statements, "{what}");
                    assert_eq!(told.nodes.len(), view.nodes.len(), "{what}");
                }
                count += 1;
            }
        }
        count
    }
}

#[test]
fn every_node_is_found_where_the_text_tells_of_it() {
    for name in registry::NAMES {
        let count = registry::visit(name, Matrix).unwrap();
        // Two searches tell games in four formats, two of which take any outcome.
        let least = if ["connect4", "hex"].contains(name) { 4 } else { 31 };
        assert!(count >= least, "{name}: only {count} views");
    }
}

fn record(spec: &Spec, ids: std::ops::Range<u64>, is_wanted: impl Fn(&Record) -> bool) -> Record {
    struct Make<'a> {
        spec: &'a Spec,
        ids: std::ops::Range<u64>,
    }
    impl EnvironmentVisitor for Make<'_> {
        type Output = Vec<Record>;
        fn visit<E: World>(self) -> Self::Output {
            let (maker, mut desk) = (Maker::<E>::new(self.spec).unwrap(), Desk::default());
            self.ids.filter_map(|id| maker.record(id, &mut desk).unwrap()).collect()
        }
    }
    let records = registry::visit(&spec.env, Make { spec, ids }).unwrap();
    records.into_iter().find(is_wanted).unwrap()
}

fn view_of(record: &Record) -> View {
    let (difficulty, settings) = (Difficulty::default(), Settings::default());
    let view = of_text(&TextSource::of_record(record, &difficulty, &settings)).unwrap();
    check(&view, &record.text);
    view
}

#[test]
fn steps_that_are_taken_back_are_branches() {
    for mode in ["step", "multi", "weak", "restart", "self-backtrack"] {
        for format in ["cot", "table"] {
            let settings = Settings::default().with("mode", mode).with("rate", 1.0);
            let spec = Spec { transform: "retry".into(), transform_settings: settings, ..Spec::new("countdown", "dfs", format) };
            let record =
                record(&spec, 0..40, |record| record.text.contains("[BACK]") || record.text.contains("[RESET]") || record.text.contains("<backtrack>"));
            let view = view_of(&record);
            assert!(view.goal.is_some(), "{mode}: {}", record.text);
            assert_eq!(view.nodes[view.goal.unwrap() as usize].depth as usize, record.plan.as_ref().unwrap().len());
            let retakes = view.statements.iter().filter(|statement| statement.kind == StatementKind::Retake).count();
            let path = view.nodes[view.goal.unwrap() as usize].depth as usize;
            assert_eq!(view.defects, [], "{mode}: {}", record.text);
            // A step that is told too early leads nowhere.
            assert!(view.nodes.len() > path + 1 || ["restart", "weak"].contains(&mode), "{mode}: {}", record.text);
            assert!(retakes > 0);
        }
    }
    let spec = Spec { transform: "revision".into(), ..Spec::new("countdown", "dfs", "cot") };
    let record = record(&spec, 0..20, |record| record.text.matches("That is wrong").count() >= 2);
    let view = view_of(&record);
    assert!(view.goal.is_some() && view.nodes.iter().filter(|node| node.depth == 1).count() >= 3);
    assert_eq!(view.defects, []);
}

#[test]
fn other_transforms_are_shown_for_what_they_are() {
    for (transform, format, is_true) in [("prune", "sos", true), ("conditioned", "think", true), ("swap", "sos", false), ("shortest", "prose", true)] {
        let spec = Spec { transform: transform.into(), ..Spec::new("countdown", "dfs", format) };
        let record = record(&spec, 0..20, |_| true);
        let view = view_of(&record);
        assert_eq!(view.defects.is_empty(), is_true, "{transform}: {:?}", view.defects);
        assert_eq!(view.prompt_len as u64, record.prompt_len, "{transform}");
    }
}

#[test]
fn false_statements_stand_where_the_audit_found_them_and_any_text_has_a_view() {
    let spec = Spec::new("countdown", "dfs", "sos");
    let record = record(&spec, 0..20, |record| record.plan.is_some() && record.text.matches('\n').count() > 20);
    let mut lines: Vec<String> = record.text.lines().map(str::to_string).collect();
    let broken = lines.iter().rposition(|line| line.starts_with("Exploring")).unwrap();
    let (head, _) = lines[broken].split_once(", Resulting").unwrap();
    lines[broken] = format!("{head}, Resulting Numbers: [999]");
    let text = lines.join("\n");
    let view = view_of(&Record { text: text.clone(), ..record.clone() });
    assert!(view.defects.iter().any(|defect| view.text[view.statements[defect.statement].start..].starts_with(&lines[broken])), "{:?}", view.defects);

    let hostile = "</script><script>alert(1)</script>\u{202e}\0\u{2028}é\n\nMoving to Node #9,9\n<img src=x onerror=alert(2)>";
    for format in format::NAMES.iter().filter(|name| !name.starts_with("searchformer")) {
        for problem in [Some(&record.problem), None] {
            let (difficulty, settings) = (Difficulty::default(), Settings::default());
            let source = TextSource {
                env: "countdown",
                difficulty: &difficulty,
                format,
                format_settings: &settings,
                search: None,
                transform: None,
                problem,
                text: hostile,
            };
            let view = of_text(&source).unwrap();
            check(&view, format);
            assert!(!view.defects.is_empty() && view.text.ends_with(hostile));
        }
    }
}

/// A view as a person can check it by eye.
fn drawn(view: &View) -> String {
    let mut out = format!("{}\n", view.title);
    view.facts.iter().for_each(|(name, value)| out.push_str(&format!("{name}: {value}\n")));
    out.push_str(&format!("\n{}\n", outline(view, 60)));
    for (index, statement) in view.statements.iter().enumerate().take(40) {
        let kind = serde_json::to_value(statement.kind).unwrap();
        let node = statement.node.map_or("-".into(), |node| node.to_string());
        let events: Vec<String> =
            (0..view.events.len()).filter(|event| view.events[*event].statement == Some(index as u32)).map(|event| event.to_string()).collect();
        let text: String = view.text[statement.start..statement.end].chars().take(70).collect();
        out.push_str(&format!("{:>10} node {node:<3} events {:<5} {text}\n", kind.as_str().unwrap(), events.join(",")));
    }
    out
}

#[test]
fn views_read_well() {
    for (env, search, format, size, id) in [
        ("countdown", "dfs", "sos", "3", 4),
        ("countdown", "mcts", "think", "3", 5),
        ("countdown", "beam", "cot", "3", 4),
        ("maze", "astar", "searchformer", "5", 2),
    ] {
        let spec = Spec { difficulty: Difficulty { size: Some(size.into()), ..Difficulty::default() }, ..Spec::new(env, search, format) };
        let view = of_search(&SearchSource { spec: &spec, id, problem: None }).unwrap();
        insta::with_settings!({ snapshot_suffix => format!("{env}-{search}-{format}") }, { insta::assert_snapshot!("view", drawn(&view)) });
    }
}
