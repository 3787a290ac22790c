//! Data on stdout.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    process::exit,
};

use crate::Error;

/// Writes a line.
pub(super) fn line(text: Arguments<'_>) {
    finish(writeln!(io::stdout().lock(), "{text}"));
}

/// Writes text as it is.
pub(super) fn text(text: Arguments<'_>) {
    finish(io::stdout().lock().write_fmt(text));
}

/// Ends the program where the reader has seen enough, and where stdout cannot be written.
fn finish(outcome: io::Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            let error = Error::io("cannot write", "stdout")(error);
            eprintln!("error: {error}");
            exit(error.exit_code().into());
        }
    }
}
