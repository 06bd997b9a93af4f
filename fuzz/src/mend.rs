//! Checksums made right. No change to a stored line gets past its checksum by chance, so without
//! this a fuzzer would see nothing behind it.
//!
//! The formats' sums are restated here rather than taken from the code under test; `build` holds
//! the two against each other on every line that is made.

use sha2::{Digest, Sha256};

/// What stands before the 16 digits of a line's sum.
const FIELD: &[u8] = b",\"sum\":\"";
const DIGITS: usize = 16;

/// `bytes` with the right sum at the end of each whole line, in place of the one that stands there.
/// What follows the last newline stays as it is.
#[must_use]
pub fn lines(bytes: &[u8]) -> Vec<u8> {
    let mut mended = Vec::with_capacity(bytes.len() + 64);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => one(line, &mut mended),
            None => mended.extend_from_slice(line),
        }
    }
    mended
}

/// The same for a state file, whose first line also holds a digest of those below it.
#[must_use]
pub fn state(bytes: &[u8]) -> Vec<u8> {
    let bytes = lines(bytes);
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return bytes;
    };
    let (header, body) = (&bytes[..end], &bytes[end + 1..]);
    let name = b"\"sha256\":\"";
    let Some(at) = find(header, name) else {
        return bytes;
    };
    let begin = at + name.len();
    let Some(length) = header[begin..].iter().position(|&byte| byte == b'"') else {
        return bytes;
    };
    let mut right = header[..begin].to_vec();
    right.extend_from_slice(hex(body).as_bytes());
    right.extend_from_slice(&header[begin + length..]);
    let mut mended = Vec::with_capacity(bytes.len() + 64);
    one(&right, &mut mended);
    mended.extend_from_slice(body);
    mended
}

fn one(line: &[u8], into: &mut Vec<u8>) {
    let tail = FIELD.len() + DIGITS + 2;
    let sum_at = line
        .len()
        .checked_sub(tail)
        .filter(|&at| line[at..].starts_with(FIELD) && line.ends_with(b"\"}"));
    let object = match sum_at {
        Some(at) => &line[..at],
        None => line.strip_suffix(b"}").unwrap_or(line),
    };
    into.extend_from_slice(object);
    into.extend_from_slice(FIELD);
    into.extend_from_slice(&hex(object).as_bytes()[..DIGITS]);
    into.extend_from_slice(b"\"}\n");
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|found| found == wanted)
}
