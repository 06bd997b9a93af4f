//! What a runner makes of what a step leaves: the commands in its log, and the files it was given.
//!
//! Rules of the runner's own parser: a line is a command if it begins with `::` after blanks, or
//! holds `##[` anywhere.

/// The commands that a runner knows; other lines are text.
const KNOWN: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// A command of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    properties: Vec<(String, String)>,
    pub(crate) message: String,
}

impl Command {
    pub(crate) fn property(&self, name: &str) -> &str {
        let found = self.properties.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The commands of a log.
pub(crate) fn commands(log: &str) -> Vec<Command> {
    // A carriage return ends a line, too.
    log.split(['\n', '\r']).filter_map(command).collect()
}

/// The annotations among them: `error`, `warning` and `notice`.
pub(crate) fn annotations(log: &str) -> Vec<Command> {
    let is_one = |command: &Command| ["error", "warning", "notice"].contains(&&*command.name);
    commands(log).into_iter().filter(is_one).collect()
}

fn command(line: &str) -> Option<Command> {
    assert!(!line.contains("##["), "an old command: {line}");
    let (head, message) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let is_known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
    is_known.then(|| Command {
        name: name.to_owned(),
        properties: properties
            .split(',')
            .filter_map(|property| property.split_once('='))
            .map(|(name, value)| (name.to_owned(), unescape(value)))
            .collect(),
        message: unescape(message),
    })
}

fn unescape(text: &str) -> String {
    text.replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%3A", ":")
        .replace("%2C", ",")
        .replace("%25", "%")
}

/// The outputs in a file, in the form `name<<DELIMITER` or `name=value`.
pub(crate) fn outputs(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines();
    let mut outputs = Vec::new();
    while let Some(line) = lines.next() {
        let heredoc = line.split_once("<<");
        let plain = line.split_once('=');
        match (heredoc, plain) {
            (Some((name, delimiter)), plain)
                if plain.is_none_or(|(before, _)| name.len() < before.len()) =>
            {
                let value: Vec<&str> = lines
                    .by_ref()
                    .take_while(|line| *line != delimiter)
                    .collect();
                outputs.push((name.to_owned(), value.join("\n")));
            }
            (_, Some((name, value))) => outputs.push((name.to_owned(), value.to_owned())),
            _ => panic!("no output: {line}"),
        }
    }
    outputs
}
