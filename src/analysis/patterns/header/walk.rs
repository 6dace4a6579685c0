//! The walk over the words of a header, as far as they are understood.

use super::{
    Level,
    word::{Kind, kind},
};

/// Words that a header may have.
const MOST: usize = 16;
/// Words of no kind that may stand between two that are understood: hosts, facilities, threads.
const UNKNOWN: usize = 3;

/// Where a header ends and what level it tells.
struct Walk<'a> {
    line: &'a str,
    /// Where the next word is looked for.
    at: usize,
    /// Up to where the header is understood.
    end: usize,
    level: Option<Level>,
    /// What syslog says of it, unless the program says something else.
    priority: Option<Level>,
    moments: usize,
    calendar: bool,
    /// Words of no kind since the last that was understood.
    unknown: usize,
    /// Whether nothing but numbers and words was seen since the level.
    after_level: usize,
}

/// A line's message and level.
pub(super) fn header(line: &str) -> (&str, Level) {
    let mut walk = Walk {
        line,
        at: 0,
        end: 0,
        level: None,
        priority: None,
        moments: 0,
        calendar: false,
        unknown: 0,
        after_level: 0,
    };
    let syslog = walk.syslog();
    if !syslog && !walk.piped() && !walk.access() {
        for _ in 0..MOST {
            if !walk.step() {
                break;
            }
        }
    }
    let message = line.get(walk.end..).unwrap_or(line).trim_start();
    // A line that is nothing but a header says something all the same.
    let message = if message.is_empty() { line } else { message };
    (message, walk.level.or(walk.priority).unwrap_or_default())
}

impl<'a> Walk<'a> {
    /// `moment|name|number|message`.
    fn piped(&mut self) -> bool {
        let Some((first, _)) = self.line.split_once('|') else { return false };
        if first.contains(' ') && first.len() > 32
            || !matches!(kind(first.split(' ').next().unwrap_or(first)), Kind::Moment)
        {
            return false;
        }
        self.end = first.len() + 1;
        for _ in 0..4 {
            let rest = self.line.get(self.end..).unwrap_or_default();
            let Some((piece, _)) = rest.split_once('|') else { break };
            let plain = |letter: char| letter.is_alphanumeric() || "._-:$ ".contains(letter);
            if piece.len() > 64 || piece.trim().contains(' ') || !piece.chars().all(plain) {
                break;
            }
            self.level = self.level.or_else(|| Level::of(piece.trim()));
            self.end += piece.len() + 1;
        }
        true
    }

    /// An access log: address, two names, moment in brackets.
    fn access(&mut self) -> bool {
        let near = self.line.as_bytes().get(..120).unwrap_or(self.line.as_bytes());
        let Some(open) = near.windows(2).position(|pair| pair == b" [") else { return false };
        let head: Vec<&str> = self.line.get(..open).unwrap_or_default().split(' ').collect();
        let Some(close) = self.line.get(open..).and_then(|rest| rest.find(']')) else { return false };
        let inside = self.line.get(open + 2..open + close).unwrap_or_default();
        let moment = matches!(kind(inside.split(' ').next().unwrap_or_default()), Kind::Moment);
        if head.len() != 3 || !moment || !head.first().is_some_and(|host| host.contains(['.', ':'])) {
            return false;
        }
        self.end = open + close + 1;
        self.level = self.line.get(self.end..).and_then(answered);
        true
    }

