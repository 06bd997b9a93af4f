//! Comments and issues, with a GitHub that limits, fails and forgets.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;

const SECONDARY: &str = r#"403 F|{"message":"You have exceeded a secondary rate limit."}"#;
const PRIMARY: &str = "403 F\r\nx-ratelimit-remaining: 0\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\nx-ratelimit-reset: ";
const COMMENT: &str = "POST /repos/o/r/issues/7/comments";
const COMMENTS: &str = "GET /repos/o/r/issues/7/comments";
const ISSUE: &str = "POST /repos/o/r/issues";

thread_local! {
    /// How long was waited, in seconds.
    static WAITED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn waited() -> Vec<u64> {
    WAITED.take()
}

fn wait(length: Duration) -> BoxFuture<'static, ()> {
    WAITED.with_borrow_mut(|waited| waited.push(length.as_secs()));
    std::future::ready(()).boxed()
}

/// A GitHub that gives these answers to requests of these beginnings, each once and in order, and has an
/// answer of its own for all others: the requests that it got, and a client of it.
async fn github(script: &[(&'static str, &str)]) -> (GitHubClient, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&requests);
    let script = script
        .iter()
        .map(|(of, answer)| (*of, (*answer).to_owned()));
    let mut script: Vec<(&str, String)> = script.collect();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let request = String::from_utf8(request).expect("text");
            let line = request.split(" HTTP/").next().expect("a line").to_owned();
            let line = line.split('?').next().expect("a path").to_owned();
            let scripted = script.iter().position(|(of, _)| *of == line);
            let answer = match scripted {
                Some(at) => script.remove(at).1,
                None => usual(&line),
            };
            got.lock().expect("not poisoned").push(line);
            let (head, body) = answer.split_once('|').unwrap_or((&answer, ""));
            let answer = format!(
                "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let client = GitHubClient::new(GitHubConnection {
        api: Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL"),
        repository: "o/r".to_owned(),
        token: SecretString::from("ghs_sixteen_characters"),
        wait,
    });
    (client.expect("a client"), requests)
}

/// Whether all of a request is there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        (name == "content-length").then(|| value.parse().expect("a number"))
    });
    body.len() >= length.unwrap_or(0)
}

/// What a GitHub answers that has nothing yet, and where all goes well.
fn usual(line: &str) -> String {
    match line {
        "GET /user" => r#"200 O|{"login":"alice"}"#.to_owned(),
        "GET /repos/o/r/pulls/7/files" => r#"200 O|[{"filename":"a.yaml"}]"#.to_owned(),
        line if line.starts_with("GET ") => "200 O|[]".to_owned(),
        _ => format!("201 C|{}", post(100, "")),
    }
}

fn post(id: u64, body: &str) -> String {
    let user = json!({ "login": "alice", "type": "User" });
    json!({ "id": id, "number": id, "body": body, "user": user }).to_string()
}

/// The answer with the one post of ours.
fn listed() -> String {
    format!("200 O|[{}]", post(5, &managed().body("old")))
}

fn managed() -> ManagedComment {
    ManagedComment::new("plan", "backfill.yaml", "prod")
}

