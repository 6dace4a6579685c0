//! Orders that were written so that no pattern finds them: spaced out, in digits for letters, in letters of other alphabets.

use std::sync::LazyLock;

use regex::Regex;

/// The orders that are looked for: without spaces, as `folded` leaves them.
#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static ORDER: LazyLock<Regex> = LazyLock::new(|| {
    let all = r"(?:a(?:ll|ii|il|li)|any|the|your|every|of|my|these|those)*";
    let which = r"(?:previous|prior|above|earlier|preceding|system|safety|initial|original)";
    let what = r"(?:instruct|prompt|ru(?:l|i)e|guide|po(?:l|i)ic|message|context)";
    let orders = [
        format!("(?:ignore|disregard|forget|override|bypass){all}{which}{all}{what}"),
        "(?:reveal|print|show|repeat)(?:me)?(?:your|the)systemprompt".to_owned(),
        "youarenow(?:an?|in)(?:unrestricted|developer|admin|root|different)".to_owned(),
    ];
    Regex::new(&orders.join("|")).expect("a valid pattern")
});

/// Whether a line holds an order once its disguise is off.
pub(super) fn hides_instruction(line: &str) -> bool {
    let folded: String = line.chars().filter_map(folded).collect();
    ORDER.is_match(&folded)
}

/// The letter that a character is read as; nothing for spaces, marks and signs.
fn folded(letter: char) -> Option<char> {
    let letter = match letter {
        // Letters and digits of full width, and the mathematical alphabets, which repeat every 26.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{1d400}'..='\u{1d6a3}' => mathematical(letter),
        '\u{24b6}'..='\u{24cf}' => char::from_u32(u32::from(letter) - 0x24b6 + u32::from('a')).unwrap_or(letter),
        '\u{24d0}'..='\u{24e9}' => char::from_u32(u32::from(letter) - 0x24d0 + u32::from('a')).unwrap_or(letter),
        other => other,
    };
    let plain = match letter {
        '0' | 'о' | 'О' | 'ο' | 'Ο' | 'ö' | 'ó' | 'ò' | 'õ' | 'ø' => 'o',
        '1' | '!' | '|' | 'і' | 'І' | 'ι' | 'ı' | 'í' | 'ì' | 'ï' => 'i',
        '3' | '€' | 'е' | 'Е' | 'ε' | 'é' | 'è' | 'ê' | 'ë' => 'e',
        '4' | '@' | 'а' | 'А' | 'α' | 'ä' | 'á' | 'à' | 'â' => 'a',
        '5' | '$' | 'ѕ' | 'Ѕ' => 's',
        '7' | 'т' | 'Т' | 'τ' => 't',
        '8' | 'в' | 'В' => 'b',
        '9' => 'g',
        'р' | 'Р' | 'ρ' => 'p',
        'с' | 'С' | 'ç' => 'c',
        'у' | 'У' | 'υ' => 'y',
        'х' | 'Х' | 'χ' => 'x',
        'п' | 'ñ' => 'n',
        'г' => 'r',
        'ѵ' | 'ν' => 'v',
        'ц' | 'ü' | 'ú' | 'ù' => 'u',
        'м' | 'М' => 'm',
        other => other.to_ascii_lowercase(),
    };
    plain.is_ascii_lowercase().then_some(plain)
}

fn mathematical(letter: char) -> char {
    let place = (u32::from(letter) - 0x1d400) % 26;
    char::from_u32(u32::from('a') + place).unwrap_or(letter)
}
