//! `key=value` lines, read leniently: a pair that makes no sense is left out and the rest goes on.

use super::escape::quote;
use super::json::unescape;

/// A pair, or why there is none at this place.
pub(super) type Pair = Result<(String, String), String>;

/// The pairs of `line`, faults among them.
pub(super) fn pairs(line: &str) -> Vec<Pair> {
    let mut reader = Reader { line, at: 0 };
    let mut pairs = Vec::new();
    while reader.skip_blanks() {
        pairs.push(reader.pair());
    }
    pairs
}

struct Reader<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn take_until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(stop).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Whether anything is left.
    fn skip_blanks(&mut self) -> bool {
        self.take_until(|c| c > ' ');
        !self.rest().is_empty()
    }

    fn unexpected(&mut self) -> Pair {
        let c = self.rest().chars().next().unwrap_or(' ');
        let fault = self.fault(&format!("unexpected {}", quote(&c.to_string()).replace('"', "'")));
        self.take_until(|c| c <= ' ');
        fault
    }

    fn fault(&self, message: &str) -> Pair {
        Err(format!("logfmt syntax error at pos {} : {message}", self.at + 1))
    }

    fn pair(&mut self) -> Pair {
        let key = self.take_until(|c| c <= ' ' || c == '=' || c == '"').to_owned();
        if !self.rest().starts_with('=') {
            return if self.rest().starts_with('"') { self.unexpected() } else { Ok((key, String::new())) };
        }
        if key.is_empty() {
            return self.unexpected();
        }
        self.at += 1;
        if self.rest().starts_with('"') {
            return self.quoted(key);
        }
        let value = self.take_until(|c| c <= ' ' || c == '=' || c == '"').to_owned();
        if self.rest().starts_with(['=', '"']) { self.unexpected() } else { Ok((key, value)) }
    }

    fn quoted(&mut self, key: String) -> Pair {
        self.at += 1;
        let mut escaped = false;
        let inner = self.rest();
        for (offset, c) in inner.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.at += offset + 1;
                    let value = inner.get(..offset).and_then(unescape);
                    return value.map_or_else(|| self.fault("invalid quoted value"), |value| Ok((key, value)));
                }
                _ => {}
            }
        }
        self.at = self.line.len();
        self.fault("unterminated quoted value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_faults_are_passed_over() {
        let found: Vec<_> =
            pairs(r#"level=warn msg="a \"b\" c" flag empty= ="x" a=b=c took=3ms end="open"#).into_iter().collect();
        let good: Vec<_> = found.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(good, ["level=warn", r#"msg=a "b" c"#, "flag=", "empty=", "took=3ms"]);
        assert_eq!(found.iter().filter(|pair| pair.is_err()).count(), 3);
    }
}
