//! Rows over HTTP on this machine: `POST /grade` with JSON lines gives verdict lines, `GET /healthz` says that the server is up.
//!
//! Every request has a largest size and a deadline, every connection a thread of a fixed pool; a connection that finds none free within the
//! queue is refused with 503. There is no other state, and no asynchronous runtime.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{TrySendError, bounded};

use crate::{
    Grader, LineGrader,
    http::{Head, Refusal, read_head, write_response},
    stream::grade_lines,
};

/// The bounds of a server.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The longest body, in bytes.
    pub max_body: usize,
    /// How long a request may take to arrive, and a response to leave.
    pub timeout: Duration,
    /// How long a connection may stay silent between requests.
    pub idle: Duration,
    /// Connections that are served at the same time.
    pub threads: usize,
    /// Connections that may wait beyond those.
    pub queue: usize,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self { max_body: 16 << 20, timeout: Duration::from_secs(10), idle: Duration::from_secs(60), threads: 8, queue: 64 }
    }
}

const JSON_LINES: &str = "application/x-ndjson";
const TEXT: &str = "text/plain; charset=utf-8";
/// How soon `stop` is noticed.
const POLL: Duration = Duration::from_millis(50);

/// Serves until `stop` is set and the requests at work are answered.
///
/// # Errors
/// The listener is not on a loopback address, or it failed.
pub fn serve(listener: &TcpListener, grader: &Grader, config: &ServeConfig, stop: &AtomicBool) -> io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{address} is not allowed; expected a loopback address such as 127.0.0.1")));
    }
    let is_over = AtomicBool::new(false);
    let (connections_in, connections) = bounded::<TcpStream>(config.queue);
    thread::scope(|scope| {
        for _ in 0..config.threads.max(1) {
            let connections = connections.clone();
            let mut lines = grader.lines();
            scope.spawn(move || {
                for stream in connections {
                    // A connection that breaks concerns nobody else.
                    let _ = Connection { stream, config, stop, bytes: Vec::new() }.serve(&mut lines);
                }
            });
        }
        scope.spawn(|| wake_when_stopped(address, stop, &is_over));
        let connections_in = connections_in;
        let outcome = loop {
            if stop.load(Ordering::Acquire) {
                break Ok(());
            }
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => continue,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) || error.raw_os_error() == Some(24) => {
                    // Out of descriptors: some connection will end.
                    thread::sleep(POLL);
                    continue;
                }
                Err(error) => break Err(error),
            };
            if let Err(TrySendError::Full(mut stream)) = connections_in.try_send(stream) {
                let mut out = Vec::new();
                write_response(503, TEXT, b"too many connections\n", false, &mut out);
                let _ = stream.set_write_timeout(Some(POLL)).and_then(|()| stream.write_all(&out));
            }
        };
        is_over.store(true, Ordering::Release);
        outcome
    })
}

/// Ends a waiting `accept` by a connection to it.
fn wake_when_stopped(address: SocketAddr, stop: &AtomicBool, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Acquire) {
        thread::sleep(POLL);
        if stop.load(Ordering::Acquire) {
            let _ = TcpStream::connect_timeout(&address, POLL);
        }
    }
}

struct Connection<'a> {
    stream: TcpStream,
    config: &'a ServeConfig,
    stop: &'a AtomicBool,
    bytes: Vec<u8>,
}

impl Connection<'_> {
    fn serve(mut self, lines: &mut LineGrader) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(self.config.timeout))?;
        while self.wait()? {
            let deadline = Instant::now() + self.config.timeout;
            let mut out = Vec::new();
            let goes_on = match self.request(deadline) {
                Ok((head, body)) => {
                    let keeps_alive = head.keeps_alive && !self.stop.load(Ordering::Acquire);
                    answer(&head, &body, keeps_alive, lines, &mut out);
                    keeps_alive
                }
                Err(Ending::Refused(Refusal(status, reason))) => {
                    write_response(status, TEXT, format!("{reason}\n").as_bytes(), false, &mut out);
                    false
                }
                Err(Ending::Broken(error)) => return Err(error),
            };
            self.stream.write_all(&out)?;
            if !goes_on {
                return self.close();
            }
        }
        Ok(())
    }

    /// Waits for the first byte of a request; `false` where none comes.
    fn wait(&mut self) -> io::Result<bool> {
        let deadline = Instant::now() + self.config.idle;
        while self.bytes.is_empty() {
            if self.stop.load(Ordering::Acquire) || Instant::now() >= deadline {
                return Ok(false);
            }
            match self.read(POLL) {
                Ok(0) => return Ok(false),
                Err(error) if !is_timeout(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(true)
    }

    /// Reads a request; what arrived beyond it stays for the next.
    fn request(&mut self, deadline: Instant) -> Result<(Head, Vec<u8>), Ending> {
        let (head, start) = loop {
            match read_head(&self.bytes)? {
                Some(found) => break found,
                None => self.more(deadline)?,
            }
        };
        if head.length > self.config.max_body {
            return Err(Refusal(413, "the body is too long").into());
        }
        if head.expects_continue {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.bytes.len() < start + head.length {
            self.more(deadline)?;
        }
        let rest = self.bytes.split_off(start + head.length);
        let mut body = std::mem::replace(&mut self.bytes, rest);
        body.drain(..start);
        Ok((head, body))
    }

    fn more(&mut self, deadline: Instant) -> Result<(), Ending> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Refusal(408, "the request took too long").into());
        }
        match self.read(left) {
            Ok(0) => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(_) => Ok(()),
            Err(error) if is_timeout(&error) => Err(Refusal(408, "the request took too long").into()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self, patience: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(patience))?;
        let mut space = [0; 64 << 10];
        let count = self.stream.read(&mut space)?;
        self.bytes.extend_from_slice(&space[..count]);
        Ok(count)
    }

    /// Ends the connection such that the response arrives: what the client is still sending is read and dropped for a moment.
    fn close(mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)?;
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            self.bytes.clear();
            match self.read(POLL) {
                Ok(0) => return Ok(()),
                Err(error) if !is_timeout(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Why a request is not answered with verdicts.
enum Ending {
    Refused(Refusal),
    Broken(io::Error),
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn answer(head: &Head, body: &[u8], keeps_alive: bool, lines: &mut LineGrader, out: &mut Vec<u8>) {
    match (head.method.as_str(), head.path.as_str()) {
        ("GET" | "HEAD", "/healthz") => write_response(200, TEXT, if head.method == "GET" { b"ok\n" } else { b"" }, keeps_alive, out),
        ("POST", "/grade") => {
            let mut verdicts = Vec::new();
            grade_lines(lines, body, &mut verdicts);
            write_response(200, JSON_LINES, &verdicts, keeps_alive, out);
        }
        (_, "/healthz" | "/grade") => write_response(405, TEXT, b"expected GET /healthz or POST /grade\n", keeps_alive, out),
        _ => write_response(404, TEXT, b"expected GET /healthz or POST /grade\n", keeps_alive, out),
    }
}
