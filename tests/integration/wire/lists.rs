//! Lists that fail half-way, and what else a read may come to: a list is whole or it is none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aep_backfill::api::{ApiError, FlowRun};

use super::server::{Server, Talk};
use super::{block_on, flow_ref, patient, sandbox};

/// A token with everything in it that must not get lost on the way.
const MARK: &str = "a+b/c==";

fn runs_of(server: &Server) -> Result<Vec<FlowRun>, ApiError> {
    let client = patient(&server.url());
    block_on(client.runs_of(&flow_ref()))
}

fn ids(runs: &[FlowRun]) -> Vec<String> {
    runs.iter().map(|run| run.id.to_string()).collect()
}

fn page(ids: &[&str], next: Option<&str>) -> String {
    let items: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id})).collect();
    let links = next.map_or(serde_json::json!({}), |token| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("continuationToken", token)
            .finish();
        serde_json::json!({"next": {"href": format!("/runs?{query}")}})
    });
    serde_json::json!({"items": items, "_links": links}).to_string()
}

/// The page token that a request names.
fn token_of(request: &str) -> Option<String> {
    let path = request.split(' ').nth(1).expect("a request line");
    let url = url::Url::parse(&format!("http://relative.invalid{path}")).expect("a path");
    let mut pairs = url.query_pairs();
    pairs
        .find(|(name, _)| name == "continuationToken")
        .map(|(_, token)| token.into_owned())
}

/// A list of two pages: the first is right, the second is what `second` does, which is told how
/// often it has been asked for.
fn two_pages(second: impl Fn(&mut Talk, usize) + Send + Sync + 'static) -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |talk| {
        while let Some(request) = talk.request() {
            match token_of(&request).as_deref() {
                None => {
                    talk.answer(200, page(&["r1", "r2"], Some(MARK)));
                }
                Some(MARK) => {
                    let times = asked.fetch_add(1, Ordering::SeqCst) + 1;
                    second(talk, times);
                    return;
                }
                Some(other) => panic!("the token came as {other}"),
            }
        }
    })
}

/// How many requests the server read.
fn reads(server: &Server) -> usize {
    server.request_lines().len()
}

#[test]
fn a_page_token_comes_back_to_the_letter() {
    let server = two_pages(|talk, _| {
        talk.answer(200, page(&["r3"], None));
    });
    assert_eq!(ids(&runs_of(&server).expect("a list")), ["r1", "r2", "r3"]);
    assert_eq!(reads(&server), 3, "both, and the first one again");
    for line in server.request_lines() {
        assert!(
            line.contains("property=flowId%3D%3D3abea21c-7e36-4be1-bec1-d3bad0e3e0de&limit=100"),
            "{line}"
        );
    }
}

#[test]
fn no_cache_is_allowed_to_answer_for_the_service() {
    let server = two_pages(|talk, _| {
        talk.answer(200, page(&["r3"], None));
    });
    runs_of(&server).expect("a list");
    let asked = String::from_utf8_lossy(&server.bytes()).to_lowercase();
    let without = asked.matches("\r\ncache-control: no-cache").count();
    assert_eq!(without, reads(&server), "{asked}");
}

#[test]
fn a_page_that_fails_in_passing_is_read_again() {
    let whole = page(&["r3"], None);
    let length = whole.len();
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}",
        &whole[..length - 2]
    );
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for trouble in [
        Vec::new(),
        b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 408 X\r\ncontent-length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 429 X\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n".to_vec(),
        cut.into_bytes(),
        goaway.to_vec(),
    ] {
        let (shown, last) = (
            String::from_utf8_lossy(&trouble).into_owned(),
            whole.clone(),
        );
        let server = two_pages(move |talk, times| {
            if times == 1 {
                talk.say(&trouble);
            } else {
                talk.answer(200, &last);
            }
        });
        let runs = runs_of(&server).expect("a list");
        assert_eq!(ids(&runs), ["r1", "r2", "r3"], "{shown}");
        assert_eq!(reads(&server), 4, "{shown}");
    }
}

#[test]
fn a_page_that_fails_for_good_leaves_no_list() {
    let server = two_pages(|_, _| {});
    let error = runs_of(&server).expect_err("half a list");
    assert!(matches!(error, ApiError::Unreachable(_)), "{error}");
    assert_eq!(reads(&server), 7, "a page is asked for six times");
}

