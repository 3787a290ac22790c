//! The command line as people meet it: help, data on stdout, one clear line for every mistake.

use std::{fs, process::Stdio};

use metacot::cli::help;

use crate::support::{error_line, metacot, output, piped, stdout, tiny};

#[test]
fn help_reads_well() {
    insta::assert_snapshot!("help", help(None));
    for name in ["run", "generate", "merge", "solve", "grade", "inspect", "sample", "improve", "export", "import", "bench"] {
        insta::with_settings!({ snapshot_suffix => name }, { insta::assert_snapshot!("help", help(Some(name))) });
    }
}

#[test]
fn solve_answers_every_line_in_order() {
    let input = b"{\"numbers\":[3,5,9],\"target\":24}\n\nCurrent State: 12:[3, 4], Operations: []\n";
    let text = stdout(&piped(&["solve", "--env", "countdown", "--search", "astar", "--format", "sos"], input));
    let traces: Vec<&str> = text.trim_end().split("\n\n").collect();
    assert_eq!(traces.len(), 2);
    assert!(traces[0].starts_with("Current State: 24:[3, 5, 9]") && traces[0].ends_with("24,24 equal: Goal Reached"));
    assert!(traces[1].starts_with("Current State: 12:[3, 4]") && traces[1].ends_with("12,12 equal: Goal Reached"));

    let text = stdout(&piped(&["solve", "--search", "dfs", "--json"], input));
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["plan"], serde_json::json!(["3*5=15", "9+15=24"]));
    assert_eq!((&rows[0]["cost"], &rows[0]["stop"]), (&serde_json::json!(2), &serde_json::json!("solved")));
    assert_eq!(rows[1]["plan"], serde_json::json!(["3*4=12"]));
}

#[test]
fn searchformer_prompts_are_solved_word_for_word_at_their_size() {
    let prompt = "start 0 0 goal 3 2 wall 1 0 wall 1 1 wall 3 1 wall 0 3";
    let response = concat!(
        "create 0 0 c0 c5 close 0 0 c0 c5 create 0 1 c1 c4 close 0 1 c1 c4 create 0 2 c2 c3 close 0 2 c2 c3 create 1 2 c3 c2 close 1 2 c3 c2 ",
        "create 1 3 c4 c3 create 2 2 c4 c1 close 2 2 c4 c1 create 2 3 c5 c2 create 2 1 c5 c2 create 3 2 c5 c0 close 3 2 c5 c0 ",
        "plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2",
    );
    let solve =
        |more: &[&str], input: &str| piped(&[&["solve", "--env", "maze", "--search", "astar", "--format", "searchformer"], more].concat(), input.as_bytes());
    for input in [prompt.to_string(), format!("bos {prompt} eos"), format!("bos {prompt}"), format!(" <bos> {prompt} <eos> ")] {
        assert_eq!(stdout(&solve(&["--size", "4"], &input)), format!("{prompt}\n{response}\n"), "{input}");
    }
    // In a room of 3x3 no step leaves it; what the prompt leaves unsaid is told.
    let small = "start 0 0 goal 2 2 wall 1 1";
    let output = solve(&["--size", "3"], small);
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{small}\ncreate 0 0 c0 c4 ")) && !text.contains(" 3 ") && output.stderr.is_empty(), "{text}");
    let told = solve(&[], &format!("{small}\n{small}\n"));
    let note = "note: the prompt on line 1 does not say its size and is read as 10x10; give --size for another\n";
    assert_eq!((stdout(&told).contains("create 3 "), String::from_utf8_lossy(&told.stderr).as_ref()), (true, note));
    assert!(solve(&[], &format!("size 3 3 {small}")).stderr.is_empty());
    // No plan: said, and not left blank.
    let walled = "start 0 0 goal 2 2 wall 1 2 wall 2 1";
    assert_eq!(stdout(&solve(&["--size", "3"], &format!("{walled}\n{small}"))).lines().next(), Some("no plan: the search is exhausted after 6 expansions"));
    assert_eq!(stdout(&solve(&["--size", "3", "--max-expansions", "2"], walled)), "no plan: the budget of 2 expansions is spent\n");
    let sos = "<|endoftext|>Current State: 12:[3, 4], Operations: []";
    assert!(stdout(&piped(&["solve"], sos.as_bytes())).starts_with("Current State: 12:[3, 4], Operations: []\n"));
}

#[test]
fn a_corpus_says_what_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("corpus").display().to_string();
    let digest = stdout(&output(&["generate", "--size", "3", "--count", "40", "--out", &out]));
    let text = stdout(&output(&["stats", &out]));
    assert!(text.starts_with(&format!("digest             {digest}records            40\nsolved             40\n")), "{text}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&output(&["stats", &out, "--json"]))).unwrap();
    assert_eq!((&json["records"], &json["cost"]["max"]), (&serde_json::json!(40), &serde_json::json!(2)));
}

