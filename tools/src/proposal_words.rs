//! The words of a proposal, and the name of its branch.

use sha2::{Digest, Sha256};

use crate::{open_pr::OpenPrArgs, text};

/// Characters of the texts that people read.
const TITLE: usize = 120;
const BODY: usize = 20_000;
const REASON: usize = 2_000;

/// The same service and files have the same branch, so that a crash or a second try never opens a second pull request.
pub(crate) fn branch_name(args: &OpenPrArgs) -> String {
    let mut files: Vec<_> = args.files.iter().map(|file| (&file.path, &file.content)).collect();
    files.sort();
    let mut hash = Sha256::new();
    // Lengths keep one text from running into the next.
    for part in [&args.service].into_iter().chain(files.into_iter().flat_map(|(path, content)| [path, content])) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: String = hex::encode(hash.finalize()).chars().take(12).collect();
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let slug: String = args.service.chars().map(letter).take(40).collect();
    format!("devops-agent/{}-{hash}", slug.trim_matches('-'))
}

/// The title, on one line.
pub(crate) fn title(args: &OpenPrArgs) -> String {
    text::one_line(&unaddressed(&text::clean(&args.title), "(at)"), TITLE)
}

/// The model's words, then why, then who proposes and who decides.
pub(crate) fn body(args: &OpenPrArgs) -> String {
    let words = |words: &str, most: usize| unaddressed(text::cut(text::clean(words).trim(), most).as_str(), "&#64;");
    format!(
        "{}\n\n## Why\n\n{}\n\n---\n\ndevops-agent proposes this for the service `{}`. It does not merge: people review it and \
         decide.\n",
        words(&args.body, BODY),
        words(&args.reason, REASON),
        args.service.replace('`', "'"),
    )
}

/// Nobody is called by `@name`: the words may come from a log line.
fn unaddressed(text: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    for letter in text.chars() {
        if letter == '@' && !last.is_alphanumeric() {
            out.push_str(with);
        } else {
            out.push(letter);
        }
        last = letter;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposal::ProposedFile;

    fn args(title: &str, files: &[(&str, &str)]) -> OpenPrArgs {
        let file = |(path, content): &(&str, &str)| ProposedFile { path: (*path).into(), content: (*content).into() };
        OpenPrArgs {
            service: "Pay_ments".into(),
            title: title.into(),
            body: "Ask @team, image nginx@sha256:abc\u{202e}".into(),
            files: files.iter().map(file).collect(),
            reason: "password=abc123 leaked".into(),
        }
    }

    #[test]
    fn the_branch_is_that_of_service_and_files_whatever_the_words() {
        let one = branch_name(&args("a", &[("x", "1"), ("y", "2")]));
        assert_eq!(one, branch_name(&args("b", &[("y", "2"), ("x", "1")])));
        assert_ne!(one, branch_name(&args("a", &[("x", "12"), ("y", "")])));
        assert!(
            one.starts_with("devops-agent/pay-ments-") && one.len() == "devops-agent/pay-ments-".len() + 12,
            "{one}"
        );
    }

    #[test]
    fn people_read_clean_words_that_call_nobody() {
        assert_eq!(title(&args("@all\nlook  here", &[])), "(at)all look here");
        insta::assert_snapshot!(body(&args("", &[])), @r"
        Ask &#64;team, image nginx@sha256:abc

        ## Why

        password=[masked] leaked

        ---

        devops-agent proposes this for the service `Pay_ments`. It does not merge: people review it and decide.
        ");
    }
}
