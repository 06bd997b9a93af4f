//! Requests as `curl` commands, for people: what would leave, with secrets as variables of the shell.

use std::fmt::Write;

use url::Url;

use super::client;
use super::dialect::RetryWord;
use super::wire::CreateRun;
use crate::run::{OrganizationId, RunId, Sandbox};

/// Whom a command is for: who asks, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurlTarget<'a> {
    /// Such as `https://platform.adobe.io`.
    pub endpoint: &'a Url,
    /// `x-gw-ims-org-id`; a variable where it is not known.
    pub organization: Option<&'a OrganizationId>,
    /// `x-sandbox-name`
    pub sandbox: &'a Sandbox,
}

impl CurlTarget<'_> {
    /// `POST /runs`, as [`Client::create`](super::Client::create) sends it.
    pub(crate) fn create(self, run: &CreateRun) -> String {
        let body = String::from_utf8_lossy(&run.to_json()).into_owned();
        self.post(&client::below(&self.base(), "runs"), Some(&body))
    }

    /// `POST /runs/RUN_ID/action`, as [`Client::retry`](super::Client::retry) sends it.
    pub(crate) fn retry(self, run_id: &RunId, word: RetryWord) -> String {
        self.post(&client::action(&self.base(), run_id, word), None)
    }

    fn base(self) -> Url {
        client::base(self.endpoint).unwrap_or_else(|_| self.endpoint.clone())
    }

    fn post(self, url: &Url, body: Option<&str>) -> String {
        let Self {
            endpoint: _,
            organization,
            sandbox,
        } = self;
        let organization = organization.map_or_else(
            || r#""x-gw-ims-org-id: $AEP_ORG_ID""#.to_owned(),
            |id| quoted(&format!("x-gw-ims-org-id: {id}")),
        );
        let mut text = format!("curl -X POST {}", quoted(url.as_str()));
        for header in [
            r#""Authorization: Bearer $AEP_ACCESS_TOKEN""#,
            r#""x-api-key: ${AEP_API_KEY:-$AEP_CLIENT_ID}""#,
            &organization,
            &quoted(&format!("x-sandbox-name: {sandbox}")),
            &quoted("Content-Type: application/json"),
        ] {
            let _ = write!(text, " \\\n  -H {header}");
        }
        if let Some(body) = body {
            let _ = write!(text, " \\\n  --data {}", quoted(&ascii(body)));
        }
        text
    }
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same JSON in ASCII, which no terminal acts on and no shell reads in another encoding.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Timestamps;
    use crate::run::{DeltaColumn, UnixSeconds, Window};

    fn target<'a>(endpoint: &'a Url, sandbox: &'a Sandbox) -> CurlTarget<'a> {
        CurlTarget {
            endpoint,
            organization: None,
            sandbox,
        }
    }

    fn run(column: &str) -> CreateRun {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let column = DeltaColumn {
            name: column.to_owned(),
            date_format: None,
            timezone: None,
        };
        CreateRun::new(
            "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
                .parse()
                .expect("a flow"),
            at(1_663_735_590),
            Window::new(at(1_651_584_991), at(1_651_585_956)).expect("a window"),
            Some(column),
            Timestamps::default(),
        )
    }

    #[test]
    fn a_create_is_the_tutorials_curl_command() {
        let endpoint = "https://platform.adobe.io".parse().expect("a URL");
        let sandbox = "prod".parse().expect("a sandbox");
        insta::assert_snapshot!(target(&endpoint, &sandbox).create(&run("DOB")), @r#"
        curl -X POST 'https://platform.adobe.io/data/foundation/flowservice/runs' \
          -H "Authorization: Bearer $AEP_ACCESS_TOKEN" \
          -H "x-api-key: ${AEP_API_KEY:-$AEP_CLIENT_ID}" \
          -H "x-gw-ims-org-id: $AEP_ORG_ID" \
          -H 'x-sandbox-name: prod' \
          -H 'Content-Type: application/json' \
          --data '{"flowId":"3abea21c-7e36-4be1-bec1-d3bad0e3e0de","params":{"startTime":"1663735590","windowStartTime":"1651584991","windowEndTime":"1651585956","deltaColumn":{"name":"DOB"}}}'
        "#);
    }

    #[test]
    fn a_retry_has_no_body() {
        let endpoint = "https://platform.adobe.io/".parse().expect("a URL");
        let sandbox = "prod".parse().expect("a sandbox");
        let run_id = "b75f22b6".parse().expect("an id");
        let text = target(&endpoint, &sandbox).retry(&run_id, RetryWord::Tutorial);
        let first = "curl -X POST 'https://platform.adobe.io/data/foundation/flowservice/runs/b75f22b6/action?op=re-trigger'";
        assert_eq!(text.lines().next(), Some(format!("{first} \\").as_str()));
        assert!(!text.contains("--data"), "{text}");
    }

    /// What the shell makes of it is what the client would send, whatever the column is called.
    #[cfg(unix)] // elsewhere there may be no such shell
    #[test]
    fn a_shell_reads_the_body_as_it_is_sent() {
        let endpoint = "https://platform.adobe.io".parse().expect("a URL");
        let sandbox = "prod".parse().expect("a sandbox");
        for name in ["DOB", "it's", "`id` $HOME \\ \"x\"", "Größe 漢 😀 \u{202e}"] {
            let run = run(name);
            let command = target(&endpoint, &sandbox).create(&run);
            assert!(command.is_ascii(), "{command}");
            let script = format!(
                "curl() {{ while [ \"$1\" != --data ]; do shift; done; printf %s \"$2\"; }}; {command}"
            );
            let said = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            let said = said.expect("a shell").stdout;
            let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
            assert_eq!(json(&said), json(&run.to_json()), "{command}");
        }
    }
}
