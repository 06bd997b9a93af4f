//! Manifests that are meant to harm, or might as well be: each is refused, or read, in few words.
//!
//! What is asserted is the refusal and that little is said; time and memory are not, for a busy
//! machine proves nothing.

use std::fmt::Write;
use std::fs::{self, File};

use crate::support::dice::is_whole;
use crate::support::workspace::{Ran, Workspace};

/// All that may be said about any file, in bytes.
const FEW_WORDS: usize = 1 << 20;

/// Runs `validate` on one manifest of these bytes.
#[track_caller]
fn refused(bytes: &[u8], code: &str) -> Ran {
    let workspace = Workspace::new();
    fs::write(workspace.path().join("manifests/x.yaml"), bytes).expect("written");
    refused_in(&workspace, code)
}

#[track_caller]
fn refused_in(workspace: &Workspace, code: &str) -> Ran {
    let ran = workspace.run("validate").exits(3);
    let begin: String = ran.stderr.chars().take(2_000).collect();
    assert!(ran.stderr.contains(code), "not {code}: {begin}");
    assert!(ran.stderr.len() < FEW_WORDS, "{}", ran.stderr.len());
    assert!(!ran.stderr.contains("panicked"), "{begin}");
    ran
}

/// A manifest that is right up to its runs.
fn file_source(rest: &str) -> String {
    format!(
        "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\nsandbox: prod\nsource: file\n{rest}"
    )
}

#[test]
fn an_alias_bomb() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..30 {
        let aliases = format!("*a{}, ", n - 1).repeat(10);
        writeln!(text, "a{n}: &a{n} [{aliases}]").expect("a string");
    }
    refused(text.as_bytes(), "BF003");
}

#[test]
fn an_alias_bomb_of_one_long_text() {
    let text = "x".repeat(if is_whole() { 1 << 20 } else { 1 << 17 });
    let times = "  - { windowStartTime: *t, windowEndTime: *t }\n".repeat(5_000);
    let text = file_source(&format!("reason: &t {text}\nruns:\n{times}"));
    refused(text.as_bytes(), "BF003");
    // As long as a value may be.
    let text = "x".repeat(4_000);
    let text = file_source(&format!("reason: &t {text}\nruns:\n{times}"));
    refused(text.as_bytes(), "BF015");
}

#[test]
fn a_hundred_thousand_brackets() {
    for bracket in ["[", "{a: ", "- ", "? "] {
        refused(bracket.repeat(100_000).as_bytes(), "BF001");
    }
}

#[test]
fn a_file_of_100_mb() {
    let workspace = Workspace::new();
    let file = File::create(workspace.path().join("manifests/x.yaml")).expect("created");
    file.set_len(100_000_000).expect("grown");
    refused_in(&workspace, "BF003");
}

#[test]
fn a_large_file_of_one_thing() {
    let size = 1 << 20;
    refused("a,".repeat(size / 2).as_bytes(), "BF003");
    refused(format!("\"{}", "x".repeat(size - 1)).as_bytes(), "BF001");
    refused("# x\n".repeat(size / 4).as_bytes(), "BF005");
    refused("---\n[\n".repeat(size / 6).as_bytes(), "BF001");
    refused("- x\n".repeat(size / 4).as_bytes(), "BF008");
    refused("x: y\n".repeat(size / 5).as_bytes(), "BF00");
    refused(&vec![0xff; size], "BF004");
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"version: 1\n\0version: 2", "BF001");
    refused(b"version: \xc3\x28\n", "BF004");
    refused(&[0; 1000], "BF001");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_only_that() {
    let runs = "runs:\n  - { windowStartTime: 2022-05-03, windowEndTime: 2022-05-04 }\n";
    let text = format!("\u{feff}{}", file_source(runs)).replace('\n', "\r\n");
    let workspace = Workspace::new();
    workspace.write("manifests/x.yaml", &text);
    workspace.run("validate").exits(0);
    let wrong = text.replace("2022-05-04", "2022-05-02");
    let ran = refused(wrong.as_bytes(), "BF020");
    assert!(ran.stderr.contains("x.yaml:6:"), "{}", ran.stderr);
}

#[cfg(unix)] // elsewhere links are an administrator's
#[test]
fn links_that_lead_back() {
    use std::os::unix::fs::symlink;
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let manifests = workspace.path().join("manifests");
    // A folder within itself is entered once.
    symlink(&manifests, manifests.join("again")).expect("a link");
    workspace.run("validate").exits(0);
    // A file that is only a link to itself is no file, and it is missed.
    symlink(manifests.join("loop.yaml"), manifests.join("loop.yaml")).expect("a link");
    refused_in(&workspace, "loop.yaml");
    fs::remove_file(manifests.join("loop.yaml")).expect("removed");
    symlink(manifests.join("nowhere"), manifests.join("gone.yaml")).expect("a link");
    refused_in(&workspace, "gone.yaml");
}

#[test]
fn a_range_of_a_billion_windows() {
    let range = "ranges:\n  - { from: 1985-01-01, to: 2022-01-01, every: 1 second }\n";
    refused(file_source(range).as_bytes(), "BF023");
}

#[test]
fn mistakes_by_the_thousand() {
    for (text, code) in [
        (
            file_source(&format!("runs:\n{}", "  - x\n".repeat(5_000))),
            "BF008",
        ),
        (
            file_source(&format!(
                "runs:\n{}",
                "  - { windowStratTime: 1, windowsEndTime: 2 }\n".repeat(5_000)
            )),
            "BF006",
        ),
        (
            file_source(&format!(
                "ranges:\n{}",
                "  - { timezone: Amerika/Los_Angelos }\n".repeat(5_000)
            )),
            "BF018",
        ),
    ] {
        let ran = refused(text.as_bytes(), code);
        assert!(ran.stderr.lines().count() < 20_000, "all are listed");
        assert!(ran.stderr.contains("000 errors in"), "not all are counted");
    }
}

#[test]
fn a_merge_of_merges() {
    let mut text = "m0: &m0 {k: v}\n".to_owned();
    for n in 1..3_000 {
        writeln!(text, "m{n}: &m{n} {{<<: *m{}, k{n}: v}}", n - 1).expect("a string");
    }
    refused(text.as_bytes(), "BF003");
}