#[test]
fn graded_rows_come_back_in_order_and_bad_ones_do_not_stop_the_rest() {
    let rows = concat!(
        r#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}"#,
        "\nnonsense\n",
        r#"{"id":"b","problem":{"numbers":[3,5,9],"target":24},"answer":"3*9-3"}"#,
        "\n",
    );
    let text = stdout(&piped(&["grade", "--env", "countdown"], rows.as_bytes()));
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["id"], &rows[0]["answer_correct"]), (&serde_json::json!(1), &serde_json::json!(true)));
    // The exit code is 0 all the same, as the help says.
    assert!(rows[1]["error"].is_string(), "{}", rows[1]);
    assert!(help(Some("grade")).contains("the exit code stays 0") && help(None).contains("(grade, audit: \"error\" in its row)"));
    assert_eq!((&rows[2]["id"], &rows[2]["answer_correct"]), (&serde_json::json!("b"), &serde_json::json!(false)));
}

#[test]
fn generated_digests_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |threads: &str| {
        let out = folder.path().join(threads);
        let args = ["generate", "--env", "countdown", "--size", "4", "--search", "dfs", "--format", "sos", "--count", "300", "--seed", "1"];
        stdout(&output(&[&args[..], &["--out", out.to_str().unwrap(), "--threads", threads]].concat()))
    };
    assert_eq!(digest("1"), digest("2"));
}

#[test]
fn every_mistake_is_one_clear_line_with_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("file"), "x").unwrap();
    fs::write(path("typo.toml"), fs::read_to_string(tiny()).unwrap().replace("epochs = 10", "epoch = 10")).unwrap();
    fs::create_dir(path("occupied")).unwrap();
    fs::write(path("occupied/thesis.tex"), "precious").unwrap();
    let corpus = path("corpus");
    stdout(&output(&["generate", "--size", "3", "--count", "5", "--layout", "shard", "--out", &corpus]));
    fs::copy(tiny(), path("tiny.toml")).unwrap();
    let tiny = path("tiny.toml");
    let torn = path("torn");
    stdout(&output(&["generate", "--size", "3", "--count", "5", "--layout", "shard", "--out", &torn]));
    let shard = path("torn/train-00000-of-00001.shard");
    let bytes = fs::read(&shard).unwrap();
    fs::write(&shard, &bytes[..bytes.len() - 9]).unwrap();
    let (file, occupied, typo, below_file) = (path("file"), path("occupied"), path("typo.toml"), path("file/below"));
    let cases: [(&str, Vec<&str>); 28] = [
        ("unknown recipe", vec!["run", "quickstrat"]),
        ("unknown recipe key", vec!["run", &typo]),
        ("unknown key in --set", vec!["run", &tiny, "--set", "train.epoch=1"]),
        ("value out of range", vec!["run", &tiny, "--set", "stage.round.imitate.replay=1.5"]),
        ("unknown search in a recipe", vec!["run", &tiny, "--set", "eval.searches=[\"dsf\"]"]),
        ("impossible vocabulary", vec!["run", &tiny, "--set", "task.whole_numbers_up_to=50"]),
        ("unknown held-out setting", vec!["run", &tiny, "--set", "task.held_out.targets=3", "--out", &below_file]),
        ("size out of range", vec!["generate", "--size", "9", "--count", "5", "--out", &below_file]),
        ("size is no number", vec!["generate", "--size", "three", "--count", "5", "--out", &below_file]),
        ("unknown environment", vec!["generate", "--env", "contdown", "--count", "5", "--out", &below_file]),
        ("unknown search", vec!["generate", "--search", "dsf", "--count", "5", "--out", &below_file]),
        ("unknown format", vec!["solve", "--format", "soss"]),
        ("unknown setting", vec!["generate", "--count", "5", "--set", "widht=3", "--out", &below_file]),
        ("targets out of reach", vec!["generate", "--size", "3", "--count", "5", "--set", "max_number=1", "--out", &below_file]),
        ("unwritable folder", vec!["generate", "--count", "5", "--out", &below_file]),
        ("finished corpus", vec!["generate", "--count", "5", "--out", &corpus]),
        ("occupied folder", vec!["run", &tiny, "--out", &occupied]),
        ("unknown mode", vec!["grade", "--mode", "lenient"]),
        ("mode of another world", vec!["grade", "--env", "maze", "--mode", "compat-sos"]),
        ("corpus without a manifest", vec!["stats", &occupied]),
        ("truncated shard", vec!["stats", &torn]),
        ("no run", vec!["sample", &occupied]),
        ("nothing to export", vec!["export", &occupied, "--out", &below_file]),
        ("missing device", vec!["run", &tiny, "--device", "cuda:7", "--out", &below_file]),
        ("unknown device", vec!["run", &tiny, "--device", "cuda:0,cuda:1", "--out", &below_file]),
        ("a device twice", vec!["run", &tiny, "--device", "cuda:0,0", "--out", &below_file]),
        ("the CPU beside a GPU", vec!["run", &tiny, "--device", "cpu,cuda:0", "--out", &below_file]),
        ("policy gradients on two devices", vec!["improve", &occupied, "--device", "cuda:0,1", "--out", &below_file]),
    ];
    let mut lines: Vec<String> = cases.iter().map(|(name, args)| format!("{name}: {}", error_line(&output(args), folder.path()))).collect();
    lines.push(format!("bad problem: {}", error_line(&piped(&["solve"], b"{\"numbers\":[1],\"goal\":2}\n"), folder.path())));
    lines.push(format!("hostile problem: {}", error_line(&piped(&["solve"], b"{\"numbers\":[1,2,3,4,5,6,7,8,9],\"target\":2}\n"), folder.path())));
    lines.push(format!("no problem: {}", error_line(&piped(&["solve"], b"\xff\xfe what\n"), folder.path())));
    // Builds with the feature `cuda` word the missing device otherwise.
    let text = lines.join("\n").replace("is not in this build; build with `--features cuda`, or use --device cpu", "[no CUDA]");
    insta::assert_snapshot!("errors", text);
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
    assert_eq!(fs::read_to_string(path("occupied/thesis.tex")).unwrap(), "precious");
}

