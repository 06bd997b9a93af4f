//! A stand-in for GitHub over a real socket: comments, issues, releases, in the shapes that GitHub's
//! documentation records.
//!
//! <https://docs.github.com/rest/issues/comments>, <https://docs.github.com/rest/issues/issues>

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::wire::server::{Server, Talk};

/// The repository that it has.
pub(crate) const REPOSITORY: &str = "team/backfills";
/// Comments and issues a page, whatever is asked: there are more pages so.
const PAGE: usize = 30;
/// Characters that a body may have.
const LONGEST: usize = 65_536;

pub(crate) struct Hub {
    server: Server,
    world: Arc<Mutex<World>>,
}

/// What it knows, and how it behaves.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) comments: Vec<Post>,
    pub(crate) issues: Vec<Post>,
    /// What can be downloaded: the path and the bytes.
    pub(crate) releases: Vec<(String, Vec<u8>)>,
    /// Whether the token may only read.
    pub(crate) is_read_only: bool,
    /// Whether the token is a person's, and not that of a job.
    pub(crate) is_personal: bool,
    /// The account of the app whose token it is, if not of the one that all jobs have.
    pub(crate) app: Option<&'static str>,
    /// Whether there is no GraphQL API.
    pub(crate) is_without_graphql: bool,
    /// Why nobody can write, if so: the status and the message.
    pub(crate) closed: Option<(u16, &'static str)>,
    /// What a pull request changes; `manifests/flow-0.yaml`, unless said.
    pub(crate) changed: Option<Vec<&'static str>>,
    /// Statuses that the next requests to create get, after they were carried out.
    pub(crate) lost_answers: Vec<u16>,
    /// Statuses that the next requests get, without being carried out.
    pub(crate) refusals: Vec<u16>,
    /// The only branch, which a rule protects, if there is one.
    pub(crate) protected: Option<&'static str>,
    /// Every request, such as `POST /repos/…`.
    pub(crate) requests: Vec<String>,
    last_id: u64,
}

/// A comment, or an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) id: u64,
    /// The issue or pull request it is, or is on.
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) login: &'static str,
    pub(crate) is_open: bool,
    pub(crate) is_pull_request: bool,
}

