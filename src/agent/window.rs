//! The window's budget: what a model sees is made to fit, in tokens of that model. Whole answers while there is room, then their
//! summaries, oldest first; evidence that a claim cites stays as it was shown.
//!
//! Invariant: what was once shortened stays so, and shortening frees more than was wanted: between two shortenings the conversation
//! only grows at its end, so that providers' prompt caches hit.

use std::collections::{BTreeSet, HashMap};

use crate::{
    incident::Seq,
    model::{Message, Model},
};

/// What stays of an answer that is shortened, in characters.
const SUMMARY: usize = 240;
/// How full the window is after a shortening, in percent.
const LEFT: usize = 70;
/// The fewest tokens that an answer of the first look is cut to.
const LEAST: usize = 48;
/// By so many characters may be shown less than would fit.
const CLOSE: usize = 16;
/// Characters of a token, at most, over some lines.
const LONG_TOKEN: usize = 16;

/// One message on its way into the window.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The message as it is shown whole.
    pub message: Message,
    /// For an answer: what it says, and whether it is from the world.
    pub answer: Option<Answer>,
    /// Which turn of a model it follows; 0 is the first look.
    pub turn: usize,
}

/// An answer that can be shortened.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub seq: Seq,
    pub text: String,
    pub fenced: bool,
}

/// Tokens of each entry's text, counted once in an investigation.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<(Seq, usize), usize>);

impl Counts {
    fn of(&mut self, seq: Seq, text: &str, model: &dyn Model) -> usize {
        *self.0.entry((seq, text.len())).or_insert_with(|| model.count(text))
    }
}

/// Shows the answers of the first look within so many tokens together, fences and notes among them: short ones whole, long ones in
/// part.
pub(super) fn first_look(pieces: &mut [Piece], most: usize, counts: &mut Counts, model: &dyn Model) {
    let mut sizes = Vec::new();
    for (at, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.turn == 0) {
        if let Some(answer) = &piece.answer {
            sizes.push((counts.of(answer.seq, text_of(&piece.message), model), at));
        }
    }
    let level = level(sizes.iter().map(|(tokens, _)| *tokens).collect(), most).max(LEAST);
    for (_, at) in sizes.into_iter().filter(|(tokens, _)| *tokens > level) {
        if let Some(piece) = pieces.get_mut(at)
            && let Some(answer) = &piece.answer
        {
            set_text(&mut piece.message, within(answer, level, counts, model));
        }
    }
}

/// As much of an answer as so many tokens can show.
fn within(answer: &Answer, most: usize, counts: &mut Counts, model: &dyn Model) -> String {
    // Not more of a long answer is counted than can be shown.
    let (mut fits, mut too_long) = (0, answer.text.chars().count().min(most * LONG_TOKEN));
    while too_long - fits > CLOSE {
        let characters = fits.midpoint(too_long);
        let text = answer.shown(&shortened(answer, characters));
        if counts.of(answer.seq, &text, model) <= most {
            fits = characters;
        } else {
            too_long = characters;
        }
    }
    answer.shown(&shortened(answer, fits))
}

