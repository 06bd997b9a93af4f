//! Over a real socket: what no answer at all looks like, and many callers at once.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::{Emulator, Options, RequestKind, Scenario};
use super::{FILE, file_run, flows};

async fn emulator(yaml: &str) -> Emulator {
    let options = Options {
        flows: flows(),
        scenario: Scenario::of(yaml),
        ..Options::default()
    };
    Emulator::start(options).await.expect("an emulator")
}

fn client() -> reqwest::Client {
    crate::tls::install_provider();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = builder.retry(reqwest::retry::never());
    builder.build().expect("a client")
}

fn create(client: &reqwest::Client, url: &str, window: (i64, i64)) -> reqwest::RequestBuilder {
    client
        .post(format!("{url}/data/foundation/flowservice/runs"))
        .bearer_auth("any")
        .header("x-api-key", "k")
        .header("x-gw-ims-org-id", "o@AdobeOrg")
        .header("x-sandbox-name", "prod")
        .header("content-type", "application/json")
        .body(file_run(window).to_string())
}

#[tokio::test]
async fn a_reset_before_the_store_and_one_after_it_look_the_same_and_are_not() {
    for (when, stored) in [("before", 0), ("after", 1)] {
        let emulator = emulator(&format!(
            "faults: [{{ on: createRun, calls: [1], do: {{ reset: {when} }} }}]"
        ))
        .await;
        let client = client();
        let error = create(&client, &emulator.url(), (0, 1)).send().await;
        let error = error.expect_err("a reset");
        assert!(!error.is_connect() && error.status().is_none(), "{error:?}");
        assert_eq!(emulator.ledger().stored.len(), stored, "{when}");
        let again = create(&client, &emulator.url(), (0, 1)).send().await;
        assert_eq!(again.expect("an answer").status(), 201);
        assert_eq!(emulator.ledger().stored.len(), stored + 1, "{when}");
        emulator.stop().await;
    }
}

async fn raw_create(emulator: &Emulator) -> (std::io::Result<usize>, Vec<u8>) {
    let body = file_run((0, 1)).to_string();
    let request = format!(
        "POST /data/foundation/flowservice/runs/ HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer any\r\nx-api-key: k\r\nx-gw-ims-org-id: o\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(emulator.address())
        .await
        .expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    (stream.read_to_end(&mut bytes).await, bytes)
}

#[tokio::test]
async fn a_reset_leaves_no_byte_and_half_an_answer_ends_within_its_body() {
    let reset = emulator("faults: [{ do: { reset: after } }]").await;
    let (read, bytes) = raw_create(&reset).await;
    let kind = read.expect_err("a reset").kind();
    assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
    assert!(bytes.is_empty());

    let hang = emulator("faults: [{ do: { hang: { for: 0.05 } } }]").await;
    let (read, bytes) = raw_create(&hang).await;
    assert_eq!(read.expect("closed, not reset"), 0);
    assert!(bytes.is_empty());

    let half = emulator("faults: [{ do: halfAnswer }]").await;
    let (_, bytes) = raw_create(&half).await;
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(
        body.starts_with("{\"items\"") && !body.ends_with('}'),
        "{body}"
    );
    assert_eq!(half.ledger().stored.len(), 1);
}

#[tokio::test]
async fn a_slow_create_is_stored_although_its_caller_has_gone() {
    let emulator = emulator("faults: [{ on: createRun, do: { slow: 1 } }]").await;
    let call = tokio::spawn(create(&client(), &emulator.url(), (0, 1)).send());
    let has_arrived = || {
        let ledger = emulator.ledger();
        ledger.arrivals_of(RequestKind::CreateRun).next().is_some()
    };
    while !has_arrived() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    call.abort();
    assert!(emulator.ledger().stored.is_empty());
    while emulator.ledger().stored.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_at_once_store_each_window_once_and_the_ledger_tells() {
    let emulator = emulator("").await;
    let (client, url) = (client(), emulator.url());
    let creates = (0..200).map(|n| create(&client, &url, (n, n + 1)).send());
    for answer in futures::future::join_all(creates).await {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 201);
        assert!(answer.headers().contains_key("x-request-id"));
        assert!(answer.headers().contains_key("date"));
    }
    let ledger = client.get(format!("{url}/_emulator/ledger")).send().await;
    let ledger = ledger.expect("an answer").bytes().await.expect("a body");
    let ledger: Value = serde_json::from_slice(&ledger).expect("json");
    assert_eq!(ledger["creates"], 200);
    assert_eq!(ledger["stored"].as_array().map(Vec::len), Some(200));
    assert_eq!(ledger["stored"][0]["flowId"], FILE);
    assert_eq!(ledger["stored"][0]["deltaColumn"], json!(null));
    assert_eq!(
        emulator
            .ledger()
            .arrivals_of(RequestKind::CreateRun)
            .count(),
        200
    );
    emulator.stop().await;
    // A new client: an idle connection of the old one may not know yet that it is closed.
    let refused = create(&self::client(), &url, (0, 1)).send().await;
    assert!(refused.expect_err("stopped").is_connect());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_as_errors_of_the_service() {
    let emulator = emulator("").await;
    let client = client();
    let status = |method: reqwest::Method, path: &str| {
        let url = format!("{}/data/foundation/flowservice{path}", emulator.url());
        let request = client.request(method, url).bearer_auth("any");
        let request = request
            .header("x-api-key", "k")
            .header("x-gw-ims-org-id", "o");
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(status(reqwest::Method::DELETE, "/runs/abc").await, 404);
    assert_eq!(status(reqwest::Method::GET, "/nowhere").await, 404);
    assert_eq!(status(reqwest::Method::GET, "/runs/").await, 200);
    assert_eq!(status(reqwest::Method::GET, "/runs/%FF").await, 404);
    assert_eq!(emulator.ledger().requests["other"], 2);
}
