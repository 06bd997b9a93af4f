//! A request's body that is held back when it comes too late: whether it may leave is asked in the
//! step in which the connection takes its bytes, with nothing to wait for in between.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;

/// A request body that asks, just before it leaves, whether it may still leave.
pub(super) struct GuardedBody<F> {
    /// All of it, until it is taken.
    bytes: Option<Bytes>,
    may_leave: F,
    held_back: Arc<AtomicBool>,
}

impl<F: Fn() -> bool> GuardedBody<F> {
    /// The body, and what tells afterwards whether it was held back.
    pub(super) fn new(bytes: impl Into<Bytes>, may_leave: F) -> (Self, Arc<AtomicBool>) {
        let held_back = Arc::new(AtomicBool::new(false));
        let body = Self {
            bytes: Some(bytes.into()),
            may_leave,
            held_back: Arc::clone(&held_back),
        };
        (body, held_back)
    }
}

/// Why a body was not sent.
#[derive(Debug, thiserror::Error)]
#[error("it was held back: it came too late")]
pub(super) struct HeldBack;

impl<F: Fn() -> bool + Unpin> Body for GuardedBody<F> {
    type Data = Bytes;
    type Error = HeldBack;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HeldBack>>> {
        let Some(bytes) = self.bytes.take() else {
            return Poll::Ready(None);
        };
        if (self.may_leave)() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.held_back.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(HeldBack)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Posts `body` and gives what a server has read when the connection was closed or the body
    /// was there.
    async fn posted(may_leave: bool) -> (String, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let (body, held_back) = GuardedBody::new(&b"the body"[..], move || may_leave);
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("a client");
        let post = client.post(url).body(reqwest::Body::wrap(body)).send();
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut read = Vec::new();
            let mut buffer = [0; 1024];
            while !read.ends_with(b"the body") {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => read.extend_from_slice(&buffer[..n]),
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            String::from_utf8(read).expect("text")
        };
        let (answer, read) = futures::join!(post, serve);
        assert_eq!(answer.is_ok(), may_leave);
        (read, held_back.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_body_that_may_leave_is_sent_whole_with_its_length() {
        let (read, held_back) = posted(true).await;
        assert!(read.ends_with("\r\n\r\nthe body"), "{read}");
        assert!(read.contains("content-length: 8\r\n"), "{read}");
        assert!(!held_back);
    }

    #[tokio::test]
    async fn of_a_body_that_may_not_leave_no_byte_is_sent() {
        let (read, held_back) = posted(false).await;
        assert!(!read.contains("the body"), "{read}");
        assert!(held_back);
    }
}