#[test]
fn settings_of_improve_merge_into_the_printed_defaults_and_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let improve = |changes: &[&str]| output(&[&["improve", "no-run", "--print"], changes].concat());
    let printed = |changes: &[&str]| stdout(&improve(changes)).parse::<toml::Table>().unwrap();
    let (plain, changed) = (printed(&[]), printed(&["--set", "steps=50", "--set", "plan.prompts=32", "--set", "reward.right=2"]));
    assert_eq!((changed["steps"].as_integer(), changed["plan"]["prompts"].as_integer()), (Some(50), Some(32)));
    assert_eq!((&changed["plan"]["samples"], changed["reward"]["right"].as_float()), (&plain["plan"]["samples"], Some(2.0)));
    let refused = |args: &[&str]| error_line(&output(args), folder.path());
    assert_eq!(
        error_line(&improve(&["--set", "trainer.clip_norm=-1"]), folder.path()),
        "2 error: trainer.clip_norm = -1 is not allowed; expected a number above 0"
    );
    let tiny = tiny().display().to_string();
    assert!(refused(&["run", &tiny, "--print", "--set", "task.env=contdown"]).contains("contdown"));
    assert!(refused(&["run", &tiny, "--set", "model.width=10000000"]).ends_with("expected at most 8589934592 parameters"));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for args in [&["doctor"][..], &["generate", "--env", "all", "--search", "all", "--format", "all", "--count", "1", "--out", "none", "--dry-run"]] {
        let mut child = metacot(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn the_table_of_this_machine_counts_what_was_done() {
    let row = |only: &str| -> serde_json::Value {
        let text = stdout(&output(&["bench", "--only", only, "--seconds", "0.2", "--repeats", "2", "--threads", "2", "--json"]));
        serde_json::from_str(&text).unwrap()
    };
    for (only, unit, threads) in
        [("generate", "traces", 2), ("audit Countdown", "MB", 2), ("grade", "rows", 2), ("one thread", "GFLOP", 1), ("batch 1", "tokens", 2)]
    {
        let table = row(only);
        let rows = table["rows"].as_array().unwrap();
        for row in rows {
            let speed = |name: &str| row[name].as_f64().unwrap();
            assert!(0.0 < speed("lowest") && speed("lowest") <= speed("median") && speed("median") <= speed("highest"), "{row}");
            assert_eq!((&row["unit"], &row["threads"], &row["repeats"]), (&unit.into(), &threads.into(), &2.into()), "{row}");
        }
        assert!(!rows.is_empty() && table["threads"] == 2 && table["simd"].is_string(), "{table}");
    }
    let text = stdout(&output(&["bench", "--only", "MCTS", "--seconds", "0.1", "--repeats", "1"]));
    assert!(text.contains("MCTS, Connect 4, one random game a leaf") && text.contains("simulations/s"), "{text}");
    let folder = std::env::temp_dir();
    let refused = |args: &[&str]| error_line(&output(args), &folder);
    assert!(refused(&["bench", "--only", "chess"]).starts_with("2 error: --only chess: expected a part of one of: matrix product, one thread; "));
    assert_eq!(refused(&["bench", "--seconds", "0"]), "2 error: --seconds 0 --repeats 1: expected above 0 to a day, and at least 1");
}
