//! The fields of a manifest: each is declared here, once, with its name, its meaning and its type.
//!
//! Takes a [`Node`]; gives a [`Document`] as it is written, and a problem for every field that is unknown, missing, or not
//! what it takes. What fields mean together is for `check`.

use std::num::NonZeroUsize;

use jiff::tz::TimeZone;

use super::fields::{At, Block, Description, Field, Fields, Lines, Reader, block};
use super::length::Every;
use super::problem::Problems;
use super::time::ZonedMoment;
use super::values::{AllowOverlap, Label, Reason, SourceKind, Verbatim, Version};
use super::yaml::{Node, Span};
use crate::run::{DeltaColumn, FlowId, Order, Rerun, Sandbox};

/// Reads `node` as a manifest; `None` if it is not even a mapping.
pub(super) fn read(node: &Node<'_>, text: &str, problems: &mut Problems) -> Option<Document> {
    let root = Description::of::<Document>;
    let mut reader = Reader {
        problems,
        text,
        root,
    };
    reader.block(node, &root())
}

block! {
    /// Runs to create of one flow, or of several flows that want the same windows.
    ///
    /// Each run ingests a time window of the flow again. A file holds one manifest, or several separated by
    /// `---`.
    Document, "a manifest", "version: 1";

    /// The version of this format: `1`.
    required "version" _version: Version,

    /// The id of the flow: the UUID in the address of its page in Experience Platform.
    ///
    /// Runs can be created only for a flow that is scheduled `once`.
    value "flowId" flow_id: FlowId,

    /// A label for screens. Default: the file's name without its ending.
    value "name" name: Label,

    /// What the flow reads, which decides how records are told apart by time.
    value "source" source: SourceKind,

    /// The column that tells when a row was changed. A table source needs it, a file source has none. It is
    /// sent with the flow's first run only.
    ///
    /// Beside `flows` it is the column of each table in the list that names none.
    mapping "deltaColumn" delta_column: DeltaColumn,

    /// Several flows in place of `flowId` and `name`: each wants all of the windows.
    ///
    /// What a flow does not say of its `source` and `deltaColumn` is the manifest's.
    list "flows" flows: Vec<FlowEntry>,

    /// The name of the sandbox, not its title: lower-case letters, digits and hyphens.
    ///
    /// Default: `--sandbox`, `AEP_SANDBOX_NAME`, or `sandbox` in backfill.yaml.
    value "sandbox" sandbox: Sandbox,

    /// Why these windows are ingested, for the reviewer.
    ///
    /// Needed where a `rerun` is above 1, or backfill.yaml says `require: [reason]`.
    value "reason" reason: Reason,

    /// Whether windows may end after the present. Default: false.
    value "allowFuture" allow_future: bool,

    /// `allow`: windows of the flow may overlap. Without it an overlap is an error.
    value "overlap" overlap: AllowOverlap,

    /// In which order the windows are sent. Default: `oldest-first`. All manifests of a flow say the same.
    value "order" order: Order,

    /// `true`: nothing new of this manifest is sent, and nothing is retried; a plan shows its runs as held
    /// back. Default: false.
    value "paused" paused: bool,

    /// No more unfinished runs of the flow than this at once; the next is sent when one has finished.
    ///
    /// Default: `limits.maxActiveRuns` in backfill.yaml.
    value "maxActiveRuns" max_active_runs: NonZeroUsize,

    /// Windows one by one.
    list "runs" runs: Vec<RunEntry>,

    /// Windows by rule: from, to, every.
    list "ranges" ranges: Vec<RangeEntry>,
}

block! {
    /// One flow that wants all of the windows.
    FlowEntry, "an entry of `flows`", "flowId: UUID";

    /// The id of the flow: the UUID in the address of its page in Experience Platform.
    ///
    /// Runs can be created only for a flow that is scheduled `once`.
    required "flowId" flow_id: FlowId,

    /// A label for screens. Default: the file's name without its ending, and the beginning of the flow's id.
    value "name" name: Label,

    /// What the flow reads. Default: the `source` beside `flows`.
    value "source" source: SourceKind,

    /// The column that tells when a row was changed; only for a table. Default: the `deltaColumn` beside
    /// `flows`.
    mapping "deltaColumn" delta_column: DeltaColumn,
}

