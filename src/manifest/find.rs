//! Finds manifests and reads them to text: the only part of this module that touches the disk.
//!
//! Takes the PATHs a user gave, files or folders; gives [`Sources`], in a stable order. A PATH
//! that is not there is an error of the call; a file that cannot be a manifest (not UTF-8, far
//! too large) is a problem like any other, so that it does not hide those of other files.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Problem, Rule};
use super::yaml::span_at;
use crate::file_text::text_of;

/// The size of a file that is still read, in bytes: 32 MiB.
const MAX_BYTES: u64 = 32 << 20;

/// Bytes that are kept of a file that is not UTF-8, after the one that is not.
const SHOWN_AFTER: usize = 1024;

/// Why the manifests could not be found or read.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A PATH leads nowhere.
    #[error("`{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// A folder holds no manifest, at any depth.
    #[error("`{}` holds no manifest: no `.yaml` or `.yml` file", .0.display())]
    NoManifest(PathBuf),
    /// A PATH is neither a file nor a folder.
    #[error("`{}` is neither a file nor a folder", .0.display())]
    NotAFile(PathBuf),
    /// The system refused.
    #[error("could not read `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The texts of manifests, by name.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<SourceText>,
    by_name: HashMap<Arc<str>, usize>,
    problems: Vec<Problem>,
}

#[derive(Debug, Clone)]
struct SourceText {
    name: Arc<str>,
    text: String,
    /// Whether `text` is what the file holds, and not only what can be shown of it.
    whole: bool,
}

