//! What a view can be made from: a text with its problem, or a search that is run for it.

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};

use super::{
    View,
    build::{Material, build},
};
use crate::{
    Audit, Recorder,
    audit::Defect,
    corpus::{CorpusError, Record},
    discourse::{Reading, reading::Truth},
    format,
    generate::{Maker, Spec, plan_texts},
    search,
    told::Prompts,
    transform::reading_of,
};

type Result<T> = std::result::Result<T, CorpusError>;

/// A text that somebody has: a row of a corpus, or what a model wrote.
#[derive(Clone, Debug)]
pub struct TextSource<'a> {
    /// Registered name of the environment.
    pub env: &'a str,
    /// Its difficulty, where a format leaves out what the size says.
    pub difficulty: &'a Difficulty,
    /// Registered name of the format.
    pub format: &'a str,
    /// Its settings.
    pub format_settings: &'a Settings,
    /// Registered name of the search, where it is known.
    pub search: Option<&'a str>,
    /// The transform that made it, as a [`Label`](crate::label::Label); where it is left out, what the text looks like.
    pub transform: Option<&'a str>,
    /// The problem that was asked; where it is left out, the one that the text states.
    pub problem: Option<&'a serde_json::Value>,
    /// The text, with or without its prompt.
    pub text: &'a str,
}

impl<'a> TextSource<'a> {
    /// The text of a record of a corpus that was generated with these settings.
    pub fn of_record(record: &'a Record, difficulty: &'a Difficulty, format_settings: &'a Settings) -> Self {
        Self {
            env: &record.env,
            difficulty,
            format: &record.format,
            format_settings,
            search: Some(&record.search),
            transform: record.transform.as_deref(),
            problem: Some(&record.problem),
            text: &record.text,
        }
    }
}

/// A search to run for a view.
#[derive(Clone, Debug)]
pub struct SearchSource<'a> {
    /// Environment, search, format and their settings.
    pub spec: &'a Spec,
    /// Which problem of the spec's stream; of no meaning where a problem is given.
    pub id: u64,
    /// A problem as JSON, or as the format's own prompt.
    pub problem: Option<&'a str>,
}

