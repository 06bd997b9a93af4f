//! Where a state is kept, as `--state` names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::environment::has_credentials;
use super::failure::Failure;
use crate::file_text::look_alike_in_syntax;
use crate::report::plain;
use crate::store::{Local, StateBackend, git_branch};

/// What every message about such a name ends with.
const PLACES: &str = "name a folder, such as .backfill; git:BRANCH, a branch of this repository's \
     remote; or a prefix in a bucket: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX";

/// How the URLs of buckets begin.
const BUCKETS: [&str; 3] = ["s3://", "az://", "gs://"];

/// Where a state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StateLocation {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// On a branch of a repository's remote.
    Branch {
        /// The branch.
        name: String,
        /// A folder of the repository; empty, if that is the current one.
        folder: PathBuf,
    },
    /// Below a URL of an object store.
    Objects(Url),
}

impl StateLocation {
    /// Reads the name of a place; a relative one is relative to `base`.
    pub(crate) fn read(place: &str, base: &Path) -> Result<Self, Failure> {
        if let Some(found) = look_alike_in_syntax(place) {
            return Err(Failure::usage(format!(
                "the place of the state, `{}`, has {found} where {} belongs",
                plain(place, 200),
                found.meant()
            ))
            .hint(PLACES));
        }
        if let Some(branch) = place.strip_prefix("git:") {
            if is_branch(branch) {
                return Ok(Self::Branch {
                    name: branch.to_owned(),
                    folder: base.to_owned(),
                });
            }
            return Err(Failure::usage(format!(
                "`{}` is not the name of a branch",
                plain(branch, 100)
            ))
            .hint(PLACES));
        }
        if place.trim() == place && BUCKETS.iter().any(|scheme| place.starts_with(scheme)) {
            return Self::in_a_bucket(place);
        }
        if is_folder(place) {
            return Ok(Self::Folder(base.join(place)));
        }
        // What follows a scheme may hold a secret.
        let shown = place.split_inclusive("://").next().unwrap_or_default();
        let message = format!("the state cannot be kept in `{}`", plain(shown, 200));
        Err(Failure::usage(message).hint(PLACES))
    }

    fn in_a_bucket(place: &str) -> Result<Self, Failure> {
        match Url::parse(place) {
            Ok(url) if url.host_str().is_some_and(|bucket| !bucket.is_empty()) => {
                if has_credentials(&url) || url.query().is_some() {
                    // Not shown: it holds a secret.
                    return Err(Failure::usage(
                        "the place of the state holds more than a bucket and a prefix",
                    )
                    .hint(
                        "credentials come from the environment, as that cloud's users set them",
                    ));
                }
                Ok(Self::Objects(url))
            }
            _ => Err(Failure::usage("the place of the state names no bucket").hint(PLACES)),
        }
    }

    /// The place itself; a remote one is held by leases of this length.
    pub(crate) fn place(&self, lease: Duration) -> Result<Box<dyn StateBackend>, Failure> {
        Ok(match self {
            Self::Folder(folder) => Box::new(Local::new(folder.clone())),
            Self::Branch { name, folder } => {
                Box::new(git_branch(folder.clone(), name.clone(), lease))
            }
            #[cfg(feature = "object-store")]
            Self::Objects(url) => Box::new(
                crate::store::object_store(url, lease)
                    .map_err(|error| Failure::state(&self.to_string(), &error))?,
            ),
            #[cfg(not(feature = "object-store"))]
            Self::Objects(_) => {
                return Err(Failure::usage(
                    "this backfill was built without object stores, the feature `object-store`",
                )
                .hint("name a folder, such as .backfill; or git:BRANCH"));
            }
        })
    }
}

impl fmt::Display for StateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Branch { name, .. } => write!(f, "git:{name}"),
            Self::Objects(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
}

/// Whether a name is that of a folder. A mistyped branch or bucket must never become a new folder, in
/// which every run is still to be created; and neither `~` nor variables are read here.
fn is_folder(place: &str) -> bool {
    let first = place.split(['/', '\\']).next().unwrap_or_default();
    let is_drive = cfg!(windows) && first.find(':') == Some(1);
    let has_lost_its_colon = BUCKETS
        .iter()
        .any(|scheme| place.starts_with(&scheme.replace(':', "")));
    !place.is_empty()
        && place.trim() == place
        && !place.starts_with(['~', '$', '%'])
        && (is_drive || !first.contains(':'))
        && !has_lost_its_colon
}

/// Whether git would take the name for a branch.
fn is_branch(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.to_ascii_lowercase().ends_with(".lock")
    };
    name.split('/').all(is_part)
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && name != "@"
        && !name.contains("@{")
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    #[test]
    fn a_place_is_a_folder_a_branch_or_a_prefix_in_a_bucket() {
        let read = |place: &str| StateLocation::read(place, Path::new("")).ok();
        assert_eq!(
            read("some/where"),
            Some(StateLocation::Folder("some/where".into()))
        );
        assert_eq!(
            read("git:backfill/state"),
            Some(StateLocation::Branch {
                name: "backfill/state".to_owned(),
                folder: PathBuf::new()
            })
        );
        for wrong in [
            "",
            "git:",
            "git:-f",
            "git:a..b",
            "git:a b",
            "git:a:b",
            "git:/a",
            "git:a.lock",
            "http://x/y",
            "s3://",
            "s3:///prefix",
            "s3://key:secret@bucket",
            "az://c/p?sig=secret",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_bucket_is_named_as_it_was_given() {
        for place in ["s3://bucket/a/b", "az://container/prefix", "gs://bucket"] {
            let kept = StateLocation::read(place, Path::new("deploy")).map(|kept| kept.to_string());
            assert_eq!(kept.ok().as_deref(), Some(place));
        }
    }

    #[test]
    fn a_relative_folder_is_relative_to_where_it_is_named() {
        for (place, folder) in [
            (".backfill", "deploy/.backfill"),
            ("../state", "deploy/../state"),
            ("/var/state", "/var/state"),
        ] {
            let kept = StateLocation::read(place, Path::new("deploy"));
            assert_eq!(
                kept.ok(),
                Some(StateLocation::Folder(folder.into())),
                "{place}"
            );
        }
    }

    #[test]
    fn what_looks_like_another_place_is_no_folder() {
        for place in [
            "s3:bucket/prefix",
            "s3:/bucket/prefix",
            "s3//bucket/prefix",
            "S3://bucket/prefix",
            "s3a://bucket/prefix",
            "az:container",
            "azure://container",
            "gs:bucket",
            "gcs://bucket",
            "Git:backfill-state",
            "git://backfill-state",
            "file:/var/state",
            "file:///var/state",
            "branch:state",
            "\u{201c}.backfill\u{201d}",
            "git:\u{200b}state",
            "~",
            "~/state",
            "~me/state",
            "$HOME/state",
            " .backfill",
            ".backfill\n",
            "s3://bucket ",
        ] {
            let failure = StateLocation::read(place, Path::new("")).expect_err(place);
            assert_eq!(failure.exit, Exit::Usage, "{place}");
            assert_eq!(failure.hints, [PLACES], "{place}");
        }
        let failure = StateLocation::read("https://me:secret@host", Path::new(""));
        let message = failure.expect_err("no bucket").message;
        assert_eq!(message, "the state cannot be kept in `https://`");
        for place in ["./s3:bucket", "a/b:c", "state~", "a b", "s3", "git", "a//b"] {
            let kept = StateLocation::read(place, Path::new("")).ok();
            assert_eq!(kept, Some(StateLocation::Folder(place.into())));
        }
    }
}
