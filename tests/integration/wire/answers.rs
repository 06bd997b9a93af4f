//! Answers that are not what they should be: half, of another length, no HTTP, no JSON, no id.

use super::{CREATED, answered, comes_to};

fn with_length(status: &str, length: usize, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn half_an_answer_leaves_a_doubt_wherever_it_ends() {
    let whole = with_length("201 Created", CREATED.len(), CREATED);
    for end in [1, 12, 20, whole.len() - CREATED.len(), whole.len() - 1] {
        answered("in doubt", &whole[..end], &whole[..end]);
    }
}

#[test]
fn a_body_shorter_than_its_length_is_created_if_the_id_came_whole() {
    answered(
        "created",
        "all of it",
        with_length("201 Created", CREATED.len() + 9, CREATED),
    );
    let half = &CREATED[..CREATED.len() / 2];
    answered(
        "in doubt",
        "half of it",
        with_length("201 Created", CREATED.len(), half),
    );
}

#[test]
fn a_body_longer_than_its_length_is_read_up_to_it() {
    answered(
        "in doubt",
        "cut by its length",
        with_length("201 Created", CREATED.len() - 1, CREATED),
    );
    answered(
        "created",
        "with more after it",
        with_length(
            "201 Created",
            CREATED.len(),
            &format!("{CREATED}HTTP/1.1 500"),
        ),
    );
}

#[test]
fn a_length_that_makes_no_sense_leaves_a_doubt() {
    for lengths in [
        "content-length: -1\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n",
        "content-length: many\r\n",
    ] {
        let answer = format!("HTTP/1.1 201 Created\r\n{lengths}\r\n{CREATED}");
        answered("in doubt", lengths, answer);
    }
}

#[test]
fn a_chunked_body_that_is_cut_or_misframed_leaves_a_doubt() {
    let head = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n";
    let half = &CREATED[..20];
    for body in [
        String::new(),
        "14\r\n".to_owned(),
        format!("14\r\n{half}"),
        format!("14\r\n{half}\r\n"),
        format!("14\r\n{half}\r\nzz\r\n"),
        format!("ffffffffffffffffff\r\n{CREATED}"),
        "0\r\n\r\n".to_owned(),
    ] {
        answered("in doubt", &body, format!("{head}{body}"));
    }
    let length = CREATED.len();
    answered(
        "created",
        "without its last chunk",
        format!("{head}{length:x}\r\n{CREATED}\r\n"),
    );
}

#[test]
fn what_is_not_http_leaves_a_doubt() {
    for garbage in [
        &b"\0\0\0\0\0\0\0\0"[..],
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"<html>",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/9.9 201 Created\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nno colon here\r\n\r\n{\"id\":\"r\"}",
        b"HTTP/1.1 99999 X\r\n\r\n",
    ] {
        answered("in doubt", &String::from_utf8_lossy(garbage), garbage);
    }
}

#[test]
fn an_answer_of_http_2_to_http_1_leaves_a_doubt() {
    // SETTINGS, then GOAWAY; SETTINGS, then RST_STREAM with REFUSED_STREAM.
    let settings = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let refused = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07";
    answered("in doubt", "GOAWAY", [&settings, &goaway[..]].concat());
    answered(
        "in doubt",
        "REFUSED_STREAM",
        [&settings, &refused[..]].concat(),
    );
}

#[test]
fn a_success_without_a_usable_id_leaves_a_doubt() {
    for body in [
        "",
        "<!doctype html><title>Sign in</title>",
        "null",
        "[]",
        "{}",
        r#"{"items":[]}"#,
        r#"{"items":{"0":{"id":"r"}}}"#,
        r#"{"id":null}"#,
        r#"{"id":7}"#,
        r#"{"id":["r"]}"#,
        r#"{"id":""}"#,
        r#"{"id":"."}"#,
        r#"{"id":".."}"#,
        r#"{"id":"../flows"}"#,
        r#"{"id":"a/b"}"#,
        r#"{"id":"a?b#c"}"#,
        r#"{"id":"a%2fb"}"#,
        r#"{"id":"a b"}"#,
        r#"{"id":"a\r\nx-evil: 1"}"#,
        r#"{"id":"\u001b[2J"}"#,
        r#"{"id":"\u202egnp"}"#,
        r#"{"id":"ид"}"#,
    ] {
        for status in ["200 OK", "202 Accepted"] {
            answered("in doubt", body, with_length(status, body.len(), body));
        }
    }
    let long = format!(r#"{{"id":"{}"}}"#, "r".repeat(129));
    answered(
        "in doubt",
        "long",
        with_length("201 Created", long.len(), &long),
    );
    answered("in doubt", "204", "HTTP/1.1 204 No Content\r\n\r\n");
    let deep = "[".repeat(100_000);
    answered(
        "in doubt",
        "deep",
        with_length("201 Created", deep.len(), &deep),
    );
}

#[test]
fn each_error_status_has_its_line_whatever_comes_with_it() {
    let expired = r#"{"error_code":"401013","message":"Oauth token is not valid"}"#;
    let gateway = r#"{"error_code":"403003","message":"Api Key is invalid"}"#;
    for (status, body, wanted) in [
        (400, "", "rejected"),
        (400, "<html>", "rejected"),
        (401, expired, "token expired"),
        (401, "", "sign-in"),
        (403, gateway, "sign-in"),
        (403, "", "rejected"),
        (404, "", "rejected"),
        (408, "", "in doubt"),
        (409, "", "in doubt"),
        (422, "", "rejected"),
        (429, "", "throttled"),
        (500, "", "in doubt"),
        (502, "<html>", "in doubt"),
        (503, "", "in doubt"),
        (504, "", "in doubt"),
        (599, "", "in doubt"),
        // A page that names a run does not make an error a success.
        (500, CREATED, "in doubt"),
        (400, CREATED, "rejected"),
    ] {
        let answer = with_length(&format!("{status} X"), body.len(), body);
        answered(wanted, &answer, answer.clone());
        // The body breaks off: the status stands, and what the body would have told is not known.
        let cut = with_length(&format!("{status} X"), body.len() + 9, "");
        let wanted = match wanted {
            "token expired" => "sign-in",
            "sign-in" if status == 403 => "rejected",
            other => other,
        };
        answered(wanted, &cut, cut.clone());
    }
}

#[test]
fn interim_answers_are_passed_over_and_a_switch_of_protocol_leaves_a_doubt() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let whole = with_length("201 Created", CREATED.len(), CREATED);
    answered("created", "1xx, then 201", format!("{interim}{whole}"));
    answered("in doubt", "1xx alone", interim);
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n";
    answered("in doubt", "101", switch);
}

#[test]
fn an_answer_before_the_request_was_whole_counts() {
    // The server answers a refusal early, as gateways do, and then takes the rest.
    comes_to("rejected", "early", |talk| {
        talk.read(10);
        talk.answer(413, "");
        talk.wait_for_end();
    });
}
