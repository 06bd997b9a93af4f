//! The step of a GitHub Actions job that this process is, if it is one: what it leaves there.
//!
//! A verb tells its result as values while it works; [`Actions::finish`] writes all of it at the end,
//! once: annotations, the summary of the step, its outputs. What cannot be written is said, and
//! decides nothing: what was done was done.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/variables>

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::Exit;
use super::ci::is_on_github;
use super::environment::variable;
use super::failure::Failure;
use crate::report::{self, Annotation, Outputs, ProblemCounts};

/// How many bytes a summary may have: GitHub drops one that is longer than 1 MiB.
const SUMMARY: usize = 1_000_000;

/// The step of a GitHub Actions job: annotations, summary and outputs; nothing outside of a job.
#[derive(Debug)]
pub(crate) struct Actions {
    /// Whether there is anybody to tell.
    on: bool,
    /// Whether annotations are the result, and not talk beside it.
    to_stdout: bool,
    told: Mutex<Reported>,
}

#[derive(Debug, Default)]
struct Reported {
    annotations: Vec<Annotation>,
    unlisted: ProblemCounts,
    notices: Vec<String>,
    summaries: Vec<String>,
    outputs: Outputs,
    report: Option<PathBuf>,
}

impl Actions {
    /// On where the runner says so, or where `asked`: by `--format github`.
    pub(crate) fn new(asked: bool) -> Self {
        Self {
            on: asked || is_on_github(),
            to_stdout: asked,
            told: Mutex::default(),
        }
    }

