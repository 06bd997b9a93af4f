//! Names and messages that are meant to harm whoever reads a pull request, a summary, or a log: they
//! inject nothing into annotations, outputs, the summary or the comment.

use serde_json::json;

use crate::support::workspace::{Workspace, flow};
use crate::wire::server::Server;

use super::hub::{Hub, REPOSITORY};
use super::job::{Event, in_a_job};
use super::log::{annotations, commands, outputs};

/// Everything at once: commands of the runner, outputs, tables, tags, links, mentions, marks that end
/// what stands around them, and marks that turn text around.
const HARM: &str = "x\r\n::error file=a::pwned\n::set-output name=a::b\n##[add-mask]a\nexit_code=0\n\
                    EOF\n| a | b |\n|--|--|\n</code></pre></details><script>alert(1)</script>\
                    <img src=http://evil/x> [a](http://evil) ![b](http://evil) @octocat #1 www.evil.com \
                    --> <!-- `c` %0A%0D \u{202e}\u{1b}[2J *d* ~~e~~ $f$ team/backfills#2";

/// As much of it as a file's name may hold; the other slash is the one that it cannot.
const NAME: &str = "x\r\n::error file=a::pwned\n##[add-mask]a, b:c %0A |\u{202e}<\u{2215}code><script>\
                    <img src=x> [a](http:) @octocat #1 `c` *d* --> <!-- www.evil.com";

/// What may not stand anywhere in Markdown that GitHub renders, outside of code.
const MARKUP: [&str; 12] = [
    "<script", "<img", "](http", "![", "@octocat", "http:", "www.evil", "#1 ", "*d*", "~~e~~",
    "$f$", "`c`",
];

/// `text` without what stands in blocks that render as they are, each of which has to be whole, and
/// without code within a line, in which nothing may be left that Markdown reads.
fn outside_of_code(text: &str) -> String {
    without(&without(text, "pre", is_raw), "code", is_spelled_out)
}

/// Without the elements of this name, each of which `is_harmless` inside.
fn without(text: &str, name: &str, is_harmless: fn(&str) -> bool) -> String {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = text.split(&begin);
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) = part.split_once(&end).expect("a whole element");
        assert!(is_harmless(inside), "<{name}>{inside}");
        left.push_str(after);
    }
    assert!(!left.contains(&end), "ended before it began: {left}");
    left
}

/// Within `<pre>`, a tag is all that is read.
fn is_raw(inside: &str) -> bool {
    !inside.contains('<')
}

/// Within `<code>`, all that could be Markdown is an entity.
fn is_spelled_out(inside: &str) -> bool {
    let rest = inside.replace("<!-- -->", "");
    let mut parts = rest.split("&#");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest: String = parts
        .map(|part| part.split_once(';').map_or(part, |(_, after)| after))
        .collect();
    !(first + &rest).contains(|c: char| c.is_ascii_punctuation() && !matches!(c, '-' | '/' | ','))
}

#[track_caller]
fn assert_harmless_markdown(text: &str) {
    let outside = outside_of_code(text);
    for markup in MARKUP {
        assert!(!outside.contains(markup), "{markup} in {outside}");
    }
    for c in ['\u{202e}', '\u{1b}', '\r'] {
        assert!(!text.contains(c), "{c:?} in {text}");
    }
    assert_eq!(
        text.matches("<details").count(),
        text.matches("</details>").count()
    );
    // Every row of a table has the cells that its head has.
    let mut cells = None;
    for line in text.lines() {
        if line.starts_with('|') {
            let number = line.matches('|').count();
            assert_eq!(*cells.get_or_insert(number), number, "{line}");
        } else {
            cells = None;
        }
    }
    // The marker, and that it is the only one of its config, are the only comments, beside those that keep a
    // mention from being one.
    let only = text
        .matches("\n<!-- the sandbox of the config -->\n")
        .count();
    let comments = text.matches("<!--").count() - text.matches("<!-- -->").count() - only;
    assert!(comments <= 1 && only <= 1, "{text}");
}

#[track_caller]
fn assert_harmless_log(log: &str) {
    assert!(
        !log.contains('\u{1b}') && !log.contains('\u{202e}'),
        "{log}"
    );
    for command in commands(log) {
        let known = ["error", "warning", "notice", "group", "endgroup"];
        assert!(known.contains(&&*command.name), "{command:?}");
        assert_ne!(command.message, "pwned");
        assert_ne!(command.property("file"), "a");
    }
}

/// A service whose every text is meant to harm.
fn hostile_service() -> Server {
    let message = HARM.to_owned();
    Server::start(move |talk| {
        while let Some(request) = talk.request() {
            let refusal = json!({ "type": format!("https://x/FLOW-{message}"), "report": {
                "detailed-message": message, "request-id": message } });
            let run = json!({ "id": "a-run", "flowId": flow(1), "createdAt": 1_700_000_000_000_i64,
                "createdClient": message, "createdBy": message, "metrics": { "statusSummary": {
                    "status": message, "errors": [{ "code": message, "message": message }] } } });
            let (status, body) = if request.starts_with("POST") {
                (400, refusal)
            } else if request.contains("/flows/") {
                (
                    200,
                    json!({ "items": [{ "id": flow(1), "name": message, "state": "enabled" }] }),
                )
            } else {
                (200, json!({ "items": [run], "_links": {} }))
            };
            if !talk.answer(status, body.to_string()) {
                return;
            }
        }
    })
}

