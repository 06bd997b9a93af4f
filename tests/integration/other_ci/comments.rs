//! A stand-in for the API of a system that has comments: requests of JSON, and answers of JSON.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::wire::server::{Server, Talk};

/// A request, as far as anything here depends on it.
pub(crate) struct Request<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
    pub(crate) query: &'r str,
    head: &'r str,
    pub(crate) body: Value,
}

impl Request<'_> {
    /// A header; its name in small letters.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// An answer: the status, a header if it has one, and a document.
pub(crate) type Answer = (u16, Option<String>, Value);

/// What answers requests.
pub(crate) trait World: Default + Send + 'static {
    fn answer(&mut self, request: &Request<'_>) -> Answer;
}

pub(crate) struct Comments<W> {
    server: Server,
    world: Arc<Mutex<W>>,
}

impl<W: World> Comments<W> {
    pub(crate) fn start() -> Self {
        let world = Arc::new(Mutex::new(W::default()));
        let known = Arc::clone(&world);
        let server = Server::start(move |talk: &mut Talk| {
            while let Some(request) = talk.request() {
                let (head, body) = request.split_once("\r\n\r\n").unwrap_or((&request, ""));
                let mut words = head.split(' ');
                let method = words.next().expect("a method");
                let target = words.next().expect("a target");
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                let body = match body {
                    "" => Value::Null,
                    body => serde_json::from_str(body).expect("the body is JSON"),
                };
                let (status, header, answer) = lock(&known).answer(&Request {
                    method,
                    path,
                    query,
                    head,
                    body,
                });
                let answer = answer.to_string();
                let header = header.map_or_else(String::new, |header| header + "\r\n");
                let said = talk.say(format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{header}\
                     content-length: {}\r\n\r\n{answer}",
                    answer.len()
                ));
                if !said {
                    return;
                }
            }
        });
        Self { server, world }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, W> {
        lock(&self.world)
    }
}

fn lock<W>(world: &Mutex<W>) -> MutexGuard<'_, W> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
