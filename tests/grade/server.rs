//! The grader over HTTP, spoken to by hand.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use metacot_grade::{Config, Grader, ServeConfig, serve};

const ROW: &str = r#"{"id":1,"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5+9"}"#;

fn with_server(config: ServeConfig, test: impl FnOnce(&dyn Fn() -> TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let grader = Grader::new(Config::new("countdown")).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&listener, &grader, &config, &stop));
        let connect = || {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&connect)));
        stop.store(true, Ordering::Release);
        server.join().unwrap().unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

fn exchange(mut stream: TcpStream, request: &[u8]) -> String {
    // A server may refuse and close before all was sent.
    let _ = stream.write_all(request);
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    String::from_utf8(response).unwrap()
}

fn post(body: &str) -> Vec<u8> {
    format!("POST /grade HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn rows_are_graded_and_health_is_told() {
    with_server(ServeConfig::default(), |connect| {
        let response = exchange(connect(), b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nok\n"), "{response}");
        let response = exchange(connect(), &post(&[ROW, "broken", ROW].join("\n")));
        let body = response.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(body.lines().count(), 3, "{response}");
        assert!(body.lines().next().unwrap().contains(r#""answer_correct":true"#) && body.lines().nth(1).unwrap().contains("error"), "{body}");
    });
}

#[test]
fn a_connection_serves_several_requests() {
    with_server(ServeConfig::default(), |connect| {
        let one = format!("POST /grade HTTP/1.1\r\nContent-Length: {}\r\n\r\n{ROW}", ROW.len());
        let requests = [one.repeat(3), "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".into()].concat();
        let response = exchange(connect(), requests.as_bytes());
        assert_eq!(response.matches("HTTP/1.1 200 OK").count(), 4, "{response}");
    });
}

#[test]
fn wrong_requests_are_refused() {
    let config = ServeConfig { max_body: 1000, timeout: Duration::from_millis(300), ..ServeConfig::default() };
    with_server(config, |connect| {
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"[..], "404"),
            (b"GET /grade HTTP/1.1\r\nConnection: close\r\n\r\n", "405"),
            (b"nonsense\r\n\r\n", "400"),
            (b"POST /grade HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413"),
            (b"POST /grade HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"),
            (b"POST /grade HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501"),
            (&[b'a'; 40_000], "431"),
            (b"POST /grade HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", "408"),
            (b"POST /gra", "408"),
        ] {
            let response = exchange(connect(), request);
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {response}");
        }
    });
}

#[test]
fn other_addresses_are_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let grader = Grader::new(Config::new("countdown")).unwrap();
    let error = serve(&listener, &grader, &ServeConfig::default(), &AtomicBool::new(true)).unwrap_err();
    assert!(error.to_string().contains("expected a loopback address"), "{error}");
}

#[test]
fn whatever_is_sent_the_next_request_is_served() {
    use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
    let pieces = [
        "POST /grade HTTP/1.1\r\n",
        "GET /healthz",
        " HTTP/1.1\r\n",
        "Content-Length: ",
        "content-length:",
        "5",
        "-1",
        "4097",
        "\r\n",
        "\r\n\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "\0",
        "\n",
        ": ",
        ROW,
        "{",
        "\u{ff}",
    ];
    let part =
        prop_oneof![4 => prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..40)];
    let request = prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat());
    let moment = Duration::from_millis(40);
    with_server(ServeConfig { max_body: 4096, timeout: moment, idle: moment, threads: 2, queue: 4 }, |connect| {
        let mut runner = TestRunner::deterministic();
        for _ in 0..300 {
            let bytes = request.new_tree(&mut runner).unwrap().current();
            let mut stream = connect();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut response = Vec::new();
            let _ = stream.read_to_end(&mut response);
            assert!(
                response.is_empty() || response.starts_with(b"HTTP/1.1 "),
                "{:?} for {:?}",
                String::from_utf8_lossy(&response),
                String::from_utf8_lossy(&bytes)
            );
        }
        let response = exchange(connect(), &post(ROW));
        assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains(r#""answer_correct":true"#), "{response}");
    });
}
