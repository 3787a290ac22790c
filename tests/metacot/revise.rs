//! Several attempts: what a model is shown and trained on, what is measured of it, and whole runs of RISE, RLEF and SCoRe's first stage.

use std::{fs, path::Path, thread::sleep, time::Instant};

use metacot::{
    attempts::{AttemptsConfig, Exchange, Feedback},
    eval::{RevisionExam, Revisions, Tried, statistics::Bootstrap},
    improve::{Source, revise},
    report::{Report, Section, markdown, revisions},
    sample::{SampleConfig, ScriptedGenerator},
    tokenizer::Tokenizer,
};
use metacot_envs::{Difficulty, SeedTree, Settings, registry};
use metacot_objectives::Reward;
use metacot_traces::{
    Budget,
    corpus::Split,
    feedback::PHRASES,
    format,
    generate::Spec,
    task::{self, Problem, Task},
};
use serde_json::json;

use crate::support::{metacot, output, stdout};

/// Two problems of Countdown with answers alone, and a vocabulary that has all words.
struct Lab {
    task: Box<dyn Task>,
    tokenizer: Tokenizer,
    problems: Vec<Problem>,
    sample: SampleConfig,
}

fn lab() -> Lab {
    let spec = Spec { difficulty: Difficulty::sized(3), split: Split::Test, count: 4, ..Spec::new("countdown", "dfs", "answer") };
    let task = task::open(&spec).unwrap();
    let phrases = task.vocabulary().0.into_iter().chain(PHRASES.map(String::from)).chain(["<again>".into()]);
    let tokenizer = Tokenizer::new(phrases, 99).unwrap();
    let problems = [json!({"numbers": [3, 5, 9], "target": 24}), json!({"numbers": [2, 4, 7], "target": 30})];
    let problems = problems.iter().map(|json| task.problem(json).unwrap()).collect();
    let sample = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 40, stop: vec![Tokenizer::EOS], scored_at: 1.0 };
    Lab { task, tokenizer, problems, sample }
}

impl Lab {
    fn exchange(&self) -> Exchange<'_> {
        Exchange { task: self.task.as_ref(), tokenizer: &self.tokenizer, sample: &self.sample }
    }

    /// A generator that says these answers one after the other.
    fn says(&self, answers: &[&str]) -> ScriptedGenerator {
        ScriptedGenerator::new(answers.iter().map(|answer| self.ids(answer)))
    }

    fn ids(&self, answer: &str) -> Vec<u32> {
        [self.tokenizer.encode(&format!("Answer: {answer}")), vec![Tokenizer::EOS]].concat()
    }
}

fn attempts(count: usize, feedback: Feedback) -> AttemptsConfig {
    AttemptsConfig { count, feedback, ends_when_right: true, malformed: 0.0 }
}

const RIGHT: &str = "3*5=15; 9+15=24";
const FALLS_SHORT: &str = "3*9=27; 27-5=22";

#[test]
fn a_chain_shows_what_was_said_and_trains_what_the_model_wrote() {
    let lab = lab();
    let mut generator = lab.says(&[FALLS_SHORT, "9-3=6; 7*6=42", RIGHT]);
    let groups = lab.exchange().chains(&attempts(5, Feedback::Text), &lab.problems[..1], 1, &mut generator, &SeedTree::root(1));
    let (group, chain) = (&groups[0], &groups[0].chains[0]);
    let shown = "Answer: 3*9=27; 27-5=22Feedback: it ends at [22].\nAnswer: 9-3=6; 7*6=42Feedback: step 2 uses 7, which is not there.\nAnswer: 3*5=15; 9+15=24";
    assert_eq!(lab.tokenizer.decode(&chain.ids), shown);
    assert_eq!(chain.attempts.iter().map(|attempt| attempt.verdict.is_correct).collect::<Vec<_>>(), [false, false, true], "a right one is the last");
    // What the generator was asked is the prompt and all that came before.
    let prompts: Vec<Vec<u32>> = chain.attempts.iter().map(|attempt| [group.prompt.as_slice(), &chain.ids[..attempt.start()]].concat()).collect();
    assert_eq!(generator.prompts, prompts);
    let own: Vec<u32> = chain.ids.iter().zip(chain.mask()).filter(|(_, own)| *own).map(|(id, _)| *id).collect();
    assert_eq!(own, [lab.ids(FALLS_SHORT), lab.ids("9-3=6; 7*6=42"), lab.ids(RIGHT)].concat());
    assert_eq!(chain.num_sampled(), own.len());
}