/// The view of a text.
///
/// # Errors
/// A name or setting that is not allowed, or a problem that is none of the environment.
pub fn of_text(source: &TextSource<'_>) -> Result<View> {
    registry::visit(source.env, OfText { source }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

/// Runs a search and shows it beside its text.
///
/// # Errors
/// A name, a setting or a combination that is not allowed, a problem that is none of the environment, or a format that cannot tell the trace.
pub fn of_search(source: &SearchSource<'_>) -> Result<View> {
    registry::visit(&source.spec.env, OfSearch { source }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct OfText<'a> {
    source: &'a TextSource<'a>,
}

impl EnvironmentVisitor for OfText<'_> {
    type Output = Result<View>;

    fn visit<E: World>(self) -> Self::Output {
        let TextSource { difficulty, format: format_name, format_settings, search, transform, problem, text, .. } = *self.source;
        let env = E::configure(difficulty).map_err(usage)?;
        let format = format::build::<E>(format_name, format_settings).map_err(usage)?;
        let problem = problem.map(|json| typed(&env, json)).transpose()?;
        let reading = match transform {
            Some(_) => reading_of::<E>(transform, format_name).map_err(usage)?,
            None => Reading::guessed(text),
        };
        // Eyes are shown what is false in a control, too.
        let reading = Reading { truth: Truth::Honest, ..reading };
        let prompts = problem.as_ref().map(|problem| Prompts::new(&env, format.as_ref(), problem));
        let (env, whole, reading) = match &prompts {
            Some(prompts) => prompts.complete(&env, reading, text),
            None => (&env, text.into(), reading),
        };
        let parsed = reading.parse(format.as_ref(), &whole);
        let (mut view, audit) = build(&Material { env, problem: problem.as_ref(), parsed, search: None, has_layers: search.is_some_and(has_layers) });
        let (mut prompt, start) = (String::new(), reading.start(&whole));
        audit.problem.iter().for_each(|problem| format.write_prompt(env, problem, &mut prompt));
        view.prompt_len = if whole[start..].starts_with(&prompt) { start + prompt.len() } else { 0 };
        view.title = [Some(E::NAME), search, Some(format_name)].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        view.facts = facts(env, &audit, &view);
        Ok(view)
    }
}

struct OfSearch<'a> {
    source: &'a SearchSource<'a>,
}

impl EnvironmentVisitor for OfSearch<'_> {
    type Output = Result<View>;

    fn visit<E: World>(self) -> Self::Output {
        let SearchSource { spec, id, problem } = *self.source;
        let maker = Maker::<E>::new(spec)?;
        let env = E::configure(&spec.difficulty).map_err(usage)?;
        let format = format::build::<E>(&spec.format, &spec.format_settings).map_err(usage)?;
        let search = search::build::<E>(&spec.search, &env, &spec.search_settings).map_err(usage)?;
        let problem = match problem {
            None => maker.problem(id)?.0,
            Some(text) if text.trim_start().starts_with('{') => {
                let json = serde_json::from_str(text).map_err(|error| CorpusError::Usage(format!("problem {text}: {error}")))?;
                typed(&env, &json)?
            }
            Some(text) => {
                let stated = crate::audit(&env, None, &format.parse(text)).problem;
                stated.ok_or_else(|| CorpusError::Usage(format!("neither a JSON problem of {} nor a prompt of {}", E::NAME, spec.format)))?
            }
        };
        let mut recorder = Recorder::default();
        search.run(&env, &problem, spec.budget, &mut maker.search_stream(id), &mut recorder);
        let trace = recorder.trace();
        if !format.can_write(trace) {
            let reason = format!("{} tells solutions only, and {} found none; choose another format or problem", spec.format, spec.search);
            return Err(CorpusError::Usage(reason));
        }
        let mut text = String::new();
        let prompt_len = format.write(&env, &problem, trace, &mut text);
        let material = Material { env: &env, problem: Some(&problem), parsed: format.parse(&text), search: Some(trace), has_layers: has_layers(&spec.search) };
        let (mut view, audit) = build(&material);
        view.prompt_len = prompt_len;
        view.title = [E::NAME, &spec.search, &spec.format].join(" · ");
        let stop = serde_json::to_value(trace.stop).expect("a reason is plain data");
        view.facts = vec![("stop".into(), stop.as_str().unwrap_or_default().into()), ("expanded".into(), trace.expanded.to_string())];
        view.facts.extend(facts(&env, &audit, &view));
        Ok(view)
    }
}

fn usage(error: metacot_envs::SettingError) -> CorpusError {
    CorpusError::Usage(error.to_string())
}

fn typed<E: World>(env: &E, json: &serde_json::Value) -> Result<E::Problem> {
    let problem: E::Problem = serde_json::from_value(json.clone()).map_err(|error| CorpusError::Usage(format!("not a problem of {}: {error}", E::NAME)))?;
    env.validate(&problem).map_err(|reason| CorpusError::Usage(format!("problem {json}: {reason}")))?;
    Ok(problem)
}

/// Whether a search goes layer by layer and leaves what it does not keep.
fn has_layers(search: &str) -> bool {
    search == "beam" || search.starts_with("sos-bfs")
}

fn facts<E: World>(env: &E, audit: &Audit<E>, view: &View) -> Vec<(String, String)> {
    let verdict = match &audit.verdict {
        Some(metacot_envs::Verdict::Solved { cost }) => format!("solves the problem at cost {cost}"),
        Some(metacot_envs::Verdict::Illegal { step, reason }) => format!("action {step} is illegal: {reason}"),
        Some(metacot_envs::Verdict::Unsolved) => "is legal and does not solve the problem".into(),
        None if audit.plan.is_some() => "does not read".into(),
        None => "none is claimed".into(),
    };
    let plan = match (&audit.plan, &audit.problem) {
        (Some(plan), Some(problem)) => plan_texts(env, problem, plan).join("; "),
        _ => String::new(),
    };
    let told = view.nodes.len().min(audit.trace.nodes.len());
    let nodes = if view.nodes.len() == told { told.to_string() } else { format!("{} ({told} told)", view.nodes.len()) };
    let audit_text = match audit.defects.as_slice() {
        [] => "every statement is true".to_string(),
        [Defect { kind, .. }] => format!("1 defect ({kind})"),
        all => format!("{} defects", all.len()),
    };
    let all = [("nodes", nodes), ("events", view.events.len().to_string()), ("plan", plan), ("verdict", format!("the plan {verdict}")), ("audit", audit_text)];
    all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_string(), value.replace("the plan none is", "no plan is"))).collect()
}
