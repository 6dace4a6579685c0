//! A pipeline: the stages that a line runs through.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::label_filter::LabelFilter;
use super::labels::{ERROR, ERROR_DETAILS};
use super::line_filter::LineFilter;
use super::matcher::LabelMatcher;
use super::stage_parsers::Parser;
use super::template::Template;
use super::working_labels::WorkingLabels;

/// A name in `drop` or `keep`, alone or with a condition on its value.
#[derive(Debug, Clone)]
pub(super) enum NamedLabel {
    /// The label, whatever its value.
    Name(String),
    /// The label if its value matches.
    Matcher(LabelMatcher),
}

/// What `label_format` puts into a label.
#[derive(Debug, Clone)]
pub(super) enum LabelSource {
    /// Another label, which goes away.
    Rename(String),
    /// A template's text.
    Template(Template),
}

/// One stage.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// Keeps or drops a line by its text.
    LineFilter(LineFilter),
    /// Finds labels in the text.
    Parser(Parser),
    /// Keeps or drops a line by its labels.
    LabelFilter(LabelFilter),
    /// Rewrites the text.
    LineFormat(Template),
    /// Rewrites labels.
    LabelFormat(Vec<(String, LabelSource)>),
    /// Deletes labels.
    Drop(Vec<NamedLabel>),
    /// Deletes all other labels.
    Keep(Vec<NamedLabel>),
    /// Removes the terminal's colours from the text.
    Decolorize,
}

/// Control sequences of terminals (ECMA-48): `CSI … final`, and `OSC … BEL`.
static COLOURS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07").ok());

/// Runs `line` through `stages`: its text in the end, or nothing if a stage drops it.
pub(super) fn run<'l>(stages: &[Stage], line: &'l str, labels: &mut WorkingLabels<'_>) -> Option<Cow<'l, str>> {
    let mut text = Cow::Borrowed(line);
    for stage in stages {
        match stage {
            Stage::LineFilter(filter) if !filter.keeps(&text) => return None,
            Stage::LabelFilter(filter) if !filter.keeps(labels) => return None,
            Stage::LineFilter(_) | Stage::LabelFilter(_) => {}
            Stage::Parser(parser) => parser.run(&text, labels),
            Stage::LineFormat(template) => text = Cow::Owned(template.render(&text, labels)),
            Stage::LabelFormat(formats) => format_labels(formats, &text, labels),
            Stage::Drop(names) => drop_labels(names, labels),
            Stage::Keep(names) => keep_labels(names, labels),
            Stage::Decolorize => {
                if let Some(colours) = COLOURS.as_ref() {
                    text = Cow::Owned(colours.replace_all(&text, "").into_owned());
                }
            }
        }
    }
    Some(text)
}

fn format_labels(formats: &[(String, LabelSource)], line: &str, labels: &mut WorkingLabels<'_>) {
    for (name, source) in formats {
        match source {
            LabelSource::Rename(from) => {
                if let Some(value) = labels.get(from).map(str::to_owned) {
                    labels.set(name.clone(), value);
                    labels.delete(from);
                }
            }
            LabelSource::Template(template) => labels.set(name.clone(), template.render(line, labels)),
        }
    }
}

fn drop_labels(names: &[NamedLabel], labels: &mut WorkingLabels<'_>) {
    for named in names {
        let name = match named {
            NamedLabel::Name(name) => name,
            NamedLabel::Matcher(matcher) if matcher.matches(labels.filter_value(&matcher.name)) => &matcher.name,
            NamedLabel::Matcher(_) => continue,
        };
        match name.as_str() {
            ERROR => labels.forgive(false),
            ERROR_DETAILS => labels.forgive(true),
            name => labels.delete(name),
        }
    }
}

fn keep_labels(names: &[NamedLabel], labels: &mut WorkingLabels<'_>) {
    for (label, value) in labels.all() {
        let kept = names.iter().any(|named| match named {
            NamedLabel::Name(name) => *name == label,
            NamedLabel::Matcher(matcher) => matcher.name == label && matcher.matches(&value),
        });
        if !kept && label != ERROR && label != ERROR_DETAILS {
            labels.delete(&label);
        }
    }
}

/// The labels that the stages read, and so need from the parsers before them.
pub(super) fn required_names(stages: &[Stage]) -> Vec<String> {
    let names = |stage: &Stage| match stage {
        Stage::LabelFilter(filter) => filter.names(),
        Stage::LineFormat(template) => template.names(),
        Stage::LabelFormat(formats) => formats
            .iter()
            .flat_map(|(_, source)| match source {
                LabelSource::Rename(from) => vec![from.clone()],
                LabelSource::Template(template) => template.names(),
            })
            .collect(),
        Stage::LineFilter(_) | Stage::Parser(_) | Stage::Drop(_) | Stage::Keep(_) | Stage::Decolorize => Vec::new(),
    };
    stages.iter().flat_map(names).collect()
}
