//! Answers without end: bodies, heads, drips and bombs. Each is read up to a bound, in size and in
//! time, and what the bound cuts off is never guessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aep_backfill::api::Outcome;

use super::server::{Server, Talk};
use super::{CREATED, answered, block_on, client, create, flow_ref, line, patient};

/// What a server can get rid of at most, besides what is read: both sides have buffers.
const BUFFERS: usize = 16 << 20;

fn much_of(byte: u8) -> Vec<u8> {
    vec![byte; 1 << 16]
}

/// Says `head`, then `more` again and again until nobody listens, no more than 1 GB.
/// Gives how much was taken.
fn endless(head: &'static str, more: Vec<u8>) -> (Server, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let server = Server::start(move |talk: &mut Talk| {
        if talk.request().is_none() {
            return;
        }
        talk.say(head);
        while count.load(Ordering::SeqCst) < 1 << 30 && talk.say(&more) {
            count.fetch_add(more.len(), Ordering::SeqCst);
        }
    });
    (server, taken)
}

#[test]
fn an_answer_to_a_create_is_read_up_to_a_megabyte() {
    for head in [
        "HTTP/1.1 201 Created\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 999999999999\r\n\r\n",
    ] {
        let (server, taken) = endless(head, much_of(b' '));
        let outcome = create(&patient(&server.url()));
        assert_eq!(line(&outcome), "in doubt", "{outcome:?}");
        assert_eq!((server.connections(), server.posts()), (1, 1));
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken < (1 << 20) + BUFFERS, "{taken} bytes were taken");
    }
}

#[test]
fn the_status_of_an_endless_refusal_stands_and_its_message_is_short() {
    let (server, taken) = endless("HTTP/1.1 400 X\r\n\r\n", much_of(b'x'));
    let outcome = create(&patient(&server.url()));
    let Outcome::Rejected(refusal) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(refusal.message.raw().chars().count() <= 601, "{refusal}");
    assert!(taken.load(Ordering::SeqCst) < (1 << 20) + BUFFERS);
}

#[test]
fn a_head_without_end_leaves_a_doubt() {
    for (head, more) in [
        (
            "HTTP/1.1 201 Created\r\n",
            b"x-more: of the same\r\n".to_vec(),
        ),
        ("HTTP/1.1 201 Created\r\nx-more: ", much_of(b'x')),
        ("", much_of(b'x')),
    ] {
        let (server, taken) = endless(head, more);
        let outcome = create(&patient(&server.url()));
        assert_eq!(line(&outcome), "in doubt", "{head}: {outcome:?}");
        assert_eq!((server.connections(), server.posts()), (1, 1));
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken < BUFFERS, "{head}: {taken} bytes were taken");
    }
}

#[test]
fn interim_answers_without_end_leave_a_doubt_when_the_time_is_up() {
    let server = Server::start(|talk| {
        talk.request();
        while talk.say("HTTP/1.1 102 Processing\r\n\r\n") {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let total = Duration::from_millis(500);
    let outcome = create(&client(&server.url(), total, total));
    assert_eq!(line(&outcome), "in doubt", "{outcome:?}");
    assert_eq!((server.connections(), server.posts()), (1, 1));
}

/// An answer byte by byte, so slowly that it would be whole, and a success, after a minute.
fn dripping(after: usize) -> Server {
    Server::start(move |talk: &mut Talk| {
        if talk.request().is_none() {
            return;
        }
        let length = CREATED.len();
        let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\r\n{CREATED}");
        talk.say(&answer[..after]);
        for byte in answer.as_bytes().chunks(1).skip(after) {
            std::thread::sleep(Duration::from_secs(1));
            if !talk.say(byte) {
                return;
            }
        }
    })
}

#[test]
fn an_answer_that_drips_leaves_a_doubt_when_the_time_is_up() {
    // In the head, and in the body.
    for after in [10, 60] {
        let server = dripping(after);
        let total = Duration::from_millis(1_500);
        let outcome = create(&client(&server.url(), total, total));
        assert_eq!(line(&outcome), "in doubt", "{after}: {outcome:?}");
        assert_eq!((server.connections(), server.posts()), (1, 1));
    }
}

#[test]
fn a_service_that_says_nothing_leaves_a_doubt_when_the_time_is_up() {
    let server = Server::start(Talk::wait_for_end);
    let total = Duration::from_millis(500);
    let outcome = create(&client(&server.url(), total, total));
    assert_eq!(line(&outcome), "in doubt", "{outcome:?}");
    assert!(format!("{outcome:?}").contains("no answer in time"));
    assert_eq!((server.connections(), server.posts()), (1, 1));
}

/// Bits, from the lowest of each byte on, as deflate has them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, bits: &str) {
        for bit in bits.chars() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if bit == '1' {
                *self.bytes.last_mut().expect("pushed") |= 1 << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// The frame of gzip around `deflated`; the check sum is nobody's business here.
fn gzip(deflated: &[u8]) -> Vec<u8> {
    [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", deflated, &[0; 8]].concat()
}

/// A gzip of 100 MB of `0` bytes in half a megabyte: one literal, then 258 times the same, and again.
fn bomb() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push("110");
    bits.push("00110000");
    for _ in 0..400_000 {
        bits.push("1100010100000");
    }
    bits.push("0000000");
    gzip(&bits.bytes)
}

/// A gzip of a small text, stored as it is.
fn stored(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a small text");
    let block = [
        &[1][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        text.as_bytes(),
    ];
    gzip(&block.concat())
}

#[test]
fn nothing_is_unpacked_so_a_bomb_is_a_body_that_is_not_understood() {
    for encoding in ["", "content-encoding: gzip\r\n"] {
        for body in [bomb(), stored(CREATED)] {
            let head = |status: &str| {
                let length = body.len();
                format!("HTTP/1.1 {status}\r\n{encoding}content-length: {length}\r\n\r\n")
            };
            let answer = |status| [head(status).into_bytes(), body.clone()].concat();
            answered("in doubt", encoding, answer("201 Created"));
            let outcome = answered("rejected", encoding, answer("400 X"));
            let Outcome::Rejected(refusal) = outcome else {
                unreachable!("it is rejected");
            };
            assert!(
                refusal.message.raw().len() < 8_000,
                "{}",
                refusal.message.raw().len()
            );
        }
    }
}

#[test]
fn nothing_packed_is_asked_for() {
    let server = Server::start(|talk| {
        talk.request();
        talk.answer(201, CREATED);
    });
    create(&patient(&server.url()));
    let request = String::from_utf8(server.bytes())
        .expect("text")
        .to_lowercase();
    assert!(!request.contains("accept-encoding"), "{request}");
    assert!(!request.contains("expect:"), "{request}");
}

#[test]
fn a_page_of_a_list_is_read_up_to_32_megabytes() {
    let (server, taken) = endless("HTTP/1.1 200 OK\r\n\r\n", much_of(b' '));
    let client = patient(&server.url());
    let flow = flow_ref();
    let asked_again = async {
        while server.connections() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    block_on(async {
        tokio::select! {
            read = client.runs_of(&flow) => panic!("{read:?}"),
            () = asked_again => {}
        }
    });
    let taken = taken.load(Ordering::SeqCst);
    assert!(
        taken < 2 * ((32 << 20) + BUFFERS),
        "{taken} bytes were taken"
    );
}
