//! Calls that fail on purpose, each by its method and path.

use super::Fault;

/// Which calls of a part fail, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenCall {
    /// The method, such as `POST`; `*` is any.
    pub method: String,
    /// The path without the API's version: `*` stands for one segment or a part of one, `**` at the end for all that
    /// follows. Such as `/containers/*/start`.
    pub path: String,
    /// The first of the matching calls that is struck, from 1.
    pub nth: u64,
    /// Whether that one alone is struck, or all that follow as well.
    pub once: bool,
    /// Whether the call is done before its answer is lost.
    pub after: bool,
    /// How it fails.
    pub fault: Fault,
}

impl BrokenCall {
    /// Strikes the first matching call and no other, before it is done.
    pub fn first(method: &str, path: &str, fault: Fault) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), nth: 1, once: true, after: false, fault }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        if self.method != "*" && !self.method.eq_ignore_ascii_case(method) {
            return false;
        }
        let mut wanted = self.path.split('/').filter(|part| !part.is_empty());
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        if parts.peek().is_some_and(|part| is_version(part)) {
            parts.next();
        }
        loop {
            match (wanted.next(), parts.next()) {
                (Some("**"), _) | (None, None) => return true,
                (Some(pattern), Some(part)) if segment(pattern, part) => (),
                (Some(_), Some(_) | None) | (None, Some(_)) => return false,
            }
        }
    }
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| rest.contains('.') && rest.chars().all(|letter| letter.is_ascii_digit() || letter == '.'))
}

/// Whether a path's segment is of a pattern in which `*` stands for anything.
fn segment(pattern: &str, part: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = part.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The calls that are to be struck, with how many of each have come.
#[derive(Debug, Default)]
pub(super) struct Armed {
    calls: Vec<(BrokenCall, u64)>,
    struck: u64,
}

impl Armed {
    pub(super) fn arm(&mut self, call: BrokenCall) {
        self.calls.push((call, 0));
    }

    pub(super) fn disarm(&mut self) {
        self.calls.clear();
    }

    pub(super) fn struck(&self) -> u64 {
        self.struck
    }

    /// How a call fails, and whether after it was done; `None` when it does not.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<(Fault, bool)> {
        let mut fault = None;
        for (call, seen) in self.calls.iter_mut().filter(|(call, _)| call.matches(method, path)) {
            *seen += 1;
            let strikes = if call.once { *seen == call.nth } else { *seen >= call.nth };
            if strikes && fault.is_none() {
                fault = Some((call.fault.clone(), call.after));
            }
        }
        self.calls.retain(|(call, seen)| !call.once || *seen < call.nth);
        self.struck += u64::from(fault.is_some());
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        BrokenCall::first("POST", pattern, Fault::Refuse).matches("POST", path)
    }

    #[test]
    fn a_pattern_matches_whole_paths() {
        assert!(matches("/containers/*/start", "/containers/web-1/start"));
        assert!(matches("/containers/*/start", "/v1.41/containers/web-1/start"));
        assert!(matches("/containers/web-*/start", "/containers/web-1/start"));
        assert!(matches("/containers/*.next-*/start", "/containers/web.next-1a/start"));
        assert!(matches("/services/**", "/services/web/update"));
        assert!(!matches("/containers/*/start", "/containers/web-1/stop"));
        assert!(!matches("/containers/*", "/containers/web-1/start"));
        assert!(!matches("/containers/*/start", "/containers/start"));
        assert!(!matches("/containers/web-1", "/containers/web-12"));
        assert!(!BrokenCall::first("GET", "/**", Fault::Refuse).matches("POST", "/a"));
    }

    #[test]
    fn the_nth_is_struck_once_or_always() {
        let call = BrokenCall { nth: 2, ..BrokenCall::first("*", "/a", Fault::Hang) };
        for (once, expected) in [(true, [false, true, false, false]), (false, [false, true, true, true])] {
            let mut armed = Armed::default();
            armed.arm(BrokenCall { once, ..call.clone() });
            assert_eq!([(); 4].map(|()| armed.strike("GET", "/a").is_some()), expected);
        }
    }
}
