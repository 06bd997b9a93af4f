//! GitHub's REST API, the few calls of it that keep a comment or an issue up to date.
//!
//! <https://docs.github.com/rest/issues/comments>, <https://docs.github.com/rest/issues/issues>,
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK,
};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::GitHubError;
use super::post::{Author, BOT, JOBS, Post};
use super::rate_limit::{self, UNTOLD};
use crate::api::{
    Timeouts, bounded_body, describe_broken, http_builder, is_loopback, not_json, plain,
    register_secret, unusable_proxy,
};
use crate::backoff::Backoff;

/// No answer is longer: a page has 100 comments of 65,536 characters.
const MOST_BODY: usize = 64 << 20;
/// No list has more pages.
const MOST_PAGES: usize = 100;
/// How often a request is sent before it is given up.
pub(super) const TRIES: u32 = 3;
/// The longest that the service is waited for at once; where it asks for more, it is given up. Enough for the
/// two waits that a limit without a time asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How long after what went wrong for another reason than a limit it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where GitHub is, and as whom.
#[derive(Debug)]
pub(crate) struct GitHubConnection {
    /// The root of the API: `GITHUB_API_URL`.
    pub api: Url,
    /// `OWNER/NAME`: `GITHUB_REPOSITORY`.
    pub repository: String,
    /// The job's token: `GITHUB_TOKEN`.
    pub token: SecretString,
    /// Waits so long, and may say so.
    pub wait: fn(Duration) -> BoxFuture<'static, ()>,
}

/// A client of GitHub's REST API for one repository.
#[derive(Debug)]
pub(crate) struct GitHubClient {
    http: reqwest::Client,
    /// The root of the repository's part of the API.
    repository: Url,
    user: Url,
    graphql: Url,
    wait: fn(Duration) -> BoxFuture<'static, ()>,
}

