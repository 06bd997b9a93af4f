//! `--version`, and what a report of a fault needs beside it.

use crate::support::workspace::Workspace;

const SHORT: &str = concat!("backfill ", env!("CARGO_PKG_VERSION"), "\n");

#[test]
fn the_version_alone_is_one_line() {
    let workspace = Workspace::new();
    for line in ["--version", "-V", "--version --quiet", "-V plan"] {
        assert_eq!(workspace.run(line).exits(0).stdout, SHORT, "{line}");
    }
}

#[test]
fn verbose_adds_the_commit_the_target_and_the_features() {
    let workspace = Workspace::new();
    let lines = [
        "--version -v",
        "--version --verbose",
        "-V -v",
        "-vV",
        "-Vv",
        "--verbose --color never --version",
    ];
    for line in lines {
        let ran = workspace.run(line).exits(0);
        assert_eq!(ran.stderr, "", "{line}");
        let rest = ran.stdout.strip_prefix(SHORT).expect(line);
        let fields: Vec<(&str, &str)> = rest
            .lines()
            .map(|line| line.split_once(": ").expect(line))
            .collect();
        let [
            ("version", version),
            ("commit", commit),
            ("target", target),
            ("features", features),
        ] = fields[..]
        else {
            panic!("{line}: {rest}");
        };
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        let is_hash = commit.len() == 40 && commit.bytes().all(|c| c.is_ascii_hexdigit());
        assert!(is_hash || commit == "unknown", "{commit}");
        assert!(target.starts_with(std::env::consts::ARCH), "{target}");
        let expected: Vec<&str> = [
            ("crash-points", cfg!(feature = "crash-points")),
            ("emulator", true),
            ("object-store", cfg!(feature = "object-store")),
            ("rehearse", true),
        ]
        .into_iter()
        .filter_map(|(name, is_built_in)| is_built_in.then_some(name))
        .collect();
        assert_eq!(features, expected.join(", "));
    }
}

#[test]
fn help_and_the_report_of_a_fault_name_what_prints_it() {
    let help = Workspace::new().run("--help").exits(0).stdout;
    assert!(help.contains("with --verbose also the commit"), "{help}");
    let form = include_str!("../../.github/ISSUE_TEMPLATE/fault.yml");
    assert!(form.contains("`backfill --version --verbose`"), "{form}");
}
