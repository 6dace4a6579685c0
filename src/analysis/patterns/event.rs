//! Lines that belong together: a stack trace is one event with the line before it.

/// Lines of one event; a longer one is cut there.
const MOST: usize = 200;

/// The lines as events: what goes on with the line before is joined to it by line breaks. Each event is the place of its first line and
/// its text.
pub fn joined<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<(usize, String)> {
    let mut events: Vec<(usize, String)> = Vec::new();
    let (mut length, mut python) = (0, false);
    for (at, line) in lines.into_iter().enumerate() {
        let goes_on = continues(line) || (python && ends_python(line));
        match events.last_mut().filter(|_| goes_on && length < MOST) {
            Some((_, event)) => {
                event.push('\n');
                event.push_str(line);
                length += 1;
            }
            None => {
                events.push((at, line.to_owned()));
                length = 1;
            }
        }
        python =
            line.trim_start().starts_with("Traceback (most recent call last)") || (python && line.starts_with(' '));
    }
    events
}

/// What stands only in a trace, wherever it begins.
const TRACE: [&str; 6] = [
    "Traceback (most recent call last)",
    "Caused by: ",
    "Suppressed: ",
    "goroutine ",
    "stack backtrace:",
    "--- End of ",
];

/// Whether a line can only be the rest of the one before: Java, Python, Go, Rust, Node, .NET.
fn continues(line: &str) -> bool {
    let bare = line.trim_start();
    let indented = bare.len() < line.len();
    if bare.is_empty() {
        return false;
    }
    let begins = |heads: &[&str]| heads.iter().any(|head| bare.starts_with(head));
    begins(&TRACE)
        || (indented
            && (begins(&["at ", "File \"", "... ", "raise ", "in ", "^", "created by "])
                || frame(bare)
                || line.starts_with("    ")
                || line.starts_with('\t')))
}

/// Whether what follows the first line of an event is the trace of an error; a statement or a list goes on as well.
pub(super) fn is_trace(rest: &str) -> bool {
    rest.lines().map(str::trim_start).any(|bare| {
        let begins = |head: &&str| bare.starts_with(head);
        TRACE.iter().any(begins) || ["at ", "File \"", "created by "].iter().any(begins) || frame(bare)
    })
}

/// A numbered frame, as Rust and gdb write it.
fn frame(bare: &str) -> bool {
    bare.split_once(": ")
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The last line of Python's trace stands at the margin: `ValueError: why`.
fn ends_python(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}