#[test]
fn a_page_that_is_not_understood_leaves_no_list() {
    for odd in [
        "",
        "<html>Sign in</html>",
        "null",
        "[]",
        "{}",
        r#"{"items":{}}"#,
        r#"{"items":null}"#,
        r#"{"items":[{}]}"#,
        r#"{"items":[null]}"#,
        r#"{"items":[{"id":"../x"}]}"#,
        r#"{"items":[{"id":"r3","flowId":"someone's"}]}"#,
        r#"{"items":[],"_links":{"next":{}}}"#,
        r#"{"items":[],"_links":{"next":{"href":"/runs?start=3"}}}"#,
        r#"{"items":[],"_links":{"next":{"href":"http://["}}}"#,
        // A page that leads back to itself.
        r#"{"items":[],"_links":{"next":{"href":"/runs?continuationToken=a%2Bb/c=="}}}"#,
        r#"{"items":[],"continuationToken":"a+b/c=="}"#,
    ] {
        let server = two_pages(move |talk, _| {
            talk.answer(200, odd);
        });
        let error = runs_of(&server).expect_err(odd);
        assert!(
            matches!(error, ApiError::NotUnderstood(_)),
            "{odd}: {error}"
        );
        assert_eq!(reads(&server), 2, "{odd}");
    }
}

#[test]
fn a_token_that_is_not_known_any_more_starts_the_list_again_once() {
    let old = r#"{"type":"https://ns.adobe.com/aep/errors/FLOW-1453-400"}"#;
    let server = two_pages(move |talk, times| {
        if times == 1 {
            talk.answer(400, old);
        } else {
            talk.answer(200, page(&["r2", "r3"], None));
        }
    });
    assert_eq!(ids(&runs_of(&server).expect("a list")), ["r1", "r2", "r3"]);
    assert_eq!(reads(&server), 5);

    let server = two_pages(move |talk, _| {
        talk.answer(400, old);
    });
    let error = runs_of(&server).expect_err("half a list");
    assert!(matches!(error, ApiError::Refused(_)), "{error}");
    assert_eq!(reads(&server), 4);
}

#[test]
fn a_list_that_is_refused_is_not_asked_for_again() {
    for status in [400, 403, 404, 410, 422] {
        let server = Server::start(move |talk| {
            while talk.request().is_some() {
                talk.answer(status, "");
            }
        });
        let error = runs_of(&server).expect_err("no list");
        assert!(matches!(error, ApiError::Refused(_)), "{error}");
        assert_eq!(reads(&server), 1);
    }
}

#[test]
fn runs_of_other_flows_are_left_out_and_runs_of_none_are_not() {
    let server = Server::start(|talk| {
        talk.request();
        talk.answer(
            200,
            r#"{"items":[
                {"id":"theirs","flowId":"00000000-0000-4000-8000-000000000001"},
                {"id":"ours","flowId":"3ABEA21C-7E36-4BE1-BEC1-D3BAD0E3E0DE"},
                {"id":"anybodys"},
                {"id":"ours","flowId":"3abea21c-7e36-4be1-bec1-d3bad0e3e0de"}
            ]}"#,
        );
    });
    assert_eq!(
        ids(&runs_of(&server).expect("a list")),
        ["ours", "anybodys"]
    );
}

#[test]
fn a_run_that_is_not_found_by_its_id_is_no_error() {
    let server = Server::start(|talk| {
        talk.request();
        let body = r#"{"type":"https://ns.adobe.com/aep/errors/FLOW-1439-404"}"#;
        talk.answer(404, body);
    });
    let client = patient(&server.url());
    let id = "fresh".parse().expect("an id");
    assert!(matches!(block_on(client.run(&sandbox(), &id)), Ok(None)));
    assert_eq!(reads(&server), 1);
}

#[test]
fn a_page_token_too_long_for_a_url_leaves_no_list() {
    let next = "x".repeat(100_000);
    let server = Server::start(move |talk| {
        while talk.request().is_some() {
            talk.answer(200, page(&[], Some(&next)));
        }
    });
    let error = runs_of(&server).expect_err("half a list");
    assert!(matches!(error, ApiError::NotUnderstood(_)), "{error}");
    assert_eq!(reads(&server), 1);
}

#[test]
fn a_run_that_moves_to_a_page_that_was_read_is_not_missed() {
    let firsts = AtomicUsize::new(0);
    let server = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            if token_of(&request).is_some() {
                // The run r3 was here, until something happened to it.
                talk.answer(200, page(&["r2"], None));
                return;
            }
            let first = match firsts.fetch_add(1, Ordering::SeqCst) {
                0 => page(&["r1"], Some(MARK)),
                _ => page(&["r3", "r1"], Some(MARK)),
            };
            talk.answer(200, first);
        }
    });
    assert_eq!(ids(&runs_of(&server).expect("a list")), ["r3", "r1", "r2"]);
}