    /// `<34>1 moment host program process id [data] message` (RFC 5424, 6): true when all of it was read. Of `<34>` alone (RFC 3164)
    /// only the level is taken, and the walk goes on behind it.
    fn syslog(&mut self) -> bool {
        let Some((number, rest)) = self.line.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return false;
        };
        let Some(priority) = number.parse::<u8>().ok().filter(|priority| *priority <= 191) else { return false };
        self.priority = Some(match priority % 8 {
            0..=2 => Level::Fatal,
            3 => Level::Error,
            4 => Level::Warning,
            5 | 6 => Level::Info,
            _ => Level::Debug,
        });
        self.at = self.line.len() - rest.len();
        self.end = self.at;
        let mut fields = rest.splitn(7, ' ');
        let version = fields.next().is_some_and(|version| version == "1");
        let moment = fields.next().is_some_and(|moment| moment == "-" || matches!(kind(moment), Kind::Moment));
        match fields.nth(4) {
            Some(tail) if version && moment => {
                self.end = self.line.len() - structured_data(tail).len();
                true
            }
            Some(_) | None => false,
        }
    }

    /// One word further; false when the header is over.
    fn step(&mut self) -> bool {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let begin = self.at + rest.len() - rest.trim_start().len();
        let Some(word) = self.line.get(begin..).and_then(|rest| rest.split_whitespace().next()) else { return false };
        if let Some((inside, end)) = self.bracketed(begin) {
            return self.group(inside, end);
        }
        let end = begin + word.len();
        match kind(word) {
            Kind::Moment => self.moment(word, end),
            Kind::Calendar => {
                let next = self.peek(end);
                if !matches!(kind(next), Kind::Number | Kind::Moment | Kind::Calendar) {
                    return false;
                }
                self.calendar = true;
                self.take(end)
            }
            Kind::Number if self.unknown == 0 && (self.after_level == 0 || self.level.is_none()) => {
                self.at = end;
                // A number is of the header only among others of it.
                if self.began() || self.end == 0 {
                    self.end = end;
                }
                true
            }
            Kind::Level(level) => self.level(word, level, end),
            // Android and the like: a letter before the tag.
            Kind::Word if word.len() == 1 && self.letter(word, end) => true,
            Kind::Separator => {
                if self.end == 0 || self.unknown == 0 {
                    return self.take(end);
                }
                // `moment name - message`
                if self.level.is_none() && self.unknown <= 2 && self.moments > 0 && self.at_name(begin) {
                    return self.take(end) && matches!(kind(self.peek(end)), Kind::Level(_));
                }
                self.skip(end)
            }
            Kind::Component(sure) => self.component(sure, end),
            Kind::Qualified if self.level.is_some() && self.unknown == 0 => {
                // Whatever logged it: over here, but for a thread or a dash behind it.
                self.after_level += 1;
                if self.after_level > 2 { false } else { self.take(end) }
            }
            Kind::Qualified | Kind::Word | Kind::Number => self.skip(end),
        }
    }

    fn began(&self) -> bool {
        self.moments > 0 || self.calendar || self.level.is_some()
    }

    fn take(&mut self, end: usize) -> bool {
        (self.at, self.end, self.unknown) = (end, end, 0);
        true
    }

    /// A word that is of the header only if what follows is.
    fn skip(&mut self, end: usize) -> bool {
        self.unknown += 1;
        self.at = end;
        let level_follows = self.level.is_none();
        if self.level.is_some() {
            // `LEVEL name - message`, `LEVEL name : message`
            let dash = matches!(kind(self.peek(end)), Kind::Separator);
            return dash && self.unknown == 1 && self.take(end);
        }
        if !self.began() && self.end == 0 {
            // A host or a file before everything else.
            let word = self.line.get(..end).unwrap_or_default();
            return self.unknown == 1
                && word.bytes().any(|byte| byte.is_ascii_digit())
                && word.contains(['.', '-', '/']);
        }
        level_follows && self.unknown <= UNKNOWN
    }

    fn moment(&mut self, word: &str, end: usize) -> bool {
        let clock = word.contains(':') || word.len() >= 10;
        if self.unknown > 0 && !clock && !self.calendar {
            return self.skip(end);
        }
        self.moments += 1;
        self.take(end)
    }

    fn level(&mut self, word: &str, level: Level, end: usize) -> bool {
        let shouted = word.bytes().all(|byte| !byte.is_ascii_lowercase());
        let marked = word.ends_with(':') || word.ends_with(',');
        // In the middle of words only one that is written as levels are; at the very beginning only with a mark behind it.
        let fits = self.level.is_none()
            && (self.unknown == 0 && self.began() || shouted && self.began() || self.end == 0 && (shouted || marked));
        if !fits {
            return self.skip(end) && self.level.is_none();
        }
        self.level = Some(level);
        self.take(end)
    }

    fn letter(&mut self, word: &str, end: usize) -> bool {
        let level = word.bytes().next().and_then(Level::of_letter);
        let fits = self.began() && self.unknown == 0 && self.level.is_none() && self.peek(end).ends_with(':');
        match level.filter(|_| fits) {
            Some(level) => {
                self.level = Some(level);
                self.take(end)
            }
            None => false,
        }
    }

    fn component(&mut self, sure: bool, end: usize) -> bool {
        let host = self.calendar && self.unknown <= 2;
        let fits = self.began() && (self.unknown == 0 || sure && self.unknown <= UNKNOWN || host)
            || self.level.is_some() && self.unknown == 0;
        if fits {
            self.take(end);
        }
        false
    }

    /// A group in brackets: of the header when that has begun, or when a moment or a level stands in it.
    fn group(&mut self, inside: &str, end: usize) -> bool {
        let first = inside.split_whitespace().next().unwrap_or_default();
        if let Some(level) = Level::of(inside.trim()) {
            self.level = self.level.or(Some(level));
            return self.take(end);
        }
        let moment = matches!(kind(first), Kind::Calendar | Kind::Moment)
            || (matches!(kind(first), Kind::Number) && !self.began() && self.end == 0);
        self.moments += usize::from(moment);
        (moment || (self.began() && self.unknown == 0)) && self.take(end)
    }

    /// What stands in brackets from here, and where they end; brackets in it are counted.
    fn bracketed(&self, begin: usize) -> Option<(&'a str, usize)> {
        let rest = self.line.get(begin..)?;
        if !rest.starts_with('[') {
            return None;
        }
        let mut depth = 0_usize;
        for (at, byte) in rest.bytes().enumerate().take(300) {
            match byte {
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        let end = rest.get(at + 1..).map_or(0, |tail| usize::from(tail.starts_with([':', ','])));
                        return Some((rest.get(1..at)?, begin + at + 1 + end));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn peek(&self, from: usize) -> &'a str {
        self.line.get(from..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default()
    }

    /// Whether a single name, perhaps with a mark behind it, stands before.
    fn at_name(&self, begin: usize) -> bool {
        let before = self.line.get(self.end..begin).unwrap_or_default();
        let mut words = before.split_whitespace();
        words.next().is_some() && words.all(|word| word.starts_with('*'))
    }
}

/// What stands behind the structured data of RFC 5424: `-`, or groups in which a bracket may be escaped.
fn structured_data(tail: &str) -> &str {
    let mut rest = tail.strip_prefix('-').unwrap_or(tail);
    while rest.starts_with('[') {
        let mut escaped = false;
        let close = rest.find(|letter: char| {
            let found = letter == ']' && !escaped;
            escaped = letter == '\\' && !escaped;
            found
        });
        match close.and_then(|close| rest.get(close + 1..)) {
            Some(more) => rest = more,
            None => return rest,
        }
    }
    rest.trim_start_matches([' ', '\u{feff}'])
}

/// What an access log's status says: a server's failure is an error.
fn answered(message: &str) -> Option<Level> {
    let (_, behind) = message.split_once(" HTTP/")?;
    let status = behind.split_once("\" ")?.1.split(' ').next()?;
    (status.len() == 3 && status.starts_with('5')).then_some(Level::Error)
}