#[test]
fn random_feedback_is_that_of_the_other_problem() {
    let lab = lab();
    let tried = |feedback: Feedback| {
        let mut generator = lab.says(&[FALLS_SHORT, "7*4=28"]);
        let groups = lab.exchange().chains(&attempts(2, feedback), &lab.problems, 1, &mut generator, &SeedTree::root(1));
        groups.iter().map(|group| lab.tokenizer.decode(&group.chains[0].ids)).collect::<Vec<String>>()
    };
    let [own, other] = ["Feedback: it ends at [22].\n", "Feedback: it ends at [2, 28].\n"];
    let said = |texts: Vec<String>, expected: [&str; 2]| texts.iter().zip(expected).all(|(text, words)| text.contains(words));
    assert!(said(tried(Feedback::Text), [own, other]));
    assert!(said(tried(Feedback::RandomText), [other, own]));
    assert!(said(tried(Feedback::None), ["<again>"; 2]));
    // Alone there is no other problem.
    let mut generator = lab.says(&[FALLS_SHORT]);
    let groups = lab.exchange().chains(&attempts(2, Feedback::RandomText), &lab.problems[..1], 3, &mut generator, &SeedTree::root(1));
    assert!(groups[0].chains.iter().all(|chain| lab.tokenizer.decode(&chain.ids).contains("<again>")));
}

#[test]
fn every_remark_can_be_said_in_every_world_and_format() {
    let mut remarks = 0;
    for env in registry::NAMES {
        for format in format::NAMES {
            let search = match *env {
                "connect4" | "hex" => "mcts",
                _ if format.starts_with("searchformer") => "astar",
                _ => "dfs",
            };
            let spec = Spec { split: Split::Train, count: 100, seed: 5, ..Spec::new(env, search, format) };
            let Ok(task) = task::open(&spec) else { continue };
            // A format whose phrases have digits has no vocabulary at all.
            let Ok(tokenizer) = Tokenizer::new(task.vocabulary().0.into_iter().chain(PHRASES.map(String::from)), 99) else { continue };
            let problem = task.draw(0).unwrap();
            let budget = Budget { expansions: 200, nodes: 5_000 };
            let solution = task.search(search, &Settings::default(), &problem, budget, &mut SeedTree::root(2).stream(0)).unwrap();
            let response = solution.text.get(solution.prompt_len..).unwrap_or_default();
            let lines: Vec<&str> = response.split_inclusive('\n').collect();
            // Whole, cut anywhere, a line left out, and rubbish.
            let mut texts: Vec<String> = (0..=lines.len().min(40)).map(|count| lines[..count].concat()).collect();
            texts.extend((0..lines.len().min(40)).map(|left_out| [&lines[..left_out], &lines[left_out + 1..]].concat().concat()));
            texts.extend(["é<eos>".into(), "Answer: 99999999999999999999+1=2".into(), response.replace(['1', '2', '3'], "9"), response.to_owned()]);
            for text in texts {
                let remark = task.remark(&problem, &text).text;
                assert!(remark.starts_with("Feedback: ") && remark.ends_with(".\n"), "{env} {format}: {remark:?}");
                assert!(tokenizer.encode_strict(&remark).is_ok(), "{env} {format}: {remark:?}");
                remarks += 1;
            }
        }
    }
    assert!(remarks > 1000, "{remarks} remarks");
}

