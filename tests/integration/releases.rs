//! What a release is made of: the archives, where `cargo binstall` looks for them, and the images.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::release::{GNU, LICENSES, archive, done, pack, script};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder, by their names from there.
fn files(folder: &Path) -> BTreeSet<String> {
    fn walk(top: &Path, folder: &Path, out: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(top, &path, out);
            } else {
                let name = path.strip_prefix(top).expect("below it");
                out.insert(name.to_str().expect("text").to_owned());
            }
        }
    }
    let mut out = BTreeSet::new();
    walk(folder, folder, &mut out);
    out
}

/// The archive, unpacked as a user does it.
fn unpacked(archive: &Path, into: &Path) -> PathBuf {
    fs::create_dir(into).expect("a new folder");
    done(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(into),
    );
    let name = archive.file_name().expect("a name").to_string_lossy();
    let folder = into.join(name.strip_suffix(".tar.gz").expect("the suffix"));
    let tops = fs::read_dir(into).expect("readable").count();
    assert_eq!(tops, 1, "one folder, of the archive's name");
    folder
}

fn is_installed(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        // Not by `eprintln!`, which the test harness would swallow.
        let _ = writeln!(io::stderr(), "skipped in part: {program} is not installed");
    }
    is_there
}

#[test]
fn an_archive_has_the_program_its_pages_completions_docs_and_licenses() {
    let folder = tempfile::tempdir().expect("a folder");
    let (name, bytes) = archive();
    let packed = folder.path().join(name);
    fs::write(&packed, bytes).expect("writable");
    let release = unpacked(&packed, &folder.path().join("here"));
    let found = files(&release);

    let text = |name: &str| fs::read_to_string(release.join(name)).expect(name);
    let mut expected: BTreeSet<String> = [
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "THIRD-PARTY-LICENSES",
        "backfill",
        "completions/_backfill",
        "completions/_backfill.ps1",
        "completions/backfill.bash",
        "completions/backfill.elv",
        "completions/backfill.fish",
    ]
    .map(ToOwned::to_owned)
    .into();
    let docs = files(&root().join("docs"));
    expected.extend(docs.iter().map(|name| format!("docs/{name}")));
    // A page for each verb that the packed program has, and for each of their own.
    let says = |arguments: &[&str]| {
        let said = done(Command::new(release.join("backfill")).args(arguments)).stdout;
        String::from_utf8(said).expect("text")
    };
    let verbs = |help: &str| -> Vec<String> {
        let (_, after) = help.split_once("Commands:\n").unwrap_or_default();
        let lines = after.lines().take_while(|line| !line.is_empty());
        let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let names = names.filter(|name| !name.is_empty());
        names.map(ToOwned::to_owned).collect()
    };
    let mut pages = BTreeSet::from(["man/backfill.1".to_owned()]);
    for verb in verbs(&says(&["--help"])) {
        pages.insert(format!("man/backfill-{verb}.1"));
        for below in verbs(&says(&[&verb, "--help"])) {
            pages.insert(format!("man/backfill-{verb}-{below}.1"));
        }
    }
    assert!(pages.len() > 20, "{pages:?}");
    expected.extend(pages.iter().cloned());
    assert_eq!(found, expected);

    assert_eq!(text("THIRD-PARTY-LICENSES"), LICENSES);
    assert_eq!(says(&["--version"]), format!("backfill {VERSION}\n"));
    for name in &found {
        let mode = fs::metadata(release.join(name)).expect(name).permissions();
        let expected = if name == "backfill" { 0o755 } else { 0o644 };
        assert_eq!(mode.mode() & 0o777, expected, "{name}");
    }

    for page in &pages {
        assert!(text(page).contains(".TH backfill"), "{page}");
    }
    if is_installed("man") {
        let read = done(
            Command::new("man")
                .args(["--warnings", "-l"])
                .args(&pages)
                .env("LC_ALL", "C.UTF-8")
                .current_dir(&release),
        );
        assert_eq!(String::from_utf8_lossy(&read.stderr), "");
        let shown = String::from_utf8_lossy(&read.stdout);
        let begun = shown.lines().filter(|line| *line == "NAME").count();
        assert_eq!(begun, pages.len(), "each page has a name");
    }
    for (shell, script) in [
        ("bash", "completions/backfill.bash"),
        ("zsh", "completions/_backfill"),
        ("fish", "completions/backfill.fish"),
    ] {
        if is_installed(shell) {
            done(
                Command::new(shell)
                    .args(["-n", script])
                    .current_dir(&release),
            );
        }
    }
    // What bash makes of it: `backfill app` becomes `backfill apply`.
    let typed = "source completions/backfill.bash; COMP_WORDS=(backfill app); COMP_CWORD=1; \
                     _backfill backfill app backfill; echo ${COMPREPLY[@]}";
    let completed = done(
        Command::new("bash")
            .args(["-c", typed])
            .current_dir(&release),
    );
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "apply\n");
}

