//! The client's reads of runs: a flow's list, page by page, and one run by its id.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::{ApiError, Client, FlowRun, Page, WindowEvidence};
use crate::run::{FlowId, FlowRef, RunId, Sandbox};

/// More pages than any flow has runs for: a paging loop ends here.
const MOST_PAGES: usize = 10_000;
/// How often a list is read anew because runs have moved between its pages meanwhile.
const MOST_MOVES: u32 = 3;

/// The whole list of a flow's runs.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowList {
    /// Newest first, as the service gives them.
    pub runs: Vec<FlowRun>,
    /// How old the oldest page of it is: a cache may have answered. It tells nothing of what came since.
    pub age: Duration,
}

impl Client {
    /// All runs of a flow: every page, or an error. Newest first, as the service gives them.
    ///
    /// # Errors
    /// When a page cannot be had or understood: a list is whole or it is none.
    pub async fn runs_of(&self, flow: &FlowRef) -> Result<Vec<FlowRun>, ApiError> {
        Ok(self.list_of(flow).await?.runs)
    }

    /// The same, with how old the list is.
    ///
    /// # Errors
    /// Those of [`runs_of`](Self::runs_of).
    pub async fn list_of(&self, flow: &FlowRef) -> Result<FlowList, ApiError> {
        self.pages_of(flow, None).await
    }

    /// Runs of a flow, these among them where the service lists them: no page is read after the one
    /// that has the last of them. Newest first, so that few pages are.
    ///
    /// # Errors
    /// Those of [`runs_of`](Self::runs_of).
    pub async fn runs_with(
        &self,
        flow: &FlowRef,
        ids: &HashSet<RunId>,
    ) -> Result<Vec<FlowRun>, ApiError> {
        Ok(self.pages_of(flow, Some(ids)).await?.runs)
    }

    /// One page of a flow's runs as it came, after that which had `token`.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(crate) async fn raw_page(
        &self,
        flow: &FlowRef,
        token: Option<&str>,
    ) -> Result<Value, ApiError> {
        self.read(&flow.sandbox, self.page(flow.id, token)).await
    }

    /// Whether the service lists flows of `sandbox` for us.
    ///
    /// # Errors
    /// What it says in place of a list.
    pub(crate) async fn open_sandbox(&self, sandbox: &Sandbox) -> Result<(), ApiError> {
        let mut url = self.url("flows");
        url.query_pairs_mut().append_pair("limit", "1");
        self.read(sandbox, url).await.map(drop)
    }

    async fn pages_of(
        &self,
        flow: &FlowRef,
        enough: Option<&HashSet<RunId>>,
    ) -> Result<FlowList, ApiError> {
        let mut runs = Vec::new();
        let mut age = Duration::ZERO;
        let mut seen = HashSet::new();
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        let mut may_restart = true;
        let mut moves = 0;
        for _ in 0..MOST_PAGES {
            let (page, page_age) = match self
                .read_with_age(&flow.sandbox, self.page(flow.id, token.as_deref()))
                .await
            {
                // How long a token lives is not documented; one that is not known any more is a
                // 400. Then all is read again, once.
                Err(ApiError::Refused(refusal))
                    if refusal.status == 400 && token.is_some() && may_restart =>
                {
                    may_restart = false;
                    (runs, seen, tokens, token) = Default::default();
                    continue;
                }
                page => page?,
            };
            age = age.max(page_age);
            let Page { runs: listed, next } = Page::read(&page)?;
            for run in listed.into_iter().map(|run| self.dialect.understood(run)) {
                // The filter is the service's; a run of another flow must never count as ours.
                if run.flow_id.is_none_or(|id| id == flow.id) && seen.insert(run.id.clone()) {
                    runs.push(run);
                }
            }
            if enough.is_some_and(|ids| ids.is_subset(&seen)) {
                return Ok(FlowList { runs, age });
            }
            match next {
                // What changed while we read may have moved to a page that was read before.
                None if tokens.is_empty() || self.has_not_moved(flow, &seen).await? => {
                    return Ok(FlowList { runs, age });
                }
                None if moves < MOST_MOVES => {
                    moves += 1;
                    (runs, seen, tokens, token) = Default::default();
                }
                None => {
                    return Err(ApiError::NotUnderstood(
                        "a list that changes faster than it can be read".to_owned(),
                    ));
                }
                Some(next) if tokens.insert(next.clone()) => token = Some(next),
                Some(_) => {
                    return Err(ApiError::NotUnderstood(
                        "pages that lead back to one another".to_owned(),
                    ));
                }
            }
        }
        Err(ApiError::NotUnderstood(
            "a list that does not end".to_owned(),
        ))
    }

    fn page(&self, flow_id: FlowId, token: Option<&str>) -> Url {
        let mut url = self.url("runs");
        url.query_pairs_mut()
            .append_pair("property", &format!("flowId=={flow_id}"))
            .append_pair("limit", &self.dialect.page_size.to_string())
            .extend_pairs(token.map(|token| ("continuationToken", token)));
        url
    }

    /// Whether the first page of a list holds no run of the flow that is not in `seen`.
    async fn has_not_moved(&self, flow: &FlowRef, seen: &HashSet<RunId>) -> Result<bool, ApiError> {
        let page = self.read(&flow.sandbox, self.page(flow.id, None)).await?;
        let is_known = |run: &FlowRun| {
            seen.contains(&run.id) || run.flow_id.is_some_and(|other| other != flow.id)
        };
        Ok(Page::read(&page)?.runs.iter().all(is_known))
    }

    /// Asks by their ids for those of `runs` that show no window, `most` of them at most: by
    /// itself a run may show one.
    ///
    /// # Errors
    /// When a run cannot be had or understood.
    pub async fn show_windows(
        &self,
        sandbox: &Sandbox,
        runs: &mut [FlowRun],
        is_asked_for: impl Fn(&FlowRun) -> bool,
        most: usize,
    ) -> Result<(), ApiError> {
        let silent = runs
            .iter_mut()
            .filter(|run| run.window_evidence == WindowEvidence::Missing && is_asked_for(run))
            .take(most);
        for run in silent {
            // A run that is listed but not found by itself stays as it was listed.
            if let Some(whole) = self.run(sandbox, &run.id).await? {
                run.window_evidence = whole.window_evidence;
            }
        }
        Ok(())
    }

    /// One run; `None` where the service does not know it.
    ///
    /// # Errors
    /// When it cannot be had or understood.
    pub async fn run(&self, sandbox: &Sandbox, id: &RunId) -> Result<Option<FlowRun>, ApiError> {
        match self.read(sandbox, self.url(&format!("runs/{id}"))).await {
            Ok(body) => {
                let item = match body.get("items").and_then(Value::as_array) {
                    Some(items) => match items.first() {
                        Some(item) => item,
                        None => return Ok(None),
                    },
                    None => &body,
                };
                let run = FlowRun::read(item)
                    .ok_or_else(|| ApiError::NotUnderstood("a run without an id".to_owned()))?;
                if run.id == *id {
                    return Ok(Some(self.dialect.understood(run)));
                }
                Err(ApiError::NotUnderstood(format!(
                    "the run {}, asked for the run {id}",
                    run.id
                )))
            }
            Err(ApiError::Refused(refusal)) if refusal.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}
