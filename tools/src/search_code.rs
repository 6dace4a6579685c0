//! `search_code`: where something stands in a service's repository.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, SharedCatalogue, Tool,
    reach::{CodeHit, GitHub},
    repository, service, text,
};

/// Files told of one answer.
const FILES: usize = 20;
/// Lines told of one file, and characters of one line.
const LINES: usize = 12;
const LINE: usize = 200;
/// Characters of a query: GitHub takes no more than 256, its own qualifier among them.
const QUERY: usize = 150;

/// Qualifiers that could lead out of the repository.
#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static LEADS_OUT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^|[^\w])(repo|org|user|owner|enterprise|team|fork|saved|is)\s*:").expect("a valid pattern")
});

/// Searches the default branch of the service's repository. Words are joined by AND; `path:`, `filename:`, `extension:` and
/// `language:` narrow it down; a phrase stands in quotes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "query": "FEATURE_STORE_TIMEOUT_MS path:deploy"}]))]
pub struct SearchCodeArgs {
    /// A service of the catalogue; the repository is the one that the catalogue names.
    pub service: String,
    /// What to look for.
    pub query: String,
}

/// Searches code.
pub struct SearchCode {
    github: Option<Arc<GitHub>>,
    catalogue: SharedCatalogue,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct CodeFound {
    repository: String,
    /// Files in all, as GitHub counts them.
    count: u64,
    files: Vec<FileFound>,
}

#[derive(Debug, Serialize)]
struct FileFound {
    path: String,
    lines: Vec<String>,
}

impl SearchCode {
    /// A tool over this GitHub; without one every call says so.
    pub fn new(github: Option<Arc<GitHub>>, catalogue: SharedCatalogue) -> Self {
        Self { github, catalogue }
    }
}

impl Tool for SearchCode {
    const NAME: &'static str = "search_code";
    // GitHub searches only the default branch, into which people review what comes.
    const TRUSTED: &'static [&'static str] = &["path"];
    type Args = SearchCodeArgs;
    type Output = CodeFound;

    async fn run(&self, args: &Self::Args) -> Result<Seen<CodeFound>, Failure> {
        let name = repository::of(&service::known(&self.catalogue, &args.service)?)?;
        let github = repository::github(&self.github)?;
        let query = args.query.split_whitespace().collect::<Vec<_>>().join(" ");
        check(&query)?;
        let (mut hits, mut count) = github.search_code(&name, &query, FILES).await?;
        // Whatever the query has led to: nothing of another repository is told.
        let before = hits.len();
        hits.retain(|hit| name.is(&hit.repository));
        count = count.saturating_sub((before - hits.len()) as u64);
        let files: Vec<_> = hits.into_iter().map(FileFound::of).collect();
        let found = CodeFound { repository: name.to_string(), count: count.max(files.len() as u64), files };
        let raw = service::raw(&found.files);
        Ok(Seen { output: found, raw })
    }
}

fn check(query: &str) -> Result<(), Failure> {
    let wrong = |why: String| Err(Failure::Tell(format!("{why}; right would be \"connect_timeout path:deploy\"")));
    let length = query.chars().count();
    if length == 0 || length > QUERY {
        return wrong(format!("the query has {length} characters; 1 to {QUERY} are taken"));
    }
    if query.chars().any(char::is_control) {
        return wrong("the query holds control characters".to_owned());
    }
    if query.matches('"').count() % 2 == 1 {
        return wrong("a quote of the query is not closed".to_owned());
    }
    if let Some(found) = LEADS_OUT.captures(query).and_then(|found| found.get(1)) {
        let word = found.as_str();
        return wrong(format!("`{word}:` would lead out of the service's repository, which is searched in any case"));
    }
    Ok(())
}

impl FileFound {
    fn of(hit: CodeHit) -> Self {
        let lines = hit.fragments.iter().flat_map(|fragment| text::clean_lines(fragment));
        let told =
            lines.filter(|line| !line.trim().is_empty()).take(LINES).map(|line| text::cut(line.trim_end(), LINE));
        Self { path: text::one_line(&text::clean(&hit.path), 300), lines: told.collect() }
    }
}

impl fmt::Display for CodeFound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} files of {} hold it", self.count, self.repository)?;
        for file in &self.files {
            write!(out, "\n{}", file.path)?;
            for line in &file.lines {
                write!(out, "\n  | {line}")?;
            }
        }
        let left_out = self.count.saturating_sub(self.files.len() as u64);
        if left_out > 0 {
            write!(out, "\n[{left_out} more files are left out; narrow the query down]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_query_stays_within_the_repository() {
        for right in ["timeout", "\"connect timeout\" path:deploy", "std::time extension:rs", "reporting: x", "this:x"]
        {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        let long = "x".repeat(151);
        for wrong in [
            "",
            "a repo:evil/x",
            "REPO:evil/x",
            "-repo:evil/x",
            "(org:evil)",
            "a OR user:evil",
            "owner : evil",
            "\"a",
            "a\u{7}b",
            "fork:true x",
            long.as_str(),
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