impl GitHubClient {
    /// A client for one repository.
    ///
    /// # Errors
    /// When the API's URL, the repository or the token is none.
    pub(crate) fn new(connection: GitHubConnection) -> Result<Self, GitHubError> {
        let GitHubConnection {
            api,
            repository,
            token,
            wait,
        } = connection;
        register_secret(&token);
        let setup = |what: &str| GitHubError::Setup(what.to_owned());
        if api.scheme() != "https" && !is_loopback(&api) {
            return Err(setup("GITHUB_API_URL is not an https:// URL"));
        }
        if let Some((name, why)) = unusable_proxy(&api, |name| std::env::var(name).ok()) {
            return Err(GitHubError::Setup(format!("{name} {why}")));
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let is_repository = repository
            .split_once('/')
            .is_some_and(|(owner, name)| is_name(owner) && is_name(name));
        if !is_repository {
            return Err(setup("GITHUB_REPOSITORY is not an OWNER/NAME"));
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| setup("GITHUB_TOKEN is no token"))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            ),
            (
                HeaderName::from_static("x-github-api-version"),
                HeaderValue::from_static("2022-11-28"),
            ),
        ]);
        let timeouts = Timeouts {
            total: Duration::from_secs(30),
            ..Timeouts::default()
        };
        let http = http_builder(&api, timeouts)
            .default_headers(headers)
            .build()
            .map_err(|error| GitHubError::Setup(describe_broken(&error)))?;
        let below = |path: &str| {
            let root = api.as_str().trim_end_matches('/');
            Url::parse(&format!("{root}/{path}")).map_err(|_| setup("GITHUB_API_URL is no URL"))
        };
        Ok(Self {
            http,
            repository: below(&format!("repos/{repository}"))?,
            user: below("user")?,
            graphql: graphql(&api),
            wait,
        })
    }

    /// What the one whose token this is may do in the repository: its words, such as `push`.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub(crate) async fn permissions(&self) -> Result<Vec<String>, GitHubError> {
        #[derive(Deserialize)]
        struct Repository {
            #[serde(default)]
            permissions: BTreeMap<String, bool>,
        }
        let url = self.repository.clone();
        let Repository { permissions } = self.ask(Method::GET, url, None).await?;
        let granted = permissions.into_iter().filter(|(_, granted)| *granted);
        Ok(granted.map(|(name, _)| plain(&name)).collect())
    }

    /// Whether a rule protects a branch; `None` where there is no such branch.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(crate) async fn is_protected(&self, branch: &str) -> Result<Option<bool>, GitHubError> {
        #[derive(Deserialize)]
        struct Branch {
            protected: bool,
        }
        let mut url = self.at("branches")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(branch);
        }
        match self.ask::<Branch>(Method::GET, url, None).await {
            Ok(Branch { protected }) => Ok(Some(protected)),
            Err(error) if error.is_forbidden() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whose posts are ours.
    pub(super) async fn author(&self) -> Result<Author, GitHubError> {
        #[derive(Deserialize)]
        struct Me {
            login: String,
        }
        match self.ask::<Me>(Method::GET, self.user.clone(), None).await {
            Ok(Me { login }) => Ok(Author::User(login)),
            Err(error) if error.is_forbidden() => Ok(self.app().await),
            Err(error) => Err(error),
        }
    }

    /// The app whose token this is: of all of the API, GraphQL's `viewer` alone tells.
    async fn app(&self) -> Author {
        let query = json!({ "query": "query { viewer { login } }" });
        let url = self.graphql.clone();
        let answer = self.ask::<Value>(Method::POST, url, Some(query)).await;
        let login = answer
            .as_ref()
            .ok()
            .and_then(|answer| answer["data"]["viewer"]["login"].as_str());
        match login {
            None => Author::SomeApp,
            // Its schema names an app without what its REST API ends the name with.
            Some(login) if login.trim_end_matches(BOT) == JOBS.trim_end_matches(BOT) => Author::Job,
            Some(login) => Author::User(format!("{}{BOT}", login.trim_end_matches(BOT))),
        }
    }

    /// The files that a pull request changes, under their old names too.
    pub(super) async fn changed_files(&self, number: u64) -> Result<Vec<String>, GitHubError> {
        #[derive(Deserialize)]
        struct Changed {
            filename: String,
            previous_filename: Option<String>,
        }
        let path = format!("pulls/{number}/files?per_page=100");
        let changed = self.list::<Changed>(&path).await?;
        let names = changed
            .into_iter()
            .flat_map(|changed| [Some(changed.filename), changed.previous_filename]);
        Ok(names.flatten().collect())
    }

    /// The comments of a pull request, or an issue, oldest first.
    pub(super) async fn comments(&self, number: u64) -> Result<Vec<Post>, GitHubError> {
        self.list(&format!("issues/{number}/comments?per_page=100"))
            .await
    }

    /// The open issues that are no pull requests, newest first.
    pub(super) async fn open_issues(&self) -> Result<Vec<Post>, GitHubError> {
        let mut issues: Vec<Post> = self.list("issues?state=open&per_page=100").await?;
        issues.retain(|issue| issue.pull_request.is_none());
        Ok(issues)
    }

    pub(super) async fn create_comment(
        &self,
        number: u64,
        body: &str,
    ) -> Result<Post, GitHubError> {
        let url = self.at(&format!("issues/{number}/comments"))?;
        let comment = json!({ "body": body });
        self.ask(Method::POST, url, Some(comment)).await
    }

    /// Changes a comment; `false` where it is gone.
    pub(super) async fn update_comment(&self, id: u64, body: &str) -> Result<bool, GitHubError> {
        let url = self.at(&format!("issues/comments/{id}"))?;
        self.change(Method::PATCH, &url, Some(&json!({ "body": body })))
            .await
    }

    /// Deletes a comment; one that is gone already is no error.
    pub(super) async fn delete_comment(&self, id: u64) -> Result<(), GitHubError> {
        let url = self.at(&format!("issues/comments/{id}"))?;
        self.change(Method::DELETE, &url, None).await.map(drop)
    }

    pub(super) async fn create_issue(&self, title: &str, body: &str) -> Result<Post, GitHubError> {
        let url = self.at("issues")?;
        let issue = json!({ "title": title, "body": body });
        self.ask(Method::POST, url, Some(issue)).await
    }

    /// Changes an issue, and with `close` it is done; `false` where it is gone.
    pub(super) async fn update_issue(
        &self,
        number: u64,
        body: &str,
        close: bool,
    ) -> Result<bool, GitHubError> {
        let url = self.at(&format!("issues/{number}"))?;
        let mut issue = json!({ "body": body });
        if close {
            issue["state"] = "closed".into();
            issue["state_reason"] = "completed".into();
        }
        self.change(Method::PATCH, &url, Some(&issue)).await
    }

    /// Waits a little before something is tried once more.
    pub(super) async fn pause(&self) {
        (self.wait)(PAUSE).await;
    }

    fn at(&self, path: &str) -> Result<Url, GitHubError> {
        Url::parse(&format!("{}/{path}", self.repository))
            .map_err(|error| GitHubError::Setup(error.to_string()))
    }

    /// Every page of a list.
    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, GitHubError> {
        let mut posts = Vec::new();
        let mut next = Some(self.at(path)?);
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else {
                break;
            };
            let (headers, body) = self.send(Method::GET, &url, None).await?;
            posts.extend(read::<Vec<T>>(&body)?);
            next = next_page(&headers);
            if next
                .as_ref()
                .is_some_and(|next| next.origin() != url.origin())
            {
                // The token goes to no other host; and a list that is not whole proves nothing.
                let what = "the next page of a list is on another host";
                return Err(GitHubError::NotUnderstood(what.to_owned()));
            }
        }
        match next {
            None => Ok(posts),
            Some(_) => Err(GitHubError::NotUnderstood(format!(
                "a list has more than {MOST_PAGES} pages"
            ))),
        }
    }

    /// Changes what is there; `false` where it is gone.
    async fn change(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<bool, GitHubError> {
        match self.send(method, url, body).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<T, GitHubError> {
        let (_, body) = self.send(method, &url, body.as_ref()).await?;
        read(&body)
    }

    /// Sends a request until it is answered; one that adds something only as long as it has not left,
    /// or was refused.
    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<(HeaderMap, Vec<u8>), GitHubError> {
        // A query of GraphQL is a POST that only reads.
        let adds = method == Method::POST && *url != self.graphql;
        let mut nth = 0;
        let mut untold = Backoff::new(UNTOLD, LONGEST_WAIT);
        loop {
            nth += 1;
            let untold = untold.next();
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(body) = body {
                request = request
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.to_string());
            }
            let (error, wait) = match request.send().await {
                Ok(mut response) => {
                    let (status, headers) = (response.status(), response.headers().clone());
                    let (body, is_whole) = bounded_body(&mut response, MOST_BODY).await;
                    if !status.is_success() {
                        let (error, limit) = refusal(status, &headers, &body, untold);
                        let passes = !adds && status.is_server_error();
                        (error, limit.or(passes.then_some(PAUSE)))
                    } else if is_whole {
                        return Ok((headers, body));
                    } else {
                        let error = GitHubError::Unreachable("the answer broke off".to_owned());
                        (error, (!adds).then_some(PAUSE))
                    }
                }
                Err(error) => {
                    let wait = (error.is_connect() || !adds).then_some(PAUSE);
                    let error = GitHubError::Unreachable(describe_broken(&error));
                    (error, wait)
                }
            };
            match wait {
                Some(wait) if nth < TRIES && wait <= LONGEST_WAIT => (self.wait)(wait).await,
                _ => return Err(error),
            }
        }
    }
}

