//! Counting tokens as the model's tokenizer would, within bounds.

use tiktoken_rs::{
    bpe_for_tokenizer,
    tokenizer::{Tokenizer, get_tokenizer},
};

/// What of a text is counted; the rest is estimated from it, in bytes.
const COUNTED: usize = 256 * 1024;
/// A text is counted in pieces of this many bytes: a tokenizer's pattern may be slow, or give up, on a long run of one kind.
const PIECE: usize = 4 * 1024;

/// How many tokens a text has for a model; a name that no tokenizer is known for is counted with `o200k_base`. The
/// tokenizer is loaded with the first text and kept (some 30 MB).
pub fn count_tokens(model: &str, text: &str) -> usize {
    if text.is_empty() {
        return 0;
    }
    // OpenRouter and the like put the maker in front.
    let plain = model.rsplit('/').next().unwrap_or(model);
    let Ok(tokenizer) = bpe_for_tokenizer(get_tokenizer(plain).unwrap_or(Tokenizer::O200kBase)) else {
        return text.len().div_ceil(4);
    };
    let (counted, rest) = text.split_at(text.floor_char_boundary(COUNTED));
    let tokens: usize = pieces(counted).map(|piece| tokenizer.count_ordinary(piece)).sum();
    tokens + tokens.saturating_mul(rest.len()).div_ceil(counted.len())
}

/// A text cut where words end, as far as it has words.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let most = text.floor_char_boundary(PIECE);
        let (piece, rest) = if most == text.len() {
            (text, "")
        } else {
            let word = text.get(..most).and_then(|piece| piece.rfind([' ', '\n']));
            text.split_at(word.filter(|end| *end > 0).unwrap_or(most))
        };
        text = rest;
        Some(piece)
    })
}
