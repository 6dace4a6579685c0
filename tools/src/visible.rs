//! What can be seen of a text: no terminal sequences, no control, bidirectional or invisible characters, no towers of marks.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// Combining marks that one character may carry; scripts that need them use fewer.
const MARKS: usize = 3;

/// Terminal sequences of ECMA-48: CSI, strings that are ended (OSC, DCS, SOS, PM, APC), and escapes of two or more characters.
#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]",
        r"(?:\x1b[\]PX^_]|[\u{9d}\u{90}\u{98}\u{9e}\u{9f}])[^\x07\x1b\u{9c}\n]*(?:\x07|\x1b\\|\u{9c})",
        r"\x1b[ -/]+[0-~]",
        r"\x1b[0-OQ-WYZ\\`-~]",
    ];
    Regex::new(&parts.join("|")).expect("a valid pattern")
});

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{M}$").expect("a valid pattern"));

/// The text as it is seen.
pub(crate) fn only(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let text = if text.contains(['\x1b', '\u{90}', '\u{98}', '\u{9b}', '\u{9d}', '\u{9e}', '\u{9f}']) {
        SEQUENCE.replace_all(text, "")
    } else {
        Cow::Borrowed(text)
    };
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // What was written over stays to be read.
            '\r' if letters.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            letter if !is_seen(letter) => {}
            letter if is_mark(letter) => {
                marks += 1;
                if marks <= MARKS {
                    out.push(letter);
                }
            }
            letter => {
                marks = 0;
                out.push(letter);
            }
        }
    }
    Cow::Owned(out)
}

/// The first character of a text that people would not see, and its line, counted from 1.
pub(crate) fn hidden(text: &str) -> Option<(char, usize)> {
    let unseen = |line: &str| line.trim_end_matches('\r').chars().find(|letter| !is_seen(*letter));
    text.split('\n').enumerate().find_map(|(index, line)| Some((unseen(line)?, index + 1)))
}

/// Line ends and tabs stay; other control characters, and what turns, hides or says nothing to people, go.
fn is_seen(letter: char) -> bool {
    match letter {
        '\n' | '\t' => true,
        // Soft hyphen, joiners, directions, fillers, and all that has no width.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => false,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => false,
        '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => false,
        // Variation selectors, interlinear annotation, the object that is missing.
        '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffc}' | '\u{fdd0}'..='\u{fdef}' => false,
        // Controls of hieroglyphs, shorthand and music; tags and the other variation selectors.
        '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => false,
        '\u{e0000}'..='\u{e0fff}' => false,
        other => !other.is_control() && (u32::from(other) & 0xfffe) != 0xfffe,
    }
}

/// Marks that stand on the character before them.
fn is_mark(letter: char) -> bool {
    letter >= '\u{300}' && !letter.is_alphanumeric() && MARK.is_match(letter.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_of_every_form_go_and_what_they_frame_stays() {
        for (text, seen) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b[38;2;1;2;3mcolour\x1b[K", "colour"),
            ("\u{9b}31mred\u{9b}m", "red"),
            ("\x1b]0;title\x07plain", "plain"),
            ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\u{9d}0;title\u{9c}plain", "plain"),
            ("\x1bPq#0;2;0\x1b\\after", "after"),
            ("\x1b_hidden\x1b\\after\x1b^x\x1b\\", "after"),
            ("\x1b(B\x1b)0\x1b#8text\x1b7\x1b8\x1bc\x1b=", "text"),
            ("never ended \x1b]0;text that people should see", "never ended ]0;text that people should see"),
            ("a\x1b\x1b[0m[31mb", "a[31mb"),
            ("cut \x1b[3", "cut [3"),
        ] {
            assert_eq!(only(text), seen, "{text:?}");
            assert_eq!(only(&only(text)), seen, "{text:?} twice");
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "größe – 12 µs … “ok” ✓ 100 €",
            "日本語のログ サーバー停止",
            "ошибка подключения",
            "e\u{301}te\u{301}",
            "हिन्दी में त्रुटि",
            "שגיאה بخط عربي",
            "Tiếng Việt",
            "🔥 down",
            "tab\tand\nline",
        ] {
            assert_eq!(only(text), text);
        }
    }

    #[test]
    fn towers_of_marks_are_taken_down() {
        let tower = format!("z{}a{}lgo", "\u{300}".repeat(40), "\u{489}\u{1ab0}\u{20d0}\u{fe20}".repeat(9));
        assert_eq!(only(&tower), "z\u{300}\u{300}\u{300}a\u{489}\u{1ab0}\u{20d0}lgo");
        assert_eq!(only("10%\r20%\r\n30%\u{2028}x"), "10%\n20%\n30%\nx");
    }
}
