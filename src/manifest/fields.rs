//! The fields of a manifest: one table, from which documents are read and the schema is made.

/// A mapping of a manifest.
#[derive(Debug)]
pub(super) struct Mapping {
    /// What messages call it.
    pub(super) name: &'static str,
    /// A line of it, for messages.
    pub(super) example: &'static str,
    /// What it is; empty, where the field that holds it says so.
    pub(super) text: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a mapping.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether a mapping without it is wrong, whatever else it has.
    pub(super) is_required: bool,
    /// What it means: paragraphs of Markdown, each one line.
    pub(super) text: &'static str,
    pub(super) examples: &'static [&'static str],
}

/// What a field takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Version,
    FlowId,
    /// Any text.
    Text,
    /// Text that is not blank.
    Label,
    Sandbox,
    Source,
    Overlap,
    Order,
    Boolean,
    Time,
    /// A list of times.
    Times,
    Length,
    Rerun,
    /// A whole number from 1.
    Count,
    Mapping(&'static Mapping),
    /// A list of mappings, at least one.
    List(&'static Mapping),
}

const fn required(name: &'static str, kind: Kind, text: &'static str) -> Field {
    Field {
        name,
        kind,
        is_required: true,
        text,
        examples: &[],
    }
}

const fn optional(name: &'static str, kind: Kind, text: &'static str) -> Field {
    Field {
        is_required: false,
        ..required(name, kind, text)
    }
}

impl Field {
    const fn such_as(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }
}

/// A manifest.
pub(super) const MANIFEST: Mapping = Mapping {
    name: "a manifest",
    example: "version: 1",
    text: "Runs to create of one flow, or of several flows that want the same windows.\n\nEach run \
           ingests a time window of the flow again. A file holds one manifest, or several separated \
           by `---`.",
    fields: &[
        required("version", Kind::Version, "The version of this format: `1`."),
        optional("flowId", Kind::FlowId, FLOW_ID).such_as(&[FLOW_ID_EXAMPLE]),
        optional(
            "name",
            Kind::Label,
            "A label for screens. Default: the file's name without its ending.",
        )
        .such_as(&["crm-accounts"]),
        optional(
            "flows",
            Kind::List(&FLOW),
            "Several flows in place of `flowId` and `name`: each wants all of the windows.\n\nWhat a \
             flow does not say of its `source` and `deltaColumn` is the manifest's.",
        ),
        optional(
            "sandbox",
            Kind::Sandbox,
            "The name of the sandbox, not its title: lower-case letters, digits and \
             hyphens.\n\nDefault: `--sandbox`, `AEP_SANDBOX_NAME`, or `sandbox` in backfill.yaml.",
        )
        .such_as(&["prod"]),
        optional(
            "source",
            Kind::Source,
            "What the flow reads, which decides how records are told apart by time.",
        ),
        optional(
            "deltaColumn",
            Kind::Mapping(&DELTA_COLUMN),
            "The column that tells when a row was changed. A table source needs it, a file source \
             has none. It is sent with the flow's first run only.\n\nBeside `flows` it is the column \
             of each table in the list that names none.",
        ),
        optional(
            "reason",
            Kind::Text,
            "Why these windows are ingested, for the reviewer.\n\nNeeded where a `rerun` is above 1, \
             or backfill.yaml says `require: [reason]`.",
        )
        .such_as(&["Restate accounts after the CRM migration"]),
        optional(
            "allowFuture",
            Kind::Boolean,
            "Whether windows may end after the present. Default: false.",
        ),
        optional(
            "overlap",
            Kind::Overlap,
            "`allow`: windows of the flow may overlap. Without it an overlap is an error.",
        ),
        optional(
            "order",
            Kind::Order,
            "In which order the windows are sent. Default: `oldest-first`.",
        ),
        optional(
            "paused",
            Kind::Boolean,
            "`true`: nothing new of this manifest is sent. Default: false.",
        ),
        optional(
            "maxActiveRuns",
            Kind::Count,
            "No more unfinished runs of the flow than this at once; the next is sent when one has \
             finished.\n\nDefault: `limits.maxActiveRuns` in backfill.yaml.",
        )
        .such_as(&["3"]),
        optional("runs", Kind::List(&RUN), "Windows one by one."),
        optional(
            "ranges",
            Kind::List(&RANGE),
            "Windows by rule: from, to, every.",
        ),
    ],
};

const FLOW_ID: &str = "The id of the flow: the UUID in the address of its page in Experience \
                       Platform.\n\nRuns can be created only for a flow that is scheduled `once`.";
const FLOW_ID_EXAMPLE: &str = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de";

/// An entry of `flows`.
pub(super) const FLOW: Mapping = Mapping {
    name: "an entry of `flows`",
    example: "flowId: UUID",
    text: "One flow that wants all of the windows.",
    fields: &[
        required("flowId", Kind::FlowId, FLOW_ID).such_as(&[FLOW_ID_EXAMPLE]),
        optional(
            "name",
            Kind::Label,
            "A label for screens. Default: the file's name without its ending, and the beginning of \
             the flow's id.",
        )
        .such_as(&["crm-accounts"]),
        optional(
            "source",
            Kind::Source,
            "What the flow reads. Default: the `source` beside `flows`.",
        ),
        optional(
            "deltaColumn",
            Kind::Mapping(&DELTA_COLUMN),
            "The column that tells when a row was changed; only for a table. Default: the \
             `deltaColumn` beside `flows`.",
        ),
    ],
};

/// `deltaColumn`.
pub(super) const DELTA_COLUMN: Mapping = Mapping {
    name: "`deltaColumn`",
    example: "name: COLUMN",
    text: "",
    fields: &[
        required("name", Kind::Label, "The column's name.").such_as(&["updatedAt"]),
        optional(
            "dateFormat",
            Kind::Label,
            "How the column writes its dates. Default: what the service assumes.",
        )
        .such_as(&["yyyy-MM-dd HH:mm:ss"]),
        optional(
            "timezone",
            Kind::Label,
            "The time zone of the column's dates. Default: what the service assumes.",
        )
        .such_as(&["UTC"]),
    ],
};

/// An entry of `runs`.
pub(super) const RUN: Mapping = Mapping {
    name: "an entry of `runs`",
    example: "windowStartTime: 2022-05-03",
    text: "One window: `[windowStartTime, windowEndTime)`.",
    fields: &[
        required(
            "windowStartTime",
            Kind::Time,
            "Where the window starts, inclusive.\n\nRFC 3339 (`2022-05-03T13:36:31Z`), a date or \
             date-time in UTC (`2022-05-03`), or unix seconds (10 digits).",
        ),
        required(
            "windowEndTime",
            Kind::Time,
            "Where the window ends, exclusive: the next window may start there.\n\nRFC 3339 \
             (`2022-05-03T13:52:36Z`), a date or date-time in UTC (`2022-05-03`), or unix seconds \
             (10 digits).",
        ),
        optional(
            "startTime",
            Kind::Time,
            "When the service should begin the run. Default: when it is sent.",
        ),
        optional(
            "rerun",
            Kind::Rerun,
            "2 runs the window a second time, on purpose; it needs a `reason`. Default: 1.",
        ),
    ],
};

/// An entry of `ranges`.
pub(super) const RANGE: Mapping = Mapping {
    name: "an entry of `ranges`",
    example: "from: 2022-05-03",
    text: "Windows side by side, from `from` to `to`.",
    fields: &[
        required(
            "from",
            Kind::Time,
            "Where the first window starts, inclusive. All windows are counted from here.\n\nA date \
             or date-time in `timezone` (`2022-01-01`), RFC 3339 (`2022-01-01T00:00:00Z`), or unix \
             seconds (10 digits).",
        ),
        required(
            "to",
            Kind::Time,
            "Where the last window ends, exclusive: `2023-01-01` ends with 31 December 2022.\n\nA \
             date or date-time in `timezone`, RFC 3339, or unix seconds (10 digits).",
        ),
        required(
            "every",
            Kind::Length,
            "How long each window is: a number and a unit, `15 minutes`, `6 hours`, `1 day`, `1 \
             week`, `1 month`, in short `15m`, `6h`, `1d`, or ISO 8601, `PT6H`, `P1D`.\n\nDays, weeks \
             and months are those of the calendar in `timezone`: a day has 23 or 25 hours when the \
             clocks change. `24 hours` is always 24 hours.",
        ),
        optional(
            "timezone",
            Kind::Text,
            "The time zone of `from`, `to`, `except` and of the calendar, as an IANA name. Default: \
             `UTC`.",
        )
        .such_as(&["UTC", "Europe/Madrid", "America/New_York"]),
        optional(
            "except",
            Kind::Times,
            "Windows that start at these times are left out.",
        ),
        optional(
            "startTime",
            Kind::Time,
            "When the service should begin the runs. Default: when they are sent.",
        ),
        optional(
            "rerun",
            Kind::Rerun,
            "2 runs these windows a second time, on purpose; it needs a `reason`. Default: 1.",
        ),
    ],
};
