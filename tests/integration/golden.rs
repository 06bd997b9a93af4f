//! What other programs read, kept as it is: every JSON document, the state's files, the keys and the
//! exit codes of one story. A change here is a change of the public interface: see CONTRIBUTING.
//!
//! Ids that the service makes, times of today and durations are told by their kind, since they differ
//! each time.

use crate::support::by_hand::{ByHand, day};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Workspace, flow};

/// One request at a time.
const ONE_BY_ONE: &str =
    "version: 1\nsettleDelay: 1 second\nlimits: { rate: 50/s, concurrency: 1 }\n";

/// The first create is refused; of the third the answer is lost with its run, and the lists tell of
/// none; of the fourth only the answer is lost, and a list shows its run.
const SCENARIO: &str = "
scheduledFor: 0
runsFor: 0
outcomes: { success: 1 }
faults:
- { on: createRun, calls: [1], do: { status: { code: 400, flowCode: 1444 } } }
- { on: createRun, calls: [3], do: { reset: before } }
- { on: createRun, calls: [4], do: { reset: after } }
";

#[test]
fn documents_stored_files_keys_and_exit_codes_stay_as_they_are() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, true);
    workspace.manifest(2, 3, false);
    workspace.manifest(3, 1, false);
    workspace.write("backfill.yaml", ONE_BY_ONE);
    let emulated = Emulated::start(&workspace, SCENARIO);
    std::fs::remove_file(workspace.path().join("manifests/flow-3.yaml")).expect("removed");
    workspace.sign_in(&emulated.url);
    let story = Story {
        workspace: &workspace,
    };

    story.keep("validate", "validate --format json", 0);
    story.keep("plan", "plan --format json --detailed-exitcode", 2);
    story.keep_text("plan-text", "plan", 0);
    story.keep_text("plan-markdown", "plan --format markdown", 0);
    // A flow after the other: what settles and what is sent meanwhile have no order.
    let of_flow = |n| format!("apply --yes --format json --flow {}", flow(n));
    story.keep("apply-rejected", &of_flow(1), 5);
    story.keep("apply", &of_flow(2), 0);
    story.keep_file("state", ".backfill/state.jsonl");
    story.keep_text("plan-later-text", "plan", 0);
    story.keep_text("plan-later-markdown", "plan --format markdown", 0);
    story.keep("plan-later", "plan --format json", 0);
    story.keep("apply-again", "apply --yes --format json", 0);
    story.keep_text("state-list-text", "state list --verbose", 0);
    story.keep("state-list", "state list --format json", 0);
    story.keep("state-verify", "state verify --format json", 0);
    story.keep_text("status-text", "status --verbose", 0);
    story.keep("status", "status --format json", 0);

    // By hand: runs that the state knows nothing of, of a flow with a manifest and of one without.
    let by_hand = ByHand::at(&emulated);
    by_hand.create(2, day(7));
    by_hand.create(3, day(7));
    story.keep_text("audit-text", "audit", 5);
    story.keep("audit", "audit --format json", 5);
    let import = format!("import --format json --sandbox prod {}", flow(3));
    story.keep("import", &import, 0);
    story.keep_file("import-manifest", "manifests/flow-3.yaml");
    story.keep("resolve", "resolve --format json", 0);

    // A window across two that were ingested, and one that is wanted no longer.
    workspace.write(
        "manifests/flow-1.yaml",
        &format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: table\ndeltaColumn: {{ name: updatedAt }}\n\
             reason: a test\nruns:\n\
             - {{ windowStartTime: 1641038400, windowEndTime: 1641124800 }}\n",
            flow(1)
        ),
    );
    story.keep_text("plan-conflict-text", "plan", 3);
    story.keep_text("plan-conflict-markdown", "plan --format markdown", 3);
    story.keep("plan-conflict", "plan --format json", 3);
    workspace.write(
        "manifests/flow-1.yaml",
        "version: 1\nflowId: 3abea21c\nruns: []\n",
    );
    story.keep_text("validate-wrong-text", "validate --format github", 3);
    story.keep("validate-wrong", "validate --format json", 3);
    story.keep("schema", "schema", 0);
}

struct Story<'w> {
    workspace: &'w Workspace,
}

impl Story<'_> {
    /// Runs `line` and keeps its exit code and what it wrote.
    #[track_caller]
    fn keep(&self, name: &str, line: &str, code: i32) {
        let ran = self.workspace.run(line).exits(code);
        ran.json();
        keep(name, &format!("exit {code}\n{}", ran.stdout));
    }

    /// The same of what people read.
    #[track_caller]
    fn keep_text(&self, name: &str, line: &str, code: i32) {
        let ran = self.workspace.run(line).exits(code);
        let text = format!(
            "exit {code}\n{}--- standard error\n{}",
            ran.stdout, ran.stderr
        );
        keep(name, &text);
    }

    /// Keeps a file.
    #[track_caller]
    fn keep_file(&self, name: &str, file: &str) {
        keep(name, &self.workspace.read(file));
    }
}

/// Compares `text` with what was kept in `golden/`.
#[track_caller]
fn keep(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, settled(text));
    });
}

/// `text` without what differs each time.
fn settled(text: &str) -> String {
    let is_of_a_word = |c: char| c.is_ascii_alphanumeric() || "-:.+_/".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, word) = rest.split_at(at);
        out.push_str(before);
        let end = word.find(|c| !is_of_a_word(c)).unwrap_or(word.len());
        let end = word[..end].trim_end_matches([':', '.']).len();
        let (word, after) = word.split_at(end);
        out.push_str(if out.ends_with("sha256\":\"") {
            "SHA256"
        } else if out.ends_with("folded\":") {
            "NUMBER"
        } else if out.ends_with("DATE ") {
            "CLOCK"
        } else {
            kind(word)
        });
        rest = after;
    }
    out + rest
}

/// A word, or what it is if it differs each time.
fn kind(word: &str) -> &str {
    const TODAY: i64 = 1_700_000_000;
    let is_a_time = word
        .parse::<jiff::Timestamp>()
        .is_ok_and(|at| at.as_second() > TODAY);
    let is_a_date = word
        .parse::<jiff::civil::Date>()
        .is_ok_and(|date| word.len() == 10 && date.year() > 2024);
    let is_id = word.parse::<uuid::Uuid>().is_ok() && word.len() == 36;
    if is_a_time {
        "TIME"
    } else if is_a_date {
        "DATE"
    } else if word.parse::<i64>().is_ok_and(|number| number > TODAY) {
        "SECONDS"
    } else if is_id && !word.starts_with("00000000") {
        "ID"
    } else if word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit()) {
        "SUM"
    } else {
        word
    }
}
