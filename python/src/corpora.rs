//! Corpora as streams of JSON lines, made or read by a thread of their own, and as folders.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use metacot_layouts::{Bytes, Encoder, Folder, FolderSink, FolderSpec, Layout, QUESTION, read, read_file};
use metacot_traces::{
    Budget,
    corpus::{CorpusError, CorpusSink, Files, Layout as Encoding, Record, Sink, WriterSpec},
    generate::{Job, Shard, Spec, generate_into},
    settings::{Names, share_out},
    task,
};
use pyo3::{prelude::*, types::PyBytes};
use serde_json::json;

use crate::{
    error::{raise, refuse},
    grading::settings_of,
};

/// Bytes of JSON lines that are handed over at a time.
const PIECE: usize = 1 << 18;
/// Pieces that wait: memory does not grow with the corpus.
const WAITING: usize = 4;
/// How soon an interrupt is noticed.
const POLL: Duration = Duration::from_millis(100);

type Piece = Result<Vec<u8>, CorpusError>;

/// Records as pieces of JSON lines.
#[pyclass(frozen, module = "metacot._native")]
pub(crate) struct Records {
    pieces: Mutex<Option<Receiver<Piece>>>,
}

#[pymethods]
impl Records {
    /// The records of a run, by its spec as JSON: see [`spec`].
    #[staticmethod]
    fn generate(spec: &str, threads: usize) -> PyResult<Self> {
        let job = job(spec, PathBuf::new(), threads, false)?;
        Ok(Self::spawn(move |pieces| {
            let mut sink = Pieces { pieces: pieces.clone(), piece: Vec::new() };
            generate_into(&job, &mut sink, &mut |_| {})?;
            sink.flush()
        }))
    }

    /// The records of a corpus, or of a file of records.
    #[staticmethod]
    fn read(path: PathBuf) -> PyResult<Self> {
        std::fs::metadata(&path).map_err(CorpusError::io("cannot read", &path)).map_err(raise)?;
        Ok(Self::spawn(move |pieces| {
            let mut sink = Pieces { pieces: pieces.clone(), piece: Vec::new() };
            each(&path, &mut |record| {
                serde_json::to_writer(&mut sink.piece, &record).expect("a record is plain data");
                sink.piece.push(b'\n');
                if sink.piece.len() >= PIECE { sink.flush() } else { Ok(()) }
            })?;
            sink.flush()
        }))
    }

    /// The next piece; `None` after the last.
    fn piece<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        loop {
            let next = py.detach(|| {
                let pieces = self.pieces.lock().expect("nothing panics here");
                pieces.as_ref().map_or(Err(RecvTimeoutError::Disconnected), |pieces| pieces.recv_timeout(POLL))
            });
            match next {
                Ok(piece) => return piece.map(|piece| Some(PyBytes::new(py, &piece))).map_err(raise),
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// Ends the thread that makes or reads them.
    fn close(&self) {
        self.pieces.lock().expect("nothing panics here").take();
    }
}

impl Records {
    fn spawn(work: impl FnOnce(&Sender<Piece>) -> Result<(), CorpusError> + Send + 'static) -> Self {
        let (pieces_in, pieces) = bounded(WAITING);
        thread::spawn(move || {
            if let Err(error) = work(&pieces_in) {
                // Nobody listens where the reader has gone.
                let _ = pieces_in.send(Err(error));
            }
        });
        Self { pieces: Mutex::new(Some(pieces)) }
    }
}

/// Hands on what a run encodes.
struct Pieces {
    pieces: Sender<Piece>,
    piece: Vec<u8>,
}

impl Pieces {
    fn flush(&mut self) -> Result<(), CorpusError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(std::mem::take(&mut self.piece))).map_err(|_| CorpusError::Usage("the reader has gone".into()))
    }
}

impl Sink for Pieces {
    fn begin(&mut self, _: Files) -> Result<(), CorpusError> {
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], _: u64) -> Result<(), CorpusError> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn count(&mut self, _: &str, _: u64) {}

    fn end_file(&mut self) -> Result<(), CorpusError> {
        self.flush()
    }
}

/// A sink that takes nothing more once somebody said stop.
struct Stoppable<'a> {
    sink: &'a mut dyn Sink,
    stop: &'a Receiver<()>,
}

impl Sink for Stoppable<'_> {
    fn begin(&mut self, files: Files) -> Result<(), CorpusError> {
        self.sink.begin(files)
    }

    fn append(&mut self, bytes: &[u8], records: u64) -> Result<(), CorpusError> {
        if self.stop.try_recv() == Err(crossbeam::channel::TryRecvError::Disconnected) {
            return Err(CorpusError::Usage("interrupted".into()));
        }
        self.sink.append(bytes, records)
    }

    fn count(&mut self, name: &str, count: u64) {
        self.sink.count(name, count);
    }

    fn end_file(&mut self) -> Result<(), CorpusError> {
        self.sink.end_file()
    }
}

