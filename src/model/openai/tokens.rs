//! Counting tokens as the model would.

use tiktoken_rs::{CoreBPE, bpe_for_model, o200k_base_singleton};

/// Bytes that are counted exactly; beyond it the rest is estimated, so that a huge text costs no time.
const EXACT: usize = 256 << 10;
/// Bytes of a token in ordinary text.
const BYTES: usize = 4;

/// Tokens of a text in the model's own encoding; the newest one for models that are not known. The table is loaded at the
/// first count, so that an agent without an LLM never holds it.
pub fn count_tokens(model: &str, text: &str) -> usize {
    let mut end = text.len().min(EXACT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    let encoding: &CoreBPE = bpe_for_model(model).unwrap_or_else(|_| o200k_base_singleton());
    encoding.encode_ordinary(head).len() + (text.len() - end) / BYTES
}