    fn tell(&self, what: impl FnOnce(&mut Reported)) {
        if self.on {
            what(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Says why `verb` has no result.
    pub(crate) fn tell_failure(&self, failure: &Failure, verb: &str) {
        if failure.silent {
            return;
        }
        self.annotate(|| failure.annotations());
        self.count_unlisted(failure.unlisted());
        self.summarize(|most| Some(failure.view(verb).markdown(most)));
    }

    /// Something that is wrong; worse than what was told before: manifests come first, then what
    /// became of runs, then why the command failed.
    pub(crate) fn annotate(&self, annotations: impl FnOnce() -> Vec<Annotation>) {
        self.tell(|told| drop(told.annotations.splice(0..0, annotations())));
    }

    /// So many more things are wrong.
    pub(crate) fn count_unlisted(&self, unlisted: ProblemCounts) {
        self.tell(|told| told.unlisted = told.unlisted.and(unlisted));
    }

    /// Something to know that is not wrong.
    pub(crate) fn notice(&self, text: impl Into<String>) {
        self.tell(|told| told.notices.push(text.into()));
    }

    /// Markdown for the summary of the step, of so many bytes at most.
    pub(crate) fn summarize(&self, markdown: impl FnOnce(usize) -> Option<String>) {
        self.tell(|told| {
            let had: usize = told.summaries.iter().map(String::len).sum();
            let had = had + written_before();
            // A little is kept for one that comes after.
            let room = SUMMARY.saturating_sub(had) / 10 * 9;
            told.summaries.extend(markdown(room));
        });
    }

    /// The outputs of the step.
    pub(crate) fn output(&self, outputs: impl FnOnce() -> Option<Outputs>) {
        self.tell(|told| {
            if let Some(outputs) = outputs() {
                told.outputs = outputs;
            }
        });
    }

    /// Where the result was written as JSON.
    pub(crate) fn report_written(&self, path: &Path) {
        self.tell(|told| told.report = Some(path.to_owned()));
    }

    /// Begins a group of lines of the log that is folded.
    pub(crate) fn begin_group(&self, mut out: impl Write, title: &str) {
        if self.on {
            let _ = writeln!(out, "{}", report::begin_group(title));
        }
    }

    pub(crate) fn end_group(&self, mut out: impl Write) {
        if self.on {
            let _ = writeln!(out, "{}", report::END_GROUP);
        }
    }

    /// Writes everything: the command ends with `exit`.
    pub(crate) fn finish(&self, exit: Exit) {
        if !self.on {
            return;
        }
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        let mut out: Box<dyn Write> = if self.to_stdout {
            Box::new(io::stdout())
        } else {
            Box::new(io::stderr())
        };
        let root = repository();
        let _ = report::write_annotations(&mut out, &told.annotations, told.unlisted, |file| {
            locate(&root, file)
        });
        for text in &told.notices {
            let _ = writeln!(out, "{}", report::notice(text));
        }
        for (name, written) in [
            ("GITHUB_STEP_SUMMARY", write_summary(&told.summaries)),
            ("GITHUB_OUTPUT", write_outputs(&told, exit)),
        ] {
            if let Err(error) = written {
                let _ = writeln!(io::stderr(), "warning: could not write {name}: {error}");
            }
        }
    }
}

/// How many bytes other commands of the step have written already.
fn written_before() -> usize {
    let file = variable("GITHUB_STEP_SUMMARY").and_then(|path| std::fs::metadata(path).ok());
    file.map_or(0, |file| usize::try_from(file.len()).unwrap_or(SUMMARY))
}

fn write_summary(summaries: &[String]) -> io::Result<()> {
    let Some(mut file) = appended("GITHUB_STEP_SUMMARY")? else {
        return Ok(());
    };
    file.write_all(summaries.join("\n").as_bytes())
}

fn write_outputs(told: &Reported, exit: Exit) -> io::Result<()> {
    let Some(mut file) = appended("GITHUB_OUTPUT")? else {
        return Ok(());
    };
    let path = told.report.as_ref();
    let path = path.map(|path| ("report_path", path.display().to_string()));
    let exit = ("exit_code", exit.code().to_string());
    let values = told.outputs.0.iter().cloned().chain([exit]).chain(path);
    let mut text = Vec::new();
    for (name, value) in values {
        report::write_output(&mut text, name, &value, &Uuid::new_v4().to_string())?;
    }
    file.write_all(&text)
}

/// The file that a variable names, to be added to; the runner makes one for each step.
fn appended(name: &str) -> io::Result<Option<std::fs::File>> {
    let Some(path) = variable(name) else {
        return Ok(None);
    };
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map(Some)
}

/// The root of the repository that the current folder is in; where there is none, that of the job,
/// or the folder itself.
pub(crate) fn repository() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join(".git").exists());
    root.map(Path::to_owned)
        .or_else(|| variable("GITHUB_WORKSPACE").map(PathBuf::from))
        .unwrap_or(here)
}

/// The path of `file` in the repository at `root`, with `/` between its parts; one that lies outside
/// stays as it is.
pub(crate) fn locate(root: &Path, file: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut whole = PathBuf::new();
    for part in here.join(file).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    let Ok(inside) = whole.strip_prefix(root) else {
        return file.to_owned();
    };
    let parts: Vec<_> = inside
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_the_root_of_its_repository() {
        let root = repository();
        let here = std::env::current_dir().expect("a folder");
        assert_eq!(root, here, "tests run where the repository begins");
        let above = here.parent().expect("a folder above");
        for (root, file, path) in [
            (here.as_path(), "manifests/a.yaml", "manifests/a.yaml"),
            (here.as_path(), "./manifests//a.yaml", "manifests/a.yaml"),
            (
                here.as_path(),
                "src/../manifests/a.yaml",
                "manifests/a.yaml",
            ),
            (here.as_path(), "../a.yaml", "../a.yaml"),
            (here.as_path(), "/elsewhere/a.yaml", "/elsewhere/a.yaml"),
        ] {
            assert_eq!(locate(root, file), path);
        }
        let name = here.file_name().expect("a name").to_string_lossy();
        assert_eq!(locate(above, "a.yaml"), format!("{name}/a.yaml"));
    }
}