/// Generates a corpus into a folder, as `metacot generate` does, and returns its manifest as JSON.
#[pyfunction]
#[pyo3(signature = (spec, out, layout="parquet", ground_truth=None, threads=1, force=false))]
pub(crate) fn generate(py: Python<'_>, spec: &str, out: PathBuf, layout: &str, ground_truth: Option<&str>, threads: usize, force: bool) -> PyResult<String> {
    let mut job = job(spec, out, threads, force)?;
    let own = layout.parse::<Encoding>().ok();
    let other = match own {
        Some(encoding) => {
            job.layout = encoding;
            None
        }
        None => Some(parse_layout(layout, ground_truth)?),
    };
    let run = move |stop: &Receiver<()>| -> Result<String, CorpusError> {
        let manifest = match other {
            None => {
                let mut sink = CorpusSink::new(own_corpus(&job));
                generate_into(&job, &mut Stoppable { sink: &mut sink, stop }, &mut |_| {})?;
                serde_json::to_string(&sink.finish()?)
            }
            Some(layout) => {
                let config = serde_json::to_value(&job.spec).expect("a spec is plain data");
                let mut sink = FolderSink::new(FolderSpec { folder: job.out.clone(), layout, config, force, numbering: None, shard: None });
                generate_into(&job, &mut Stoppable { sink: &mut sink, stop }, &mut |_| {})?;
                serde_json::to_string(&sink.finish()?)
            }
        };
        Ok(manifest.expect("a manifest is plain data"))
    };
    let (stop_in, stop) = bounded(0);
    let (done_in, done) = bounded(1);
    let worker = thread::spawn(move || {
        // The caller waits for it, or has gone.
        let _ = done_in.send(run(&stop));
    });
    loop {
        match py.detach(|| done.recv_timeout(POLL)) {
            Ok(outcome) => return outcome.map_err(raise),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(interrupt) = py.check_signals() {
                    drop(stop_in);
                    // Files are not left half-written behind the caller's back.
                    let _ = py.detach(|| worker.join());
                    return Err(interrupt);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Err(refuse("the generator ended without a word")),
        }
    }
}

/// A corpus of our own in the job's folder, the same as that of the command line.
fn own_corpus(job: &Job) -> WriterSpec {
    let config = serde_json::to_value(&job.spec).expect("a spec is plain data");
    let prefix = job.spec.split.name().into();
    WriterSpec { folder: job.out.clone(), layout: job.layout, prefix, files: 0..0, num_files: 0, shard: Shard::WHOLE, config, force: job.force }
}

/// Writes the records of a corpus, or of a file of records, as one Parquet folder.
#[pyfunction]
pub(crate) fn to_parquet(py: Python<'_>, path: PathBuf, out: PathBuf) -> PyResult<()> {
    let layout = parse_layout("parquet", None)?;
    py.detach(|| {
        let mut folder = Folder::create(FolderSpec { folder: out, layout, config: json!(null), force: false, numbering: None, shard: None })?;
        each(&path, &mut |record| folder.push(record))?;
        folder.finish().map(drop)
    })
    .map_err(raise)
}

fn each(path: &Path, take: &mut dyn FnMut(Record) -> Result<(), CorpusError>) -> Result<(), CorpusError> {
    if path.is_dir() { read(path, take).map(drop) } else { read_file(path, take) }
}

fn parse_layout(name: &str, ground_truth: Option<&str>) -> PyResult<Layout> {
    let encoder: Arc<dyn Encoder> = Arc::new(Bytes);
    Layout::parse(name, ground_truth, &encoder).map_err(refuse)
}

/// The run of a spec: a JSON object with the options of `metacot generate`, its `settings` as pairs.
fn job(text: &str, out: PathBuf, threads: usize, force: bool) -> PyResult<Job> {
    let given: serde_json::Value = serde_json::from_str(text).map_err(refuse)?;
    let word = |name: &str| given[name].as_str();
    let pairs = |name: &str| -> PyResult<_> { Ok(settings_of(serde_json::from_value(given[name].clone()).map_err(refuse)?)) };
    let (env, search, format) = (word("env").unwrap_or("countdown"), word("search").unwrap_or("dfs"), word("format").unwrap_or("sos"));
    if env == QUESTION {
        return Err(refuse(format!("environment `{QUESTION}` has no generator")));
    }
    let transform = word("transform").unwrap_or("none");
    let parts = share_out(Names { env, size: word("difficulty"), search, format, transform }, &pairs("settings")?).map_err(raise)?;
    let plain = Spec::new(env, search, format);
    let spec = Spec {
        difficulty: parts.difficulty,
        search_settings: parts.search,
        format_settings: parts.format,
        transform: transform.into(),
        transform_settings: parts.transform,
        loss: word("loss").unwrap_or("response").parse().map_err(refuse)?,
        budget: Budget { expansions: given["expansions"].as_u64().unwrap_or(Budget::default().expansions).max(1), ..Budget::default() },
        split: word("split").unwrap_or("train").parse().map_err(refuse)?,
        hold_out: pairs("hold_out")?,
        distinct: given["distinct"].as_bool().unwrap_or(false),
        count: given["count"].as_u64().unwrap_or(0),
        seed: given["seed"].as_u64().unwrap_or(1),
        ..plain
    };
    // What is not allowed is said before any work is done.
    task::open(&spec).map_err(raise)?;
    Ok(Job { spec, out, layout: FolderSink::ENCODING, threads: threads.max(1), shard: Shard::WHOLE, force })
}
