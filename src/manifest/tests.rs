//! What users see: whole texts in, problems and runs out.

use proptest::prelude::*;

use super::*;
use crate::run::RunIdentity;

const FLOW: &str = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de";

fn rules() -> Rules {
    // 2026-01-01.
    Rules::at(UnixSeconds::new(1_767_225_600).expect("in range"))
}

fn check_one(text: &str) -> (Sources, Checked) {
    let sources = Sources::from_texts([("manifests/x.yaml", text)]);
    let checked = check(&sources, &rules());
    (sources, checked)
}

/// A manifest that is right, but for what `rest` adds.
fn table(rest: &str) -> String {
    format!(
        "version: 1\nflowId: {FLOW}\nsandbox: prod\nsource: table\n\
         deltaColumn: {{ name: DOB }}\n{rest}"
    )
}

/// Codes and lines of what is wrong.
fn found(text: &str) -> Vec<String> {
    let (_, checked) = check_one(text);
    let found = checked.problems.iter();
    found
        .map(|problem| format!("{}:{}", problem.rule.code(), problem.place.span.line))
        .collect()
}

fn drawn(text: &str) -> String {
    let (sources, checked) = check_one(text);
    render_all(&checked.problems, &sources, false)
}

#[test]
fn the_manifest_of_the_contract_gives_its_runs() {
    let (_, checked) = check_one(&table(
        "name: crm-accounts\nreason: Restate accounts after the CRM migration\n\
         allowFuture: true\n\
         runs:\n\
         - windowStartTime: 2022-05-03T13:36:31Z\n\
         \x20 windowEndTime: 2022-05-03T13:52:36Z\n\
         \x20 startTime: 2026-12-01T02:00:00Z\n\
         ranges:\n\
         - from: 2022-01-01\n\
         \x20 to: 2022-04-01\n\
         \x20 every: 1 month\n\
         \x20 timezone: Europe/Madrid\n\
         \x20 except: [2022-03-01]\n\
         \x20 rerun: 2\n",
    ));
    assert_eq!(checked.problems, []);
    let runs: Vec<_> = checked
        .runs
        .iter()
        .map(|run| {
            let RunIdentity { window, rerun, .. } = run.identity;
            format!("{window} {rerun} {}", run.origin())
        })
        .collect();
    assert_eq!(
        runs,
        [
            "[2021-12-31T23:00:00Z, 2022-01-31T23:00:00Z) 2 manifests/x.yaml:14",
            "[2022-01-31T23:00:00Z, 2022-02-28T23:00:00Z) 2 manifests/x.yaml:14",
            "[2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z) 1 manifests/x.yaml:10",
        ]
    );
    let [_, _, tutorial] = checked.runs.as_slice() else {
        panic!("three runs");
    };
    assert_eq!(tutorial.key().short(), "b75f22b6087c");
    assert_eq!(
        tutorial.start_time.map(UnixSeconds::get),
        Some(1_796_090_400)
    );
    assert_eq!(tutorial.request.name, "crm-accounts");
    assert_eq!(checked.manifests.len(), 1);
}

/// What the fixtures of `tests/fixtures/bad` do not show: several mistakes at once, and what is none.
#[test]
fn a_mistake_hides_no_other_and_is_told_once() {
    let run = |run: &str| table(&format!("runs:\n- {{{run}}}\n"));
    let day = "windowStartTime: 2022-05-03, windowEndTime: 2022-05-04";
    let range = |range: &str| table(&format!("ranges:\n- {{{range}}}\n"));
    let two_days = "from: 2022-01-01, to: 2022-01-15, every: 2 days";
    for (text, expected) in [
        (run(day), vec![]),
        (range(two_days), vec![]),
        // A field by another name is not missing.
        (run(day).replace("name:", "nam:"), vec!["BF006:5"]),
        (run(&day.replace("Start", "Strat")), vec!["BF006:7"]),
        (run(&format!("{day}, rerun: 0")), vec!["BF027:7"]),
        (run("windowEndTime: x"), vec!["BF007:7", "BF015:7"]),
        (
            run("windowStartTime: true, windowEndTime: []"),
            vec!["BF008:7", "BF008:7"],
        ),
        (
            run("windowStartTime: 1651584991000, windowEndTime: x"),
            vec!["BF016:7", "BF015:7"],
        ),
        (range("from: 2022-01-01"), vec!["BF007:7", "BF007:7"]),
        (
            range(&format!("{two_days}, timezone: Mars, rerun: x")),
            vec!["BF018:7", "BF008:7"],
        ),
        (
            range(&format!("{two_days}, except: [2022-01-02, x]")),
            vec!["BF025:7", "BF015:7"],
        ),
        (
            table("overlap: yes\nruns: []\n"),
            vec!["BF009:6", "BF014:7"],
        ),
    ] {
        assert_eq!(found(&text), expected, "{text}\n{}", drawn(&text));
    }
}