impl Sources {
    /// Sources from memory: pairs of a name, as messages show it, and a text.
    pub fn from_texts<N, T>(texts: impl IntoIterator<Item = (N, T)>) -> Self
    where
        N: Into<Arc<str>>,
        T: Into<Vec<u8>>,
    {
        let mut sources = Self::default();
        for (name, text) in texts {
            sources.add(name.into(), &text.into());
        }
        sources
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is no file at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text of the file that is shown as `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = *self.by_name.get(name)?;
        Some(&self.texts[at].text)
    }

    /// The files that could be read, in order.
    pub(super) fn readable(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        let whole = self.texts.iter().filter(|source| source.whole);
        whole.map(|source| (&source.name, source.text.as_str()))
    }

    /// What is wrong with files as a whole.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn add(&mut self, name: Arc<str>, bytes: &[u8]) {
        let mut problem = None;
        let text = if bytes.len() as u64 > MAX_BYTES {
            let message = "the file is larger than 32 MiB";
            let hint = "split it, or write windows by rule under `ranges`";
            let start = span_at("", 0, 0);
            problem = Some(Problem::new(Rule::TooLarge, &name, start, message).hint(hint));
            String::new()
        } else {
            match text_of(bytes) {
                Ok(text) => text.to_owned(),
                Err(error) => {
                    let at = error.at();
                    // What cannot be read is replaced after `at` only, so `at` still holds. A little
                    // after it is enough to be shown.
                    let end = bytes.len().min(at + SHOWN_AFTER);
                    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
                    let length = text[at..].chars().next().map_or(0, char::len_utf8);
                    let span = span_at(&text, at, length);
                    let of_file = Problem::new(Rule::Encoding, &name, span, error.to_string());
                    problem = Some(of_file.hint(error.hint()));
                    text
                }
            }
        };
        let whole = problem.is_none();
        self.problems.extend(problem);
        self.by_name.insert(Arc::clone(&name), self.texts.len());
        self.texts.push(SourceText { name, text, whole });
    }
}

/// Reads the manifests that `paths` lead to: files as named, folders searched for `.yaml` and
/// `.yml` at every depth, without what is hidden. A file reached twice is read once.
///
/// # Errors
/// When a path leads nowhere or to a folder without a manifest, or cannot be read.
pub fn read_paths(paths: &[PathBuf]) -> Result<Sources, FindError> {
    let mut sources = Sources::default();
    let mut seen = HashSet::new();
    for path in paths {
        for file in files_of(path)? {
            let real = fs::canonicalize(&file).map_err(|e| io_error(&file, e))?;
            if seen.insert(real) {
                read_file(&file, &mut sources)?;
            }
        }
    }
    Ok(sources)
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, FindError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FindError::Missing(path.to_owned()),
        _ => io_error(path, error),
    })?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !metadata.is_dir() {
        return Err(FindError::NotAFile(path.to_owned()));
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| io_error(&folder, e))? {
            let entry = entry.map_err(|e| io_error(&folder, e))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(|e| io_error(&path, e))?;
            // A link to a folder is not entered: it may lead back to where it stands. A link that leads
            // nowhere is an error: what it should lead to would be missing, and nobody told.
            if kind.is_dir() {
                folders.push(path);
            } else if is_manifest_name(&path) {
                let metadata = fs::metadata(&path).map_err(|e| io_error(&path, e))?;
                files.extend(metadata.is_file().then_some(path));
            }
        }
    }
    if files.is_empty() {
        return Err(FindError::NoManifest(path.to_owned()));
    }
    files.sort();
    Ok(files)
}

fn is_manifest_name(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml"))
}

fn read_file(path: &Path, sources: &mut Sources) -> Result<(), FindError> {
    let name: Arc<str> = shown_path(path).into();
    let file = fs::File::open(path).map_err(|e| io_error(path, e))?;
    let mut bytes = Vec::new();
    // One byte more than is allowed tells a file at the limit from one beyond it.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| io_error(path, e))?;
    sources.add(name, &bytes);
    Ok(())
}

/// A path as messages and reports show it on every system: with `/`, without a leading `./`.
pub(crate) fn shown_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    };
    match text.strip_prefix("./") {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    }
}

fn io_error(path: &Path, source: io::Error) -> FindError {
    FindError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        folder
    }

    fn names(sources: &Sources, folder: &Path) -> Vec<String> {
        let prefix = format!("{}/", shown_path(folder));
        let names = sources
            .texts
            .iter()
            .map(|s| s.name.replacen(&prefix, "", 1));
        names.collect()
    }

    #[test]
    fn folders_are_searched_in_order_and_hidden_or_other_files_left_out() {
        let folder = folder(&[
            ("b.yaml", b""),
            ("a/z.yml", b""),
            ("a/notes.md", b""),
            ("schema.json", b""),
            (".git/x.yaml", b""),
            (".hidden.yaml", b""),
        ]);
        let sources = read_paths(&[folder.path().to_owned()]).expect("reads");
        assert_eq!(names(&sources, folder.path()), ["a/z.yml", "b.yaml"]);
    }

    #[test]
    fn a_file_reached_by_two_paths_is_read_once() {
        let folder = folder(&[("b.yaml", b"")]);
        let paths = [folder.path().join("b.yaml"), folder.path().to_owned()];
        assert_eq!(read_paths(&paths).expect("reads").len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_back_to_its_own_folder_is_not_followed() {
        let folder = folder(&[("b.yaml", b"")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("a link");
        assert_eq!(
            read_paths(&[folder.path().to_owned()])
                .expect("reads")
                .len(),
            1
        );
    }

    #[test]
    fn a_path_to_nowhere_and_a_folder_without_a_manifest_are_errors() {
        let folder = folder(&[("notes.md", b"")]);
        assert!(matches!(
            read_paths(&[folder.path().to_owned()]),
            Err(FindError::NoManifest(_))
        ));
        assert!(matches!(
            read_paths(&[folder.path().join("nowhere")]),
            Err(FindError::Missing(_))
        ));
    }

    #[test]
    fn a_byte_that_is_not_utf_8_is_found_at_its_line() {
        let sources = Sources::from_texts([("x.yaml", b"version: 1\nname: caf\xe9\n".to_vec())]);
        let [problem] = sources.problems() else {
            panic!("one problem");
        };
        assert_eq!(problem.rule, Rule::Encoding);
        assert_eq!(
            (problem.place.span.line, problem.place.span.column),
            (2, 10)
        );
        assert_eq!(sources.readable().count(), 0);
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_and_the_next_one_read() {
        let huge = vec![b' '; usize::try_from(MAX_BYTES).expect("fits") + 1];
        let sources = Sources::from_texts([("x.yaml", huge), ("y.yaml", b"a: 1".to_vec())]);
        assert_eq!(sources.problems()[0].rule, Rule::TooLarge);
        assert_eq!(sources.readable().count(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let sources = Sources::from_texts([("x.yaml", "\u{feff}version: 1")]);
        assert_eq!(sources.text("x.yaml"), Some("version: 1"));
    }
}
