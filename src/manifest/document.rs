//! The fields of a manifest: each is declared here, once, with its name, its meaning and its type.
//!
//! Takes a [`Node`]; gives a [`Document`] as it is written, and a problem for every field that is unknown, missing, or not
//! what it takes. What fields mean together is for `check`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::fields::{At, Block, Description, Field, Fields, Reader};
use super::length::Every;
use super::problem::{Problems, Reporter};
use super::time::ZonedMoment;
use super::values::{AllowOverlap, Label, Reason, SourceKind, Verbatim, Version};
use super::yaml::{Node, Span};
use crate::run::{DeltaColumn, FlowId, Order, Rerun, Sandbox};

/// Reads `node` as a manifest; `None` if it is not even a mapping.
pub(super) fn read(
    node: &Node<'_>,
    file: &Arc<str>,
    text: &str,
    problems: &mut Problems,
) -> Option<Document> {
    let root = Description::of::<Document>;
    let reporter = Reporter { file, problems };
    let mut reader = Reader {
        reporter,
        text,
        root,
    };
    reader.block(node, &root())
}

/// A manifest as written.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) span: Span,
    /// What it says of its flow, or of all flows of its list.
    pub(super) own: FlowEntry,
    pub(super) flows: Field<Vec<FlowEntry>>,
    pub(super) sandbox: Field<Sandbox>,
    pub(super) reason: Field<Reason>,
    pub(super) allow_future: Field<bool>,
    pub(super) overlap: Field<AllowOverlap>,
    pub(super) order: Field<Order>,
    pub(super) paused: Field<bool>,
    pub(super) max_active_runs: Field<NonZeroUsize>,
    pub(super) runs: Field<Vec<RunEntry>>,
    pub(super) ranges: Field<Vec<RangeEntry>>,
}

impl Block for Document {
    const NAME: &'static str = "a manifest";
    const EXAMPLE: &'static str = "version: 1";
    const TEXT: &'static str = "Runs to create of one flow, or of several flows that want the same \
        windows.\n\nEach run ingests a time window of the flow again. A file holds one manifest, or \
        several separated by `---`.";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let _: Field<Version> = fields
            .required()
            .value("version", "The version of this format: `1`.");
        let own = FlowEntry {
            span: fields.span,
            flow_id: fields.value("flowId", FLOW_ID),
            name: fields.value(
                "name",
                "A label for screens. Default: the file's name without its ending.",
            ),
            source: fields.value(
                "source",
                "What the flow reads, which decides how records are told apart by time.",
            ),
            delta_column: fields.mapping(
                "deltaColumn",
                "The column that tells when a row was changed. A table source needs it, a file \
                 source has none. It is sent with the flow's first run only.\n\nBeside `flows` it \
                 is the column of each table in the list that names none.",
            ),
        };
        Some(Self {
            span: fields.span,
            own,
            flows: fields.list(
                "flows",
                "Several flows in place of `flowId` and `name`: each wants all of the \
                 windows.\n\nWhat a flow does not say of its `source` and `deltaColumn` is the \
                 manifest's.",
            ),
            sandbox: fields.value(
                "sandbox",
                "The name of the sandbox, not its title: lower-case letters, digits and \
                 hyphens.\n\nDefault: `--sandbox`, `AEP_SANDBOX_NAME`, or `sandbox` in \
                 backfill.yaml.",
            ),
            reason: fields.value(
                "reason",
                "Why these windows are ingested, for the reviewer.\n\nNeeded where a `rerun` is \
                 above 1, or backfill.yaml says `require: [reason]`.",
            ),
            allow_future: fields.value(
                "allowFuture",
                "Whether windows may end after the present. Default: false.",
            ),
            overlap: fields.value(
                "overlap",
                "`allow`: windows of the flow may overlap. Without it an overlap is an error.",
            ),
            order: fields.value(
                "order",
                "In which order the windows are sent. Default: `oldest-first`. All manifests of a \
                 flow say the same.",
            ),
            paused: fields.value(
                "paused",
                "`true`: nothing new of this manifest is sent, and nothing is retried; a plan shows \
                 its runs as held back. Default: false.",
            ),
            max_active_runs: fields.value(
                "maxActiveRuns",
                "No more unfinished runs of the flow than this at once; the next is sent when one \
                 has finished.\n\nDefault: `limits.maxActiveRuns` in backfill.yaml.",
            ),
            runs: fields.list("runs", "Windows one by one."),
            ranges: fields.list("ranges", "Windows by rule: from, to, every."),
        })
    }
}

impl Document {
    /// How many flows want the windows.
    pub(super) fn flow_count(&self) -> usize {
        let listed = self.flows.get().map_or(1, |flows| flows.value.len());
        listed.max(1)
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

pub(super) const FLOW_ID: &str = "The id of the flow: the UUID in the address of its page in Experience \
                       Platform.\n\nRuns can be created only for a flow that is scheduled `once`.";

/// What a manifest, or an entry of `flows`, says of a flow.
#[derive(Debug)]
pub(super) struct FlowEntry {
    /// The entry, or the manifest.
    pub(super) span: Span,
    pub(super) flow_id: Field<FlowId>,
    pub(super) name: Field<Label>,
    pub(super) source: Field<SourceKind>,
    pub(super) delta_column: Field<DeltaColumn>,
}

impl Block for FlowEntry {
    const NAME: &'static str = "an entry of `flows`";
    const EXAMPLE: &'static str = "flowId: UUID";
    const TEXT: &'static str = "One flow that wants all of the windows.";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        Some(Self {
            span: fields.span,
            flow_id: fields.required().value("flowId", FLOW_ID),
            name: fields.value(
                "name",
                "A label for screens. Default: the file's name without its ending, and the \
                 beginning of the flow's id.",
            ),
            source: fields.value(
                "source",
                "What the flow reads. Default: the `source` beside `flows`.",
            ),
            delta_column: fields.mapping(
                "deltaColumn",
                "The column that tells when a row was changed; only for a table. Default: the \
                 `deltaColumn` beside `flows`.",
            ),
        })
    }
}

