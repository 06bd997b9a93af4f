//! A user's folder: manifests, a config, and the binary run in it with nothing else around.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) struct Workspace {
    /// The folder that everything is in.
    root: PathBuf,
    _folder: tempfile::TempDir,
    /// The folder of the config, below it.
    project: PathBuf,
    /// Where commands run, from there.
    here: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The exit code, with all that was said if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The document on standard output, which fits its schema.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout).expect("one JSON document");
        if let Some(format) = document["format"].as_str() {
            assert_fits(&document, format);
        }
        document
    }
}

/// Where the name of a local state's holder is.
pub(crate) const HOLDER: &str = if cfg!(windows) {
    ".backfill/lock-holder"
} else {
    ".backfill/lock"
};

/// Fails unless a document fits the schema in `docs/schemas` that its `format` names.
#[track_caller]
fn assert_fits(document: &Value, format: &str) {
    let name = format.replace('/', ".");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.json"));
    let schema = std::fs::read_to_string(&file).expect("each document has a schema");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    if let Err(error) = jsonschema::validate(&schema, document) {
        panic!("{format} at {}: {error}\n{document}", error.instance_path());
    }
}

/// The id of the `n`-th flow of the tests.
pub(crate) fn flow(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self::below("")
    }

    /// One whose config and manifests are in a folder below it.
    pub(crate) fn below(project: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // On macOS the way to it leads through a link. Windows calls its whole name by another form.
        let root = if cfg!(unix) {
            folder.path().canonicalize().expect("it is there")
        } else {
            folder.path().to_owned()
        };
        let workspace = Self {
            // Without a part for nothing, which would end it with a slash.
            project: root
                .components()
                .chain(Path::new(project).components())
                .collect(),
            root,
            here: PathBuf::new(),
            _folder: folder,
            environment: Vec::new(),
        };
        std::fs::create_dir_all(workspace.path().join("manifests")).expect("a folder");
        workspace
    }

    /// The folder of the config.
    pub(crate) fn path(&self) -> &Path {
        &self.project
    }

    /// The folder that everything is in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs commands in `folder` from now on, which is relative to that of the config.
    pub(crate) fn stand_in(&mut self, folder: &str) {
        self.here = folder.into();
        std::fs::create_dir_all(self.path().join(&self.here)).expect("a folder");
    }

    /// Writes a file; its name is relative to the workspace.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("the workspace can be written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect(name)
    }

    /// A manifest of `days` windows by day of the `n`-th flow, a table's if `table`.
    pub(crate) fn manifest(&self, n: usize, days: usize, table: bool) {
        let source = if table {
            "source: table\ndeltaColumn: { name: updatedAt }"
        } else {
            "source: file"
        };
        let windows: Vec<String> = (0..days)
            .map(|day| {
                let start = 1_640_995_200 + day * 86_400;
                format!(
                    "  - {{ windowStartTime: {start}, windowEndTime: {} }}\n",
                    start + 86_400
                )
            })
            .collect();
        self.write(
            &format!("manifests/flow-{n}.yaml"),
            &format!(
                "version: 1\nflowId: {}\nsandbox: prod\n{source}\nreason: a test\nruns:\n{}",
                flow(n),
                windows.concat()
            ),
        );
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Signs in at the service at `url` with a static token.
    pub(crate) fn sign_in(&mut self, url: &str) {
        self.set("AEP_ENDPOINT", url);
        self.set("AEP_ACCESS_TOKEN", "a-token");
        self.set("AEP_API_KEY", "our-key");
        self.set("AEP_ORG_ID", "5C13@AdobeOrg");
    }

    /// Signs in at the service at `url` as an OAuth client.
    pub(crate) fn sign_in_with_secret(&mut self, url: &str) {
        for (name, value) in [
            ("AEP_ENDPOINT", url),
            ("AEP_IMS_ENDPOINT", url),
            ("AEP_CLIENT_ID", "our-key"),
            ("AEP_CLIENT_SECRET", "our-secret"),
            ("AEP_SCOPES", "openid"),
            ("AEP_ORG_ID", "5C13@AdobeOrg"),
        ] {
            self.set(name, value);
        }
    }

    /// The command, ready to run.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("backfill"));
        command
            .args(arguments)
            .current_dir(self.path().join(&self.here))
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `line`, split at blanks.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(line.split_whitespace())
    }

    /// Runs the binary with these arguments.
    pub(crate) fn run_with<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        let output = self.command(arguments).output();
        Ran::of(output.expect("the binary runs"))
    }
}
