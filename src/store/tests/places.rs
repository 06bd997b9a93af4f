//! One of each kind of place, new and empty. A kind whose server is not here is skipped, and says
//! so; `tests/servers/with` starts them all.

use std::io::Write;
use std::path::Path;

use super::git::TestRepository;
use super::leases::Memory;
use super::*;
use crate::fixture::is_whole;
use crate::store::git::Branch;
#[cfg(feature = "object-store")]
use crate::store::objects::Objects;

pub(super) fn local() -> (tempfile::TempDir, Local) {
    let folder = tempfile::tempdir().expect("a folder");
    let local = Local::new(folder.path().join("state"));
    (folder, local)
}

/// What the environment says of a server; says that `what` is skipped where it says nothing.
pub(super) fn server(variable: &str, what: &str) -> Option<String> {
    let server = std::env::var(variable).ok();
    if server.is_none() {
        // Not by `eprintln!`, which the test harness would swallow.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {what}: no {variable} (see tests/servers/with)"
        );
    }
    server
}

/// Runs each of the named functions on a new remote of each kind, as `$seen` turns it into their
/// argument.
macro_rules! on_each_remote {
    ($seen:expr; $($name:ident),+ $(,)?) => {
        on_each_kind_of_remote!($seen; $($name),+);
        on_each_kind_of_remote!(@ git_in_a_folder, $seen; $($name),+);
        on_each_kind_of_remote!(@ git_in_a_folder_of_odd_name, $seen; $($name),+);
        on_each_kind_of_remote!(@ git_in_a_second_worktree, $seen; $($name),+);
        on_each_kind_of_remote!(@ git_in_a_submodule, $seen; $($name),+);
        on_each_kind_of_remote!(@ git_in_a_bare_repository, $seen; $($name),+);
    };
}
pub(super) use on_each_remote;

/// The same, but with git seen from one folder only: for what does not depend on where one stands.
macro_rules! on_each_kind_of_remote {
    ($seen:expr; $($name:ident),+ $(,)?) => {
        on_each_kind_of_remote!(@ memory, $seen; $($name),+);
        on_each_kind_of_remote!(@ git, $seen; $($name),+);
        on_each_kind_of_remote!(@ git_over_http, $seen; $($name),+);
        #[cfg(feature = "object-store")]
        on_each_kind_of_remote!(@ s3, $seen; $($name),+);
        #[cfg(feature = "object-store")]
        on_each_kind_of_remote!(@ azure, $seen; $($name),+);
    };
    (@ $kind:ident, $seen:expr; $($name:ident),+) => {
        mod $kind {
            $(#[tokio::test] async fn $name() {
                if let Some((_kept, remote)) = crate::store::tests::places::$kind() {
                    super::$name(&$seen(remote)).await;
                }
            })+
        }
    };
}
pub(super) use on_each_kind_of_remote;

/// A remote, and what must live as long as it; `None` where its server is not here.
type Fixture<G, R> = Option<(G, R)>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "as the others, which may be skipped"
)]
pub(super) fn memory() -> Fixture<(), Memory> {
    Some(((), Memory::default()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "as the others, which may be skipped"
)]
pub(super) fn git() -> Fixture<TestRepository, Branch> {
    let repository = TestRepository::new();
    let branch = repository.branch("work");
    Some((repository, branch))
}

/// A clone, seen from somewhere in it. In small, one folder stands for all of them;
/// `all_folders_and_worktrees_of_a_repository_read_and_write_one_state` has each.
macro_rules! git_from {
    ($($kind:ident: $stand:ident, $asked:expr;)+) => {
        $(pub(super) fn $kind() -> Fixture<TestRepository, Branch> {
            if !$asked {
                return None;
            }
            let repository = TestRepository::new();
            let folder = repository.$stand();
            let branch = repository.branch(&folder);
            Some((repository, branch))
        })+
    };
}

git_from! {
    git_in_a_folder: folder_below, is_whole();
    git_in_a_folder_of_odd_name: folder_of_odd_name, true;
    git_in_a_second_worktree: second_worktree, is_whole();
    git_in_a_submodule: submodule, is_whole();
    git_in_a_bare_repository: bare_clone, is_whole();
}

pub(super) fn git_over_http() -> Fixture<TestRepository, Branch> {
    let what = "a state on a branch over HTTP";
    let url = server("BACKFILL_TEST_GIT", what)?;
    let root = server("BACKFILL_TEST_GIT_ROOT", what)?;
    let name = format!("{}.git", Uuid::new_v4());
    let repository = TestRepository::at(&Path::new(&root).join(&name), &format!("{url}/{name}"));
    let branch = repository.branch("work");
    Some((repository, branch))
}

#[cfg(feature = "object-store")]
pub(super) fn s3() -> Fixture<(), Objects> {
    server("BACKFILL_TEST_S3", "a state in S3")?;
    Some(((), objects("s3")))
}

#[cfg(feature = "object-store")]
pub(super) fn azure() -> Fixture<(), Objects> {
    server("BACKFILL_TEST_AZURE", "a state in Azure Blob Storage")?;
    Some(((), objects("az")))
}

/// A new prefix of the test bucket; where its server is, the cloud's own variables say.
#[cfg(feature = "object-store")]
fn objects(scheme: &str) -> Objects {
    let url = format!("{scheme}://backfill-test/{}/state", Uuid::new_v4());
    Objects::new(&url.parse().expect("a URL")).expect("the environment is set")
}