impl Hub {
    pub(crate) fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let known = Arc::clone(&world);
        let server = Server::start(move |talk: &mut Talk| {
            while let Some(request) = talk.request() {
                let answer = lock(&known).answer(&request);
                if !talk.say(answer) {
                    return;
                }
            }
        });
        Self { server, world }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// The requests that changed something, since the last time this was asked.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut self.world().requests);
        requests.retain(|request| !request.starts_with("GET ") && request != "POST /graphql");
        requests
    }

    /// The bodies of the comments, oldest first.
    pub(crate) fn comments(&self) -> Vec<String> {
        let world = self.world();
        let bodies = world.comments.iter().map(|comment| comment.body.clone());
        bodies.collect()
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Somebody writes a comment on the pull request `number`.
    pub(crate) fn add_comment(&mut self, number: u64, login: &'static str, body: &str) {
        let post = self.post(number, login, "", body);
        self.comments.push(post);
    }

    /// Somebody opens an issue.
    pub(crate) fn add_issue(&mut self, login: &'static str, title: &str, body: &str) -> &mut Post {
        let number = 100 + self.last_id;
        let post = self.post(number, login, title, body);
        self.issues.push(post);
        self.issues.last_mut().expect("it was pushed")
    }

    fn post(&mut self, number: u64, login: &'static str, title: &str, body: &str) -> Post {
        self.last_id += 1;
        Post {
            id: self.last_id,
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            login,
            is_open: true,
            is_pull_request: false,
        }
    }

    /// Who the token is.
    fn me(&self) -> &'static str {
        if self.is_personal {
            return "alice";
        }
        self.app.unwrap_or("github-actions[bot]")
    }

    fn answer(&mut self, request: &str) -> Vec<u8> {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let mut parts = head.split(' ');
        let (method, target) = (parts.next().expect("it"), parts.next().expect("a target"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.requests.push(format!("{method} {path}"));
        if let Some((_, bytes)) = self.releases.iter().find(|(name, _)| name == path) {
            return answer(200, "application/octet-stream", "", bytes);
        }
        if path.contains("/releases/download/") {
            return answer(404, "text/plain", "", b"Not Found");
        }
        let is_authorized = head
            .lines()
            .any(|line| line.eq_ignore_ascii_case("authorization: Bearer ghs_of_the_job"));
        let (status, next, value) = if is_authorized {
            self.rest(method, path, query, body)
        } else {
            (401, String::new(), refusal(401, "Bad credentials"))
        };
        let host = head
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap_or_default();
        let next = match next.as_str() {
            "" => String::new(),
            path => format!("http://{host}{path}"),
        };
        let text = if status == 204 {
            String::new()
        } else {
            value.to_string()
        };
        answer(
            status,
            "application/json; charset=utf-8",
            &next,
            text.as_bytes(),
        )
    }

    /// The repository itself, and its only branch.
    fn repository(&self, parts: &[&str]) -> Result<Value, (u16, &'static str)> {
        match parts {
            ["branches", name] if self.protected != Some(name) => Err((404, "Branch not found")),
            ["branches", name] => Ok(json!({ "name": name, "protected": true })),
            _ => Ok(json!({
                "full_name": REPOSITORY,
                "permissions": { "pull": true, "push": false },
            })),
        }
    }

    fn rest(&mut self, method: &str, path: &str, query: &str, body: &str) -> (u16, String, Value) {
        if !self.refusals.is_empty() {
            let status = self.refusals.remove(0);
            return (status, String::new(), refusal(status, "Server Error"));
        }
        let root = format!("/repos/{REPOSITORY}/");
        let parts: Vec<&str> = path
            .strip_prefix(&root)
            .unwrap_or(path)
            .split('/')
            .collect();
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let is_write = method != "GET";
        if path == "/graphql" {
            if self.is_without_graphql {
                return (404, String::new(), refusal(404, "Not Found"));
            }
            let login = self.me().trim_end_matches("[bot]");
            return (
                200,
                String::new(),
                json!({ "data": { "viewer": { "login": login } } }),
            );
        }
        if let Some((status, message)) = self.closed.filter(|_| is_write) {
            return (status, String::new(), refusal(status, message));
        }
        if is_write && self.is_read_only {
            let message = "Resource not accessible by integration";
            return (403, String::new(), refusal(403, message));
        }
        let text = body["body"].as_str().unwrap_or_default().to_owned();
        if text.chars().count() > LONGEST {
            let mut value = refusal(422, "Validation Failed");
            value["errors"] = json!([{ "resource": "IssueComment", "code": "custom",
                "field": "body", "message": "body is too long (maximum is 65536 characters)" }]);
            return (422, String::new(), value);
        }
        let me = self.me();
        let found = match (method, &parts[..]) {
            ("GET", ["", "user"]) if self.is_personal => Ok(user(me)),
            ("GET", ["", "user"]) => Err((403, "Resource not accessible by integration")),
            ("GET", parts @ (["", "repos", ..] | ["branches", _])) => self.repository(parts),
            ("GET", ["issues", number, "comments"]) => {
                let number: u64 = number.parse().expect("a number");
                let of_it = |post: &&Post| post.number == number;
                let all: Vec<Value> = self.comments.iter().filter(of_it).map(shown).collect();
                return page(path, query, &all);
            }
            ("POST", ["issues", number, "comments"]) => {
                self.add_comment(number.parse().expect("a number"), me, &text);
                Ok(shown(self.comments.last().expect("it was added")))
            }
            ("PATCH", ["issues", "comments", id]) => change(&mut self.comments, id, &body),
            ("DELETE", ["issues", "comments", id]) => {
                let before = self.comments.len();
                self.comments.retain(|post| post.id.to_string() != *id);
                if self.comments.len() == before {
                    Err((404, "Not Found"))
                } else {
                    return (204, String::new(), Value::Null);
                }
            }
            ("GET", ["pulls", _, "files"]) => {
                let changed = self
                    .changed
                    .clone()
                    .unwrap_or(vec!["manifests/flow-0.yaml"]);
                let file = |name: &&str| json!({ "filename": name, "status": "modified" });
                return page(path, query, &changed.iter().map(file).collect::<Vec<_>>());
            }
            ("GET", ["issues"]) => {
                let open = self.issues.iter().rev().filter(|post| post.is_open);
                let all: Vec<Value> = open.map(shown).collect();
                return page(path, query, &all);
            }
            ("POST", ["issues"]) => {
                let title = body["title"].as_str().expect("a title").to_owned();
                Ok(shown(self.add_issue(me, &title, &text)))
            }
            ("PATCH", ["issues", number]) => {
                let id = self
                    .issues
                    .iter()
                    .find(|post| post.number.to_string() == *number);
                let id = id.map_or(0, |post| post.id).to_string();
                change(&mut self.issues, &id, &body)
            }
            _ => Err((404, "Not Found")),
        };
        let created = if method == "POST" { 201 } else { 200 };
        let (status, value) = match found {
            Ok(value) => (created, value),
            Err((status, message)) => (status, refusal(status, message)),
        };
        if method == "POST" && !self.lost_answers.is_empty() {
            let status = self.lost_answers.remove(0);
            return (status, String::new(), refusal(status, "Server Error"));
        }
        (status, String::new(), value)
    }
}

fn change(posts: &mut [Post], id: &str, body: &Value) -> Result<Value, (u16, &'static str)> {
    let post = posts
        .iter_mut()
        .find(|post| post.id.to_string() == id)
        .ok_or((404, "Not Found"))?;
    if let Some(text) = body["body"].as_str() {
        text.clone_into(&mut post.body);
    }
    if let Some(state) = body["state"].as_str() {
        post.is_open = state == "open";
    }
    Ok(shown(post))
}

/// One page of a list, and the header that names the next.
fn page(path: &str, query: &str, all: &[Value]) -> (u16, String, Value) {
    let number: usize = query
        .split('&')
        .find_map(|part| part.strip_prefix("page="))
        .map_or(1, |page| page.parse().expect("a number"));
    let shown: Vec<&Value> = all.iter().skip((number - 1) * PAGE).take(PAGE).collect();
    let link = if number * PAGE < all.len() {
        format!("{path}?page={}", number + 1)
    } else {
        String::new()
    };
    (200, link, json!(shown))
}

fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") {
        "Bot"
    } else {
        "User"
    };
    json!({ "login": login, "id": 41_898_282, "type": kind, "site_admin": false,
        "url": format!("https://api.github.com/users/{login}") })
}