/// The most tokens that each may have so that all have `most` together.
fn level(mut sizes: Vec<usize>, most: usize) -> usize {
    sizes.sort_unstable();
    let mut left = most;
    for (at, size) in sizes.iter().enumerate() {
        let share = left / (sizes.len() - at);
        if *size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

/// The conversation within so many tokens, and how many it has.
pub(super) fn fit(
    pieces: Vec<Piece>,
    cited: &BTreeSet<Seq>,
    most: usize,
    counts: &mut Counts,
    model: &dyn Model,
) -> (Vec<Message>, usize) {
    let last = pieces.iter().map(|piece| piece.turn).max().unwrap_or(0);
    let mut shown: Vec<(Piece, usize)> = Vec::new();
    let mut total = 0;
    let mut turn = 0;
    for piece in pieces {
        if piece.turn != turn {
            // As it was when the model was asked: shortened then, shortened now.
            total =
                shorten(&mut shown, total, most, counts, model, |answer, of| of < turn && !cited.contains(&answer.seq));
            turn = piece.turn;
        }
        let tokens = match &piece.answer {
            Some(answer) => counts.of(answer.seq, text_of(&piece.message), model),
            None => tokens_of(&piece.message, model),
        };
        total += tokens;
        shown.push((piece, tokens));
    }
    // The last answers are what was asked for just now: they go only when there is nothing else, cited ones after them.
    total = shorten(&mut shown, total, most, counts, model, |answer, of| of < last && !cited.contains(&answer.seq));
    total = shorten(&mut shown, total, most, counts, model, |answer, _| !cited.contains(&answer.seq));
    total = shorten(&mut shown, total, most, counts, model, |_, _| true);
    (shown.into_iter().map(|(piece, _)| piece.message).collect(), total)
}

/// Shortens answers that may be, oldest first, until there is room again.
fn shorten(
    shown: &mut [(Piece, usize)],
    mut total: usize,
    most: usize,
    counts: &mut Counts,
    model: &dyn Model,
    may: impl Fn(&Answer, usize) -> bool,
) -> usize {
    if total <= most {
        return total;
    }
    for (piece, tokens) in shown {
        if total <= most / 100 * LEFT {
            break;
        }
        let Some(answer) = piece.answer.as_ref().filter(|answer| may(answer, piece.turn)) else { continue };
        let text = answer.shown(&shortened(answer, SUMMARY));
        let less = counts.of(answer.seq, &text, model);
        if less < *tokens {
            total = total - *tokens + less;
            *tokens = less;
            set_text(&mut piece.message, text);
        }
    }
    total
}

/// The beginning and the end of an answer in whole lines, and where the rest is: what is ranked says most at its beginning, a log
/// at its end.
fn shortened(answer: &Answer, characters: usize) -> String {
    let text = answer.text.trim_end();
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let half = text.split_at(at_character(text, characters / 2)).0;
    let (head, rest) = match half.rfind('\n') {
        Some(end) => text.split_at(end),
        // The first line is a long one: as much of it as there is room for.
        None => {
            let line = text.lines().next().unwrap_or_default();
            line.split_at_checked(at_character(line, characters)).unwrap_or((line, ""))
        }
    };
    let left = characters.saturating_sub(head.chars().count());
    let end = rest.char_indices().rev().nth(left).map_or(rest, |(at, _)| rest.get(at..).unwrap_or_default());
    let tail = end.split_once('\n').map_or("", |(_, lines)| lines);
    let out = text.lines().count() - head.lines().count() - tail.lines().count();
    let note = format!("[left out: {} lines; read_answer {{\"entry\": {}}} reads them]", out.max(1), answer.seq);
    [head.trim_end(), &note, tail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Where the n-th character of a text begins; its end if it has no more than that.
fn at_character(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

impl Answer {
    /// As a model reads it: with its number, and fenced when it is from the world.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.fenced { format!("[{}] {}", self.seq, fenced(text)) } else { format!("[{}] {text}", self.seq) }
    }
}

/// Telemetry is data: fenced, and unable to close its own fence.
pub(super) fn fenced(text: &str) -> String {
    format!("<untrusted>\n{}\n</untrusted>", text.replace("</untrusted", "<\u{2215}untrusted"))
}

fn text_of(message: &Message) -> &str {
    match message {
        Message::User(text) | Message::Answer { text, .. } => text,
        Message::Assistant { thought, .. } => thought,
    }
}

fn set_text(message: &mut Message, new: String) {
    match message {
        Message::User(text) | Message::Answer { text, .. } => *text = new,
        Message::Assistant { thought, .. } => *thought = new,
    }
}

fn tokens_of(message: &Message, model: &dyn Model) -> usize {
    match message {
        Message::User(text) | Message::Answer { text, .. } => model.count(text),
        Message::Assistant { thought, calls } => {
            model.count(thought) + calls.iter().map(|call| model.count(&call.args.to_string()) + 8).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests;
