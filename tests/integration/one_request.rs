//! The request of Adobe's tutorial, field by field, as it crosses the wire.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::workspace::Workspace;

/// The manifest of the tutorial's window.
const TUTORIAL: &str = "version: 1
flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
sandbox: prod
source: table
deltaColumn: { name: DOB }
reason: the tutorial
runs:
  - { windowStartTime: 1651584991, windowEndTime: 1651585956, startTime: 2100-01-01T00:00:00Z }
";

/// A request as it was sent.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Answers one request with `answer` and gives what it was.
fn serve_one(listener: &TcpListener, answer: &str) -> Request {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let (head, length) = loop {
        let read = stream.read(&mut buffer).expect("a request");
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if bytes.len() >= head.len() + 4 + length {
            break (head.to_owned(), length);
        }
    };
    let body = &bytes[head.len() + 4..head.len() + 4 + length];
    write!(
        stream,
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
    .expect("the answer is read");
    let mut lines = head.lines();
    Request {
        line: lines.next().expect("a request line").to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: serde_json::from_slice(body).expect("a JSON body"),
    }
}

fn sent(config: &str) -> Request {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut workspace = Workspace::new();
    workspace.write("manifests/tutorial.yaml", TUTORIAL);
    workspace.write("backfill.yaml", config);
    let port = listener.local_addr().expect("it listens").port();
    workspace.sign_in(&format!("http://127.0.0.1:{port}"));
    let server = std::thread::spawn(move || {
        serve_one(
            &listener,
            r#"{"items":[{"id":"65b7cfcc-6b2e-47c8-8194-13005b792752","etag":"\"1100c53e\""}]}"#,
        )
    });
    let ran = workspace.run("apply --yes --no-preflight").exits(0);
    assert!(
        ran.stderr
            .contains("run 65b7cfcc-6b2e-47c8-8194-13005b792752"),
        "{}",
        ran.stderr
    );
    server.join().expect("one request came")
}

#[test]
fn the_request_is_the_tutorials_to_the_letter() {
    let request = sent("version: 1\n");
    assert_eq!(
        request.line,
        "POST /data/foundation/flowservice/runs HTTP/1.1"
    );
    for (name, value) in [
        ("authorization", "Bearer a-token"),
        ("x-api-key", "our-key"),
        ("x-gw-ims-org-id", "5C13@AdobeOrg"),
        ("x-sandbox-name", "prod"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("x-sandbox-id"), None);
    assert_eq!(
        request.body,
        json!({
            "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
            "params": {
                "startTime": "4102444800",
                "windowStartTime": "1651584991",
                "windowEndTime": "1651585956",
                "deltaColumn": { "name": "DOB" }
            }
        })
    );
}

#[test]
fn timestamps_are_integers_where_the_config_says_so() {
    let request = sent("version: 1\nwire: { timestamps: integer }\n");
    assert_eq!(request.body["params"]["windowStartTime"], 1_651_584_991);
    assert_eq!(request.body["params"]["startTime"], 4_102_444_800_i64);
}

#[test]
fn the_plan_of_the_tutorials_window_has_the_contracts_key() {
    let workspace = Workspace::new();
    workspace.write("manifests/tutorial.yaml", TUTORIAL);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["format"], "plan/v2");
    let run = &plan["runs"][0];
    assert_eq!(
        run["key"],
        "b75f22b6087c600831883b81bb491a5fc870b4e583b3eed4ed66285eb3f3e612"
    );
    assert_eq!(run["action"], "create");
    assert_eq!(run["windowStartTime"], 1_651_584_991);
    assert_eq!(run["windowEnd"], "2022-05-03T13:52:36Z");
    assert_eq!(run["line"], 8);
}