impl Block for DeltaColumn {
    const NAME: &'static str = "`deltaColumn`";
    const EXAMPLE: &'static str = "name: COLUMN";
    const TEXT: &'static str = "";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let name: Field<Verbatim> = fields
            .such_as(&["updatedAt"])
            .required()
            .value("name", "The column's name.");
        let date_format: Field<Verbatim> = fields.such_as(&["yyyy-MM-dd HH:mm:ss"]).value(
            "dateFormat",
            "How the column writes its dates. Default: what the service assumes.",
        );
        let timezone: Field<Verbatim> = fields.such_as(&["UTC"]).value(
            "timezone",
            "The time zone of the column's dates. Default: what the service assumes.",
        );
        let text = |field: Field<Verbatim>| field.get().map(|at| at.value.0.clone());
        Some(Self {
            name: text(name)?,
            date_format: text(date_format),
            timezone: text(timezone),
        })
    }
}

/// An entry of `runs`.
#[derive(Debug)]
pub(super) struct RunEntry {
    pub(super) span: Span,
    pub(super) window_start_time: Field<ZonedMoment>,
    pub(super) window_end_time: Field<ZonedMoment>,
    pub(super) start_time: Field<ZonedMoment>,
    pub(super) rerun: Field<Rerun>,
}

impl Block for RunEntry {
    const NAME: &'static str = "an entry of `runs`";
    const EXAMPLE: &'static str = "windowStartTime: 2022-05-03";
    const TEXT: &'static str = "One window: `[windowStartTime, windowEndTime)`.";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let utc = &TimeZone::UTC;
        Some(Self {
            span: fields.span,
            window_start_time: fields.required().time(
                "windowStartTime",
                utc,
                "Where the window starts, inclusive.\n\nRFC 3339 (`2022-05-03T13:36:31Z`), a date \
                 or date-time in UTC (`2022-05-03`), or unix seconds (10 digits).",
            ),
            window_end_time: fields.required().time(
                "windowEndTime",
                utc,
                "Where the window ends, exclusive: the next window may start there.\n\nRFC 3339 \
                 (`2022-05-03T13:52:36Z`), a date or date-time in UTC (`2022-05-03`), or unix \
                 seconds (10 digits).",
            ),
            start_time: fields.time(
                "startTime",
                utc,
                "When the service should begin the run. Default: when it is sent.",
            ),
            rerun: fields.value(
                "rerun",
                "2 runs the window a second time, on purpose; it needs a `reason`. Default: 1.",
            ),
        })
    }
}

/// An entry of `ranges`.
#[derive(Debug)]
pub(super) struct RangeEntry {
    pub(super) span: Span,
    /// The zone in which all times of the range are read.
    pub(super) timezone: Field<TimeZone>,
    pub(super) from: Field<ZonedMoment>,
    pub(super) to: Field<ZonedMoment>,
    pub(super) every: Field<Every>,
    pub(super) except: Field<Vec<At<ZonedMoment>>>,
    pub(super) start_time: Field<ZonedMoment>,
    pub(super) rerun: Field<Rerun>,
}

impl Block for RangeEntry {
    const NAME: &'static str = "an entry of `ranges`";
    const EXAMPLE: &'static str = "from: 2022-05-03";
    const TEXT: &'static str = "Windows side by side, from `from` to `to`.";

    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let timezone = fields.value(
            "timezone",
            "The time zone of `from`, `to`, `except` and of the calendar, as an IANA name. \
                 Default: `UTC`.",
        );
        // Where it is no zone, the range is left out, and its times are only held to their form.
        let zone = &timezone.or_default(TimeZone::UTC).unwrap_or(TimeZone::UTC);
        Some(Self {
            span: fields.span,
            timezone,
            from: fields.required().time(
                "from",
                zone,
                "Where the first window starts, inclusive. All windows are counted from here.\n\nA \
                 date or date-time in `timezone` (`2022-01-01`), RFC 3339 \
                 (`2022-01-01T00:00:00Z`), or unix seconds (10 digits).",
            ),
            to: fields.required().time(
                "to",
                zone,
                "Where the last window ends, exclusive: `2023-01-01` ends with 31 December \
                 2022.\n\nA date or date-time in `timezone`, RFC 3339, or unix seconds (10 \
                 digits).",
            ),
            every: fields.required().value(
                "every",
                "How long each window is: a number and a unit, `15 minutes`, `6 hours`, `1 day`, \
                 `1 week`, `1 month`, in short `15m`, `6h`, `1d`, or ISO 8601, `PT6H`, \
                 `P1D`.\n\nDays, weeks and months are those of the calendar in `timezone`: a day \
                 has 23 or 25 hours when the clocks change. `24 hours` is always 24 hours.",
            ),
            except: fields.times(
                "except",
                zone,
                "Windows that start at these times are left out.",
            ),
            start_time: fields.time(
                "startTime",
                zone,
                "When the service should begin the runs. Default: when they are sent.",
            ),
            rerun: fields.value(
                "rerun",
                "2 runs these windows a second time, on purpose; it needs a `reason`. Default: 1.",
            ),
        })
    }
}