#[test]
fn everything_wrong_with_all_documents_is_told_at_once() {
    let broken = "version: 1\nruns: [1, 2\n";
    let text = format!(
        "{broken}---\nversion: 3\nflowid: x\n---\n{}",
        table("runs: []\n")
    );
    assert_eq!(
        found(&text),
        [
            "BF001:2", // the bracket of the first document
            "BF007:4", "BF012:4", "BF014:4", "BF009:4", "BF006:5",  // the second
            "BF014:12", // the third
        ]
    );
}

#[test]
fn anchors_aliases_and_merge_keys_work_and_a_run_stands_where_its_alias_does() {
    let (_, checked) = check_one(&table(
        "reason: two\nruns:\n\
         - &day\n  windowStartTime: 2022-05-03\n  windowEndTime: &end 2022-05-04\n\
         - <<: *day\n  windowStartTime: *end\n  windowEndTime: 2022-05-05\n\
         - <<: [*day]\n  rerun: 2\n\
         ---\n",
    ));
    assert_eq!(checked.problems, []);
    let lines: Vec<_> = checked.runs.iter().map(|run| run.origin().line).collect();
    assert_eq!(lines, [9, 14, 11]);
}

#[test]
fn overlaps_and_repeats_are_found_across_files_and_both_places_named() {
    let a = table("ranges:\n- {from: 2022-01-01, to: 2022-02-01, every: 1 day}\n");
    let b = table("runs:\n- {windowStartTime: 2022-01-31, windowEndTime: 2022-02-02}\n");
    let of = |a: &str, b: &str| {
        let sources = Sources::from_texts([("a.yaml", a), ("b.yaml", b)]);
        let checked = check(&sources, &rules());
        let found: Vec<_> = checked
            .problems
            .iter()
            .map(|problem| {
                let related = problem.related.first().map_or("", |place| &place.file);
                format!("{} {} {related}", problem.rule.code(), problem.place.file)
            })
            .collect();
        (found, checked.runs.len())
    };
    assert_eq!(of(&a, &b), (vec!["BF030 b.yaml a.yaml".to_owned()], 32));
    // Both must allow it.
    let allow = |text: &str| format!("overlap: allow\n{text}");
    assert_eq!(of(&allow(&a), &b).0, ["BF030 b.yaml a.yaml"]);
    assert_eq!(of(&allow(&a), &allow(&b)), (vec![], 32));
    // 31 windows twice: one warning, 31 runs.
    assert_eq!(of(&a, &a), (vec!["BF032 b.yaml a.yaml".to_owned()], 31));
    // Another sandbox or another rerun is another matter.
    assert_eq!(of(&a, &b.replace("prod", "dev")), (vec![], 32));
    let again = format!("reason: again\n{}", b.replace("02}", "02, rerun: 2}"));
    assert_eq!(of(&a, &again), (vec![], 32));
    // A flow has one source.
    let other = b.replace("DOB", "ID").replace("2022-01-31", "2022-02-01");
    assert_eq!(of(&a, &other).0, ["BF031 b.yaml a.yaml"]);
}

#[test]
fn a_gap_between_ranges_of_a_flow_is_told() {
    let text = table(
        "ranges:\n- {from: 2022-01-01, to: 2022-02-01, every: 1 day}\n\
         - {from: 2022-02-02, to: 2022-03-01, every: 1 day}\n",
    );
    assert_eq!(found(&text), ["BF034:8"]);
}

#[test]
fn the_configs_limits_and_defaults_hold() {
    let text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\nsource: file\n\
                ranges:\n- {from: 2022-01-01, to: 2022-03-01, every: 1 month}\n\
                - {from: 2022-03-01, to: 2022-03-02, every: 5 minutes}\n";
    let sources = Sources::from_texts([("orders.yaml", text)]);
    let checked = check(
        &sources,
        &Rules {
            default_sandbox: Some("dev".parse().expect("a sandbox")),
            window_min_seconds: Some(900),
            window_max_seconds: Some(30 * 86_400),
            reason_required: true,
            ..rules()
        },
    );
    let codes: Vec<_> = checked.problems.iter().map(|p| p.rule.code()).collect();
    assert_eq!(codes, ["BF028", "BF022", "BF022"]);
    assert!(checked.has_errors());
    assert_eq!(checked.manifests[0].flow.sandbox.as_str(), "dev");
    assert_eq!(checked.manifests[0].request.name, "orders");
    assert_eq!(
        *checked.manifests[0].request.source,
        crate::run::Source::File
    );
}