#[test]
fn a_list_that_never_comes_to_rest_is_none() {
    let firsts = AtomicUsize::new(0);
    let server = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            if token_of(&request).is_some() {
                talk.answer(200, page(&["r0"], None));
                return;
            }
            let newest = format!("n{}", firsts.fetch_add(1, Ordering::SeqCst));
            talk.answer(200, page(&[&newest], Some(MARK)));
        }
    });
    let error = runs_of(&server).expect_err("no list");
    assert!(error.to_string().contains("changes faster"), "{error}");
}

/// A list whose tokens say how many runs were given, so that its pages are cut anew each time. It
/// has what changed last in front; `change` is done to it before each request, which it is told the
/// number of.
fn live_list(
    length: usize,
    change: impl Fn(&mut Vec<(String, usize)>, usize) + Send + Sync + 'static,
) -> Server {
    const PAGE: usize = 5;
    let runs: Vec<_> = (0..length).map(|n| (format!("r{n}"), 0)).collect();
    let state = Mutex::new((runs, 0));
    Server::start(move |talk| {
        while let Some(request) = talk.request() {
            let body = {
                let mut state = state.lock().expect("no script fails");
                let (runs, asked) = &mut *state;
                *asked += 1;
                change(runs, *asked);
                let from = token_of(&request).map_or(0, |token| token.parse().expect("a number"));
                let to = runs.len().min(from + PAGE);
                let items: Vec<_> = runs[from.min(to)..to]
                    .iter()
                    .map(|(id, updated)| serde_json::json!({"id": id, "updatedAt": 1 + updated}))
                    .collect();
                let links = if to < runs.len() {
                    let href = format!("/runs?continuationToken={to}");
                    serde_json::json!({"next": {"href": href}})
                } else {
                    serde_json::json!({})
                };
                serde_json::json!({"items": items, "_links": links}).to_string()
            };
            talk.answer(200, body);
        }
    })
}

#[test]
fn a_list_that_grows_while_it_is_read_is_whole() {
    let server = live_list(50, |runs, asked| {
        runs.insert(0, (format!("n{asked}"), asked));
    });
    let listed = ids(&runs_of(&server).expect("a list"));
    for run in (0..50).map(|n| format!("r{n}")) {
        let times = listed.iter().filter(|id| **id == run).count();
        assert_eq!(times, 1, "{run} in {listed:?}");
    }
    assert!(
        listed.contains(&"n1".to_owned()) && listed.contains(&"n9".to_owned()),
        "what was new when the first pages were read: {listed:?}"
    );
}

#[test]
fn no_run_is_missed_however_runs_move_to_the_front_while_the_list_is_read() {
    for seed in 1..=20_u64 {
        let drawn = Mutex::new(seed);
        let draw = move |below: usize| {
            let mut seed = drawn.lock().expect("no script fails");
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(*seed >> 33).expect("31 bits") % below
        };
        let server = live_list(40, move |runs, asked| match draw(4) {
            0 => runs.insert(0, (format!("n{asked}"), asked)),
            1 | 2 => {
                let (id, _) = runs.remove(draw(runs.len()));
                runs.insert(0, (id, asked));
            }
            _ => {}
        });
        let listed = ids(&runs_of(&server).expect("a list"));
        for run in (0..40).map(|n| format!("r{n}")) {
            let times = listed.iter().filter(|id| **id == run).count();
            assert_eq!(times, 1, "seed {seed}: {run} in {listed:?}");
        }
    }
}

#[test]
fn another_run_than_the_one_that_was_asked_for_is_none() {
    let server = Server::start(|talk| {
        while talk.request().is_some() {
            talk.answer(200, page(&["another"], None));
        }
    });
    let id = "mine".parse().expect("a run id");
    let run = block_on(patient(&server.url()).run(&sandbox(), &id));
    assert!(matches!(run, Err(ApiError::NotUnderstood(_))), "{run:?}");
    let server = Server::start(|talk| {
        while talk.request().is_some() {
            talk.answer(200, page(&[], None));
        }
    });
    let run = block_on(patient(&server.url()).run(&sandbox(), &id));
    assert!(matches!(run, Ok(None)), "{run:?}");
}