#[test]
fn the_same_files_are_packed_into_the_same_bytes() {
    let [one, two] = [(); 2].map(|()| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::read(pack(GNU, folder.path())).expect("it was packed")
    });
    assert!(one == two, "the archives differ");
}

#[test]
fn nothing_is_packed_without_licenses_or_with_a_program_that_does_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("empty"), "").expect("writable");
    fs::write(folder.path().join("licenses"), LICENSES).expect("writable");
    for (arguments, said) in [
        ([GNU, "empty", "licenses", "out"], ".ci/licenses writes it"),
        ([GNU, "gone", "licenses", "out"], ".ci/licenses writes it"),
        ([GNU, "licenses", "gone", "out"], "build it first"),
        ([GNU, "licenses", "licenses", "out"], "does it run"),
        (["../up", "licenses", "licenses", "out"], "no target"),
    ] {
        let output = script("package", folder.path()).args(arguments).output();
        let output = output.expect("bash runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && stderr.contains(said),
            "{stderr}"
        );
        let packed = fs::read_dir(folder.path().join("out"));
        assert_eq!(packed.map_or(0, Iterator::count), 0, "{arguments:?}");
    }
}

/// The targets of the release workflow.
fn targets() -> Vec<String> {
    let text =
        fs::read_to_string(root().join(".github/workflows/release.yml")).expect("it is there");
    let workflow: Value = serde_yaml::from_str(&text).expect("YAML");
    let builds = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array();
    let builds = builds.expect("a matrix").iter();
    let targets = builds.map(|build| build["target"].as_str().expect("a target").to_owned());
    targets.collect()
}

/// The package, as cargo understands `Cargo.toml`.
fn package() -> Value {
    let metadata = done(
        Command::new("cargo")
            .args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
            ])
            .current_dir(root()),
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    metadata["packages"][0].clone()
}

#[test]
fn binstall_looks_for_the_archives_that_releases_have() {
    let package = package();
    let binstall = &package["metadata"]["binstall"];
    assert_eq!(binstall["pkg-fmt"], "tgz");
    let targets = targets();
    assert!(targets.len() >= 7, "{targets:?}");
    let folder = tempfile::tempdir().expect("a folder");
    for target in targets {
        let ext = if target.contains("windows") {
            ".exe"
        } else {
            ""
        };
        let render = |template: &Value| {
            let mut text = template.as_str().expect("a template").to_owned();
            for (name, value) in [
                ("repo", "https://example.com/owner/repository"),
                ("version", VERSION),
                ("target", &target),
                ("bin", "backfill"),
                ("binary-ext", ext),
            ] {
                text = text.replace(&format!("{{ {name} }}"), value);
            }
            assert!(!text.contains(['{', '}']), "{text}");
            text
        };
        let archive = pack(&target, folder.path());
        let name = archive.file_name().expect("a name").to_string_lossy();
        assert!(archive.exists(), "{name}");
        assert_eq!(
            render(&binstall["pkg-url"]),
            format!("https://example.com/owner/repository/releases/download/v{VERSION}/{name}")
        );
        let listed = done(Command::new("tar").arg("-tzf").arg(&archive)).stdout;
        let listed = String::from_utf8(listed).expect("text");
        let program = render(&binstall["bin-dir"]);
        assert!(
            listed.lines().any(|line| line == program),
            "{program}: {listed}"
        );
    }
}

