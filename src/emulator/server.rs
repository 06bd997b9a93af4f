//! Sockets: accepts connections, brings requests to the [`Service`], and breaks what a fault breaks.
//!
//! Its own accept loop over hyper, since a fault acts on the connection: a reset leaves not one
//! byte of an answer, half an answer ends in the middle of its body. Connections are served in
//! parallel; when it stops, answers under way are given a moment to leave.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::call::{Call, Replica};
use super::kind::RequestKind;
use super::reply::Reply;
use super::service::{Cut, Delivery, Service};

/// Where the emulator's own count is.
const LEDGER: &str = "/_emulator/ledger";
/// The largest body that is read; a create has some 200 bytes.
const BODY_MAX: usize = 1 << 20;
/// How long answers under way may take when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(1);
/// How long the first half of an answer is given to leave before the connection ends.
const HALF_LEAVES_WITHIN: Duration = Duration::from_millis(20);

/// A server that accepts connections until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens at `address`; port 0 is any free one.
    pub(super) async fn start(address: SocketAddr, service: Arc<Service>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let accepting = tokio::spawn(accept(listener, service, stopped));
        Ok(Self {
            address,
            stop,
            accepting,
        })
    }

    /// Accepts no more, lets answers under way leave, then closes every connection.
    pub(super) async fn stop(self) {
        let Self {
            address: _,
            stop,
            accepting,
        } = self;
        drop(stop);
        // An error here means that the runtime is going away, which stops it as well.
        let _ = accepting.await;
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service), stopped.clone()));
                }
                // Out of file descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_WITHIN, all_closed).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<()>) {
    // Without it small answers wait for an acknowledgement; it fails on dead connections only.
    let _ = stream.set_nodelay(true);
    let answers = service_fn(|request| Box::pin(answer(Arc::clone(&service), request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answers);
    let served = tokio::select! {
        served = poll_fn(|context| connection.poll_without_shutdown(context)) => Some(served),
        _ = stopped.changed() => None,
    };
    let served = if let Some(served) = served {
        served
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        poll_fn(|context| connection.poll_without_shutdown(context)).await
    };
    let stream = connection.into_parts().io.into_inner();
    let cut = served.as_ref().err().and_then(|error| {
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<Cut>())
    });
    if matches!(cut, Some(Cut::Reset)) {
        // Dropped with nothing to linger for, a connection is reset instead of closed.
        let _ = stream.set_zero_linger();
    }
}

/// The answer to a request; a connection that is to be cut is an error.
async fn answer(
    service: Arc<Service>,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Cut>>, Cut> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == LEDGER {
        let ledger = serde_json::to_value(service.ledger()).unwrap_or_default();
        return Ok(response(Reply::json(StatusCode::OK, &ledger)));
    }
    let (kind, id) = RequestKind::of(head.method.as_str(), path);
    let rule = service.on_arrival(kind);
    // What did not arrive whole, or has no end, is not worked at.
    let body = Limited::new(body, BODY_MAX).collect().await;
    let call = Call {
        kind,
        id: id.to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.map_err(|_| Cut::Close)?.to_bytes(),
        replica: Replica::default(),
    };
    match service.deliver(call, rule).await {
        Delivery::Whole(reply) => Ok(response(reply)),
        Delivery::Half(reply) => {
            let whole = reply.body.len();
            let half = reply.body.slice(..whole / 2);
            let mut response = response(reply);
            let length = HeaderValue::from(whole);
            response.headers_mut().insert(CONTENT_LENGTH, length);
            *response.body_mut() = half_body(half);
            Ok(response)
        }
        Delivery::Cut(cut) => Err(cut),
    }
}

fn response(reply: Reply) -> Response<UnsyncBoxBody<Bytes, Cut>> {
    let Reply {
        status,
        headers,
        body,
    } = reply;
    let body = Full::new(body).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

/// A body that gives its bytes and then fails.
fn half_body(half: Bytes) -> UnsyncBoxBody<Bytes, Cut> {
    let frames = stream::unfold(Some(half), |half| async move {
        let half = half?;
        if half.is_empty() {
            tokio::time::sleep(HALF_LEAVES_WITHIN).await;
            Some((Err(Cut::Close), None))
        } else {
            Some((Ok(Frame::data(half)), Some(Bytes::new())))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