block! {
    /// One window: `[windowStartTime, windowEndTime)`.
    RunEntry, "an entry of `runs`", "windowStartTime: 2022-05-03";

    /// Where the window starts, inclusive.
    ///
    /// RFC 3339 (`2022-05-03T13:36:31Z`), a date or date-time in UTC (`2022-05-03`), or unix seconds (10
    /// digits).
    required "windowStartTime" window_start_time: ZonedMoment,

    /// Where the window ends, exclusive: the next window may start there.
    ///
    /// RFC 3339 (`2022-05-03T13:52:36Z`), a date or date-time in UTC (`2022-05-03`), or unix seconds (10
    /// digits).
    required "windowEndTime" window_end_time: ZonedMoment,

    /// When the service should begin the run. Default: when it is sent.
    value "startTime" start_time: ZonedMoment,

    /// 2 runs the window a second time, on purpose; it needs a `reason`. Default: 1.
    value "rerun" rerun: Rerun,
}

block! {
    /// Windows side by side, from `from` to `to`.
    RangeEntry, "an entry of `ranges`", "from: 2022-05-03";

    // It is read before the times, which are read in it.
    /// The time zone of `from`, `to`, `except` and of the calendar, as an IANA name. Default: `UTC`.
    value "timezone" timezone: TimeZone,

    /// Where the first window starts, inclusive. All windows are counted from here.
    ///
    /// A date or date-time in `timezone` (`2022-01-01`), RFC 3339 (`2022-01-01T00:00:00Z`), or unix seconds
    /// (10 digits).
    required "from" from: ZonedMoment,

    /// Where the last window ends, exclusive: `2023-01-01` ends with 31 December 2022.
    ///
    /// A date or date-time in `timezone`, RFC 3339, or unix seconds (10 digits).
    required "to" to: ZonedMoment,

    /// How long each window is: a number and a unit, `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`, in
    /// short `15m`, `6h`, `1d`, or ISO 8601, `PT6H`, `P1D`.
    ///
    /// Days, weeks and months are those of the calendar in `timezone`: a day has 23 or 25 hours when the clocks
    /// change. `24 hours` is always 24 hours.
    required "every" every: Every,

    /// Windows that start at these times are left out.
    values "except" except: Vec<At<ZonedMoment>>,

    /// When the service should begin the runs. Default: when they are sent.
    value "startTime" start_time: ZonedMoment,

    /// 2 runs these windows a second time, on purpose; it needs a `reason`. Default: 1.
    value "rerun" rerun: Rerun,
}

/// What the service is sent, so it has no places.
impl Block for DeltaColumn {
    const NAME: &'static str = "`deltaColumn`";
    const EXAMPLE: &'static str = "name: COLUMN";
    const TEXT: Lines = &[];

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let text = |field: Field<Verbatim>| field.get().map(|at| at.value.0.clone());
        let name = fields.required("name", &["The column's name, such as `updatedAt`."]);
        let date_format = fields.value(
            "dateFormat",
            &[
                "How the column writes its dates, such as `yyyy-MM-dd HH:mm:ss`.",
                ASSUMED,
            ],
        );
        let timezone = fields.value(
            "timezone",
            &["The time zone of the column's dates.", ASSUMED],
        );
        Some(Self {
            name: text(name)?,
            date_format: text(date_format),
            timezone: text(timezone),
        })
    }
}

const ASSUMED: &str = " Default: what the service assumes.";

impl Document {
    /// What it says of its one flow, or for all flows of its list.
    pub(super) fn own(&self) -> FlowEntry {
        FlowEntry {
            span: self.span,
            flow_id: self.flow_id.clone(),
            name: self.name.clone(),
            source: self.source.clone(),
            delta_column: self.delta_column.clone(),
        }
    }

    pub(super) fn run_entries(&self) -> &[RunEntry] {
        self.runs.get().map_or(&[], |runs| &runs.value)
    }

    pub(super) fn range_entries(&self) -> &[RangeEntry] {
        self.ranges.get().map_or(&[], |ranges| &ranges.value)
    }

    /// Each `rerun` that is written.
    pub(super) fn reruns(&self) -> impl Iterator<Item = &At<Rerun>> {
        let runs = self.run_entries().iter().filter_map(|run| run.rerun.get());
        let ranges = self.range_entries().iter();
        runs.chain(ranges.filter_map(|range| range.rerun.get()))
    }
}