#[test]
fn a_release_without_the_repository_that_it_is_made_in_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |line: &str| {
        let ci = folder.path().join(".ci");
        fs::create_dir_all(&ci).expect("a folder");
        fs::create_dir_all(folder.path().join("src")).expect("a folder");
        fs::copy(root().join(".ci/repository"), ci.join("repository")).expect("a copy");
        fs::write(folder.path().join("src/main.rs"), "fn main() {}\n").expect("writable");
        let manifest =
            format!("[package]\nname = \"x\"\nversion = \"1.0.0\"\n{line}\n[workspace]\n");
        fs::write(folder.path().join("Cargo.toml"), manifest).expect("writable");
        let output = Command::new("bash")
            .arg(ci.join("repository"))
            .arg("https://github.com/team/tool")
            .output()
            .expect("bash runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let wanted = "repository = \"https://github.com/team/tool\"";
    assert!(copy(wanted).0);
    for line in [
        "",
        "repository = \"https://github.com/other/tool\"",
        "repository = \"https://github.com/team/tool/\"",
    ] {
        let (is_done, stderr) = copy(line);
        assert!(!is_done && stderr.contains(wanted), "{line}: {stderr}");
    }
}

#[test]
fn an_image_has_the_very_program_of_the_archive_and_its_licenses() {
    let folder = tempfile::tempdir().expect("a folder");
    let dist = folder.path();
    let target = "x86_64-unknown-linux-musl";
    let archive = pack(target, dist);
    let bill = format!("backfill-v{VERSION}.cdx.json");
    fs::write(dist.join(&bill), "{}").expect("writable");
    done(script("image", dist).args(["context", ".", "image"]));
    let image = dist.join("image");
    assert_eq!(
        files(&image),
        BTreeSet::from(
            [
                "Containerfile",
                "program/amd64/usr/bin/backfill",
                "program/amd64/usr/share/doc/backfill/LICENSE-APACHE",
                "program/amd64/usr/share/doc/backfill/LICENSE-MIT",
                "program/amd64/usr/share/doc/backfill/THIRD-PARTY-LICENSES",
                "program/amd64/usr/share/doc/backfill/backfill.cdx.json",
                "users/etc/group",
                "users/etc/passwd",
                "version",
            ]
            .map(ToOwned::to_owned)
        )
    );
    let release = unpacked(&archive, &dist.join("here"));
    let program = image.join("program/amd64/usr/bin/backfill");
    assert!(
        fs::read(&program).expect("it is there")
            == fs::read(release.join("backfill")).expect("too"),
        "the program is another"
    );
    for (name, expected) in [
        ("program/amd64/usr/bin/backfill", 0o755),
        ("program/amd64/usr", 0o755),
        ("users/etc/passwd", 0o644),
        ("folders/tmp", 0o1777),
        ("folders/work", 0o1777),
        ("folders/home/backfill", 0o1777),
    ] {
        let mode = fs::metadata(image.join(name)).expect(name).permissions();
        assert_eq!(mode.mode() & 0o7777, expected, "{name}");
    }
    let refused = |said: &str| {
        let output = script("image", dist)
            .args(["context", ".", "again"])
            .output();
        let stderr = String::from_utf8_lossy(&output.expect("bash runs").stderr).into_owned();
        assert!(stderr.contains(said), "{stderr}");
        assert!(!dist.join("again").exists());
    };
    // Another archive than the one that was summed.
    let sums = format!("{}  {target}\n", "0".repeat(64));
    let name = archive.file_name().expect("a name").to_string_lossy();
    fs::write(dist.join("SHA256SUMS"), sums.replace(target, &name)).expect("writable");
    refused("is not what its SHA256SUMS says");
    fs::remove_file(dist.join("SHA256SUMS")).expect("it was there");
    fs::remove_file(&archive).expect("it was there");
    refused("has no archive for");
}

#[test]
fn the_images_are_described_as_the_package_is() {
    let text = fs::read_to_string(root().join(".ci/Containerfile")).expect("it is there");
    let package = package();
    for (label, field) in [("description", "description"), ("licenses", "license")] {
        let value = package[field].as_str().expect(field);
        let line = format!("org.opencontainers.image.{label}=\"{value}\"");
        assert_eq!(text.matches(&line).count(), 2, "{line}");
    }
}

#[test]
fn the_cronjob_runs_what_the_program_takes() {
    let file = root().join("docs/ci/kubernetes-cronjob.yaml");
    let job: Value =
        serde_yaml::from_str(&fs::read_to_string(file).expect("it is there")).expect("YAML");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let arguments = container["args"].as_array().expect("arguments").iter();
    let arguments = arguments.map(|argument| argument.as_str().expect("text"));
    done(
        Command::new(assert_cmd::cargo::cargo_bin!("backfill"))
            .args(arguments)
            .arg("--help"),
    );
    // The user of the images, and a folder that is there.
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    let folder = container["workingDir"].as_str().expect("a folder");
    let clone = pod["initContainers"][0]["args"].as_array();
    assert_eq!(clone.expect("arguments")[1], folder);
}