/// Where the GraphQL API is: beside the root of the REST API, and on an enterprise server beside its
/// version, `/api/v3`.
fn graphql(api: &Url) -> Url {
    let mut url = api.clone();
    let root = api.path().trim_end_matches('/').trim_end_matches("/v3");
    url.set_path(&format!("{root}/graphql"));
    url
}

/// Why GitHub refused, and how long to wait where a limit is the reason, `untold` if it does not say.
fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    untold: Duration,
) -> (GitHubError, Option<Duration>) {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let message = answer
        .as_ref()
        .and_then(|answer| answer["message"].as_str())
        .unwrap_or("no message");
    let status = status.as_u16();
    if let Some(wait) = rate_limit::wait(status, headers, message, untold, Timestamp::now()) {
        return (GitHubError::Limited(plain(message)), Some(wait));
    }
    let request_id = headers
        .get("x-github-request-id")
        .and_then(|id| id.to_str().ok());
    let error = GitHubError::Refused {
        status,
        message: plain(message),
        request_id: request_id.map(plain),
    };
    (error, None)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GitHubError> {
    serde_json::from_slice(body)
        .map_err(|error| GitHubError::NotUnderstood(plain(&not_json(body, &error))))
}

/// The `rel="next"` of a `Link` header.
fn next_page(headers: &HeaderMap) -> Option<Url> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (_, url) = next.split_once('<')?;
    let (url, _) = url.split_once('>')?;
    Url::parse(url).ok()
}

#[cfg(test)]
mod tests;
