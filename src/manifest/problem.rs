//! What can be wrong with a manifest: a rule with a stable code, a message, and where.
//!
//! Every finding of every stage is a [`Problem`]; they are collected, never thrown, so that all
//! of them are shown at once. A rule's code is a promise: it is never given to another rule.

use std::borrow::Cow;
use std::sync::Arc;

use super::yaml::Span;

/// Whether a problem stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is planned or sent.
    Error,
    /// Likely a slip, but it has a meaning.
    Warning,
}

impl Severity {
    /// As it is written: `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! rules {
    ($($name:ident = $code:literal, $severity:ident, $description:literal;)*) => {
        /// What a manifest must keep to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $description] $name,)*
        }

        impl Rule {
            /// Every rule, by code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable code, such as `BF001`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Whether breaking it stops the work.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// The rule in a sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)* }
            }
        }
    };
}

rules! {
    Yaml = "BF001", Error, "A manifest is valid YAML.";
    DuplicateKey = "BF002", Error, "A key stands once in a mapping.";
    TooLarge = "BF003", Error, "A file stays within 32 MiB and 1,000,000 values, a value within 4 KiB.";
    Encoding = "BF004", Error, "A file is UTF-8.";
    NoManifest = "BF005", Error, "A file holds at least one manifest.";
    UnknownField = "BF006", Error, "Only known fields are written.";
    MissingField = "BF007", Error, "Required fields are written.";
    WrongType = "BF008", Error, "A value has the type its field takes.";
    UnknownValue = "BF009", Error, "A field with a fixed set of values takes one of them.";
    FlowId = "BF010", Error, "A flow id is a UUID.";
    Sandbox = "BF011", Error, "A sandbox name is lower-case letters, digits and hyphens.";
    NoSandbox = "BF012", Error, "A sandbox is named: in the manifest, the config, by flag or environment.";
    DeltaColumn = "BF013", Error, "A table source has a delta column, a file source has none.";
    NothingToRun = "BF014", Error, "A manifest asks for windows, and none of its lists is empty.";
    Time = "BF015", Error, "A time is RFC 3339, a civil date or date-time, or unix seconds.";
    TimeUnit = "BF016", Error, "A unix time is in seconds: 10 digits.";
    CivilTime = "BF017", Error, "A civil time exists exactly once in its zone.";
    Zone = "BF018", Error, "A time zone is in the IANA database.";
    Every = "BF019", Error, "`every` is a positive, whole length of time.";
    WindowOrder = "BF020", Error, "A window starts before it ends.";
    FutureWindow = "BF021", Error, "A window has passed, unless `allowFuture: true`.";
    WindowLength = "BF022", Error, "A window is neither shorter nor longer than the config allows.";
    TooManyWindows = "BF023", Error, "All manifests together ask for at most 1,000,000 windows.";
    EmptyRange = "BF024", Error, "A range leaves at least one window.";
    Except = "BF025", Error, "Each `except` is the start of a window.";
    EveryTooLong = "BF026", Error, "`every` is not longer than its range.";
    Rerun = "BF027", Error, "`rerun` is a whole number from 1.";
    NoReason = "BF028", Error, "A reason is given where the config requires one, and always for a rerun.";
    PlaceholderReason = "BF029", Error, "A reason says something.";
    Overlap = "BF030", Error, "Windows of one flow do not overlap, unless `overlap: allow`.";
    FlowDisagrees = "BF031", Error, "Manifests of one flow agree on `source`, `deltaColumn` and `order`.";
    SameWindow = "BF032", Warning, "A window is asked for once.";
    ShortLastWindow = "BF033", Warning, "A range ends where its last window does.";
    Gap = "BF034", Warning, "Consecutive ranges of a flow leave no gap.";
    ClockChange = "BF035", Warning, "Civil days across a clock change are longer or shorter than 24 hours.";
    FlowTwice = "BF036", Error, "A flow stands once in `flows`.";
    FlowsBeside = "BF037", Error, "`flows` stands in place of `flowId` and `name`.";
    PastedText = "BF038", Error, "Dashes, quotes and blanks are the plain ones, except in a text.";
    StartTimePassed = "BF039", Warning, "A `startTime` lies ahead.";
}

/// A place that a message speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlace {
    /// The file's name, as it is shown.
    pub file: Arc<str>,
    /// Where in it.
    pub span: Span,
    /// What is there; may be empty.
    pub label: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule that was broken.
    pub rule: Rule,
    /// What is wrong, in a sentence without a capital or a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where it is.
    pub place: SourcePlace,
    /// Other places that the message speaks of.
    pub related: Vec<SourcePlace>,
}

