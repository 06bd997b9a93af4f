//! A stand-in for GitLab's API, as far as notes of merge requests go.
//!
//! <https://docs.gitlab.com/api/notes/>

use serde_json::{Value, json};

use super::comments::{Answer, Request, World};

/// The token of the project's bot, which may write notes and nothing else.
pub(crate) const TOKEN: &str = "glpat-of-the-notes";
/// Who the token is, and somebody else.
pub(crate) const BOT: u64 = 7;
pub(crate) const EVE: u64 = 8;
/// Where the notes of the merge request are.
const NOTES: &str = "/api/v4/projects/42/merge_requests/3/notes";
/// Notes a page, whatever is asked: there are more pages so.
const PAGE: usize = 2;

/// The notes of the merge request, and what was done with them.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) notes: Vec<Note>,
    /// Each request that changed something, such as `POST`.
    pub(crate) changes: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) author: u64,
    pub(crate) body: String,
}

impl Notes {
    /// The bodies of the bot's notes.
    pub(crate) fn of_the_bot(&self) -> Vec<String> {
        let notes = self.notes.iter().filter(|note| note.author == BOT);
        notes.map(|note| note.body.clone()).collect()
    }
}

impl World for Notes {
    fn answer(&mut self, request: &Request<'_>) -> Answer {
        if request.header("private-token") != TOKEN {
            return (401, None, json!({ "message": "401 Unauthorized" }));
        }
        if request.method != "GET" {
            self.changes.push(request.method.to_owned());
            assert_eq!(request.header("content-type"), "application/json");
        }
        let body = || request.body["body"].as_str().expect("a body").to_owned();
        match (request.method, request.path.strip_prefix(NOTES)) {
            ("GET", None) if request.path == "/api/v4/user" => (200, None, json!({ "id": BOT })),
            ("GET", Some("")) => {
                let page: usize = request
                    .parameter("page")
                    .expect("a page is asked for")
                    .parse()
                    .expect("a number");
                let all = self.notes.iter().enumerate().map(shown);
                let shown: Vec<Value> = all.skip((page - 1) * PAGE).take(PAGE).collect();
                let next = if page * PAGE < self.notes.len() {
                    (page + 1).to_string()
                } else {
                    String::new()
                };
                (200, Some(format!("X-Next-Page: {next}")), json!(shown))
            }
            ("POST", Some("")) => {
                let (author, body) = (BOT, body());
                self.notes.push(Note { author, body });
                (201, None, json!({ "id": self.notes.len() }))
            }
            ("PUT", Some(id)) => {
                let id: usize = id.trim_start_matches('/').parse().expect("an id");
                let note = &mut self.notes[id - 1];
                assert_eq!(note.author, BOT, "somebody else's note");
                note.body = body();
                (200, None, json!({ "id": id }))
            }
            _ => (404, None, json!({ "message": "404 Not Found" })),
        }
    }
}

fn shown((index, note): (usize, &Note)) -> Value {
    json!({ "id": index + 1, "body": note.body, "author": { "id": note.author }, "system": false })
}
