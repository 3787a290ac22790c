//! Rows of JSON in, verdict rows of JSON out.

use metacot_envs::{Difficulty, Settings};
use metacot_grade::{AuditConfig, Config, Extraction, Mode, audit_stream, grade_stream, graders};
use pyo3::{prelude::*, types::PyBytes};

use crate::error::refuse;

/// A verifier of the answers to one environment's problems.
#[pyclass(frozen, module = "metacot._native")]
pub(crate) struct Grader {
    grader: metacot_grade::Grader,
}

#[pymethods]
impl Grader {
    #[new]
    #[pyo3(signature = (env, mode="strict", extract="auto", format=None, difficulty=None, settings=Vec::new(), grader=None, oracle=false))]
    #[allow(clippy::too_many_arguments, reason = "named in Python")]
    fn new(
        env: &str,
        mode: &str,
        extract: &str,
        format: Option<String>,
        difficulty: Option<String>,
        settings: Vec<(String, String)>,
        grader: Option<&str>,
        oracle: bool,
    ) -> PyResult<Self> {
        let of = |name: &str, value: &str, allowed: &[&str]| refuse(format!("{name} = `{value}` is not allowed; expected one of {}", allowed.join(", ")));
        let config = Config {
            difficulty: Difficulty { size: difficulty, settings: settings_of(settings) },
            format,
            mode: Mode::from_name(mode).ok_or_else(|| of("mode", mode, &Mode::NAMES))?,
            extraction: Extraction::from_name(extract).ok_or_else(|| of("extract", extract, &Extraction::NAMES))?,
            grader: grader.map(serde_json::from_str::<graders::Spec>).transpose().map_err(|error| refuse(format!("grader: {error}")))?,
            asks_oracle: oracle,
            ..Config::new(env)
        };
        Ok(Self { grader: metacot_grade::Grader::new(config).map_err(refuse)? })
    }

    /// Grades JSON lines; one line of output a row, in order.
    #[pyo3(signature = (rows, threads=1))]
    fn grade<'py>(&self, py: Python<'py>, rows: &[u8], threads: usize) -> PyResult<Bound<'py, PyBytes>> {
        let mut out = Vec::new();
        py.detach(|| grade_stream(&self.grader, rows, &mut out, threads))?;
        Ok(PyBytes::new(py, &out))
    }
}

/// Audits JSON lines; the rows of output, and the totals as JSON.
#[pyfunction]
#[pyo3(signature = (rows, env=None, format=None, difficulty=None, settings=Vec::new(), transform=None, threads=1))]
#[allow(clippy::too_many_arguments, reason = "named in Python")]
pub(crate) fn audit<'py>(
    py: Python<'py>,
    rows: &[u8],
    env: Option<String>,
    format: Option<String>,
    difficulty: Option<String>,
    settings: Vec<(String, String)>,
    transform: Option<String>,
    threads: usize,
) -> PyResult<(Bound<'py, PyBytes>, String)> {
    let difficulty = Difficulty { size: difficulty, settings: settings_of(settings) };
    let config = AuditConfig { env, difficulty, format, format_settings: Settings::default(), transform };
    let mut out = Vec::new();
    let total = py.detach(|| audit_stream(&config, rows, &mut out, threads)).map_err(refuse)?;
    Ok((PyBytes::new(py, &out), serde_json::to_string(&total).expect("totals are plain data")))
}

/// Settings by name.
pub(crate) fn settings_of(pairs: Vec<(String, String)>) -> Settings {
    pairs.into_iter().fold(Settings::default(), |settings, (name, value)| settings.with(name, value))
}
