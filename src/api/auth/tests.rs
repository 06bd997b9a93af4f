use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A sign-in service that gives these answers, the last one for ever, and counts what it is asked.
async fn service(answers: &[&str]) -> (Auth, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let (answers, count) = (answers.iter().map(ToString::to_string), Arc::clone(&asked));
    let answers: Vec<String> = answers.collect();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let nth = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let (head, body) = answers[nth].split_once('|').unwrap_or((&answers[nth], ""));
            let answer = format!(
                "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let credentials = Credentials::ClientSecret {
        client_id: "us".to_owned(),
        client_secret: SecretString::from("a-secret"),
        scopes: "openid".to_owned(),
        ims: Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL"),
    };
    crate::tls::install_provider();
    (
        Auth::new(
            credentials,
            reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
        ),
        asked,
    )
}

async fn turn_clock(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

fn answer(status: u16, body: &str) -> Result<TokenAnswer, AuthError> {
    TokenAnswer::read(status, body.as_bytes())
}

#[test]
fn only_a_refusal_in_the_services_own_words_is_about_the_credentials() {
    let page = "<html><title>Sign in</title></html>";
    for (status, body, said) in [
        (
            400,
            r#"{"error":"invalid_client","error_description":"no such"}"#,
            "refused the credentials: HTTP 400 invalid_client no such",
        ),
        (401, "{}", "refused the credentials: HTTP 401"),
        (408, "", "busy or down: HTTP 408"),
        (
            429,
            r#"{"error":"too many"}"#,
            "busy or down: HTTP 429 too many",
        ),
        (500, "", "busy or down: HTTP 500"),
        (
            503,
            page,
            "busy or down: HTTP 503 a page of HTML (`Sign in`)",
        ),
        (302, "", "is not understood: HTTP 302 leads elsewhere"),
        (
            200,
            page,
            "is not understood: HTTP 200 a page of HTML (`Sign in`)",
        ),
        (
            403,
            page,
            "is not understood: HTTP 403 a page of HTML (`Sign in`)",
        ),
        (200, "{}", "is not understood: HTTP 200 without a token"),
        (
            200,
            r#"{"access_token":" "}"#,
            "is not understood: HTTP 200 without a token",
        ),
    ] {
        let error = answer(status, body).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn how_long_a_token_lives_is_read_however_it_is_said() {
    let day = Some(24 * 3600);
    for (said, seconds) in [
        ("", None),
        (r#","expires_in":86399"#, Some(86_399)),
        (r#","expires_in":"3600""#, Some(3600)),
        (r#","expires_in":3600.0"#, Some(3600)),
        // Milliseconds, as Adobe's older sign-in gave.
        (r#","expires_in":86399999"#, day),
        (r#","expires_in":1e300"#, day),
        (r#","expires_in":0"#, None),
        (r#","expires_in":-1"#, None),
        (r#","expires_in":null"#, None),
        (r#","expires_in":"soon""#, None),
        (r#","expires_in":{}"#, None),
    ] {
        let body = format!(r#"{{"access_token":"t"{said}}}"#);
        let answer = answer(200, &body).expect("a token");
        let life = answer.good_for().map(|life| life.as_secs());
        assert_eq!(life, seconds, "{said}");
        assert!(answer.kept_for() <= answer.good_for());
    }
}

const TOKEN: &str = "200 OK|{\"access_token\":\"t\",\"expires_in\":1000}";

#[tokio::test]
async fn while_a_token_is_good_a_sign_in_service_that_is_down_ends_nothing() {
    let (auth, asked) = service(&[TOKEN, "503 X", "429 X", TOKEN]).await;
    let first = auth.token().await.expect("a token");
    turn_clock(Duration::from_secs(905)).await;
    // One try, and no other before a little time has passed.
    for _ in 0..3 {
        assert_eq!(
            auth.token().await.expect("the old one").serial,
            first.serial
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    turn_clock(RENEWED_AGAIN).await;
    assert_eq!(
        auth.token().await.expect("the old one").serial,
        first.serial
    );
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    turn_clock(RENEWED_AGAIN).await;
    assert_eq!(
        auth.token().await.expect("a new one").serial,
        first.serial + 1
    );
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_refusal_ends_what_a_good_token_would_bridge() {
    let (auth, _) = service(&[TOKEN, "400 X|{\"error\":\"invalid_client\"}"]).await;
    auth.token().await.expect("a token");
    turn_clock(Duration::from_secs(905)).await;
    assert!(matches!(
        auth.token().await,
        Err(AuthError::Refused { status: 400, .. })
    ));
}

#[tokio::test]
async fn a_token_that_the_service_has_refused_bridges_nothing() {
    let (auth, _) = service(&[TOKEN, "302 X"]).await;
    let first = auth.token().await.expect("a token");
    let renewed = auth
        .renewed(&first, "401013")
        .await
        .map(|token| token.serial);
    assert!(
        matches!(renewed, Err(AuthError::NotUnderstood { status: 302, .. })),
        "{renewed:?}"
    );
}

#[tokio::test]
async fn a_token_of_unknown_life_is_kept_until_it_is_refused() {
    let unknown = "200 OK|{\"access_token\":\"t\"}";
    let (auth, asked) = service(&[unknown]).await;
    let first = auth.token().await.expect("a token");
    turn_clock(Duration::from_secs(30 * 24 * 3600)).await;
    assert_eq!(auth.token().await.expect("the same").serial, first.serial);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let second = auth.renewed(&first, "401013").await.expect("a new one");
    assert_eq!(second.serial, first.serial + 1);
}

#[tokio::test]
async fn a_service_that_asks_for_time_is_given_it() {
    let (auth, asked) = service(&["429 X\r\nretry-after: 1", TOKEN]).await;
    let begun = Instant::now();
    auth.token().await.expect("a token");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let (auth, asked) = service(&["503 X\r\nretry-after: 901"]).await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), auth.token()).await;
    assert!(waiting.is_err(), "a quarter of an hour is waited for");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
