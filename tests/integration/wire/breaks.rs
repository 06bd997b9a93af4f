//! Connections that are not made, and connections that break: the one thing that proves that
//! nothing was sent is that there never was a connection.

use std::net::TcpListener;
use std::time::Duration;

use super::server::Server;
use super::{block_on, client, comes_to, create, line, patient, send};
use crate::support::workspace::Workspace;

#[test]
fn a_connection_that_is_refused_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    drop(listener);
    let outcome = create(&patient(&format!("http://127.0.0.1:{port}")));
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
}

#[test]
fn a_name_that_is_not_found_sent_nothing() {
    // A label of 64 characters: the resolver refuses it without asking anybody.
    let outcome = create(&patient(&format!("https://{}.invalid", "x".repeat(64))));
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
}

#[test]
fn a_connection_that_is_not_made_in_time_sent_nothing() {
    // Nobody accepts, and the queue of those that wait is full.
    let outcome = block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let address = "127.0.0.1:0".parse().expect("an address");
        socket.bind(address).expect("a free port");
        let listener = socket.listen(1).expect("it listens");
        let address = listener.local_addr().expect("it listens");
        let mut waiting = Vec::new();
        let full = Duration::from_millis(300);
        while let Ok(stream) =
            tokio::time::timeout(full, tokio::net::TcpStream::connect(address)).await
        {
            waiting.push(stream.expect("it waits"));
        }
        let url = format!("http://{address}");
        let ours = tokio::task::spawn_blocking(move || {
            let limit = Duration::from_millis(300);
            create(&client(&url, limit, Duration::from_secs(60)))
        });
        ours.await.expect("it ends")
    });
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
    assert!(
        format!("{outcome:?}").contains("no connection in time"),
        "{outcome:?}"
    );
}

#[test]
fn a_connection_closed_before_the_request_is_read_leaves_a_doubt() {
    comes_to("in doubt", "closed at once", |_| {});
}

#[test]
fn a_connection_closed_or_reset_while_the_request_is_read_leaves_a_doubt() {
    for bytes in [1, 40, 300] {
        comes_to("in doubt", "reset", move |talk| {
            talk.read(bytes);
        });
    }
}

#[test]
fn a_connection_closed_after_the_request_leaves_a_doubt() {
    let server = Server::start(|talk| {
        talk.request();
    });
    let outcome = create(&patient(&server.url()));
    assert_eq!(line(&outcome), "in doubt", "{outcome:?}");
    assert_eq!((server.connections(), server.posts()), (1, 1));
}

#[test]
fn each_request_to_create_has_a_connection_of_its_own() {
    let server = Server::start(|talk| {
        // It would gladly go on.
        while talk.request().is_some() {
            talk.answer(201, super::CREATED);
        }
    });
    let client = patient(&server.url());
    block_on(async {
        for _ in 0..3 {
            assert_eq!(line(&send(&client).await), "created");
        }
    });
    assert_eq!((server.connections(), server.posts()), (3, 3));
}

#[test]
fn a_run_whose_answer_was_lost_is_sent_once_and_stays_in_doubt_while_no_list_is_whole() {
    let server = Server::start(|talk| {
        let Some(request) = talk.request() else {
            return;
        };
        if request.starts_with("POST ") {
            return;
        }
        if request.contains("continuationToken") {
            talk.answer(200, "<html>");
        } else {
            let more =
                r#"{"items":[],"_links":{"next":{"href":"/runs?continuationToken=a%3D%3D"}}}"#;
            talk.answer(200, more);
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    workspace.sign_in(&server.url());
    workspace.run("apply --yes --no-preflight").exits(6);
    assert_eq!(server.posts(), 1);
    // The next apply cannot tell either.
    workspace.run("apply --yes --no-preflight").exits(6);
    assert_eq!(server.posts(), 1);
}