/// Has the comment written, and gives what became of it and how often each of `lines` was asked for.
async fn comment(script: &[(&'static str, &str)]) -> (Result<CommentWrite, GitHubError>, usize) {
    let (client, requests) = github(script).await;
    let written = managed().comment(&client, 7, "a plan", |_| true).await;
    let requests = requests.lock().expect("not poisoned");
    let creates = requests.iter().filter(|line| *line == COMMENT).count();
    (written, creates)
}

#[tokio::test]
async fn a_secondary_limit_is_waited_for_and_the_comment_is_written() {
    let (written, creates) = comment(&[(COMMENT, SECONDARY)]).await;
    assert_eq!(written.expect("written"), CommentWrite::Created);
    assert_eq!((creates, waited()), (2, vec![60]));
}

#[tokio::test]
async fn a_429_without_a_time_is_waited_for_twice_and_given_up() {
    let script = [(COMMENTS, "429 T"); 3];
    let (written, creates) = comment(&script).await;
    assert!(
        matches!(written, Err(GitHubError::Limited(_))),
        "{written:?}"
    );
    assert_eq!((creates, waited()), (0, vec![60, 120]));
}

#[tokio::test]
async fn a_primary_limit_that_resets_soon_is_waited_for_and_one_that_resets_late_is_not() {
    let soon = format!("{PRIMARY}1700000009|{{}}");
    let (written, _) = comment(&[(COMMENTS, &soon)]).await;
    assert_eq!(written.expect("written"), CommentWrite::Created);
    assert_eq!(waited(), [10]);

    let late = format!("{PRIMARY}1700003000|{{}}");
    let (written, creates) = comment(&[("GET /user", &late)]).await;
    assert!(
        matches!(written, Err(GitHubError::Limited(_))),
        "{written:?}"
    );
    assert_eq!((creates, waited()), (0, vec![]));
}

#[tokio::test]
async fn a_comment_that_somebody_deleted_meanwhile_is_written_anew() {
    let patch = "PATCH /repos/o/r/issues/comments/5";
    let script = [(COMMENTS, &*listed()), (patch, "404 N|{}")];
    let (written, creates) = comment(&script).await;
    assert_eq!(written.expect("written"), CommentWrite::Created);
    assert_eq!(creates, 1);

    // So is one that says what is wrong with a config.
    let (client, requests) = github(&script).await;
    let written = managed().supersede(&client, 7, "wrong", |_| false).await;
    written.expect("written");
    let requests = requests.lock().expect("not poisoned");
    assert_eq!(requests.last().map(String::as_str), Some(COMMENT));
}

#[tokio::test]
async fn a_comment_whose_create_failed_is_written_anew_unless_it_is_there() {
    let empty = (COMMENTS, "200 O|[]");
    let (written, creates) = comment(&[empty, (COMMENT, "502 B|{}")]).await;
    assert_eq!(written.expect("written"), CommentWrite::Created);
    assert_eq!(creates, 2);

    let arrived = [empty, (COMMENT, "502 B|{}"), (COMMENTS, &listed())];
    let (written, creates) = comment(&arrived).await;
    assert_eq!(written.expect("written"), CommentWrite::Created);
    assert_eq!(creates, 1);

    let (written, creates) = comment(&[(COMMENT, "502 B|{}"); 3]).await;
    assert!(written.is_err());
    assert_eq!(creates, 3);
}

#[tokio::test]
async fn an_issue_that_was_deleted_or_whose_create_failed_is_opened_anew() {
    let list = "GET /repos/o/r/issues";
    let patch = "PATCH /repos/o/r/issues/5";
    for (script, creates) in [
        (&[(ISSUE, "502 B|{}")][..], 2),
        (
            &[(ISSUE, "502 B|{}"), (list, "200 O|[]"), (list, &listed())],
            1,
        ),
        (&[(list, &listed()), (patch, "410 G|{}")], 1),
    ] {
        let (client, requests) = github(script).await;
        let written = managed().issue(&client, "title", "differs", false).await;
        assert_eq!(written.expect("written"), CommentWrite::Created);
        let requests = requests.lock().expect("not poisoned");
        let found = requests.iter().filter(|line| *line == ISSUE).count();
        assert_eq!(found, creates, "{requests:?}");
    }
}

#[tokio::test]
async fn whose_token_it_is_is_asked_again_where_an_answer_fails() {
    let script = [
        ("GET /user", "403 F|{}"),
        ("POST /graphql", "502 B|{}"),
        (
            "POST /graphql",
            r#"200 O|{"data":{"viewer":{"login":"acme-data"}}}"#,
        ),
    ];
    let (client, _) = github(&script).await;
    let author = client.author().await.expect("an author");
    assert_eq!(author, post::Author::User("acme-data[bot]".to_owned()));
}

#[test]
fn a_permission_is_missing_only_where_github_says_so() {
    let lacks = |status, message: &str| {
        let message = message.to_owned();
        GitHubError::Refused {
            status,
            message,
            request_id: None,
        }
        .lacks_a_permission()
    };
    assert!(lacks(403, "Resource not accessible by integration"));
    assert!(lacks(
        403,
        "Resource not accessible by personal access token"
    ));
    assert!(!lacks(404, "Not Found"));
    assert!(!lacks(403, "Repository access blocked"));
    assert!(!lacks(401, "Bad credentials"));
}