fn shown(post: &Post) -> Value {
    let Post {
        id,
        number,
        title,
        body,
        login,
        is_open,
        is_pull_request,
    } = post;
    let mut value = json!({
        "id": id,
        "node_id": "MDEyOklzc3VlQ29tbWVudDE=",
        "url": format!("https://api.github.com/repos/{REPOSITORY}/issues/comments/{id}"),
        "html_url": format!("https://github.com/{REPOSITORY}/pull/{number}#issuecomment-{id}"),
        // As a browser's form would have sent it.
        "body": body.replace('\n', "\r\n"),
        "user": user(login),
        "created_at": "2026-11-25T10:00:00Z",
        "updated_at": "2026-11-25T10:00:00Z",
        "author_association": "NONE",
    });
    if !title.is_empty() {
        value["number"] = json!(number);
        value["title"] = json!(title);
        value["state"] = json!(if *is_open { "open" } else { "closed" });
    }
    if *is_pull_request {
        value["pull_request"] = json!({ "url": "https://api.github.com/repos/x/y/pulls/1" });
    }
    value
}

fn refusal(status: u16, message: &str) -> Value {
    json!({ "message": message, "documentation_url": "https://docs.github.com/rest",
        "status": status.to_string() })
}

fn answer(status: u16, kind: &str, link: &str, body: &[u8]) -> Vec<u8> {
    let link = if link.is_empty() {
        String::new()
    } else {
        format!("link: <{link}>; rel=\"next\", <x>; rel=\"last\"\r\n")
    };
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nx-github-request-id: ABCD:1234\r\n{link}\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
