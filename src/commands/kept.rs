//! Where a state is kept, as `--state` names it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::failure::Failure;
use crate::report::plain;
use crate::store::{Local, Place, git_branch};

/// What every message about such a name ends with.
const PLACES: &str = "name a folder, such as .backfill; git:BRANCH, a branch of this repository's \
     remote; or a prefix in a bucket: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX";

/// Where a state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// On a branch of the repository's remote.
    Branch(String),
    /// Below a URL of an object store.
    Objects(Url),
}

impl Kept {
    /// Reads the name of a place.
    pub(super) fn read(place: &str) -> Result<Self, Failure> {
        if let Some(branch) = place.strip_prefix("git:") {
            if is_branch(branch) {
                return Ok(Self::Branch(branch.to_owned()));
            }
            return Err(Failure::usage(format!(
                "`{}` is not the name of a branch",
                plain(branch, 100)
            ))
            .hint(PLACES));
        }
        match place.split_once("://") {
            Some(("s3" | "az" | "gs", _)) => Self::in_a_bucket(place),
            Some((scheme, _)) => Err(Failure::usage(format!(
                "the state cannot be kept in `{}://`",
                plain(scheme, 100)
            ))
            .hint(PLACES)),
            None if place.is_empty() => {
                Err(Failure::usage("the place of the state is empty").hint(PLACES))
            }
            None => Ok(Self::Folder(PathBuf::from(place))),
        }
    }

    fn in_a_bucket(place: &str) -> Result<Self, Failure> {
        match Url::parse(place) {
            Ok(url) if url.host_str().is_some_and(|bucket| !bucket.is_empty()) => {
                if super::context::has_credentials(&url) || url.query().is_some() {
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

    /// Whether both name one place, as far as can be told from here.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => {
                let found = |folder: &PathBuf| folder.canonicalize().ok();
                one == other || (found(one).is_some() && found(one) == found(other))
            }
            _ => self.to_string() == other.to_string(),
        }
    }

    /// The place itself; where it is remote, whoever takes hold of it has a lease that lasts so
    /// long.
    pub(super) fn place(&self, lease: Duration) -> Result<Box<dyn Place>, Failure> {
        Ok(match self {
            Self::Folder(folder) => Box::new(Local::new(folder.clone())),
            Self::Branch(branch) => Box::new(git_branch(PathBuf::from("."), branch.clone(), lease)),
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

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Branch(branch) => write!(f, "git:{branch}"),
            Self::Objects(url) => f.write_str(url.as_str().trim_end_matches('/')),
        }
    }
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

    #[test]
    fn a_place_is_a_folder_a_branch_or_a_prefix_in_a_bucket() {
        let read = |place: &str| Kept::read(place).ok();
        assert_eq!(read("some/where"), Some(Kept::Folder("some/where".into())));
        assert_eq!(
            read("git:backfill/state"),
            Some(Kept::Branch("backfill/state".to_owned()))
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
    fn one_place_may_have_several_names() {
        let read = |place: &str| Kept::read(place).expect("a place");
        let here = std::env::current_dir().expect("a folder");
        let here = here.display().to_string();
        for (one, other, is_one) in [
            (".", here.as_str(), true),
            ("src", "./src/../src/", true),
            ("nowhere/", "nowhere", true),
            ("src", "tests", false),
            ("nowhere", "src", false),
            ("git:a", "git:a", true),
            ("git:a", "git:b", false),
            ("git:a", "a", false),
        ] {
            assert_eq!(read(one).is(&read(other)), is_one, "{one} {other}");
        }
    }

    #[test]
    fn a_bucket_is_named_as_it_was_given() {
        for place in ["s3://bucket/a/b", "az://container/prefix", "gs://bucket"] {
            let kept = Kept::read(place).map(|kept| kept.to_string());
            assert_eq!(kept.ok().as_deref(), Some(place));
        }
    }
}
