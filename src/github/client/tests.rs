use super::*;

fn connection(api: &str, repository: &str) -> GitHubConnection {
    GitHubConnection {
        api: Url::parse(api).expect("a URL"),
        repository: repository.to_owned(),
        token: SecretString::from("ghs_sixteen_characters"),
        wait: |length| Box::pin(tokio::time::sleep(length)),
    }
}

#[test]
fn a_token_goes_over_tls_and_to_a_repository() {
    let is_fine = |api, repository| GitHubClient::new(connection(api, repository)).is_ok();
    assert!(is_fine("https://api.github.com", "team/backfills"));
    assert!(is_fine(
        "https://github.example/api/v3/",
        "team/back.fills_2"
    ));
    assert!(is_fine("http://127.0.0.1:1", "team/backfills"));
    assert!(!is_fine("http://github.example/api/v3", "team/backfills"));
    for repository in [
        "", "team", "team/", "/x", "a/b/c", "a/../b", "a/..", "a/b?c",
    ] {
        assert!(
            !is_fine("https://api.github.com", repository),
            "{repository}"
        );
    }
}

#[test]
fn the_path_of_an_enterprise_server_is_kept() {
    let client = GitHubClient::new(connection("https://github.example/api/v3", "a/b"));
    let url = client.expect("a client").at("issues").expect("a URL");
    assert_eq!(
        url.as_str(),
        "https://github.example/api/v3/repos/a/b/issues"
    );
}

#[test]
fn what_is_locked_or_archived_is_closed_to_all_and_who_is_blocked_is_not() {
    let is_closed = |status, message: &str| {
        let message = message.to_owned();
        GitHubError::Refused {
            status,
            message,
            request_id: None,
        }
        .is_closed_to_all()
    };
    for (status, message) in [
        (403, "Unable to create comment because issue is locked."),
        (422, "Validation Failed: issue is locked"),
        (403, "Repository was archived so is read-only."),
        (410, "Issues are disabled for this repo"),
    ] {
        assert!(is_closed(status, message), "{message}");
    }
    for (status, message) in [
        (403, "Repository access blocked"),
        (422, "User is blocked"),
        (403, "Resource not accessible by integration"),
        (500, "locked"),
    ] {
        assert!(!is_closed(status, message), "{message}");
    }
}

#[test]
fn graphql_is_beside_the_rest_api() {
    for (api, graphql_api) in [
        ("https://api.github.com", "https://api.github.com/graphql"),
        (
            "https://github.example/api/v3/",
            "https://github.example/api/graphql",
        ),
    ] {
        let api = Url::parse(api).expect("a URL");
        assert_eq!(graphql(&api).as_str(), graphql_api);
    }
}

#[test]
fn the_next_page_is_the_one_that_is_called_so() {
    let of = |link: &str| {
        let link = HeaderValue::from_str(link).expect("a header");
        next_page(&HeaderMap::from_iter([(LINK, link)])).map(String::from)
    };
    assert_eq!(
        of("<https://x/1?page=1>; rel=\"prev\", <https://x/1?page=3>; rel=\"next\""),
        Some("https://x/1?page=3".to_owned())
    );
    assert_eq!(of("<https://x/1?page=1>; rel=\"last\""), None);
}
