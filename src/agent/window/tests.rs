use futures::future::BoxFuture;
use proptest::prelude::*;

use super::*;
use crate::{
    incident::Call,
    model::{ModelError, Reply, Transcript},
};

/// A model that counts a token for every four bytes.
struct Words;

impl Model for Words {
    fn name(&self) -> &str {
        "words"
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn next<'a>(&'a self, _: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        unreachable!("nobody asks it")
    }
}

fn answer(seq: Seq, turn: usize, lines: usize) -> Piece {
    let text = (1..=lines).map(|at| format!("{seq}: line {at} of the answer")).collect::<Vec<_>>().join("\n");
    let answer = Answer { seq, text: text.clone(), fenced: true };
    Piece {
        message: Message::Answer { call: format!("c{seq}"), text: answer.shown(&text) },
        answer: Some(answer),
        turn,
    }
}

fn said(turn: usize) -> Piece {
    let call = Call { id: "c".to_owned(), tool: "search_loki".to_owned(), args: serde_json::json!({}) };
    Piece { message: Message::Assistant { thought: "next".to_owned(), calls: vec![call] }, answer: None, turn }
}

/// Which answers are shown whole, and the tokens of all.
fn fitted(pieces: &[Piece], cited: &[Seq], most: usize) -> (Vec<Seq>, usize, Vec<Message>) {
    let cited = cited.iter().copied().collect();
    let (messages, tokens) = fit(pieces.to_vec(), &cited, most, &mut Counts::default(), &Words);
    let whole = pieces.iter().zip(&messages).filter(|(piece, message)| piece.message == **message);
    let whole = whole.filter_map(|(piece, _)| piece.answer.as_ref().map(|answer| answer.seq)).collect();
    (whole, tokens, messages)
}

/// Four turns with an answer of some 650 tokens each.
fn four() -> Vec<Piece> {
    (1..=4).flat_map(|turn| [said(turn), answer(turn as Seq * 10, turn, 100)]).collect()
}

#[test]
fn whole_while_there_is_room_then_oldest_first_and_never_what_is_cited() {
    assert_eq!(fitted(&four(), &[], 10_000).0, [10, 20, 30, 40]);
    assert_eq!(fitted(&four(), &[], 2_400).0, [30, 40]);
    assert_eq!(fitted(&four(), &[10], 2_400).0, [10, 40]);
    assert_eq!(fitted(&four(), &[10, 20, 30, 40], 2_800).0, [10, 20, 30, 40]);
    // Nothing else is left to shorten.
    assert_eq!(fitted(&four(), &[10], 400).0, [0; 0]);
}

#[test]
fn what_is_shortened_says_where_the_rest_is_and_keeps_its_fence() {
    let (_, _, messages) = fitted(&four(), &[], 2_000);
    insta::assert_snapshot!(text_of(&messages[1]), @r#"
    [10] <untrusted>
    10: line 1 of the answer
    10: line 2 of the answer
    10: line 3 of the answer
    10: line 4 of the answer
    [left out: 91 lines; read_answer {"entry": 10} reads them]
    10: line 96 of the answer
    10: line 97 of the answer
    10: line 98 of the answer
    10: line 99 of the answer
    10: line 100 of the answer
    </untrusted>
    "#);
}

#[test]
fn the_first_look_is_shown_within_its_budget_short_answers_whole() {
    let mut pieces =
        vec![said(0), answer(1, 0, 2), answer(2, 0, 200), answer(3, 0, 20), answer(4, 0, 500), answer(5, 1, 90)];
    let whole = pieces.clone();
    first_look(&mut pieces, 1_000, &mut Counts::default(), &Words);
    let tokens: Vec<_> = pieces.iter().map(|piece| Words.count(text_of(&piece.message))).collect();
    let same: Vec<_> = pieces.iter().zip(&whole).map(|(now, then)| now.message == then.message).collect();
    assert_eq!(same, [true, true, false, true, false, true]);
    assert!(tokens[1..5].iter().sum::<usize>() <= 1_000, "{tokens:?}");
    assert!(tokens[2].abs_diff(tokens[4]) < 40, "long ones share: {tokens:?}");
}

proptest! {
    #[test]
    fn a_first_look_is_within_its_budget_with_fences_and_notes(lines in prop::collection::vec(1_usize..120, 1..14), most in 900_usize..4_000) {
        let mut pieces: Vec<_> = (1..).zip(&lines).map(|(seq, lines)| answer(seq, 0, *lines)).collect();
        first_look(&mut pieces, most, &mut Counts::default(), &Words);
        let tokens: usize = pieces.iter().map(|piece| tokens_of(&piece.message, &Words)).sum();
        prop_assert!(tokens <= most, "{tokens} of {most}");
    }

    /// Whatever an answer is made of, what is shown of it is as long as was wanted, with a note of what is not.
    #[test]
    fn a_shortened_answer_is_short(text in "[a-zé\\u{1f980}\n ]{0,400}", characters in 0_usize..300) {
        let answer = Answer { seq: 7, text: text.clone(), fenced: true };
        let shown = shortened(&answer, characters);
        let whole = text.trim_end();
        if whole.chars().count() <= characters {
            prop_assert_eq!(shown, whole);
        } else {
            let told = shown.contains(r#"lines; read_answer {"entry": 7} reads them]"#);
            prop_assert!(told, "{}", shown);
            prop_assert!(shown.chars().count() <= characters + 62, "{shown:?}");
        }
    }

    /// What the model read in an earlier turn stays word for word, except where it was shortened at a turn's beginning; a conversation
    /// that still has room is the old one with more at its end.
    #[test]
    fn a_conversation_grows_at_its_end_alone_while_there_is_room(lines in prop::collection::vec(1_usize..120, 1..12), most in 300_usize..4_000) {
        let pieces: Vec<_> = lines.iter().enumerate()
            .flat_map(|(at, lines)| [said(at + 1), answer(at as Seq + 1, at + 1, *lines)])
            .collect();
        let mut rewritten = 0;
        let mut before: Vec<Message> = Vec::new();
        for turn in 1..=lines.len() {
            let (_, tokens, messages) = fitted(&pieces[..turn * 2], &[], most);
            prop_assert_eq!(tokens, messages.iter().map(|message| tokens_of(message, &Words)).sum::<usize>());
            if turn > 1 {
                rewritten += usize::from(!messages.starts_with(&before));
            }
            before = messages;
        }
        // Each shortening frees three tenths of the window: it cannot be needed again at once, unless one answer fills that alone.
        let all: usize = pieces.iter().map(|piece| tokens_of(&piece.message, &Words)).sum();
        let biggest = pieces.iter().map(|piece| tokens_of(&piece.message, &Words)).max().unwrap_or(0);
        if biggest * 10 < most {
            prop_assert!(rewritten <= all / (most * 2 / 10) + 1, "{rewritten} times for {all} tokens in {most}");
        }
    }
}
