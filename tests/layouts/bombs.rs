//! Parquet files that are small and claim to be large, made byte by byte: reading each ends soon, in bounded memory, with a clear error.

use std::{
    env, fs,
    process::Command,
    time::{Duration, Instant},
};

use metacot_layouts::source;

/// A value in Thrift's compact protocol.
#[derive(Clone)]
enum Thrift {
    I32(i64),
    I64(i64),
    Text(Vec<u8>),
    List(Vec<Thrift>),
    /// A list of structs that says it has as many elements, and has none.
    Claim(u64),
    Struct(Vec<(u8, Thrift)>),
}
use Thrift::{Claim, I32, I64, List, Struct, Text};

impl Thrift {
    fn kind(&self) -> u8 {
        match self {
            I32(_) => 5,
            I64(_) => 6,
            Text(_) => 8,
            List(_) | Claim(_) => 9,
            Struct(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            I32(value) | I64(value) => varint((value << 1 ^ value >> 63) as u64, out),
            Text(text) => {
                varint(text.len() as u64, out);
                out.extend(text);
            }
            List(items) => {
                out.push(0xF0 | items.first().map_or(12, Self::kind));
                varint(items.len() as u64, out);
                items.iter().for_each(|item| item.write(out));
            }
            Claim(length) => {
                out.push(0xFC);
                varint(*length, out);
            }
            Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    out.push((id - last) << 4 | value.kind());
                    last = *id;
                    value.write(out);
                }
                out.push(0);
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(value: &str) -> Thrift {
    Text(value.as_bytes().to_vec())
}

/// An element of a schema: a group with children, or an optional leaf.
fn group(name: &str, children: i64) -> Thrift {
    Struct(vec![(3, I32(0)), (4, text(name)), (5, I32(children))])
}

fn leaf(kind: i64) -> Thrift {
    Struct(vec![(1, I32(kind)), (3, I32(1)), (4, text("a"))])
}

const LONGS: i64 = 2;
const TEXTS: i64 = 6;
const PLAIN: i64 = 0;
const INDICES: i64 = 8;

/// What a page says of itself, and its bytes.
struct Page {
    kind: i64,
    encoding: i64,
    decoded: i64,
    values: i64,
    bytes: Vec<u8>,
}

impl Page {
    fn data(values: i64, bytes: Vec<u8>) -> Self {
        Self { kind: 0, encoding: PLAIN, decoded: bytes.len() as i64, values, bytes }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let counts = match self.kind {
            0 => (5, Struct(vec![(1, I32(self.values)), (2, I32(self.encoding)), (3, I32(3)), (4, I32(3))])),
            _ => (7, Struct(vec![(1, I32(self.values)), (2, I32(0))])),
        };
        Struct(vec![(1, I32(self.kind)), (2, I32(self.decoded)), (3, I32(self.bytes.len() as i64)), counts]).write(out);
        out.extend(&self.bytes);
    }
}

/// A run of `count` equal levels with their length before it.
fn levels(count: u64, level: u8) -> Vec<u8> {
    let mut run = Vec::new();
    varint(count << 1, &mut run);
    run.push(level);
    [(run.len() as u32).to_le_bytes().to_vec(), run].concat()
}

/// A file of one column in one row group.
struct File {
    schema: Thrift,
    kind: i64,
    codec: i64,
    pages: Vec<Page>,
    values: i64,
    rows: i64,
}

impl File {
    fn of(kind: i64, rows: i64, pages: Vec<Page>) -> Self {
        Self { schema: List(vec![group("root", 1), leaf(kind)]), kind, codec: 0, pages, values: rows, rows }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"PAR1".to_vec();
        let mut first_data = None;
        for page in &self.pages {
            first_data = first_data.or((page.kind == 0).then_some(out.len() as i64));
            page.write(&mut out);
        }
        let size = out.len() as i64 - 4;
        let mut column = vec![
            (1, I32(self.kind)),
            (2, List(vec![I32(0)])),
            (3, List(vec![text("a")])),
            (4, I32(self.codec)),
            (5, I64(self.values)),
            (6, I64(size)),
            (7, I64(size)),
            (9, I64(first_data.unwrap_or(4))),
        ];
        if self.pages.first().is_some_and(|page| page.kind == 2) {
            column.push((11, I64(4)));
        }
        let chunk = Struct(vec![(2, I64(4)), (3, Struct(column))]);
        let group = Struct(vec![(1, List(vec![chunk])), (2, I64(size)), (3, I64(self.rows))]);
        close(out, &Struct(vec![(1, I32(1)), (2, self.schema.clone()), (3, I64(self.rows)), (4, List(vec![group]))]).bytes())
    }
}

/// A file that ends in this footer.
fn close(mut out: Vec<u8>, footer: &[u8]) -> Vec<u8> {
    out.extend(footer);
    out.extend((footer.len() as u32).to_le_bytes());
    out.extend(b"PAR1");
    out
}

fn footer(schema: Thrift, groups: Thrift) -> Vec<u8> {
    close(b"PAR1".to_vec(), &Struct(vec![(1, I32(1)), (2, schema), (3, I64(1)), (4, groups)]).bytes())
}

/// Name, bytes, and what the error has to say.
fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let gap = || Page::data(8 << 20, [levels(8 << 20, 0), vec![0]].concat());
    let claim = |decoded, values| Page { kind: 0, encoding: PLAIN, decoded, values, bytes: [levels(10, 0), vec![0]].concat() };
    let dictionary = |bytes: usize| {
        let value = [(bytes as u32).to_le_bytes().to_vec(), vec![b'x'; bytes]].concat();
        Page { kind: 2, encoding: PLAIN, decoded: value.len() as i64, values: 1, bytes: value }
    };
    let zeros = zstd::encode_all(&vec![0_u8; 200 << 20][..], 1).unwrap();
    // One value that is there: a bit width, then a run of the index 0.
    let all_equal = |count: u64| {
        let mut run = vec![1];
        varint(count << 1, &mut run);
        run.push(0);
        Page { encoding: INDICES, ..Page::data(count as i64, [levels(count, 1), run].concat()) }
    };
    let nested = |depth: usize, children: i64| {
        let mut elements: Vec<Thrift> = (0..depth).map(|_| group("g", children)).collect();
        elements.push(leaf(LONGS));
        List(elements)
    };
    vec![
        ("a page of 2 GiB", File::of(LONGS, 10, vec![claim(i64::from(i32::MAX), 10)]).bytes(), "whose size is 2147483647"),
        ("a page of a negative size", File::of(LONGS, 10, vec![claim(-1, 10)]).bytes(), "whose size is -1"),
        ("a page of 2^31 values", File::of(LONGS, 10, vec![claim(100, i64::from(i32::MAX))]).bytes(), "whose number of values is 2147483647"),
        (
            "a page of zeros, compressed",
            {
                let page = Page { kind: 0, encoding: PLAIN, decoded: 200 << 20, values: 8 << 20, bytes: zeros };
                File { codec: 6, ..File::of(LONGS, 8 << 20, vec![page]) }.bytes()
            },
            "",
        ),
        ("more rows than values", File::of(LONGS, i64::MAX, vec![gap()]).bytes(), "fewer rows than the file says"),
        ("pages of nothing but gaps", File::of(LONGS, 64 * (8 << 20), (0..64).map(|_| gap()).collect()).bytes(), "expands to more than"),
        ("a text of 1 MB, eight million times", File::of(TEXTS, 8 << 20, vec![dictionary(1 << 20), all_equal(8 << 20)]).bytes(), "expands to more than"),
        ("a schema 100,000 deep", footer(nested(100_000, 1), List(vec![])), "deeper than"),
        ("groups of 2^31 members", footer(nested(10, i64::from(i32::MAX)), List(vec![])), "more members than"),
        ("a list of 2^31 row groups", footer(List(vec![group("root", 1), leaf(LONGS)]), Claim(i64::from(i32::MAX) as u64)), "damaged"),
        ("a list of 2^62 row groups", footer(List(vec![group("root", 1), leaf(LONGS)]), Claim(1 << 62)), "damaged"),
        ("a schema of 2^31 elements", footer(Claim(i64::from(i32::MAX) as u64), List(vec![])), "damaged"),
        (
            "100,000 columns",
            {
                let mut elements = vec![group("root", 100_000)];
                elements.resize(100_001, leaf(LONGS));
                footer(List(elements), List(vec![]))
            },
            "100000 columns",
        ),
        ("a footer of 4 GiB", [&b"PAR1"[..], &u32::MAX.to_le_bytes(), b"PAR1"].concat(), "damaged"),
        ("a column chunk beyond the file", File { values: 1 << 40, ..File::of(LONGS, 1 << 40, vec![]) }.bytes(), ""),
    ]
}

/// Room for the test binary and what a page may hold, and far less than any of the files asks for.
const MOST_KIB: u64 = 3 << 20;
const PATIENCE: Duration = Duration::from_secs(120);
const VARIABLE: &str = "METACOT_TEST_BOMB";

#[test]
fn small_parquet_files_that_claim_much_end_in_an_error() {
    if let Ok(path) = env::var(VARIABLE) {
        return print_error(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Vec::new();
    for (name, bytes, expected) in bombs() {
        let path = folder.path().join("bomb.parquet");
        assert!(bytes.len() < 4 << 20, "{name}: {} bytes", bytes.len());
        fs::write(&path, bytes).unwrap();
        let begin = Instant::now();
        // A process of its own: neither an abort nor an overflow of the stack can hide, and its memory has a limit.
        let own = module_path!().split_once("::").map_or(module_path!(), |(_, own)| own);
        let arguments = ["--exact", &format!("{own}::small_parquet_files_that_claim_much_end_in_an_error"), "--nocapture"].map(str::to_string);
        let limited = format!("ulimit -v {MOST_KIB}; exec \"$0\" \"$@\"");
        let output = Command::new("sh").args(["-c", &limited]).arg(env::current_exe().unwrap()).args(arguments).env(VARIABLE, &path).output().unwrap();
        let took = begin.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        let error = said.lines().find_map(|line| line.split_once("bomb: ").map(|(_, error)| error)).unwrap_or_default();
        if !output.status.success() || error.is_empty() || !error.contains(expected) || took > PATIENCE {
            let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_string();
            failures.push(format!("{name}: {} after {took:?}: {error:?} {last}", output.status));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What reading a file ends with.
#[allow(clippy::print_stdout, reason = "a child tells its parent")]
fn print_error(path: &str) {
    let mut rows = 0_u64;
    let outcome = source::rows(path.as_ref(), &mut |place, row| {
        rows += 1;
        row.map(drop).map_err(|reason| metacot_traces::corpus::CorpusError::data(path.as_ref(), format!("{place}: {reason}")))
    });
    match outcome {
        Ok(()) => println!("bomb: "),
        Err(error) => println!("bomb: {error}"),
    }
}
