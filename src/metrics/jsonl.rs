//! `metrics.jsonl`: one JSON object a line, `{"step": 10, "split": "train", "loss": 0.5}`, flushed line by line.
//!
//! A process that is killed while it writes leaves a torn last line. Reading ignores it, and [`JsonlWriter::resume`] cuts it off.
//! A number that is not finite is written as `null` and read back as not-a-number.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The metrics of one split at one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Optimizer steps done.
    pub step: u64,
    /// Which data the metrics were measured on, such as `train` or `val`.
    pub split: String,
    /// Value of each metric by name; names `step` and `split` are taken.
    pub values: BTreeMap<String, f64>,
}

impl Row {
    /// A row without values.
    pub fn new(step: u64, split: impl Into<String>) -> Self {
        Self { step, split: split.into(), values: BTreeMap::new() }
    }

    /// The same with one more metric.
    pub fn with(mut self, name: impl Into<String>, value: f64) -> Self {
        self.values.insert(name.into(), value);
        self
    }

    fn to_line(&self) -> io::Result<String> {
        // Written by hand so that `step` and `split` come first whatever the map of serde_json does with order.
        let mut line = format!("{{\"step\":{},\"split\":{}", self.step, serde_json::to_string(&self.split)?);
        for (name, value) in &self.values {
            if name == "step" || name == "split" {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a metric cannot be named {name}")));
            }
            line.push_str(&format!(",{}:{}", serde_json::to_string(name)?, serde_json::to_string(value)?));
        }
        line.push_str("}\n");
        Ok(line)
    }

    fn from_line(line: &[u8]) -> std::result::Result<Self, String> {
        let mut object: Map<String, Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let step = object.remove("step").and_then(|step| step.as_u64()).ok_or("no whole number `step`")?;
        let Some(Value::String(split)) = object.remove("split") else { return Err("no text `split`".into()) };
        let mut values = BTreeMap::new();
        for (name, value) in object {
            let number = match value {
                Value::Null => f64::NAN,
                value => value.as_f64().ok_or_else(|| format!("metric {name} is {value}, not a number"))?,
            };
            values.insert(name, number);
        }
        Ok(Self { step, split, values })
    }
}

/// Appends rows to a `metrics.jsonl`.
#[derive(Debug)]
pub struct JsonlWriter {
    path: PathBuf,
    file: File,
}

impl JsonlWriter {
    /// Starts an empty file, in place of what is there.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::create(&path).map_err(Error::io("cannot write", &path))?;
        Ok(Self { path, file })
    }

    /// Goes on with a file after a stop: a torn last line and every row beyond `last_step` (the step of the checkpoint that training
    /// resumes from) are cut off, the bytes before stay as they are. A missing file is begun.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or written, [`Error::Data`] when a whole line is not a row.
    pub fn resume(path: impl AsRef<Path>, last_step: u64) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(Error::io("cannot write", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io("cannot read", &path))?;
        let mut kept = 0;
        for (number, line) in whole_lines(&bytes).enumerate() {
            if parse_line(&path, number, line)?.is_some_and(|row| row.step > last_step) {
                break;
            }
            kept += line.len() + 1;
        }
        file.set_len(kept as u64).map_err(Error::io("cannot write", &path))?;
        Ok(Self { path, file })
    }

    /// Appends `row` in one system call, so that only the last line can ever be torn.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full, or a metric is named `step` or `split`.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        row.to_line().and_then(|line| self.file.write_all(line.as_bytes())).map_err(Error::io("cannot write", &self.path))
    }

    /// Waits until everything appended is on the disk; call it before a checkpoint that counts on it.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("cannot write", &self.path))
    }
}

/// The rows of a `metrics.jsonl`, without a torn last line.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Data`] when a whole line is not a row.
pub fn read_rows(path: impl AsRef<Path>) -> Result<Vec<Row>> {
    let path = path.as_ref();
    parse_rows(path, &std::fs::read(path).map_err(Error::io("cannot read", path))?)
}

/// The rows in the `bytes` of a `metrics.jsonl`, without a torn last line; `path` is for the message of an error.
///
/// # Errors
/// [`Error::Data`] when a whole line is not a row.
pub fn parse_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>> {
    whole_lines(bytes).enumerate().filter_map(|(number, line)| parse_line(path, number, line).transpose()).collect()
}

/// Lines that end, without their ends; the torn one after the last end is not among them.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// The row of a line, `None` for a blank line.
fn parse_line(path: &Path, number: usize, line: &[u8]) -> Result<Option<Row>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    Row::from_line(line).map(Some).map_err(|reason| Error::data(path, format!("line {}: {reason}", number + 1)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn rows() -> Vec<Row> {
        vec![Row::new(1, "train").with("loss", 2.5).with("accuracy", 0.1), Row::new(1, "val").with("loss", 3.0), Row::new(2, "train").with("loss", 1e-7)]
    }

    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("metrics.jsonl");
        let mut writer = JsonlWriter::create(&path).unwrap();
        rows().iter().for_each(|row| writer.append(row).unwrap());
        writer.sync().unwrap();
        path
    }

    #[test]
    fn lines_read_back_as_the_rows_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
        {"step":1,"split":"train","accuracy":0.1,"loss":2.5}
        {"step":1,"split":"val","loss":3.0}
        {"step":2,"split":"train","loss":1e-7}
        "#);
        assert_eq!(read_rows(&path).unwrap(), rows());
    }

    #[test]
    fn a_file_cut_anywhere_reads_and_resumes_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let kept = read_rows(&path).unwrap();
            assert_eq!(kept, rows()[..kept.len()]);
            let mut writer = JsonlWriter::resume(&path, 2).unwrap();
            rows()[kept.len()..].iter().for_each(|row| writer.append(row).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn rows_beyond_the_checkpoint_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        JsonlWriter::resume(&path, 1).unwrap();
        assert_eq!(read_rows(&path).unwrap(), rows()[..2]);
    }

    #[test]
    fn what_is_not_a_number_comes_back_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let mut writer = JsonlWriter::resume(&path, 0).unwrap();
        writer.append(&Row::new(0, "a \"quoted\"\nsplit").with("loss", f64::INFINITY)).unwrap();
        let rows = read_rows(&path).unwrap();
        assert!(rows[0].values["loss"].is_nan() && rows[0].split.contains('\n'));
        assert!(writer.append(&Row::new(0, "x").with("step", 1.0)).is_err());
    }

    #[test]
    fn damage_in_the_middle_is_named_by_its_line() {
        let bytes = b"{\"step\":1,\"split\":\"train\"}\nrubbish\n{\"step\":2,\"split\":\"train\"}\n";
        let message = parse_rows(Path::new("m.jsonl"), bytes).unwrap_err().to_string();
        assert!(message.starts_with("m.jsonl: line 2: "), "{message}");
        assert!(parse_rows(Path::new("m"), b"{\"step\":-1,\"split\":\"a\"}\n").is_err());
        assert!(parse_rows(Path::new("m"), b"{\"step\":1,\"split\":\"a\",\"loss\":\"x\"}\n").is_err());
    }
}
