//! Requests that are held back when they come too late. Of one with a body, whether it may leave is
//! asked in the step in which the connection takes its bytes, with nothing to wait for in between; of
//! one without, as soon as its connection is made, which is a new one for each.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use tower_layer::Layer;
use tower_service::Service;

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

tokio::task_local! {
    /// Whether the request of this task may still leave.
    static MAY_LEAVE: Arc<dyn Fn() -> bool + Send + Sync>;
}

/// Sends a request without a body, unless it may not leave any more once its connection is made. The
/// client must have a [`ConnectionGuard`], and make a new connection for each request.
pub(super) async fn guarded<T>(
    may_leave: impl Fn() -> bool + Send + Sync + 'static,
    send: impl Future<Output = T>,
) -> T {
    MAY_LEAVE.scope(Arc::new(may_leave), send).await
}

/// Asks of each new connection whether the request that it was made for may still leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionGuard;

impl<S> Layer<S> for ConnectionGuard {
    type Service = GuardedConnector<S>;

    fn layer(&self, connector: S) -> GuardedConnector<S> {
        GuardedConnector(connector)
    }
}

/// A connector whose connections are asked for.
#[derive(Debug, Clone)]
pub(super) struct GuardedConnector<S>(S);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<R, S> Service<R> for GuardedConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let connecting = self.0.call(to);
        async move {
            let connection = connecting.await?;
            // A request with a body is asked later.
            match MAY_LEAVE.try_with(|may_leave| may_leave()) {
                Ok(false) => Err(HeldBack.into()),
                Ok(true) | Err(_) => Ok(connection),
            }
        }
        .boxed()
    }
}

/// Why a request was not sent.
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
        crate::tls::install_provider();
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
    async fn a_request_without_a_body_leaves_only_if_it_may_once_its_connection_is_made() {
        for may_leave in [true, false] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}/", listener.local_addr().expect("bound"));
            crate::tls::install_provider();
            let client = reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .connector_layer(ConnectionGuard);
            let client = client.build().expect("a client");
            let asked = Arc::new(AtomicBool::new(false));
            let was_asked = Arc::clone(&asked);
            let may = move || {
                was_asked.store(true, Ordering::Relaxed);
                may_leave
            };
            let post = guarded(may, client.post(url).header("content-length", 0).send());
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer).await;
                read
            };
            let (answer, read) = futures::join!(post, serve);
            assert!(asked.load(Ordering::Relaxed));
            assert_eq!(read > 0, may_leave, "{read} bytes");
            match answer {
                Ok(_) => assert!(may_leave),
                Err(error) => assert!(!may_leave && error.is_connect(), "{error:?}"),
            }
        }
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
