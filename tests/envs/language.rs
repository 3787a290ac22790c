//! The languages of notations: all that is written of a problem is of its language, what is no notation is not, and an action that is of it
//! reads as one.

use metacot_envs::{
    ActionFault, Difficulty, Language, Pattern, SeedTree, Settings, Status, World,
    registry::{self, EnvironmentVisitor},
};
use rand::RngExt;

/// The pieces of a notation by name.
const PIECES: [(&str, fn(&Language) -> &Pattern); 5] = [
    ("action", |language| &language.action),
    ("state", |language| &language.state),
    ("successor", |language| &language.successor),
    ("place", |language| &language.place),
    ("comparison", |language| &language.comparison),
];

fn piece(language: &Language, name: &str) -> Pattern {
    let (_, pattern) = PIECES.iter().find(|(other, _)| *other == name).unwrap();
    pattern(language).clone()
}

fn configure<E: World>(size: Option<&str>) -> E {
    E::configure(&Difficulty { size: size.map(String::from), settings: Settings::default() }).unwrap()
}

/// Problems beside those that the default environment draws: other sizes, rules and kinds, which texts have to say.
const STRANGE: &[(&str, &[&str])] = &[
    (
        "countdown",
        &[
            r#"{"numbers":[3,3,8,8],"target":24,"rules":"rational"}"#,
            r#"{"numbers":[999,998,997,996,995,994],"target":1000000,"rules":"rational"}"#,
            r#"{"numbers":[0,0,1],"target":0,"rules":"rational"}"#,
            r#"{"numbers":[1,1,1,1,1,1],"target":7}"#,
            r#"{"numbers":[999,999,999,999,999,999],"target":0}"#,
            r#"{"numbers":[5,6,7],"target":11,"rules":"subset"}"#,
            r#"{"numbers":[5],"target":5}"#,
        ],
    ),
    (
        "maze",
        &[
            r#"{"width":3,"height":12,"walls":[[1,1],[2,11]],"start":[0,0],"goal":[0,11]}"#,
            r#"{"width":1,"height":2,"walls":[],"start":[0,1],"goal":[0,0]}"#,
            r#"{"width":40,"height":40,"walls":[[39,39],[5,5]],"start":[38,39],"goal":[0,0]}"#,
        ],
    ),
    (
        "sokoban",
        &["{\"rows\":[\"@ $ .  \",\"       \"]}", "{\"rows\":[\"#######\",\"#@ $. #\",\"#  $. #\",\"#######\"]}", "{\"rows\":[\"  #\",\"@$.\",\"  #\"]}"],
    ),
    ("sudoku", &[r#"{"rows":["......","......","..1...","......","......",".....6"]}"#]),
    ("cryptarithm", &[r#"{"words":["A","B"],"result":"CD"}"#, r#"{"words":["AAAAAAAA","AAAAAAAA","AAAAAAAA","A"],"result":"B"}"#]),
    (
        "arithmetic",
        &[
            r#"{"kind":"add","operands":[999999999,1]}"#,
            r#"{"kind":"add","operands":[0,0]}"#,
            r#"{"kind":"sub","operands":[100000000,99]}"#,
            r#"{"kind":"mul","operands":[999999999,999999999]}"#,
            r#"{"kind":"mul","operands":[0,7]}"#,
            r#"{"kind":"div","operands":[999999999,7]}"#,
            r#"{"kind":"div","operands":[5,999999999]}"#,
            r#"{"kind":"order","operands":[8,3,2,99],"operators":["-","*","/"],"target":-10}"#,
            r#"{"kind":"order","operands":[1,1,1,1,1,1,1,1],"operators":["+","+","+","+","+","+","-"],"target":8}"#,
            r#"{"kind":"graph","modulus":23,"definitions":["c=a+20","a=5","b=a","d=c*c"],"query":"c"}"#,
            r#"{"kind":"graph","modulus":2,"definitions":["z=1"],"query":"z"}"#,
        ],
    ),
    ("connect4", &[r#"{"rows":["........","........","........","o.......","x......."]}"#]),
    (
        "hex",
        &[
            r#"{"rows":["x.","o."]}"#,
            r#"{"rows":["...........","...........","...........","...........","...........","...........","...........","...........","...........","...........","..........."]}"#,
        ],
    ),
];

struct Walked<'a> {
    strange: &'a [&'a str],
}

impl EnvironmentVisitor for Walked<'_> {
    type Output = [usize; 3];

    /// How many texts were seen, how many damaged actions, and how many of those were refused.
    fn visit<E: World>(self) -> Self::Output {
        let env: E = configure(None);
        let mut rng = SeedTree::root(41).child(E::NAME).stream(0);
        let strange = self.strange.iter().map(|json| serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}")));
        let drawn: Vec<E::Problem> = (0..10).map(|index| env.generate(&mut SeedTree::root(40).child(E::NAME).stream(index))).collect();
        let mut counts = [0; 3];
        for problem in strange.chain(drawn) {
            let (language, symbols) = (env.language(Some(&problem)), Language::of_symbols(&env.symbols()));
            let mut check = |name: &str, write: &dyn Fn(&mut String)| {
                let mut text = String::new();
                write(&mut text);
                counts[0] += 1;
                assert!(piece(&language, name).matches(&text), "{name} {text:?} of {}: {:?}", E::NAME, piece(&language, name));
                assert!(piece(&symbols, name).matches(&text), "{name} {text:?} of {} has other symbols", E::NAME);
                text
            };
            let mut damaged = [0; 2];
            for _ in 0..3 {
                let (mut state, mut actions) = (env.initial(&problem), Vec::new());
                for depth in 0..40 {
                    check("state", &|out| env.write_state(&problem, &state, out));
                    check("successor", &|out| env.write_successor(&problem, &state, out));
                    check("place", &|out| env.write_place(&problem, &state, out));
                    if env.status(&problem, &state) != Status::Open {
                        check("comparison", &|out| env.write_comparison(&problem, &state, out));
                    }
                    actions.clear();
                    env.actions(&problem, &state, &mut actions);
                    let Some(action) = (!actions.is_empty()).then(|| actions[rng.random_range(0..actions.len())].clone()) else { break };
                    let text = check("action", &|out| env.write_action(&problem, &state, &action, out));
                    for _ in 0..if depth < 4 { 20 } else { 0 } {
                        let wrong = damage(&text, &mut rng);
                        if wrong != text {
                            damaged[0] += 1;
                            let is_refused = !language.action.matches(&wrong);
                            damaged[1] += usize::from(is_refused);
                            let is_syntax = env.read_action(&problem, &state, &wrong, None) == Err(ActionFault::Syntax);
                            assert!(is_refused || !is_syntax, "{wrong:?} is an action of {} and does not read", E::NAME);
                        }
                    }
                    state = env.apply(&problem, &state, &action).unwrap();
                }
            }
            (counts[1], counts[2]) = (counts[1] + damaged[0], counts[2] + damaged[1]);
        }
        counts
    }
}

/// A text with one character left out, doubled, or replaced.
fn damage(text: &str, rng: &mut rand_chacha::ChaCha8Rng) -> String {
    let place = rng.random_range(0..text.len());
    let (before, behind) = (&text[..place], &text[place + 1..]);
    match rng.random_range(0..3) {
        0 => format!("{before}{behind}"),
        1 => format!("{before}{}", &text[place..=place]) + &text[place..],
        _ => format!("{before}{}{behind}", char::from(b" 0123456789+-*/=()[],:;abcdorwx.AZ~"[rng.random_range(0..35)])),
    }
}

#[test]
fn all_that_is_written_is_of_its_language_and_every_action_of_it_reads() {
    for name in registry::NAMES {
        let strange = STRANGE.iter().find(|(other, _)| other == name).map_or(&[][..], |(_, problems)| *problems);
        let [seen, damaged, refused] = registry::visit(name, Walked { strange }).unwrap();
        assert!(seen > 200 && damaged > 100, "{name}: {seen} texts, {damaged} damaged ones");
        assert!(4 * refused > damaged, "{name}: {refused} of {damaged} damaged actions are refused");
    }
}

/// Environment, size, problem, and for pieces of the notation some texts that are of it and some that are not.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static [&'static str], &'static [&'static str])]);

const CASES: &[Case] = &[
    (
        "countdown",
        "3",
        "24:[3, 5, 9]",
        &[
            ("action", &["3*9=27", "9-3=7", "0/1=999"], &["", "3**9=27", "3*9=27 ", "03*9=27", "3x9=27", "3*9", "3*9=2700", "(-3)+5=2", "3*9=27=27"]),
            ("successor", &["[5, 27]", "[3, 5, 9]", "[24]"], &["[]", "[5,27]", "[5, 27", "5, 27", "[5, 27] ", "[1, 2, 3, 4]", "[(8/3)]"]),
            ("state", &["24:[5, 27]"], &["25:[5, 27]", "24: [5, 27]", "rational 24:[5, 27]", "[5, 27]"]),
            ("comparison", &["27,24", "0,24"], &["27,25", "27, 24", "27", ",24"]),
        ],
    ),
    (
        "countdown",
        "4",
        "rational 24:[3, 3, 8, 8]",
        &[
            (
                "action",
                &["8/3=(8/3)", "3-8=(-5)", "(8/3)/(-5)=(-8/15)"],
                &["8/(3)=1", "8/3=(8/3", "8/3=((8/3))", "(-0)+3=3", "(0/2)+3=3", "(8/1)+3=3", "(8/-3)+1=1"],
            ),
            ("state", &["rational 24:[(8/3), (-5)]"], &["24:[(8/3), (-5)]", "subset 24:[1]"]),
        ],
    ),
    (
        "maze",
        "5",
        "start 0 0 goal 3 2 wall 1 0",
        &[
            ("action", &["down", "up", "left", "right"], &["", "Down", "dawn", "down ", "downup"]),
            ("successor", &["0 0", "4 4", "1 0"], &["5 0", "0 5", "00 1", "0  1", "0 1 ", "0", "-1 0"]),
            (
                "state",
                &["start 2 2 goal 3 2 wall 1 0"],
                &["start 2 2 goal 3 2", "start 2 2 goal 3 1 wall 1 0", "start 2 2 goal 3 2 wall 1 0 wall 1 1", "start 5 2 goal 3 2 wall 1 0"],
            ),
            ("comparison", &["0 1,3 2"], &["0 1,3 3", "0 1, 3 2"]),
        ],
    ),
    (
        "sokoban",
        "7",
        "worker 1 1 box 2 2 dock 3 3 wall 0 0 wall 5 5",
        &[
            ("action", &["left"], &["west", "L"]),
            ("successor", &["worker 4 4 box 5 5", "worker 0 3"], &["worker 6 4", "worker 4 4 box 1 1 box 2 2", "box 2 2", "worker 4", "worker 4 4 box 5"]),
            ("place", &["5 5"], &["6 5", "worker 5 5"]),
            (
                "state",
                &["worker 4 4 box 3 3 dock 3 3 wall 0 0 wall 5 5"],
                &["worker 4 4 box 3 3 dock 3 4 wall 0 0 wall 5 5", "worker 4 4 dock 3 3 wall 0 0 wall 5 5"],
            ),
            ("comparison", &["0,1", "1,1"], &["2,1", "0,2"]),
        ],
    ),
    (
        "sudoku",
        "4",
        "1 2 . . / 3 . . . / . . . . / . . . .",
        &[
            ("action", &["r2c2=4", "r1c1=1"], &["r5c1=1", "r0c1=1", "r2c2=5", "r2c2=", "2,2=4", "r2c2=44"]),
            (
                "state",
                &["1 2 . . / 3 4 . . / . . . . / . . . 1"],
                &[
                    "1 2 . . / 4 3 . . / . . . . / . . . .",
                    "1 2 . . / 3 5 . . / . . . . / . . . .",
                    "1 2 . . / 3 . . . / . . . .",
                    "1 2 . ./ 3 . . . / . . . . / . . . .",
                ],
            ),
            ("comparison", &["13,0", "0,0"], &["17,0", "1,1"]),
        ],
    ),
    (
        "cryptarithm",
        "3",
        "SEND+MORE=MONEY",
        &[
            ("action", &["D=7", "M=1"], &["A=7", "D=10", "D=", "d=7", "DE=7"]),
            ("successor", &["none", "D=7", "D=7 E=5 Y=2"], &["", "E=5", "D=7 Y=2", "D=7  E=5", "D=7 none"]),
            ("state", &["SEND+MORE=MONEY", "SEND+MORE=MONEY D=7"], &["SEND+MORE=MONEY none", "SEND+MORE=MONEX", "SEND+MORE=MONEY D=7 "]),
            ("comparison", &["10652,10652", "2,3"], &["2", "2;3", "12345678,1"]),
        ],
    ),
    (
        "arithmetic",
        "3",
        "95+17",
        &[
            ("action", &["5+7+0=12", "9+9+1=19"], &["5+7=12", "5+7+2=14", "15+7+0=22", "5+7+0=20", "5*7+0=35"]),
            (
                "successor",
                &["carry 0 digits", "carry 1 digits 2", "carry 0 digits 1 1 2"],
                &["carry 2 digits 2", "carry 1 digits 2 2 2 2", "rest 1 digits 2", "carry 1 digits 12", "carry 1 digits 2 sum 3"],
            ),
            ("state", &["95+17", "95+17 carry 1 digits 2"], &["95+18", "95+17 ", "95-17"]),
            ("comparison", &["112,112", "7,112"], &["112,113", "1120,112"]),
        ],
    ),
    (
        "arithmetic",
        "3",
        "57*28",
        &[
            ("action", &["7*8+0=56", "456+1140=1596"], &["7*8+9=65", "7*8=56", "7*8+0=90", "7+8+0=15", "99999+0=99999"]),
            ("successor", &["carry 5 digits 6 sum 0"], &["carry 5 digits 6", "carry 9 digits 6 sum 0", "carry 5 digits 1 2 3 4 sum 0"]),
        ],
    ),
    (
        "arithmetic",
        "3",
        "17/7",
        &[
            ("action", &["1-0*7=1", "17-2*7=3"], &["17-2*8=1", "17-12*7=3", "17/7=2", "117-2*7=3"]),
            ("successor", &["rest 3 digits 0 2"], &["rest 3 digits 0 2 1", "carry 3 digits 0 2"]),
            ("comparison", &["2,2", "10,7"], &["2,3", "100,7"]),
        ],
    ),
    (
        "arithmetic",
        "3",
        "11:8-3*2+1",
        &[
            ("action", &["8-3=5", "(-5)*2=(-10)"], &["8/3=2", "8--3=5", "-5*2=-10", "(5)*2=10", "8-3", "(-0)*2=0"]),
            ("successor", &["8-6+1", "(-3)", "8-3*2+1"], &["8-6+1+1+1", "8-", "-3", "8/6+1"]),
            ("comparison", &["11,11", "(-1),11"], &["11,(-1)", "-1,11"]),
        ],
    ),
    (
        "arithmetic",
        "3",
        "mod 23; d=c*a; a=5; c=a+20; b=a; d?",
        &[
            (
                "action",
                &["a=5", "c=a+20=5+20=2", "d=c*a=2*5=10", "b=a=5"],
                &["a=5=5", "c=a+20=2", "c=a+20=5+21=2", "c=a+20=23+20=2", "e=5", "d=a*c=5*2=10", "b=a"],
            ),
            ("successor", &["none", "a=5", "d=10 a=5 c=2"], &["", "a=23", "a=5,c=2", "e=1", "a=5 none"]),
            ("comparison", &["10,10", "none,10"], &["10,11", "23,10"]),
        ],
    ),
    (
        "connect4",
        "4x4",
        ". . . . / . . . . / . . . . / x o . .",
        &[
            ("action", &["drop 1", "drop 4"], &["drop 0", "drop 5", "drop", "drop  1", "drop 11"]),
            (
                "successor",
                &[". . . . / . . . . / x . . . / x o . o"],
                &[". . . . / . . . . / x . . . / o o . .", ". . . . / . . . . / . . . .", ". . . . / . . . . / . . . y / x o . ."],
            ),
            ("comparison", &["x wins,x", "o wins,x", "draw,x"], &["x wins,o", "x win,x", "wins,x"]),
        ],
    ),
    (
        "hex",
        "3",
        "x . . / . o . / . . .",
        &[
            ("action", &["a1", "c3"], &["d1", "a4", "a0", "A1", "1a", "a", "a01"]),
            ("successor", &["x x . / . o o / . . ."], &["o . . / . o . / . . .", "x . . / . o .", "x . ./ . o . / . . ."]),
        ],
    ),
];

struct Stated(Case);

impl EnvironmentVisitor for Stated {
    type Output = ();
    fn visit<E: World>(self) {
        let (name, size, text, pieces) = self.0;
        let env: E = configure(Some(size));
        let problem = env.read_problem(text).unwrap_or_else(|| panic!("{name}: {text}"));
        let language = env.language(Some(&problem));
        for (name, are, are_not) in pieces {
            let pattern = piece(&language, name);
            are.iter().for_each(|said| assert!(pattern.matches(said), "{said:?} is a {name} of {text}"));
            are_not.iter().for_each(|said| assert!(!pattern.matches(said), "{said:?} is no {name} of {text}"));
        }
    }
}

#[test]
fn each_notation_knows_its_syntax() {
    CASES.iter().for_each(|case| registry::visit(case.0, Stated(*case)).unwrap());
}
