//! The little of HTTP/1.1 that a grader needs: heads of requests, and responses with a length.

use memchr::memmem;

/// The longest head of a request.
pub const MAX_HEAD: usize = 16 << 10;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `GET`, `POST` or another method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The length of the body in bytes.
    pub length: usize,
    /// The connection stays open behind the response.
    pub keeps_alive: bool,
    /// The client waits for a sign before it sends the body.
    pub expects_continue: bool,
}

/// A status with what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub u16, pub &'static str);

/// Reads a head from the front of what has arrived; gives it with its length in bytes, `None` while more has to arrive.
///
/// # Errors
/// The response that such bytes deserve.
pub fn read_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > MAX_HEAD { Err(Refusal(431, "the head is too long")) } else { Ok(None) };
    };
    if end > MAX_HEAD {
        return Err(Refusal(431, "the head is too long"));
    }
    let bad = Refusal(400, "not an HTTP request");
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| bad)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else { return Err(bad) };
    if method.is_empty() || !target.starts_with('/') || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(bad);
    }
    let path = target.split('?').next().unwrap_or_default();
    let mut head = Head { method: method.into(), path: path.into(), length: 0, keeps_alive: version == "HTTP/1.1", expects_continue: false };
    let mut length = None;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(bad)?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let stated = value.parse::<usize>().ok().filter(|_| is_number);
                if stated.is_none() || length.is_some_and(|other| Some(other) != stated) {
                    return Err(Refusal(400, "not a length of a body"));
                }
                length = stated;
            }
            "transfer-encoding" => return Err(Refusal(501, "bodies in chunks are not supported; send content-length")),
            "connection" if value.eq_ignore_ascii_case("close") => head.keeps_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => head.keeps_alive = true,
            "expect" if value.eq_ignore_ascii_case("100-continue") => head.expects_continue = true,
            "expect" => return Err(Refusal(417, "an expectation that cannot be met")),
            _ => {}
        }
    }
    head.length = length.unwrap_or(0);
    Ok(Some((head, end + 4)))
}

/// Appends a response.
pub fn write_response(status: u16, kind: &str, body: &[u8], keeps_alive: bool, out: &mut Vec<u8>) {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    };
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: {connection}\r\n\r\n", body.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let (head, length) = read_head(b"POST /grade?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde").unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str(), head.length, head.keeps_alive, length), ("POST", "/grade", 5, true, 56));
        assert_eq!(read_head(b"GET /healthz HT"), Ok(None));
        for (bytes, status) in [
            (&b"\r\n\r\n"[..], 400),
            (b"GET / HTTP/2\r\n\r\n", 400),
            (b"GET  / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nbroken\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
            (&[b'x'; MAX_HEAD + 1], 431),
            (b"GET / HTTP/1.1\r\n\xff: 1\r\n\r\n", 400),
        ] {
            assert_eq!(read_head(bytes).unwrap_err().0, status, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
