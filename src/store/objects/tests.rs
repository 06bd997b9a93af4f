use super::*;

fn answered(status: &str, body: &str) -> Error {
    Error::Generic {
        store: "S3",
        source: format!(
            "Error performing PUT http://x/y in 1ms - Server returned non-2xx status code: \
             {status}: {body}"
        )
        .into(),
    }
}

#[test]
fn only_what_may_pass_is_asked_for_again() {
    for (status, is_final) in [
        ("400 Bad Request", true),
        ("401 Unauthorized", true),
        ("403 Forbidden", true),
        ("404 Not Found", true),
        ("405 Method Not Allowed", true),
        ("408 Request Timeout", false),
        ("409 Conflict", false),
        ("429 Too Many Requests", false),
        ("500 Internal Server Error", false),
        ("501 Not Implemented", true),
        ("502 Bad Gateway", false),
        ("503 Slow Down", false),
    ] {
        assert_eq!(is_refusal(&answered(status, "")), is_final, "{status}");
    }
    let slow = "<Error><Code>RequestTimeout</Code><Message>m</Message></Error>";
    assert!(!is_refusal(&answered("400 Bad Request", slow)));
}

#[test]
fn what_helps_is_said() {
    let locked = "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- \
                  HTTP header is required</Message></Error>";
    for (error, help) in [
        (
            answered("400 Bad Request", locked),
            "AWS_CHECKSUM_ALGORITHM",
        ),
        (
            answered(
                "301 Moved",
                "<Code>PermanentRedirect</Code><Message>m</Message>",
            ),
            "AWS_REGION",
        ),
        (
            Error::Generic {
                store: "S3",
                source: "HTTP error: builder error".into(),
            },
            "AWS_ALLOW_HTTP",
        ),
        (
            Error::Generic {
                store: "S3",
                source: "invalid peer certificate: UnknownIssuer".into(),
            },
            "SSL_CERT_FILE",
        ),
    ] {
        let text = said(&error);
        assert!(text.contains(help), "{text}");
    }
}
