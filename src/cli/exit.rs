//! Exit codes: part of the contract, stable.

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Success,
    /// Something that should not happen.
    Unexpected,
    /// With `--detailed-exitcode`: the plan has changes, or apply left work for later.
    Changes,
    /// Flags, config or manifests are wrong.
    Usage,
    /// Sign-in or permission.
    SignIn,
    /// Some runs were rejected or their flow is blocked; where they were followed, and `status`: some
    /// failed or are rejected; `audit`: something differs.
    Rejected,
    /// Some runs are in doubt; `import`: some could not be told.
    InDoubt,
    /// A guard stopped it.
    Guard,
    /// The state is locked, damaged, newer or unreachable.
    State,
    /// The time that was given is over, and some runs have not finished.
    TimedOut,
    /// Interrupted; the journal is complete.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unexpected => 1,
            Self::Changes => 2,
            Self::Usage => 3,
            Self::SignIn => 4,
            Self::Rejected => 5,
            Self::InDoubt => 6,
            Self::Guard => 7,
            Self::State => 8,
            Self::TimedOut => 9,
            Self::Interrupted => 130,
        }
    }
}