#[test]
fn the_order_of_keys_and_comments_change_no_run() {
    let one = table("runs:\n- {windowStartTime: 2022-05-03, windowEndTime: 2022-05-04}\n");
    let mut lines: Vec<_> = one.lines().take(5).collect();
    lines.reverse();
    let two = format!(
        "# why\nruns:\n- windowEndTime: 1651622400 # an end\n  windowStartTime: \
         \"2022-05-03\"\n{}\n",
        lines.join("\n")
    );
    let keys = |text: &str| {
        let (_, checked) = check_one(text);
        assert_eq!(checked.problems, [], "{}", drawn(text));
        let keys: Vec<_> = checked.runs.iter().map(DesiredRun::key).collect();
        keys
    };
    assert_eq!(keys(&one), keys(&two));
    assert_eq!(keys(&one), keys(&one.replace('\n', "\r\n")));
}

#[test]
fn hostile_texts_are_refused_quickly() {
    let lines = |count, line: fn(usize) -> String| (1..count).map(line).collect::<String>();
    let bomb = lines(30, |n| {
        let aliases = format!("*a{}, ", n - 1).repeat(10);
        format!("a{n}: &a{n} [{aliases}]\n")
    });
    let bomb = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{bomb}");
    let merges = lines(3000, |n| {
        format!("m{n}: &m{n} {{<<: *m{}, k{n}: v}}\n", n - 1)
    });
    let merges = format!("m0: &m0 {{k: v}}\n{merges}");
    let started = std::time::Instant::now();
    for (text, code) in [
        ("[".repeat(100_000), "BF001"),
        ("- ".repeat(100_000), "BF001"),
        ("{a: ".repeat(100_000), "BF001"),
        ("a: &a [*a]".to_owned(), "BF001"),
        ("a: *b".to_owned(), "BF001"),
        ("a: !!python/object x".to_owned(), "BF001"),
        ("version: 1\n\0version: 2".to_owned(), "BF001"),
        ("[a]: 1".to_owned(), "BF001"),
        (bomb, "BF003"),
        (merges, "BF003"),
        ("a,".repeat(3_000_000), "BF003"),
        (format!("[{}]", "a,".repeat(3_000_000)), "BF003"),
    ] {
        let (_, checked) = check_one(&text);
        let is_told = checked
            .problems
            .iter()
            .any(|problem| problem.rule.code() == code);
        assert!(is_told, "{}…: {:?}", &text[..9], checked.problems.first());
    }
    // Unoptimised and beside other tests; optimised it is well under a second.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_bytes_give_problems_or_runs(bytes: Vec<u8>) {
        let sources = Sources::from_texts([("x.yaml", bytes)]);
        let checked = check(&sources, &rules());
        let _ = render_all(&checked.problems, &sources, true);
        prop_assert!(!checked.problems.is_empty() || !checked.runs.is_empty());
    }

    #[test]
    fn any_text_of_a_manifests_words_gives_problems_or_runs(
        words in prop::collection::vec(prop::sample::select(vec![
            "version: 1\n", "flowId: ", FLOW, "\n", "sandbox: prod\n", "source: file\n", "runs:\n",
            "flows:\n", "ranges:\n", "  - ", "    ", "from: ", "to: ", "every: ", "1 day", "2022-01-01",
            "2022-03-27T02:30:00", "windowStartTime: ", "windowEndTime: ", "timezone: ",
            "Europe/Madrid", "except: ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<: ", "---\n",
            "\"", "'", "1651584991", "16515859567", "-1", "é", "\t", "#", "!!str ", "|\n", ": ",
        ]), 0..60),
    ) {
        let text = words.concat();
        let (sources, checked) = check_one(&text);
        let _ = render_all(&checked.problems, &sources, false);
        prop_assert!(!checked.problems.is_empty() || !checked.runs.is_empty());
    }

    #[test]
    fn a_range_is_covered_but_for_its_exceptions(
        days in 1_i64..200, left_out in prop::collection::btree_set(0_usize..200, 0..20)
    ) {
        let start = 1_640_995_200_i64;
        let left_out: Vec<_> = left_out.into_iter()
            .filter(|&day| i64::try_from(day).is_ok_and(|day| day < days))
            .collect();
        let except: Vec<_> = left_out.iter()
            .map(|&day| format!("{}", start + 86_400 * i64::try_from(day).expect("small")))
            .collect();
        let (_, checked) = check_one(&table(&format!(
            "ranges:\n- {{from: {start}, to: {}, every: 1 day, except: [{}]}}\n",
            start + days * 86_400, except.join(", "),
        )));
        let covered: Vec<_> = checked.runs.iter()
            .map(|run| (run.identity.window.start().get() - start) / 86_400)
            .collect();
        let expected: Vec<_> = (0..days)
            .filter(|&day| !left_out.iter().any(|&out| i64::try_from(out) == Ok(day)))
            .collect();
        prop_assert_eq!(covered, expected);
    }
}
