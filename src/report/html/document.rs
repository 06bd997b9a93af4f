//! The HTML file around a page: its policy, its style and its script.
//!
//! Nothing acts in it but our own style and script, which the policy names by their hashes, and nothing
//! is fetched. These two are the only texts that are not escaped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
/// In a block of its own, so that its names are nobody else's.
const SCRIPT: &str = concat!(
    "\"use strict\";\n{\n",
    include_str!("script/windows.js"),
    include_str!("script/selection.js"),
    include_str!("script/bars.js"),
    include_str!("script/table.js"),
    include_str!("script/controls.js"),
    "}\n"
);

/// The file around its body.
pub(super) fn document(title: &str, body: &Markup, has_script: bool) -> String {
    let script = if has_script {
        format!("'{}'", hash(SCRIPT))
    } else {
        "'none'".to_owned()
    };
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src {script}; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    );
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · backfill" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                @if has_script { script { (PreEscaped(SCRIPT)) } }
            }
        }
    };
    markup.into_string()
}

/// What a policy calls a text by.
pub(super) fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// A sentence in which what stands between ticks is code.
pub(super) fn ticked(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}
