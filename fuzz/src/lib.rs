//! What the fuzz targets share: stored files that are made from an input, damage to them,
//! checksums that are made right again, numbers at their ends, and what must hold of any text that
//! is shown.

pub mod build;
pub mod memory;
pub mod mend;
pub mod model;
pub mod text;

/// A number that `bytes` choose, the same each time.
#[must_use]
pub fn any_number(bytes: &[u8]) -> usize {
    bytes.iter().fold(7, |number: usize, &byte| {
        number.wrapping_mul(31).wrapping_add(usize::from(byte)) ^ (number >> 21)
    })
}

/// `bytes` with one of the numbers in them, which `any` chooses, at an end of what some type holds:
/// a place that chance takes long to find.
#[must_use]
pub fn with_extreme(bytes: &[u8], any: usize) -> Vec<u8> {
    const EXTREMES: [&[u8]; 10] = [
        b"0",
        b"-1",
        b"65535",
        b"4294967295",
        b"9007199254740992",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"18446744073709551614",
        b"18446744073709551615",
        b"1e308",
    ];
    let begins: Vec<usize> = (0..bytes.len())
        .filter(|&at| {
            bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
        })
        .collect();
    if begins.is_empty() {
        return bytes.to_vec();
    }
    let (before, number) = bytes.split_at(begins[any % begins.len()]);
    let digits = number
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let extreme = EXTREMES[any / begins.len() % EXTREMES.len()];
    [before, extreme, &number[digits..]].concat()
}
