//! The script that installs a release: what it takes, and what it refuses.

use std::path::Path;
use std::process::Command;

use super::hub::{Hub, REPOSITORY};
use super::job::{ACTION, publish};
use super::log::annotations;

/// What the script came to.
struct Installed {
    is_done: bool,
    log: String,
    /// What it added to the PATH.
    path: String,
    folder: tempfile::TempDir,
}

fn install(hub: &Hub, changes: &[(&str, &str)]) -> Installed {
    let folder = tempfile::tempdir().expect("a folder");
    let (owner, _) = ACTION.split_once('@').expect("a constant");
    let path = folder.path().join("path");
    std::fs::write(&path, "").expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/backfill/install.sh");
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
        .arg(script)
        .env_clear()
        .env("PATH", std::env::var("PATH").expect("a path"))
        .env("GITHUB_PATH", &path)
        .env("GITHUB_REPOSITORY", REPOSITORY)
        .env("GITHUB_SERVER_URL", hub.url())
        .env("RUNNER_ARCH", "X64")
        .env("RUNNER_OS", "Linux")
        .env("RUNNER_TEMP", folder.path())
        .env("INPUT_REPOSITORY", owner)
        .env("INPUT_VERSION", "auto")
        .envs(changes.iter().copied())
        .current_dir(folder.path())
        .output()
        .expect("bash runs");
    Installed {
        is_done: output.status.success(),
        log: String::from_utf8_lossy(&output.stdout).into_owned(),
        path: std::fs::read_to_string(path).expect("text"),
        folder,
    }
}

#[test]
fn a_release_is_downloaded_checked_and_put_on_the_path() {
    let hub = Hub::start();
    publish(&hub);
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    for changes in [&[][..], &[("INPUT_VERSION", version)]] {
        let installed = install(&hub, changes);
        assert!(installed.is_done, "{}", installed.log);
        let binary = Path::new(installed.path.trim()).join("backfill");
        let said = Command::new(binary).arg("--version").output();
        let said = String::from_utf8(said.expect("it runs").stdout).expect("text");
        assert_eq!(said.trim(), concat!("backfill ", env!("CARGO_PKG_VERSION")));
        assert!(
            installed
                .folder
                .path()
                .join("backfill")
                .join(version)
                .exists()
        );
    }
}

#[test]
fn what_is_not_what_was_released_is_not_run() {
    let hub = Hub::start();
    publish(&hub);
    let zeros = "0".repeat(64);
    let refused = |changes: &[(&str, &str)], said: &str| {
        let installed = install(&hub, changes);
        assert!(!installed.is_done, "{}", installed.log);
        assert_eq!(installed.path, "", "it is on the path");
        let found = annotations(&installed.log);
        assert_eq!(found.len(), 1, "{}", installed.log);
        assert!(found[0].message.contains(said), "{found:?}");
    };
    refused(&[("INPUT_CHECKSUM", &zeros)], "is not what `checksum` says");
    refused(&[("INPUT_VERSION", "v9.9.9")], "HTTP status 404");
    refused(
        &[("INPUT_VERSION", "v1.2.3\n::error::pwned")],
        "`version` is auto, source",
    );
    refused(&[("INPUT_VERSION", "../../x")], "`version` is auto, source");
    refused(
        &[("RUNNER_OS", "Plan9")],
        "no release has a binary for this runner",
    );
    refused(
        &[("GITHUB_SERVER_URL", "http://example.org")],
        "https alone",
    );

    // One byte of the archive is another.
    {
        let mut world = hub.world();
        let (_, archive) = &mut world.releases[1];
        let middle = archive.len() / 2;
        archive[middle] ^= 1;
    }
    refused(&[], "is not what its release says");
    publish(&hub);
    hub.world().releases[0].1 = b"nothing\n".to_vec();
    refused(&[], "does not name");
}