#[test]
fn the_measure_finds_what_it_is_made_for() {
    for text in [
        "<code>a`b</code>",
        "<code>[a](b)</code>",
        "<pre><b></pre>",
        "a <script>",
        "| a |\n| a | b |",
        "</code>",
    ] {
        let found = std::panic::catch_unwind(|| assert_harmless_markdown(text));
        assert!(found.is_err(), "{text}");
    }
    assert_harmless_markdown("<code>a&#96;b&#64;<!-- -->c, d-e</code>");
    for log in ["a\n  ::set-output name=a::b", "x ##[add-mask]a"] {
        let found = std::panic::catch_unwind(|| assert_harmless_log(log));
        assert!(found.is_err(), "{log}");
    }
}

fn manifest(rest: &str) -> String {
    let label = serde_json::to_string(HARM).expect("a text");
    format!(
        "version: 1\nflowId: {}\nname: {label}\nsandbox: prod\nsource: file\nreason: {label}\n{rest}",
        flow(1)
    )
}

/// A workspace of a manifest whose every text is meant to harm, in a job; and the manifest's name.
fn at(hub: &Hub, service: &Server) -> (Workspace, String) {
    let mut workspace = Workspace::new();
    workspace.sign_in(&service.url());
    let name = format!("manifests/{NAME}.yaml");
    workspace.write(
        &name,
        &manifest(
            "runs:\n- { windowStartTime: 1640995200, windowEndTime: 1641081600 }\n\
             - { windowStartTime: 1640995200, windowEndTime: 1641081600 }\n",
        ),
    );
    in_a_job(&mut workspace, hub, &Event::pull_request(7, REPOSITORY));
    let output = workspace.path().join("output").display().to_string();
    for (name, value) in [
        ("GITHUB_EVENT_NAME", HARM),
        ("GITHUB_OUTPUT", &output),
        ("BACKFILL_STATE", ".backfill"),
    ] {
        workspace.set(name, value);
    }
    (workspace, name)
}

#[test]
fn a_hostile_manifest_flow_and_service_inject_nothing() {
    let hub = Hub::start();
    let service = hostile_service();
    let (workspace, name) = at(&hub, &service);
    let hostile_report = format!("{NAME}.json");
    let report = ["--report", hostile_report.as_str()];
    let arguments = |words: &[&'static str]| -> Vec<String> {
        let words = words.iter().copied().chain(report);
        words.map(ToOwned::to_owned).collect()
    };

    // Planned, with a warning; applied, refused; planned again, with what was refused; audited; wrong.
    let mut seen = String::new();
    for (words, code) in [
        (vec!["plan", "--comment"], 0),
        (vec!["apply", "--yes", "--no-preflight"], 5),
        (vec!["plan", "--comment"], 0),
        (vec!["audit", "--issue"], 5),
    ] {
        let arguments = arguments(&words);
        let ran = workspace
            .run_with(arguments.iter().map(String::as_str))
            .exits(code);
        assert_harmless_log(&ran.stdout);
        assert_harmless_log(&ran.stderr);
        let found = annotations(&ran.stderr);
        assert!(!found.is_empty(), "{words:?}: {}", ran.stderr);
        for annotation in &found {
            // A name that could act is spelled out, and is then no file's.
            let file = annotation.property("file");
            let spelled =
                r"manifests/x\r\n\u{3a}:error file=a::pwned\n\u{23}#[add-mask]a, b:c %0A |";
            assert!(file.is_empty() || file.starts_with(spelled), "{file}");
        }
        let written = outputs(&workspace.read("output"));
        let values = |name: &str| -> Vec<&str> {
            let of = written.iter().filter(|(known, _)| known == name);
            of.map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(values("exit_code"), [code.to_string()]);
        assert_eq!(
            values("report_path"),
            [hostile_report.replace("\r\n", "\n")]
        );
        assert!(written.len() <= 10, "{written:?}");
        std::fs::remove_file(workspace.path().join("output")).expect("it was written");
        let summary = workspace.read("summary.md");
        assert_harmless_markdown(&summary);
        seen.push_str(&summary);
        std::fs::remove_file(workspace.path().join("summary.md")).expect("it was written");
    }
    assert!(seen.contains("pwned"), "it was shown nowhere: {seen}");

    workspace.run("status");
    assert_harmless_markdown(&workspace.read("summary.md"));
    workspace.write(
        &name,
        &manifest("runs: [{ windowStartTime: \"x\\n::error::pwned\" }]\n"),
    );
    let ran = workspace.run("plan --comment").exits(3);
    assert_harmless_log(&ran.stderr);
    assert_harmless_markdown(&workspace.read("summary.md"));
    for post in hub.comments() {
        assert_harmless_markdown(&post);
    }
    assert_eq!(hub.comments().len(), 1);
    for issue in &hub.world().issues {
        assert_harmless_markdown(&issue.body);
    }
}

#[test]
fn what_whoever_starts_a_job_names_injects_nothing() {
    let (hub, service) = (Hub::start(), hostile_service());
    let (workspace, _) = at(&hub, &service);
    let ends_early = "x\n::error::pwned\r::stop-commands::x";
    workspace.write(
        "hostile.yaml",
        &format!("version: 1\nstate: {ends_early:?}\n"),
    );
    for arguments in [
        vec!["plan", ends_early],
        vec!["plan", "--config", ends_early],
        vec!["plan", "--flow", ends_early],
        vec![
            "plan",
            "--config",
            "hostile.yaml",
            "--report",
            "no/\n::error::pwned",
        ],
        vec!["apply", "--yes", "--config", "hostile.yaml"],
        vec!["status", "--sandbox", ends_early],
    ] {
        let ran = workspace.run_with(arguments.iter().copied());
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        assert_harmless_log(&ran.stdout);
        assert_harmless_log(&ran.stderr);
        assert_harmless_markdown(&workspace.read("summary.md"));
    }
}