#[test]
fn the_best_of_own_samples_is_the_target_of_every_prefix() {
    let lab = lab();
    let exchange = lab.exchange();
    // Two chains: one corrects itself, one does not.
    let mut generator = lab.says(&[FALLS_SHORT, "3*9=27", RIGHT, FALLS_SHORT]);
    let groups = exchange.chains(&attempts(2, Feedback::Text), &lab.problems[..1], 2, &mut generator, &SeedTree::root(1));
    assert_eq!(groups[0].chains.iter().map(|chain| chain.last().unwrap().is_correct).collect::<Vec<_>>(), [true, false]);
    // Behind the prompt nothing better is sampled, behind the first remark what was right stays, behind the other a sample is.
    let other = "5*3=15; 9+15=24";
    let mut generator = lab.says(&["3*9=27", FALLS_SHORT, other, other, FALLS_SHORT, other]);
    let seeds = SeedTree::root(2);
    let source = Source::Best { candidates: 2, generator: &mut generator, seeds: &seeds };
    let records = revise(&exchange, groups.clone(), &Reward::named("outcome").unwrap(), source);
    let targets = &records[0].targets;
    let found: Vec<(String, f64, bool)> = targets.iter().map(|target| (lab.tokenizer.decode(&target.ids), target.reward, target.is_own)).collect();
    let expected = [(FALLS_SHORT, 0.0, true), (RIGHT, 1.0, true), (other, 1.0, false)];
    assert_eq!(found, expected.map(|(answer, reward, is_own)| (format!("Answer: {answer}"), reward, is_own)));
    assert!(targets[0].prefix == groups[0].prefix_of(0, 0) && targets[2].prefix == groups[0].prefix_of(1, 1));
    let sampled = groups[0].chains.iter().map(|chain| chain.num_sampled()).sum::<usize>()
        + ["3*9=27", FALLS_SHORT, other, other, FALLS_SHORT, other].iter().map(|answer| lab.ids(answer).len()).sum::<usize>();
    assert_eq!(records[0].sampled_tokens, sampled as u64);
    // A solver's answer stands behind every prefix alike.
    let solutions = [Some(format!("Answer: {}", RIGHT))];
    let records = revise(&exchange, groups, &Reward::named("outcome").unwrap(), Source::Solutions(&solutions));
    assert!(records[0].targets.len() == 3 && records[0].targets.iter().all(|target| target.ids == lab.ids(RIGHT) && target.reward == 1.0));
}

/// The prefixes that a test asks for.
trait Prefixes {
    fn prefix_of(&self, chain: usize, attempt: usize) -> Vec<u32>;
}

impl Prefixes for metacot::attempts::ChainGroup<'_> {
    fn prefix_of(&self, chain: usize, attempt: usize) -> Vec<u32> {
        let chain = &self.chains[chain];
        [self.prompt.as_slice(), &chain.ids[..chain.attempts[attempt].start()]].concat()
    }
}

#[test]
fn an_exam_makes_all_attempts_and_its_section_reads_well() {
    let lab = lab();
    let seeds = SeedTree::root(4);
    let exam = RevisionExam { exchange: lab.exchange(), problems: &lab.problems[..1], attempts: 3, samples: 2, seeds: &seeds };
    // First attempts of both chains, then the second ones, then the third.
    let mut generator = lab.says(&[RIGHT, FALLS_SHORT, FALLS_SHORT, RIGHT, "3*", RIGHT]);
    let measured = exam.take("after", ("true", Feedback::Text), &mut generator);
    let right: Vec<Vec<bool>> = measured.problems[0].iter().map(|chain| chain.iter().map(|tried| tried.is_correct).collect()).collect();
    assert_eq!(right, [[true, false, false], [false, true, true]]);
    assert_eq!(measured.problems[0][0][2].answer, None);

    let tried = |is_correct: bool, answer: &str| Tried { is_correct, answer: Some(vec![answer.to_owned()]) };
    let chains = |letters: [&str; 2]| letters.map(|letters| letters.chars().map(|letter| tried(letter.is_uppercase(), &letter.to_string())).collect()).to_vec();
    let of =
        |policy: &str, feedback: &str, problems: Vec<Vec<Vec<Tried>>>| Revisions { policy: policy.into(), feedback: feedback.into(), attempts: 3, problems };
    let all = [
        of("before rise", "true", vec![chains(["aaa", "abc"]), chains(["Aaa", "bbb"]), chains(["abA", "AAa"])]),
        of("rise-2", "true", vec![chains(["aAA", "aAA"]), chains(["AAA", "bBB"]), chains(["abA", "AAA"])]),
        of("rise-2", "none", vec![chains(["aab", "aBB"]), chains(["AAA", "bba"]), chains(["aba", "AAA"])]),
    ];
    let section: Section = revisions(&all, &Bootstrap::new(&SeedTree::root(1)).with_resamples(200)).unwrap();
    let report = Report { sections: vec![section], ..Report::default() };
    insta::assert_snapshot!(markdown(&report));
}

