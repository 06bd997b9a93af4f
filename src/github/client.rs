//! GitHub's REST API, the few calls of it that keep a comment or an issue up to date.
//!
//! <https://docs.github.com/rest/issues/comments>, <https://docs.github.com/rest/issues/issues>,
//! <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>

use std::collections::BTreeMap;
use std::time::Duration;

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
use crate::api::{
    Timeouts, bounded_body, describe_broken, http_builder, is_loopback, not_json, plain,
    register_secret, unusable_proxy,
};

/// No answer is longer: a page has 100 comments of 65,536 characters.
const MOST_BODY: usize = 64 << 20;
/// No list has more pages.
const MOST_PAGES: usize = 100;
/// How often a request is sent before it is given up.
const TRIES: u32 = 3;
/// The longest that the service is waited for; where it asks for more, it is given up.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where GitHub is, and as whom.
#[derive(Debug)]
pub(crate) struct GitHubConnection {
    /// The root of the API: `GITHUB_API_URL`.
    pub api: Url,
    /// `OWNER/NAME`: `GITHUB_REPOSITORY`.
    pub repository: String,
    /// The job's token: `GITHUB_TOKEN`.
    pub token: SecretString,
}

/// A client of GitHub's REST API for one repository.
#[derive(Debug)]
pub(crate) struct GitHubClient {
    http: reqwest::Client,
    /// The root of the repository's part of the API.
    repository: Url,
    user: Url,
    graphql: Url,
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

    pub(super) async fn update_comment(&self, id: u64, body: &str) -> Result<(), GitHubError> {
        let url = self.at(&format!("issues/comments/{id}"))?;
        self.write(Method::PATCH, url, json!({ "body": body }))
            .await
    }

    /// Deletes a comment; one that is gone already is no error.
    pub(super) async fn delete_comment(&self, id: u64) -> Result<(), GitHubError> {
        let url = self.at(&format!("issues/comments/{id}"))?;
        match self.send(Method::DELETE, &url, None).await {
            Ok(_) | Err(GitHubError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn create_issue(&self, title: &str, body: &str) -> Result<(), GitHubError> {
        let url = self.at("issues")?;
        let issue = json!({ "title": title, "body": body });
        self.write(Method::POST, url, issue).await
    }

    /// Changes an issue; with `close`, it is done.
    pub(super) async fn update_issue(
        &self,
        number: u64,
        body: &str,
        close: bool,
    ) -> Result<(), GitHubError> {
        let url = self.at(&format!("issues/{number}"))?;
        let mut issue = json!({ "body": body });
        if close {
            issue["state"] = "closed".into();
            issue["state_reason"] = "completed".into();
        }
        self.write(Method::PATCH, url, issue).await
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

    async fn write(&self, method: Method, url: Url, body: Value) -> Result<(), GitHubError> {
        self.ask::<Post>(method, url, Some(body)).await.map(drop)
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
        let mut tries = 1..=TRIES;
        loop {
            let is_last = tries.next() == Some(TRIES);
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(body) = body {
                request = request
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.to_string());
            }
            let (error, wait, may_repeat) = match request.send().await {
                Ok(mut response) => {
                    let (status, headers) = (response.status(), response.headers().clone());
                    let (body, is_whole) = bounded_body(&mut response, MOST_BODY).await;
                    if status.is_success() && is_whole {
                        return Ok((headers, body));
                    }
                    let wait = asked_to_wait(status, &headers);
                    let is_idempotent = method != Method::POST;
                    let may_repeat = match wait {
                        Some(wait) => wait <= LONGEST_WAIT,
                        None => is_idempotent && (status.is_server_error() || status.is_success()),
                    };
                    let error = if status.is_success() {
                        GitHubError::Unreachable("the answer broke off".to_owned())
                    } else {
                        refusal(status, &headers, &body)
                    };
                    (error, wait, may_repeat)
                }
                Err(error) => {
                    let may_repeat = error.is_connect() || method != Method::POST;
                    let error = GitHubError::Unreachable(describe_broken(&error));
                    (error, None, may_repeat)
                }
            };
            if is_last || !may_repeat {
                return Err(error);
            }
            tokio::time::sleep(wait.unwrap_or(Duration::from_secs(1))).await;
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

/// How long GitHub asks to wait, where it limits the rate: 429, or 403 with `retry-after`.
fn asked_to_wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::FORBIDDEN;
    let seconds = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    is_limit.then(|| Duration::from_secs(seconds))
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> GitHubError {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let message = answer
        .as_ref()
        .and_then(|answer| answer["message"].as_str());
    let request_id = headers
        .get("x-github-request-id")
        .and_then(|id| id.to_str().ok());
    let is_used_up = headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left == "0");
    if is_used_up || asked_to_wait(status, headers).is_some() {
        return GitHubError::Limited(plain(message.unwrap_or("no message")));
    }
    GitHubError::Refused {
        status: status.as_u16(),
        message: plain(message.unwrap_or("no message")),
        request_id: request_id.map(plain),
    }
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
