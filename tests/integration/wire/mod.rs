//! Wire trouble, over raw sockets: which line of the table of outcomes each kind of it is for a
//! request to create, and that the request left once. Every test counts connections or requests.
//!
//! | what happens | outcome | test |
//! |---|---|---|
//! | connection refused | not sent | `breaks::a_connection_that_is_refused_…` |
//! | name not found | not sent | `breaks::a_name_that_is_not_found_…` |
//! | no connection in time | not sent | `breaks::a_connection_that_is_not_made_in_time_…` |
//! | certificate not trusted | not sent | `tls::a_certificate_of_nobody_we_trust_…` |
//! | certificate of another host | not sent | `tls::a_certificate_for_another_host_…` |
//! | plaintext behind `https` | not sent | `tls::a_plaintext_server_behind_https_…` |
//! | handshake that hangs | not sent | `tls::a_handshake_that_is_not_answered_…` |
//! | a server of HTTP/2 alone | not sent | `tls::no_client_of_ours_offers_http_2` |
//! | proxy: no tunnel, 407, 502, a redirect, garbage | not sent | `proxy::a_tunnel_that_is_not_made_…` |
//! | proxy that replays | created, twice | `proxy::a_proxy_that_sends_a_create_twice_…` |
//! | closed before the request is read | in doubt | `breaks::a_connection_closed_before_…` |
//! | closed or reset while it is read | in doubt | `breaks::a_connection_closed_or_reset_…` |
//! | closed after it | in doubt | `breaks::a_connection_closed_after_…` |
//! | half an answer | in doubt | `answers::half_an_answer_…` |
//! | length too long, too short, nonsense | by the id, if it came whole | `answers::a_body_…`, `answers::a_length_…` |
//! | chunks cut or misframed | by the id, if it came whole | `answers::a_chunked_body_…` |
//! | garbage | in doubt | `answers::what_is_not_http_…` |
//! | HTTP/2 frames: `GOAWAY`, `REFUSED_STREAM` | in doubt | `answers::an_answer_of_http_2_…` |
//! | 2xx: HTML, no id, an id of a hostile shape | in doubt | `answers::a_success_without_a_usable_id_…` |
//! | error statuses, their bodies whole or cut | by the status | `answers::each_error_status_…` |
//! | 100, 102, 103 | passed over | `answers::interim_answers_…`, `bounds::interim_answers_…` |
//! | 101 | in doubt | `answers::interim_answers_…` |
//! | a refusal before the request was whole | by the status | `answers::an_answer_before_…` |
//! | a redirect | in doubt, not followed | `redirects::a_redirect_of_a_create_…` |
//! | a body without end | read to 1 MB; by the status | `bounds::an_answer_to_a_create_…`, `bounds::the_status_of_…` |
//! | a head without end, a flood of headers | in doubt | `bounds::a_head_without_end_…` |
//! | a byte a second | in doubt after the time limit | `bounds::an_answer_that_drips_…` |
//! | silence | in doubt after the time limit | `bounds::a_service_that_says_nothing_…` |
//! | a gzip bomb | never unpacked | `bounds::nothing_is_unpacked_…` |
//!
//! Reads may be sent again, and are whole or an error: `lists`, `redirects::a_redirect_of_a_read_…`,
//! `bounds::a_page_of_a_list_…`.

mod answers;
mod bounds;
mod breaks;
mod lists;
mod proxy;
mod redirects;
pub(crate) mod server;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::Duration;

use aep_backfill::api::{
    Client, Connection, CreateRun, Credentials, Outcome, Pacer, Rate, Timeouts, Timestamps,
};
use aep_backfill::run::{FlowId, FlowRef, Sandbox, UnixSeconds, Window};
use url::Url;

use self::server::{Server, Talk};

/// The token that our client sends.
const TOKEN: &str = "eyJ0aGUtdG9rZW4.of-the-wire-tests";
/// What the service answers when all is well.
const CREATED: &str = r#"{"items":[{"id":"65b7cfcc-6b2e-47c8-8194-13005b792752"}]}"#;

fn flow() -> FlowId {
    let id = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de".parse();
    id.expect("a flow id")
}

fn sandbox() -> Sandbox {
    "prod".parse().expect("a sandbox")
}

fn flow_ref() -> FlowRef {
    FlowRef {
        sandbox: sandbox(),
        id: flow(),
    }
}

/// A client of the service at `url` that waits so long for a connection, and for a whole answer.
fn client(url: &str, connect: Duration, total: Duration) -> Client {
    let connection = Connection {
        endpoint: Url::parse(url).expect("a URL"),
        organization: "5C13@AdobeOrg".parse().expect("an organization"),
        api_key: "our-key".to_owned(),
        credentials: Credentials::AccessToken(TOKEN.into()),
        timeouts: Timeouts { connect, total },
    };
    let rate = Rate::per_second(1_000.0).expect("a rate");
    Client::new(connection, Arc::new(Pacer::new(rate))).expect("a client")
}

/// A client that waits long enough for anything that happens on this machine.
fn patient(url: &str) -> Client {
    client(url, Duration::from_secs(30), Duration::from_secs(60))
}

/// Does `work` to its end.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// What one request to create comes to.
fn create(client: &Client) -> Outcome {
    block_on(send(client))
}

/// The same for those who send several, over whatever connections the client keeps.
async fn send(client: &Client) -> Outcome {
    let at = |seconds| UnixSeconds::new(seconds).expect("in range");
    let window = Window::new(at(1_651_584_991), at(1_651_585_956)).expect("a window");
    let start = at(1_663_735_590);
    let run = CreateRun::new(flow(), start, window, None, Timestamps::default());
    let token = client.auth().token().await.expect("a token");
    client.create(&sandbox(), &run, &token, || true).await
}

/// The outcome's line in the table of outcomes.
fn line(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created { .. } => "created",
        Outcome::NotSent(_) => "not sent",
        Outcome::Throttled { .. } => "throttled",
        Outcome::TokenExpired(_) => "token expired",
        Outcome::SignIn(_) => "sign-in",
        Outcome::Rejected(_) => "rejected",
        Outcome::InDoubt(_) => "in doubt",
    }
}

/// One request to create, to a server that does `script` to its connection: it comes to `wanted`,
/// and no second one was made.
#[track_caller]
fn comes_to(
    wanted: &str,
    case: &str,
    script: impl Fn(&mut Talk) + Send + Sync + 'static,
) -> Outcome {
    let server = Server::start(script);
    let outcome = create(&patient(&server.url()));
    assert_eq!(line(&outcome), wanted, "{case}: {outcome:?}");
    assert_eq!(server.connections(), 1, "{case}: connections");
    assert!(server.posts() <= 1, "{case}: {:?}", server.request_lines());
    outcome
}

/// The same where the server reads the request and then says `answer` and closes.
#[track_caller]
fn answered(wanted: &str, case: &str, answer: impl Into<Vec<u8>>) -> Outcome {
    let answer = answer.into();
    comes_to(wanted, case, move |talk| {
        if talk.request().is_some() {
            talk.say(&answer);
        }
    })
}
