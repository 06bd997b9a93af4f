//! What is no manifest at all: YAML that cannot be read, bytes that are no text.

use insta::assert_snapshot;

use super::seen;

#[test]
fn tab_as_indentation() {
    assert_snapshot!(seen("tab-as-indentation"), @r"
    error[BF001]: not valid YAML: a line is indented with a tab
     --> tab-as-indentation.yaml:9:1
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:52:36Z
      | ^
      |
      = help: indent with spaces only
    ");
}

#[test]
fn bracket_never_closed() {
    assert_snapshot!(seen("bracket-never-closed"), @r"
    error[BF001]: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> bracket-never-closed.yaml:6:7
      |
    5 | deltaColumn: { name: DOB
    6 | reason: Restate accounts after the CRM migration
      |       ^
      |
      = help: is a `{` before this left open?
    ");
}

#[test]
fn quote_never_closed() {
    assert_snapshot!(seen("quote-never-closed"), @r#"
    error[BF001]: not valid YAML: unclosed quote
     --> quote-never-closed.yaml:6:9
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: "Restate accounts after the CRM migration
      |         ^
      |
      = help: it begins here; put the same quote at its end
    "#);
}

#[test]
fn indented_too_little() {
    assert_snapshot!(seen("indented-too-little"), @r"
    error[BF001]: not valid YAML: while parsing a block collection, did not find expected '-' indicator
     --> indented-too-little.yaml:9:4
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |    windowEndTime: 2022-05-03T13:52:36Z
      |    ^
      |
      = help: is this line indented exactly as the others beside it?
    ");
}

#[test]
fn colon_in_plain_text() {
    assert_snapshot!(seen("colon-in-plain-text"), @r"
    error[BF001]: not valid YAML: mapping values are not allowed in this context
     --> colon-in-plain-text.yaml:6:16
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: Restate: accounts after the CRM migration
      |                ^
      |
      = help: a text with `: ` in it needs quotes
    ");
}

#[test]
fn alias_without_anchor() {
    assert_snapshot!(seen("alias-without-anchor"), @r"
    error[BF001]: no anchor `&end`
     --> alias-without-anchor.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: *end
      |                    ^^^^
      |
      = help: an anchor must come before its alias, in the same document
    ");
}

#[test]
fn alias_inside_of_itself() {
    assert_snapshot!(seen("alias-inside-of-itself"), @r"
    error[BF001]: this alias is inside of what it stands for
      --> alias-inside-of-itself.yaml:10:5
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |   - *runs
       |     ^^^^^
       |
       = help: write out what is meant
    ");
}

#[test]
fn tag_without_meaning() {
    assert_snapshot!(seen("tag-without-meaning"), @r"
    error[BF001]: the tag `!sandbox` means nothing here
     --> tag-without-meaning.yaml:3:19
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | sandbox: !sandbox prod
      |                   ^^^^
      |
      = help: leave the tag away
    ");
}

#[test]
fn merge_of_a_text() {
    assert_snapshot!(seen("merge-of-a-text"), @r"
    error[BF001]: `<<` takes a mapping, or a list of mappings
     --> merge-of-a-text.yaml:8:9
      |
    7 | runs:
    8 |   - <<: yesterday
      |         ^^^^^^^^^
      |
      = help: write `<<: *NAME`, where `&NAME` stands before a mapping further up
    ");
}

#[test]
fn key_that_is_a_list() {
    assert_snapshot!(seen("key-that-is-a-list"), @r"
    error[BF001]: a key must be a single word, not a collection
     --> key-that-is-a-list.yaml:4:1
      |
    3 | sandbox: prod
    4 | [team, owner]: data
      | ^^^^^^^^^^^^^
      |
      = help: is a line before it, or a `: `, amiss?
    ");
}

#[test]
fn nul_byte() {
    assert_snapshot!(seen("nul-byte"), @r"
    error[BF001]: the file has a NUL byte
     --> nul-byte.yaml:3:14
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | sandbox: prod␀
      |              ^
      |
      = help: is it really a text file? UTF-16 is not read, only UTF-8
    ");
}

#[test]
fn not_utf_8() {
    assert_snapshot!(seen("not-utf-8"), @r"
    error[BF004]: the file is not UTF-8: byte 0xe9 at offset 130
     --> not-utf-8.yaml:6:20
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: Restate caf�s after the CRM migration
      |                    ^
      |
      = help: save the file as UTF-8
    ");
}

#[test]
fn utf_16() {
    assert_snapshot!(seen("utf-16"), @r"
    error[BF004]: the file is UTF-16, not UTF-8
     --> utf-16.yaml:1:1
      |
    1 | ��v␀e␀r␀s␀i␀o␀n␀:␀ ␀1␀
      | ^
      |
      = help: save the file as UTF-8; `>` of Windows PowerShell writes UTF-16, `| Out-File -Encoding utf8 FILE` does not
    ");
}

#[test]
fn empty() {
    assert_snapshot!(seen("empty"), @r"
    error[BF005]: the file holds no manifest
    --> empty.yaml:1:1
     = help: write one, or remove the file
    ");
}

#[test]
fn only_comments() {
    assert_snapshot!(seen("only-comments"), @r"
    error[BF005]: the file holds no manifest
     --> only-comments.yaml:1:1
      |
    1 | # A manifest will be written here.
      | ^
      |
      = help: write one, or remove the file
    ");
}

#[test]
fn key_twice() {
    assert_snapshot!(seen("key-twice"), @r"
    error[BF002]: `sandbox` is written twice in one mapping
     --> key-twice.yaml:6:1
      |
    5 | deltaColumn: { name: DOB }
    6 | sandbox: dev
      | ^^^^^^^
      |
     ::: key-twice.yaml:3:1
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | sandbox: prod
      | ------- first here
      |
      = help: keep one of the two
    ");
}

#[test]
fn key_twice_in_a_run() {
    assert_snapshot!(seen("key-twice-in-a-run"), @r"
    error[BF002]: `windowStartTime` is written twice in one mapping
     --> key-twice-in-a-run.yaml:9:5
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowStartTime: 2022-05-03T13:00:00Z
      |     ^^^^^^^^^^^^^^^
      |
     ::: key-twice-in-a-run.yaml:8:5
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
      |     --------------- first here
      |
      = help: keep one of the two
    ");
}

#[test]
fn alias_bomb() {
    assert_snapshot!(seen("alias-bomb"), @r"
    error[BF003]: more than 1000000 values in one file, aliases written out
     --> alias-bomb.yaml:6:36
      |
    5 | e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
    6 | f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
      |                                    ^^
      |
      = help: split the file, or write windows by rule under `ranges`
    ");
}

#[test]
fn dash_of_a_list_that_is_no_hyphen() {
    assert_snapshot!(seen("dash-of-a-list-that-is-no-hyphen"), @r"
    error[BF001]: not valid YAML: mapping values are not allowed in this context
     --> dash-of-a-list-that-is-no-hyphen.yaml:9:7
      |
    8 |   – from: 2022-01-01
    9 |     to: 2022-01-03
      |       ^
      |
     ::: dash-of-a-list-that-is-no-hyphen.yaml:8:3
      |
    7 | ranges:
    8 |   – from: 2022-01-01
      |   - an en dash (U+2013)
      |
      = help: an en dash (U+2013) stands where a hyphen `-` belongs: type it anew
    ");
}

#[test]
fn dashes_of_a_date_that_are_no_hyphens() {
    assert_snapshot!(seen("dashes-of-a-date-that-are-no-hyphens"), @r"
    error[BF038]: here is an en dash (U+2013), where a hyphen `-` belongs
     --> dashes-of-a-date-that-are-no-hyphens.yaml:8:15
      |
    7 | ranges:
    8 |   - from: 2022–01–01
      |               ^
      |
      = help: write it anew: `2022-01-01`
    ");
}

#[test]
fn quotes_that_are_curly() {
    assert_snapshot!(seen("quotes-that-are-curly"), @r#"
    error[BF038]: here is a curly quote (U+201C), where a straight quote `"` belongs
     --> quotes-that-are-curly.yaml:8:11
      |
    7 | ranges:
    8 |   - from: “2022-01-01”
      |           ^
      |
      = help: write it anew: `"2022-01-01"`
    "#);
}

#[test]
fn quotes_that_are_curly_round_a_column() {
    assert_snapshot!(seen("quotes-that-are-curly-round-a-column"), @r#"
    error[BF038]: here is a curly quote (U+201C), where a straight quote `"` belongs
     --> quotes-that-are-curly-round-a-column.yaml:5:22
      |
    4 | source: table
    5 | deltaColumn: { name: “DOB” }
      |                      ^
      |
      = help: write it anew: `"DOB"`
    "#);
}

#[test]
fn blank_that_does_not_break() {
    assert_snapshot!(seen("blank-that-does-not-break"), @r"
    error[BF001]: not valid YAML: mapping values are not allowed in this context
     --> blank-that-does-not-break.yaml:9:18
      |
    8 |   - windowStartTime: 2022-05-03T12:30:00Z
    9 |     windowEndTime: 2022-05-03T13:30:00Z
      |                  ^
      |
     ::: blank-that-does-not-break.yaml:8:21
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T12:30:00Z
      |                     - a no-break space (U+00A0)
      |
      = help: a no-break space (U+00A0) stands where a blank belongs: type it anew
    ");
}

#[test]
fn blank_that_does_not_break_before_a_key() {
    assert_snapshot!(seen("blank-that-does-not-break-before-a-key"), @r"
    error[BF038]: here is a no-break space (U+00A0), where a blank belongs
     --> blank-that-does-not-break-before-a-key.yaml:4:1
      |
    3 | sandbox: prod
    4 |  source: table
      | ^
      |
      = help: write it anew: `source`
    ");
}
