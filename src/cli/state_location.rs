//! Where a state is kept, as `--state` names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::environment::has_credentials;
use super::failure::Failure;
use crate::file_text::{as_typed, look_alike_in_syntax};
use crate::report::plain;
use crate::store::{Local, StateBackend, git_branch};

/// What every message about such a name ends with.
const PLACES: &str = "name a folder, such as .backfill; git:BRANCH, a branch of this repository's \
     remote; or a prefix in a bucket: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX, gs://BUCKET/PREFIX";

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
        if let Some(why) = mistaken(place) {
            return Err(why.hint(PLACES));
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
        match place.split_once("://") {
            Some(_) => Self::in_a_bucket(place),
            None => Ok(Self::Folder(base.join(place))),
        }
    }

    /// The same place, named alike from every folder.
    pub(crate) fn absolute(self) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(std::path::absolute(&folder).unwrap_or(folder)),
            other => other,
        }
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

    /// Whether both name one place, as far as can be told from here.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => {
                // By its path, where there is no folder yet, or no more.
                let whole = |folder: &PathBuf| std::path::absolute(folder).ok();
                let found = |folder: &PathBuf| folder.canonicalize().ok();
                let same = |name: &dyn Fn(&PathBuf) -> Option<PathBuf>| {
                    name(one).is_some() && name(one) == name(other)
                };
                one == other || same(&whole) || same(&found)
            }
            _ => self.to_string() == other.to_string(),
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

/// Why a name is none, if it would be taken for that of a new folder, or of another place, and was
/// most likely meant as something else.
fn mistaken(place: &str) -> Option<Failure> {
    let shown = plain(place, 200);
    if place.trim().is_empty() {
        return Some(Failure::usage("the place of the state is empty"));
    }
    if place.trim() != place {
        return Some(Failure::usage(format!(
            "the place of the state, `{shown}`, begins or ends with a blank"
        )));
    }
    if let Some(found) = look_alike_in_syntax(place) {
        let failure = Failure::usage(format!(
            "the place of the state, `{shown}`, has {found} where {} belongs",
            found.meant()
        ));
        let typed = as_typed(place);
        let meant = plain(typed.trim_matches(['"', '\'']), 300);
        return Some(failure.hint(format!("did you mean {meant}?")));
    }
    if place.starts_with('~') {
        let failure = Failure::usage(format!(
            "the state cannot be kept in `{shown}`: only a shell knows what `~` stands for"
        ));
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let below = place.strip_prefix("~/").or((place == "~").then_some(""));
        return Some(match home.zip(below) {
            Some((home, below)) => failure.hint(format!(
                "did you mean {}?",
                plain(&home.join(below).display().to_string(), 300)
            )),
            None => failure,
        });
    }
    if place.starts_with('$') || place.starts_with('%') {
        return Some(Failure::usage(format!(
            "the state cannot be kept in `{shown}`: variables are not read here"
        )));
    }
    let first = place.split(['/', '\\']).next().unwrap_or_default();
    let bucket = |scheme: &str| {
        let scheme = scheme.to_ascii_lowercase();
        Some(match scheme.as_str() {
            "s3" | "s3a" | "s3n" => "s3",
            "az" | "azure" | "azblob" | "abfs" | "abfss" | "wasb" | "wasbs" | "adl" => "az",
            "gs" | "gcs" => "gs",
            _ => return None,
        })
    };
    let Some((scheme, _)) = first.split_once(':') else {
        // `s3//bucket` has lost its colon.
        let rest = place.strip_prefix(first)?.strip_prefix("//")?;
        let meant = bucket(first).map(|scheme| format!("{scheme}://{rest}"))?;
        return Some(refused(&shown, &meant));
    };
    let is_drive = cfg!(windows) && scheme.len() == 1;
    let is_right = place.starts_with("git:") && !place.starts_with("git:/")
        || ["s3://", "az://", "gs://"]
            .iter()
            .any(|right| place.starts_with(right));
    if is_drive || is_right {
        return None;
    }
    let rest = place[scheme.len() + 1..].trim_start_matches('/');
    let meant = match scheme.to_ascii_lowercase().as_str() {
        "git" => format!("git:{rest}"),
        "file" if place[scheme.len() + 1..].starts_with('/') => format!("/{rest}"),
        "file" | "folder" | "dir" | "local" => rest.to_owned(),
        other => match bucket(other) {
            Some(scheme) => format!("{scheme}://{rest}"),
            None if place[scheme.len()..].starts_with("://") => {
                return Some(Failure::usage(format!(
                    "the state cannot be kept in `{}://`",
                    plain(scheme, 100)
                )));
            }
            None => format!("./{place}"),
        },
    };
    Some(refused(&shown, &meant))
}

fn refused(shown: &str, meant: &str) -> Failure {
    let failure = Failure::usage(format!("the state cannot be kept in `{shown}`"));
    // A URL may hold a secret, which is not said once more.
    if meant.contains(['@', '?']) {
        failure
    } else {
        failure.hint(format!("did you mean {}?", plain(meant, 300)))
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
    fn one_place_may_have_several_names() {
        let read = |place: &str| StateLocation::read(place, Path::new("")).expect("a place");
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
        for (place, meant) in [
            ("s3:bucket/prefix", "s3://bucket/prefix"),
            ("s3:/bucket/prefix", "s3://bucket/prefix"),
            ("s3//bucket/prefix", "s3://bucket/prefix"),
            ("S3://bucket/prefix", "s3://bucket/prefix"),
            ("s3a://bucket/prefix", "s3://bucket/prefix"),
            ("az:container", "az://container"),
            ("azure://container", "az://container"),
            ("gs:bucket", "gs://bucket"),
            ("gcs://bucket", "gs://bucket"),
            ("Git:backfill-state", "git:backfill-state"),
            ("git://backfill-state", "git:backfill-state"),
            ("file:/var/state", "/var/state"),
            ("file:///var/state", "/var/state"),
            ("file:state", "state"),
            ("branch:state", "./branch:state"),
            ("\u{201c}.backfill\u{201d}", ".backfill"),
            ("git:\u{200b}state", "git:state"),
        ] {
            let failure = StateLocation::read(place, Path::new("")).expect_err(place);
            let said = failure.annotations()[0].lines.join("\n");
            assert!(
                said.contains(&format!("did you mean {meant}?")),
                "{place}: {said}"
            );
        }
        for place in [
            "~",
            "~/state",
            "~me/state",
            "$HOME/state",
            " .backfill",
            ".backfill\n",
        ] {
            assert!(
                StateLocation::read(place, Path::new("")).is_err(),
                "{place:?}"
            );
        }
        for place in ["./s3:bucket", "a/b:c", "state~", "a b", "s3", "git"] {
            let kept = StateLocation::read(place, Path::new("")).ok();
            assert_eq!(kept, Some(StateLocation::Folder(place.into())));
        }
    }
}
