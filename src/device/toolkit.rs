//! What kernels of a GPU are compiled with at run time: NVIDIA's compiler library NVRTC and the headers of CUDA. burn panics in the middle of the first
//! operation where either is missing, so they are looked for before.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where burn looks for CUDA unless `CUDA_PATH` says where it is: what is there, and the folder that then counts.
const PLACES: [(&str, &str); 3] = [("/usr/local/cuda", "/usr/local/cuda"), ("/opt/cuda", "/opt/cuda"), ("/usr/bin/nvcc", "/usr")];

/// The same on Windows.
const WINDOWS: &str = "C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/";

/// Headers that kernels include, each of another of NVIDIA's wheels; one of its places is enough.
const HEADERS: [&[&str]; 3] = [&["include/cuda_runtime.h"], &["include/crt/mma.h"], &["include/cuda/barrier", "include/cccl/cuda/barrier"]];

/// Checks that kernels can be compiled: `has_nvrtc` says whether the library loads, `cuda_path` is the variable of that name.
///
/// # Errors
/// What is missing, and how to get it.
pub(super) fn check(has_nvrtc: bool, cuda_path: Option<&str>, exists: impl Fn(&Path) -> bool) -> Result<()> {
    let mut missing = Vec::new();
    if !has_nvrtc {
        missing.push("the library libnvrtc was not found".to_owned());
    }
    match folder(cuda_path, &exists) {
        None => missing.push("the headers of CUDA were not found, in /usr/local/cuda, in /opt/cuda or by CUDA_PATH".to_owned()),
        Some(folder) => {
            let is_there = |places: &&[&str]| places.iter().any(|place| exists(&folder.join(place)));
            missing.extend(HEADERS.iter().filter(|places| !is_there(places)).map(|places| format!("there is no {}", folder.join(places[0]).display())));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Device(format!(
        "kernels of a GPU are compiled at run time, and {}; install the CUDA toolkit, or nvidia-cuda-nvrtc, nvidia-cuda-runtime, nvidia-cuda-crt and nvidia-cuda-cccl \
         from PyPI with LD_LIBRARY_PATH and CUDA_PATH set to them, as benches/gpu.sh does; or use --device cpu",
        missing.join("; ")
    )))
}

/// The folder that burn takes the headers from.
fn folder(cuda_path: Option<&str>, exists: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    if let Some(path) = cuda_path {
        return Some(path.into());
    }
    if cfg!(windows) {
        return Some(WINDOWS.into());
    }
    PLACES.iter().find(|(sign, _)| exists(Path::new(sign))).map(|(_, folder)| folder.into())
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    fn said(has_nvrtc: bool, cuda_path: Option<&str>, there: &[String]) -> String {
        let outcome = check(has_nvrtc, cuda_path, |path| there.iter().any(|there| Path::new(there) == path));
        match outcome {
            Ok(()) => String::new(),
            Err(error) => {
                assert_eq!(error.exit_code(), 6);
                let text = error.to_string();
                let (missing, remedy) = text.split_once("; install ").unwrap();
                assert!(remedy.contains("nvidia-cuda-nvrtc") && remedy.ends_with("or use --device cpu"), "{remedy}");
                missing.strip_prefix("kernels of a GPU are compiled at run time, and ").unwrap().to_owned()
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let under = |sign: &str, folder: &str, target: &str| -> Vec<String> {
            let headers = ["cuda_runtime.h", "crt/mma.h", target];
            std::iter::once(sign.to_owned()).chain(headers.map(|header| format!("{folder}/include/{header}"))).collect()
        };
        let toolkit = under("/usr/local/cuda", "/usr/local/cuda", "cuda/barrier");
        let distribution = under("/usr/bin/nvcc", "/usr", "cuda/barrier");
        let wheels = under("/w", "/w", "cccl/cuda/barrier");
        assert_eq!(said(true, None, &toolkit), "");
        assert_eq!(said(true, None, &distribution), "");
        assert_eq!(said(true, Some("/w"), &wheels), "");
        let nothing = "the headers of CUDA were not found, in /usr/local/cuda, in /opt/cuda or by CUDA_PATH";
        assert_eq!(said(true, None, &wheels), nothing);
        assert_eq!(said(false, None, &[]), format!("the library libnvrtc was not found; {nothing}"));
        assert_eq!(said(false, None, &toolkit), "the library libnvrtc was not found");
        // The variable counts alone, whatever else there is.
        assert!(said(true, Some("/x"), &toolkit).starts_with("there is no /x/include/cuda_runtime.h; "));
        assert_eq!(said(true, Some("/w"), &wheels[..2]), "there is no /w/include/crt/mma.h; there is no /w/include/cuda/barrier");
    }
}
