//! Markdown in its sections: by headings, with the front matter's title, service, environment, kind and date.

use chrono::{DateTime, NaiveDate, Utc};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use yaml_serde::Value;

/// Bytes of one section; a longer one is cut into several at its paragraphs.
const LONGEST: usize = 6 * 1024;
/// Sections of one document.
const MOST: usize = 2_000;

/// A document in its sections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// From the front matter, else the first heading, else `None`.
    pub(crate) title: Option<String>,
    /// What the front matter says.
    pub(crate) front: Front,
    /// In their order; those without text are left out.
    pub(crate) sections: Vec<Section>,
}

/// A piece of a document under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// The headings above it, outermost first, without the document's title.
    pub(crate) headings: Vec<String>,
    /// As it is written, without its heading.
    pub(crate) text: String,
}

/// What a front matter says that memory understands; other keys are other programs'.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Front {
    /// `title`.
    pub(crate) title: Option<String>,
    /// `service`.
    pub(crate) service: Option<String>,
    /// `environment`.
    pub(crate) environment: Option<String>,
    /// `kind`.
    pub(crate) kind: Option<String>,
    /// `date`, a day or a moment.
    pub(crate) at: Option<DateTime<Utc>>,
    /// `tags`, and the alerts that `match` or `alerts` name.
    pub(crate) keywords: Vec<String>,
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong and what would be right.
    pub(crate) what: String,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// When its front matter is not closed or is no YAML mapping, or a key of it has the wrong form; with the line.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let text = text.trim_start_matches('\u{feff}');
        let (front, body) = split_front(text)?;
        let front = front.map(|front| Front::parse(&front)).transpose()?.unwrap_or_default();
        let (first, sections) = sections(body);
        let title = front.title.clone().or(first);
        Ok(Self { title, front, sections })
    }
}

/// The front matter's text and what follows it.
fn split_front(text: &str) -> Result<(Option<String>, &str), Unreadable> {
    let mut lines = text.split_inclusive('\n');
    if lines.next().is_none_or(|first| first.trim_end() != "---") {
        return Ok((None, text));
    }
    let mut front = String::new();
    let mut read = text.split_inclusive('\n').next().map_or(0, str::len);
    for line in lines {
        read += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return Ok((Some(front), text.get(read..).unwrap_or_default()));
        }
        front.push_str(line);
    }
    // A rule at the head of a text that has no front matter: it is one only if a key follows.
    if front.lines().find(|line| !line.trim().is_empty()).is_none_or(|line| !line.contains(':')) {
        return Ok((None, text));
    }
    Err(Unreadable { line: 1, what: "the front matter is not closed; a line `---` must follow it".to_owned() })
}

impl Front {
    fn parse(text: &str) -> Result<Self, Unreadable> {
        let value: Value = yaml_serde::from_str(text).map_err(|error| Unreadable {
            // The first line of the front matter is the second of the file.
            line: error.location().map_or(1, |place| place.line()) + 1,
            what: format!("the front matter is no YAML: {error}"),
        })?;
        let fields = match value {
            Value::Mapping(fields) => fields,
            Value::Null => return Ok(Self::default()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Sequence(_) | Value::Tagged(_) => {
                return Err(Unreadable {
                    line: 2,
                    what: "the front matter is no mapping; right would be `title: …`".to_owned(),
                });
            }
        };
        let line =
            |key: &str| text.lines().position(|line| line.starts_with(&format!("{key}:"))).map_or(2, |at| at + 2);
        let word = |key: &str| -> Result<Option<String>, Unreadable> {
            match fields.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => scalar(value)
                    .map(|text| Some(text).filter(|text| !text.is_empty()))
                    .ok_or_else(|| Unreadable { line: line(key), what: format!("`{key}` must be one word or text") }),
            }
        };
        let at = word("date")?
            .map(|date| {
                moment(&date).ok_or_else(|| Unreadable {
                    line: line("date"),
                    what: format!("`date` is {date:?}; right would be 2026-11-02 or 2026-11-02T10:00:00Z"),
                })
            })
            .transpose()?;
        let mut keywords = Vec::new();
        for key in ["tags", "alerts", "alertname", "match"] {
            if let Some(value) = fields.get(key) {
                texts(value, &mut keywords);
            }
        }
        Ok(Self {
            title: word("title")?,
            service: word("service")?,
            environment: word("environment")?,
            kind: word("kind")?,
            at,
            keywords,
        })
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// Every text in a value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Mapping(fields) => fields.values().for_each(|item| texts(item, found)),
        Value::Tagged(tagged) => texts(&tagged.value, found),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => found.extend(scalar(value)),
    }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(day)
}

/// The first heading of the first level, and the sections.
fn sections(body: &str) -> (Option<String>, Vec<Section>) {
    let mut options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    options.insert(Options::ENABLE_FOOTNOTES);
    let (mut title, mut found) = (None, Vec::new());
    let mut above: Vec<(HeadingLevel, String)> = Vec::new();
    let mut begins = 0;
    let mut heading: Option<(HeadingLevel, String)> = None;
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                push(&above, body.get(begins..range.start).unwrap_or_default(), &mut found);
                begins = range.end;
                heading = Some((level, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, text)) = heading.take() else { continue };
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                while above.last().is_some_and(|(over, _)| *over >= level) {
                    above.pop();
                }
                if title.is_none() && level == HeadingLevel::H1 {
                    title = Some(text);
                } else {
                    above.push((level, text));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, heading)) = &mut heading {
                    heading.push(' ');
                }
            }
            Event::Start(_)
            | Event::End(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }
    push(&above, body.get(begins..).unwrap_or_default(), &mut found);
    found.truncate(MOST);
    (title, found)
}

fn push(above: &[(HeadingLevel, String)], text: &str, found: &mut Vec<Section>) {
    let headings: Vec<String> = above.iter().map(|(_, heading)| heading.clone()).collect();
    for piece in pieces(text) {
        found.push(Section { headings: headings.clone(), text: piece });
    }
}

/// A text in pieces of bounded length, cut between paragraphs, else between lines, else anywhere.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_matches(['\n', '\r']).trim_end();
    while rest.len() > LONGEST {
        let head = rest.get(..rest.floor_char_boundary(LONGEST)).unwrap_or_default();
        let at = head.rfind("\n\n").or_else(|| head.rfind('\n')).filter(|at| *at > 0).unwrap_or(head.len());
        let (piece, after) = rest.split_at(at);
        pieces.push(piece.trim_end().to_owned());
        rest = after.trim_start_matches(['\n', '\r']);
    }
    pieces.push(rest.to_owned());
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests;
