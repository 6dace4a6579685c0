//! How random a value looks.

/// Bits a character, after Shannon, from how often each one stands in the text.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a text's length is far below 2^52")]
    let all = text.len() as f64;
    let share = |count: &u32| {
        let share = f64::from(*count) / all;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(share).sum()
}

/// Upper case, lower case, digit, or something else.
fn class(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

fn has(text: &str, wanted: u8) -> bool {
    text.bytes().any(|byte| class(byte) == wanted)
}

/// How often the class changes from one character to the next: names change it at the borders of words only.
fn changes(text: &str) -> f64 {
    let pairs = text.bytes().zip(text.bytes().skip(1));
    let changed = pairs.filter(|(one, next)| class(*one) != class(*next)).count();
    #[expect(clippy::cast_precision_loss, reason = "a text's length is far below 2^52")]
    let share = changed as f64 / text.len().saturating_sub(1).max(1) as f64;
    share
}

/// Long, of all three classes, and neither words nor a number: as base64 of chance is.
pub(super) fn is_opaque(text: &str) -> bool {
    text.len() >= 20
        && (0..3).all(|wanted| has(text, wanted))
        && changes(text) >= 0.3
        && entropy(text) >= 3.5
        && !is_uuid(text)
}

/// Hexadecimal of at least 128 bits with digits and letters.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && has(text, 2) && entropy(text) >= 2.5
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Letters and digits together, or both cases: no plain word and no plain number.
pub(super) fn is_mixed(text: &str) -> bool {
    let letters = has(text, 0) || has(text, 1);
    (letters && has(text, 2)) || (has(text, 0) && has(text, 1) && !capitalised(text))
}

fn capitalised(text: &str) -> bool {
    text.chars().skip(1).all(|letter| !letter.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_names() {
        for text in
            ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE2KEY", "9sVx2kQpLz7TfB4mNc8RwYd3", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5"]
        {
            assert!(is_opaque(text), "{text} {} {}", changes(text), entropy(text));
        }
        for text in [
            "AbstractAuthenticationProcessingFilter2",
            "kube-system/coredns-5d78c9869d-4xk2p",
            "550E8400-e29b-41d4-a716-446655440000",
            "http_request_duration_seconds_bucket",
            "2026-11-20T14:04:05",
            "20261120140405000000001",
        ] {
            assert!(!is_opaque(text), "{text} {} {}", changes(text), entropy(text));
        }
        assert!((entropy("aabb") - 1.0).abs() < 1e-9);
    }
}
