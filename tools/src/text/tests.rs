use proptest::prelude::*;

use super::*;

#[test]
fn what_is_invisible_goes_and_what_is_seen_stays() {
    assert_eq!(clean("\u{1b}[31mred\u{1b}[0m a\u{202e}b\u{200b}c\r\nd\te\u{7}"), "red abc\nd\te");
    assert_eq!(clean("\u{1b}]0;title\u{7}plain größe"), "plain größe");
    // A secret that was taken apart by what cannot be seen is one all the same.
    assert_eq!(clean("ghp_0123456789abcdefghij\u{200b}ABCDEFGHIJ012345"), "[masked]");
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    for text in ["x".repeat(100_000), "word ".repeat(100_000), "a line\n".repeat(100_000), "ä".repeat(9 << 20)] {
        let cleaned = clean(&text);
        assert!(cleaned.len() <= LONGEST && cleaned.ends_with(CUT), "{}", cleaned.len());
        assert_eq!(clean(&cleaned), cleaned);
    }
    let long = format!("first\n{}\nlast", "0123456789 ".repeat(2_000));
    let cleaned = clean(&long);
    assert!(cleaned.starts_with("first\n0123") && cleaned.ends_with("… [cut]\nlast"), "{}", cleaned.len());
    assert!(cleaned.lines().all(|line| line.len() <= LONGEST_LINE));
}

#[test]
fn a_secret_that_the_cut_would_halve_is_masked_before() {
    let key = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    for before in (LONGEST - ROOM - 60)..(LONGEST - ROOM + 4) {
        let text = format!("{} {key} {}", "x ".repeat(before / 2), "y ".repeat(9_000));
        let cleaned = clean(&text);
        assert!(!cleaned.contains("ghp_"), "{before}");
    }
}

#[test]
fn values_under_telling_keys_go_whole() {
    assert_eq!(
        clean_value(serde_json::json!({"DB_PASSWORD": "x", "n": 1, "list": ["password=abc"], "token_file": "/run/t"})),
        serde_json::json!({"DB_PASSWORD": "[masked]", "n": 1, "list": ["password=[masked]"], "token_file": "/run/t"})
    );
}

/// Pieces that cleaning looks for, so that chance puts them together in ways that nobody thought of.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "password=",
        "secret: ",
        "token=",
        "\"api_key\": \"",
        "\\\"token\\\":\\\"",
        "Bearer ",
        "Authorization: ",
        "Cookie: a=",
        "postgres://u:",
        "@h/",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "[masked]",
        "… [cut]",
        "\x1b[31m",
        "\x1b]0;",
        "\x07",
        "\x1b",
        "\u{9b}",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
        "\u{fe0f}",
        "\u{301}",
        "\r",
        "\n",
        " ",
        "'",
        "\"",
        "\\",
        "&sig=",
        "?key=",
        "--password ",
        "curl -u a:",
        "x-api-key: ",
        "9sVx2kQpLz7TfB4mNc8RwYd3",
        "true",
        ";",
        ",",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>(), 1 => "[ -~]{0,12}", 1 => "[A-Za-z0-9+/=_.-]{20,60}"]
}

fn forbidden(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn cleaning_what_is_clean_changes_nothing(pieces in prop::collection::vec(piece(), 0..16)) {
        let once = clean(&pieces.concat());
        prop_assert_eq!(clean(&once), once.clone());
        prop_assert!(!once.chars().any(forbidden), "{:?}", once);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn nothing_grows_beyond_its_bound(pieces in prop::collection::vec(piece(), 1..12), times in 1_usize..3_000) {
        let text = pieces.concat();
        let text = text.repeat(times.min((300 << 10) / text.len().max(1)));
        let once = clean(&text);
        prop_assert!(once.len() <= LONGEST, "{}", once.len());
        prop_assert!(!once.chars().any(forbidden));
    }
}

#[test]
fn lines_keep_their_numbers_whatever_is_masked() {
    let file =
        "a: 1\n-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\npassword: hunter2\r\nb:\n  c: 2\n";
    let lines = ["a: 1", "[masked]", "", "", "", "password: [masked]", "b:", "  c: 2"].map(str::to_owned);
    assert_eq!(clean_lines(file), lines);
    assert_eq!(clean_lines(&"line\n".repeat(50_000)).len(), 50_000);
}

#[test]
fn what_people_would_not_see_is_found_with_its_line() {
    assert_eq!(hidden("plain\n\ttab größe\r\n"), None);
    assert_eq!(hidden("a\nb\u{202e}c"), Some(('\u{202e}', 2)));
    assert_eq!(hidden("a\rb\n"), Some(('\r', 1)));
}

#[test]
fn the_lines_of_a_log_stay_in_their_places_with_a_key_at_the_end() {
    let key = ["-----BEGIN PRIVATE KEY-----", "abc", "def", "-----END PRIVATE KEY-----"];
    let cleaned = |lines: &[&str]| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        clean_log(&mut lines);
        lines
    };
    assert_eq!(cleaned(&[&["up"][..], &key].concat()), ["up", MASK, "", "", ""]);
    assert_eq!(cleaned(&[&key[..], &["", "down", ""]].concat()), [MASK, "", "", "", "", "down", ""]);
    assert_eq!(cleaned(&["two\nin one", "", &key.join("\n")]), ["two in one", "", MASK]);
    assert_eq!(cleaned(&[]), Vec::<String>::new());
}