fn recipe() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metacot/revise.toml").display().to_string()
}

#[test]
fn every_way_of_trying_again_runs_and_a_killed_run_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name).display().to_string());
    let started = Instant::now();
    let text = stdout(&output(&["run", &recipe(), "--out", &whole]));
    let duration = started.elapsed();
    for line in ["Trying again", "| before taught", "| rise-2", "| rlef", "| score"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let metrics = fs::read_to_string(Path::new(&whole).join("metrics.jsonl")).unwrap();
    let has = |split: &str, name: &str| metrics.lines().any(|line| line.contains(&format!("\"split\":\"{split}\"")) && line.contains(&format!("\"{name}\"")));
    assert!(has("revisions-true", "accuracy_3") && has("revisions-random", "repaired") && has("revisions-none", "spoiled"), "{metrics}");
    assert!(has("rlef", "accuracy_2") && has("rlef", "change") && has("rise-2", "trained_tokens"), "{metrics}");

    for part in 1..=4 {
        let mut command = metacot(&["run", &recipe(), "--out", &killed]);
        let mut child = command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        sleep(duration.mul_f64(0.15 * f64::from(part)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // With another number of threads, too.
    stdout(&output(&["run", &recipe(), "--out", &killed, "--threads", "1"]));
    for file in [
        "metrics.jsonl",
        "rollouts/taught-1.jsonl",
        "rollouts/rise-2.jsonl",
        "checkpoints/rise-2/weights.safetensors",
        "checkpoints/rlef/weights.safetensors",
        "checkpoints/score/weights.safetensors",
        "eval/rlef-revisions-random.json",
        "eval/score-unseen.json",
    ] {
        assert!(fs::read(Path::new(&whole).join(file)).unwrap() == fs::read(Path::new(&killed).join(file)).unwrap(), "{file} differs");
    }
}

#[test]
fn arms_of_a_ladder_try_again_within_their_budget() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("ladder").display().to_string();
    let text = stdout(&output(&["run", &recipe(), "--out", &out, "--set", "ladder={seeds=1, tokens=1000}", "--set", "stage.rise.revise.rise.problems=200"]));
    let arms: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("Arms at equal sampled tokens"))
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .skip_while(|name| *name != "supervised")
        .take(5)
        .collect();
    assert_eq!(arms, ["supervised", "taught", "rise", "rlef", "score"], "{text}");
    assert!(!Path::new(&out).join("eval/rlef-s1-revisions-true.json").exists(), "arms are compared by their evaluations alone");
    let records = fs::read_to_string(Path::new(&out).join("rollouts/rise-s1-1.jsonl")).unwrap();
    let tokens: u64 = records.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sampled_tokens"].as_u64().unwrap()).sum();
    // Half of the budget for each of two rounds; a part of 16 problems that has begun is ended.
    assert!((500..12_000).contains(&tokens) && records.lines().count() < 200, "{tokens} tokens for {} problems", records.lines().count());
}
