//! The client's reads of runs: a flow's list, page by page, and one run by its id.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::{ApiError, Client, FlowRun, Page, WindowEvidence};
use crate::run::{FlowId, FlowRef, RunId, Sandbox};

/// More pages than any flow has runs for: a paging loop ends here.
const MOST_PAGES: usize = 10_000;
/// How often a list is read from its front, until it has come to rest.
const MOST_PASSES: usize = 8;

/// How a pass over the pages of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PassEnd {
    /// The list is whole, or has the runs that were asked for.
    Whole,
    /// Runs may have come or moved between its pages.
    MayHaveMoved,
}

/// The whole list of a flow's runs.
#[derive(Debug, Clone, PartialEq, Default)]
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
        Ok(self.list_of(flow, None).await?.runs)
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

    /// The list of a flow's runs, newest first; with `enough`, up to the page that has the last of these.
    pub(crate) async fn list_of(
        &self,
        flow: &FlowRef,
        enough: Option<&HashSet<RunId>>,
    ) -> Result<FlowList, ApiError> {
        let mut list = FlowList::default();
        let mut may_restart = true;
        for _ in 0..MOST_PASSES {
            let pass = self.pass(flow, enough, &mut list, &mut may_restart);
            if pass.await? == PassEnd::Whole {
                return Ok(list);
            }
        }
        Err(ApiError::NotUnderstood(
            "a list that changes faster than it can be read".to_owned(),
        ))
    }

    /// Reads pages from the front, up to the first that shows a run of `list` as it was read before.
    ///
    /// A list has its newest runs, or those that changed last, in front: what comes or moves goes
    /// there, and only there. So whatever an earlier pass has missed stands before each run that is
    /// as it was then, and a pass that finds such a run on its first page, which is one moment, has
    /// missed nothing. No clock has a say in it.
    async fn pass(
        &self,
        flow: &FlowRef,
        enough: Option<&HashSet<RunId>>,
        list: &mut FlowList,
        may_restart: &mut bool,
    ) -> Result<PassEnd, ApiError> {
        let FlowList { runs, age } = list;
        let known: HashMap<RunId, usize> = runs
            .iter()
            .enumerate()
            .map(|(place, run)| (run.id.clone(), place))
            .collect();
        let mut added = Vec::new();
        let mut seen = HashSet::new();
        let mut has_changed = false;
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        let end = loop {
            let (page, page_age) = match self
                .read_with_age(&flow.sandbox, self.page(flow.id, token.as_deref()))
                .await
            {
                // How long a token lives is not documented; one that is not known any more is a
                // 400. Then all is read again, once.
                Err(ApiError::Refused(refusal))
                    if refusal.status == 400 && token.is_some() && *may_restart =>
                {
                    *may_restart = false;
                    runs.clear();
                    return Ok(PassEnd::MayHaveMoved);
                }
                page => page?,
            };
            *age = page_age.max(*age);
            let Page { runs: listed, next } = Page::read(&page)?;
            let mut is_at_rest = false;
            for run in listed.into_iter().map(|run| self.dialect.understood(run)) {
                // The filter is the service's; a run of another flow must never count as ours. What
                // moves down while pages are read is on the next page again.
                if run.flow_id.is_some_and(|id| id != flow.id) || !seen.insert(run.id.clone()) {
                    continue;
                }
                match known.get(&run.id) {
                    None => added.push(run),
                    Some(&place) if runs[place] == run => is_at_rest = true,
                    Some(&place) => {
                        has_changed = true;
                        runs[place] = run;
                    }
                }
            }
            let has = |id| seen.contains(id) || known.contains_key(id);
            let is_one_page = tokens.is_empty();
            if enough.is_some_and(|ids| ids.iter().all(has)) || (is_at_rest && is_one_page) {
                break PassEnd::Whole;
            }
            match next {
                _ if is_at_rest => break PassEnd::MayHaveMoved,
                None if is_one_page => break PassEnd::Whole,
                // An earlier pass has read all that there is.
                None if added.is_empty() && !has_changed => break PassEnd::Whole,
                None => break PassEnd::MayHaveMoved,
                Some(_) if tokens.len() == MOST_PAGES => {
                    return Err(ApiError::NotUnderstood(
                        "a list that does not end".to_owned(),
                    ));
                }
                Some(next) if tokens.insert(next.clone()) => token = Some(next),
                Some(_) => {
                    return Err(ApiError::NotUnderstood(
                        "pages that lead back to one another".to_owned(),
                    ));
                }
            }
        };
        added.append(runs);
        *runs = added;
        Ok(end)
    }

    fn page(&self, flow_id: FlowId, token: Option<&str>) -> Url {
        let mut url = self.url("runs");
        url.query_pairs_mut()
            .append_pair("property", &format!("flowId=={flow_id}"))
            .append_pair("limit", &self.dialect.page_size.to_string())
            .extend_pairs(token.map(|token| ("continuationToken", token)));
        url
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
