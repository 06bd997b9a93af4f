//! Sockets: accepts connections, brings requests to the [`Service`], and breaks what a fault breaks.
//!
//! Its own accept loop over hyper, since a fault acts on the connection: a reset leaves not one
//! byte of an answer, half an answer ends in the middle of its body. Connections are served in
//! parallel.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::call::{Call, Replica};
use super::kind::RequestKind;
use super::reply::Reply;
use super::service::{Cut, Delivery, Service};

/// Where the emulator's own count is.
const LEDGER: &str = "/_emulator/ledger";
/// The largest body that is read; a create has some 200 bytes.
const BODY_MAX: usize = 1 << 20;
/// How long the first half of an answer is given to leave before the connection ends.
const HALF_LEAVES_WITHIN: Duration = Duration::from_millis(20);

/// A server that accepts connections until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The task that accepts; it owns those that serve.
    accepting: JoinSet<()>,
}

impl Server {
    /// Listens at `address`; port 0 is any free one.
    pub(super) async fn start(address: SocketAddr, service: Arc<Service>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, service));
        Ok(Self { address, accepting })
    }

    /// Closes the port and every connection.
    pub(super) async fn stop(mut self) {
        self.accepting.shutdown().await;
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service)));
                }
                // Out of file descriptors, most likely: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    // Without it small answers wait for an acknowledgement; it fails on dead connections only.
    let _ = stream.set_nodelay(true);
    let answers = service_fn(|request| Box::pin(answer(Arc::clone(&service), request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answers);
    let served = poll_fn(|context| connection.poll_without_shutdown(context)).await;
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
    let first = stream::iter([Ok(Frame::data(half))]);
    let end = stream::once(async {
        tokio::time::sleep(HALF_LEAVES_WITHIN).await;
        Err(Cut::Close)
    });
    StreamBody::new(first.chain(end)).boxed_unsync()
}