impl Problem {
    pub(super) fn new(rule: Rule, file: &Arc<str>, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            hint: None,
            place: SourcePlace {
                file: Arc::clone(file),
                span,
                label: String::new(),
            },
            related: Vec::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.place.label = label.into();
        self
    }

    pub(super) fn related(mut self, file: &Arc<str>, span: Span, label: impl Into<String>) -> Self {
        self.related.push(SourcePlace {
            file: Arc::clone(file),
            span,
            label: label.into(),
        });
        self
    }

    /// Whether it stops the work.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}

/// Why a text is not what its field takes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Misread {
    pub(super) rule: Rule,
    message: String,
    hint: Cow<'static, str>,
}

impl Misread {
    pub(super) fn new(rule: Rule, message: String, hint: impl Into<Cow<'static, str>>) -> Self {
        let hint = hint.into();
        Self {
            rule,
            message,
            hint,
        }
    }

    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// Problems of one file that are kept: who mends a thousand sees the rest.
const MAX_OF_FILE: usize = 1_000;
/// Problems of all files that are kept.
const MAX_KEPT: usize = 10_000;

/// Problems that were found, but are too many to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unlisted {
    /// How many of them are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
}

/// What was found so far: the first of each file, and a count of the rest, so that a file that
/// is wrong a million times costs no more than its text.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// The file that is being checked.
    pub(super) file: Arc<str>,
    kept: Vec<Problem>,
    /// How many were kept before that file.
    kept_before: usize,
    unlisted: Unlisted,
}

impl Problems {
    /// From here on they are those of `file`.
    pub(super) fn next_file(&mut self, file: &Arc<str>) {
        self.file = Arc::clone(file);
        self.kept_before = self.kept.len();
    }

    /// How many were found, kept or not.
    pub(super) fn found(&self) -> usize {
        let Unlisted { errors, warnings } = self.unlisted;
        self.kept.len() + errors + warnings
    }

    /// Whether the next one of this file will only be counted: what its hint says is then not
    /// worth working out.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= MAX_KEPT || self.kept.len() - self.kept_before >= MAX_OF_FILE
    }

    pub(super) fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            return self.kept.push(problem);
        }
        match problem.severity() {
            Severity::Error => self.unlisted.errors += 1,
            Severity::Warning => self.unlisted.warnings += 1,
        }
    }

    /// One of the file that is being checked.
    pub(super) fn report(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Problem::new(rule, &self.file, span, message).hint(hint));
    }

    /// The same, with another place of the file that it speaks of.
    pub(super) fn report_two(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        (other, label): (Span, &str),
        hint: impl Into<String>,
    ) {
        let problem = Problem::new(rule, &self.file, span, message).hint(hint);
        self.push(problem.related(&self.file, other, label));
    }

    /// Those that were kept, by file, then position, then code, and how many were not.
    pub(super) fn sorted(mut self) -> (Vec<Problem>, Unlisted) {
        self.kept.sort_by(|a, b| {
            let by = |p: &Problem| (p.place.span, p.rule);
            (&a.place.file, by(a)).cmp(&(&b.place.file, by(b)))
        });
        (self.kept, self.unlisted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_up_from_1_without_a_gap() {
        for (n, rule) in (1..).zip(Rule::ALL) {
            assert_eq!(rule.code(), format!("BF{n:03}"));
        }
    }

    #[test]
    fn a_description_is_one_sentence() {
        for rule in Rule::ALL {
            let text = rule.description();
            assert!(text.ends_with('.') && !text.contains(". "), "{text}");
        }
    }

    #[test]
    fn a_file_is_listed_by_its_first_thousand_and_hides_no_other() {
        let file = |name: &str| Arc::<str>::from(name);
        let mut problems = Problems::default();
        for name in ["a.yaml", "b.yaml"] {
            problems.next_file(&file(name));
            for _ in 0..1_500 {
                let problem = Problem::new(Rule::Yaml, &file(name), Span::default(), "x");
                problems.push(problem.hint("y"));
            }
        }
        problems.push(Problem::new(
            Rule::Gap,
            &file("b.yaml"),
            Span::default(),
            "x",
        ));
        assert_eq!(problems.found(), 3_001);
        let (kept, unlisted) = problems.sorted();
        let of = |name: &str| kept.iter().filter(|p| *p.place.file == *name).count();
        assert_eq!([of("a.yaml"), of("b.yaml")], [1_000, 1_000]);
        let (errors, warnings) = (1_000, 1);
        assert_eq!(unlisted, Unlisted { errors, warnings });
    }
}
