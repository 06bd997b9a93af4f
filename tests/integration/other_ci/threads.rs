//! A stand-in for the API of Azure DevOps, as far as comments on pull requests go.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads>

use serde_json::{Value, json};

use super::comments::{Answer, Request, World};

/// The token of the job.
pub(crate) const TOKEN: &str = "system-access-of-the-job";
/// Where the threads of the pull request are.
const THREADS: &str = "/team/1c2d/_apis/git/repositories/3e4f/pullRequests/3/threads";

/// The threads of the pull request, and what was done with them.
#[derive(Default)]
pub(crate) struct Threads {
    pub(crate) threads: Vec<Thread>,
    /// Each request that changed something, such as `POST`.
    pub(crate) changes: Vec<String>,
}

/// A thread with its one comment.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) is_ours: bool,
    pub(crate) is_deleted: bool,
    pub(crate) content: String,
}

impl Threads {
    /// What the comments of the build service say.
    pub(crate) fn ours(&self) -> Vec<String> {
        let threads = self.threads.iter().filter(|thread| thread.is_ours);
        threads.map(|thread| thread.content.clone()).collect()
    }
}

impl World for Threads {
    fn answer(&mut self, request: &Request<'_>) -> Answer {
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return (401, None, Value::Null);
        }
        assert_eq!(request.parameter("api-version"), Some("7.1"));
        let rest = request.path.strip_prefix(THREADS);
        let content = |value: &Value| value["content"].as_str().expect("a text").to_owned();
        match (request.method, rest) {
            ("GET", Some("")) => {
                let all: Vec<Value> = self.threads.iter().enumerate().map(shown).collect();
                (200, None, json!({ "value": all, "count": all.len() }))
            }
            ("POST", Some("")) => {
                self.changes.push("POST".to_owned());
                let comments = request.body["comments"].as_array().expect("comments");
                assert_eq!(comments.len(), 1);
                assert_eq!(comments[0]["commentType"], 1);
                // Closed: it is nothing that a reviewer has to resolve.
                assert_eq!(request.body["status"], 4);
                self.threads.push(Thread {
                    is_ours: true,
                    is_deleted: false,
                    content: content(&comments[0]),
                });
                (200, None, json!({ "id": self.threads.len() }))
            }
            ("PATCH", Some(rest)) => {
                let (thread, comment) = rest.trim_start_matches('/').split_once('/').expect("both");
                assert_eq!(comment, "comments/1");
                let thread: usize = thread.parse().expect("an id");
                let thread = &mut self.threads[thread - 1];
                assert!(!thread.is_deleted);
                if !thread.is_ours {
                    return (403, None, json!({ "message": "TF401027" }));
                }
                self.changes.push("PATCH".to_owned());
                thread.content = content(&request.body);
                (200, None, json!({ "id": 1 }))
            }
            _ => (404, None, Value::Null),
        }
    }
}

/// A thread; there is one that the system wrote among them, whose comment has no text.
fn shown((index, thread): (usize, &Thread)) -> Value {
    let mut comments = vec![
        json!({ "id": 1, "content": thread.content, "commentType": "text",
        "isDeleted": thread.is_deleted }),
    ];
    comments.push(json!({ "id": 2, "commentType": "system" }));
    json!({ "id": index + 1, "isDeleted": thread.is_deleted, "comments": comments })
}
