//! The documentation says what is so: links lead somewhere, tables are the program's own.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use aep_backfill::manifest::Rule;

use crate::support::workspace::Workspace;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.replace("\r\n", "\n")
}

/// The pages that people read, from the repository's root.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ]
    .map(|name| root().join(name))
    .into();
    for entry in fs::read_dir(root().join("docs")).expect("there are docs") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors of a page, as GitHub and mdBook make them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter_map(|line| line.strip_prefix('#'))
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// What the links of a page lead to.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((link, after)) = after.split_once(')') else {
                break;
            };
            links.push(link.to_owned());
            rest = after;
        }
    }
    links
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().expect("a folder").join(file)
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let found = anchors(&read(&target));
                assert!(
                    found.contains(anchor),
                    "{}: {link}: {found:?}",
                    page.display()
                );
            }
        }
    }
    assert!(seen > 50, "only {seen} links were seen");
}

#[test]
fn the_summary_of_the_book_has_every_page() {
    let summary = read(&root().join("docs/SUMMARY.md"));
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    for page in pages() {
        let name = page
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if page.parent() == Some(&root().join("docs")) && name != "SUMMARY.md" {
            assert!(listed.contains(&name), "{name} is not in docs/SUMMARY.md");
        }
    }
}

#[test]
fn the_readme_is_read_in_three_minutes() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(
        lines <= 150,
        "{lines} lines: a page of docs/ is the place for more"
    );
}

#[test]
fn the_rules_page_lists_every_rule_as_it_is() {
    let page = read(&root().join("docs/rules.md"));
    let (_, after) = page.split_once("<!-- rules -->\n").expect("it begins");
    let (table, _) = after.split_once("<!-- /rules -->").expect("it ends");
    let mut expected = "| code | | rule |\n|---|---|---|\n".to_owned();
    for rule in Rule::ALL {
        let (code, severity) = (rule.code(), rule.severity().as_str());
        writeln!(expected, "| {code} | {severity} | {} |", rule.description()).expect("a string");
    }
    assert!(
        table == expected,
        "between the markers belongs:\n{expected}"
    );
}

/// The words of a help text that begin a line of a list of commands.
fn verbs(help: &str) -> Vec<String> {
    let (_, after) = help.split_once("Commands:\n").expect("there are verbs");
    let lines = after.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            let name = line.strip_prefix("  ")?.split(' ').next()?;
            (!name.is_empty()).then(|| name.to_owned())
        })
        .collect()
}

fn flags(help: &str) -> BTreeSet<String> {
    help.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix('-')?;
            let at = line
                .find("--")
                .map_or_else(|| line.starts_with('-').then_some(1), |at| Some(at + 2))?;
            let name: String = line[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            (!name.is_empty()).then_some(name)
        })
        .collect()
}

#[test]
fn every_verb_and_every_flag_is_on_the_page_of_commands() {
    let page = read(&root().join("docs/commands.md"));
    let workspace = Workspace::new();
    let mut missing = Vec::new();
    let mut seen = BTreeSet::new();
    for verb in verbs(&workspace.run("--help").exits(0).stdout) {
        if !page.contains(&format!("backfill {verb}")) {
            missing.push(format!("backfill {verb}"));
        }
        let help = workspace.run(&format!("{verb} --help")).exits(0).stdout;
        let mut helps = vec![help.clone()];
        if help.contains("Commands:\n") {
            for below in verbs(&help) {
                let name = format!("{verb} {below}");
                if !page.contains(&format!("backfill {name}")) {
                    missing.push(format!("backfill {name}"));
                }
                helps.push(workspace.run(&format!("{name} --help")).exits(0).stdout);
            }
        }
        seen.extend(helps.iter().flat_map(|help| flags(help)));
    }
    assert!(seen.len() > 30, "only {seen:?} were seen");
    seen.remove("help");
    missing.extend(
        seen.into_iter()
            .map(|flag| format!("--{flag}"))
            .filter(|flag| !page.contains(flag.as_str())),
    );
    assert_eq!(missing, [""; 0], "docs/commands.md does not name them");
}

/// The lines of the shell blocks of a page, those that go on joined, without comments.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_shell = false;
    let mut begun = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            is_shell = !is_shell && ["```sh", "```bash", "```console"].contains(&line);
            continue;
        }
        if !is_shell {
            continue;
        }
        if let Some(more) = line.strip_suffix('\\') {
            begun.push_str(more);
            continue;
        }
        let whole = std::mem::take(&mut begun) + line;
        let whole = whole.split(" #").next().unwrap_or_default().trim();
        if !whole.is_empty() && !whole.starts_with('#') {
            lines.push(whole.to_owned());
        }
    }
    lines
}

/// The words of a line of a shell: what is quoted is one, and so is what separates commands.
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        let word = words.last_mut().expect("there is one");
        match c {
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => word.push(c),
            '"' | '\'' => quote = Some(c),
            ' ' => words.push(String::new()),
            ';' | '(' | ')' => words.extend([";".to_owned(), String::new()]),
            _ => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The commands of this program in a line of a shell, each as its words.
fn commands_of(line: &str) -> Vec<Vec<String>> {
    let ends = |word: &str| ["|", "||", "&&", ";", ">", "<", "&"].contains(&word);
    let words = words_of(line);
    let is_program = |word: &String| word == "backfill" || word.ends_with("/backfill");
    let mut commands = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_first = at == 0 || ends(&words[at - 1]) || words[at - 1].contains('=');
        let is_run = word == "--" && words[..at].iter().any(|word| word == "run");
        if (is_program(word) && is_first) || is_run {
            let rest = words[at + 1..].iter();
            commands.push(rest.take_while(|word| !ends(word)).cloned().collect());
        }
    }
    commands
}

#[test]
fn every_command_on_a_page_is_one_that_the_program_takes() {
    let workspace = Workspace::new();
    let mut seen = 0;
    for page in pages() {
        for line in shell_lines(&read(&page)) {
            for words in commands_of(&line) {
                seen += 1;
                // What stands for a value, as one.
                let words = words
                    .iter()
                    .map(|word| match word.trim_matches(['[', ']', '…']) {
                        "KEY" => "b75f22b6087c",
                        "FLOW_ID" => "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
                        word => word,
                    });
                let words = words.chain(["--help"]);
                let ran = workspace.run_with(words);
                assert_eq!(
                    ran.code,
                    Some(0),
                    "{}: {line}\n{}",
                    page.display(),
                    ran.stderr
                );
            }
        }
    }
    assert!(seen > 30, "only {seen} commands were found");
}
