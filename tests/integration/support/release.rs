//! Archives as releases have them, of the program that is tested.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The target of most users.
pub(crate) const GNU: &str = "x86_64-unknown-linux-gnu";

/// What stands in the archives of tests for the licenses, which `.ci/licenses` takes minutes to gather.
pub(crate) const LICENSES: &str = "The licenses of all dependencies.\n";

/// A script in `.ci`, ready to run in `folder`.
pub(crate) fn script(name: &str, folder: &Path) -> Command {
    let mut command = Command::new("bash");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci").join(name))
        .current_dir(folder)
        .env_clear();
    for variable in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
        command.envs(std::env::var_os(variable).map(|value| (variable, value)));
    }
    command
}

/// Runs what must succeed.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> Output {
    let output = command.output().expect("it is installed");
    assert!(output.status.success(), "{output:?}");
    output
}

/// The archive of the program for `GNU`, its name first. It is packed once, since that takes a second.
pub(crate) fn archive() -> &'static (String, Vec<u8>) {
    static ARCHIVE: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = pack(GNU, folder.path());
        let name = archive.file_name().expect("a name").to_string_lossy();
        let bytes = std::fs::read(&archive).expect("it was packed");
        (name.into_owned(), bytes)
    })
}

/// Packs a script that starts the program, for `target`, into `folder`: the program of a debug build is ten times as large
/// as that of a release.
pub(crate) fn pack(target: &str, folder: &Path) -> PathBuf {
    let program = assert_cmd::cargo::cargo_bin!("backfill").display();
    let starter = format!("#!/bin/sh\nexec '{program}' \"$@\"\n");
    std::fs::write(folder.join("starter"), starter).expect("writable");
    std::fs::write(folder.join("licenses"), LICENSES).expect("writable");
    done(script("package", folder).args([target, "licenses", "starter", "."]));
    folder.join(format!(
        "backfill-v{}-{target}.tar.gz",
        env!("CARGO_PKG_VERSION")
    ))
}
