//! Sockets: accepts connections, routes requests to the [`Service`], and breaks what a fault breaks.
//!
//! Its own accept loop over hyper, since a fault acts on the connection: a reset leaves not one
//! byte of an answer, half an answer ends in the middle of its body. Connections are served in
//! parallel; when it is told to stop, answers under way are given a moment to leave.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter, on};
use futures::future::BoxFuture;
use futures::stream;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::service::{Call, Delivery, Route, Service};

/// Where Adobe serves the Flow Service.
const BASE: &str = "/data/foundation/flowservice";
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
        let accepting = tokio::spawn(accept(listener, routes(service), stopped));
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

async fn accept(listener: TcpListener, routes: Router, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, routes.clone(), stopped.clone()));
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

async fn serve(stream: TcpStream, routes: Router, mut stopped: watch::Receiver<()>) {
    // Without it small answers wait for an acknowledgement; it fails on dead connections only.
    let _ = stream.set_nodelay(true);
    let front = CutsConnections(TowerToHyperService::new(routes));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), front);
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

/// How a connection ends without an answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Cut {
    #[error("reset by the scenario")]
    Reset,
    #[error("closed by the scenario")]
    Close,
}

/// The routes, as hyper calls them: an answer that is to be cut is an error.
struct CutsConnections(TowerToHyperService<Router>);

impl hyper::service::Service<Request<Incoming>> for CutsConnections {
    type Response = Response<Body>;
    type Error = Cut;
    type Future = BoxFuture<'static, Result<Response<Body>, Cut>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answered = hyper::service::Service::call(&self.0, request);
        Box::pin(async move {
            let mut response = answered
                .await
                .unwrap_or_else(|never: Infallible| match never {});
            match response.extensions_mut().remove::<Cut>() {
                Some(cut) => Err(cut),
                None => Ok(response),
            }
        })
    }
}

/// Every path that the emulator knows, with what it means.
fn routes(service: Arc<Service>) -> Router {
    let get = MethodFilter::GET;
    let post = MethodFilter::POST;
    let runs = plain(get, &Route::ListRuns).merge(plain(post, &Route::CreateRun));
    let flow_service = Router::new()
        .route("/runs", runs.clone())
        .route("/runs/", runs)
        .route("/runs/{id}", by_id(get, Route::GetRun))
        .route("/runs/{id}/action", by_id(post, Route::Action))
        .route("/flows", plain(get, &Route::ListFlows))
        .route("/flows/{id}", by_id(get, Route::GetFlow))
        .route("/flowSpecs", plain(get, &Route::ListFlowSpecs))
        .route("/flowSpecs/{id}", by_id(get, Route::GetFlowSpec))
        .route(
            "/sourceConnections",
            plain(get, &Route::ListSourceConnections),
        )
        .route(
            "/sourceConnections/{id}",
            by_id(get, Route::GetSourceConnection),
        );
    Router::new()
        .nest(BASE, flow_service)
        .route("/ims/token/v3", plain(post, &Route::Token))
        .route("/_emulator/ledger", on(get, ledger))
        .fallback(|State(service): Shared, request| answer(service, Route::NoSuchPath, request))
        .method_not_allowed_fallback(|State(service): Shared, request| {
            answer(service, Route::WrongMethod, request)
        })
        .with_state(service)
}

type Shared = State<Arc<Service>>;

/// A path that means the same for every request.
fn plain(method: MethodFilter, route: &Route) -> MethodRouter<Arc<Service>> {
    let route = route.clone();
    on(method, move |State(service): Shared, request| {
        answer(service, route, request)
    })
}

/// A path with the id of an entity in it.
fn by_id(method: MethodFilter, meaning: fn(String) -> Route) -> MethodRouter<Arc<Service>> {
    let meaning = move |id: Result<Path<String>, PathRejection>| match id {
        Ok(Path(id)) => meaning(id),
        // Percent-encoded bytes that are no text: nothing has such an id.
        Err(_) => Route::NoSuchPath,
    };
    on(method, move |State(service): Shared, id, request| {
        answer(service, meaning(id), request)
    })
}

async fn ledger(State(service): State<Arc<Service>>) -> Response<Body> {
    let (status, body) = match serde_json::to_vec(&service.ledger()) {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            error.to_string().into_bytes(),
        ),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

async fn answer(service: Arc<Service>, route: Route, request: Request) -> Response<Body> {
    let fault = service.arrived(&route);
    let (head, body) = request.into_parts();
    let call = Call {
        route,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: to_bytes(body, BODY_MAX).await.ok(),
    };
    match service.deliver(call, fault).await {
        Delivery::Whole(reply) => reply.into_response(),
        Delivery::Half(mut reply) => {
            let whole = reply.body.len();
            let half = reply.body.slice(..whole / 2);
            reply.body = Bytes::new();
            let mut response = reply.into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
            *response.body_mut() = half_body(half);
            response
        }
        Delivery::Reset => cut(Cut::Reset),
        Delivery::Close => cut(Cut::Close),
    }
}

fn cut(how: Cut) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(how);
    response
}

/// A body that gives its bytes and then fails.
fn half_body(half: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(HALF_LEAVES_WITHIN).await;
                Some((Err(Cut::Close), None))
            }
            None => None,
        }
    }))
}
