//! `read_file`: a file of a service's repository, as its people reviewed it.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Failure, Seen, SharedCatalogue, Tool,
    reach::{Contents, GitHub, RepositoryName},
    repository, service, text,
};

/// Lines of one answer.
const MOST: u32 = 400;
const USUAL: u32 = 200;
/// Characters of one line, and of one answer.
const LINE: usize = 400;
const ANSWER: usize = 24_000;
/// Entries told of a folder.
const ENTRIES: usize = 200;

/// Reads a file of the service's repository, with line numbers; of a folder, what it holds. Secrets are masked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "path": "deploy/payments.yaml", "from_line": 1, "lines": 120}]))]
pub struct ReadFileArgs {
    /// A service of the catalogue; the repository is the one that the catalogue names.
    pub service: String,
    /// The path from the repository's root; "." is the root folder.
    pub path: String,
    /// A branch, a tag, or a commit of the default branch; the default branch's newest commit if not given.
    #[serde(rename = "ref")]
    pub at: Option<String>,
    /// The first line to read, counted from 1.
    pub from_line: Option<u32>,
    /// How many lines; 200 if not given, 400 at most.
    pub lines: Option<u32>,
}

/// Reads files.
pub struct ReadFile {
    github: Option<Arc<GitHub>>,
    catalogue: SharedCatalogue,
}

/// What stands there.
#[derive(Debug, Serialize)]
pub struct FileRead {
    repository: String,
    path: String,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// `file` or `folder`.
    kind: &'static str,
    /// Lines, or entries of a folder, in all.
    count: usize,
    /// The first one told, counted from 1.
    first: usize,
    /// Those told.
    lines: Vec<String>,
    bytes: u64,
}

impl ReadFile {
    /// A tool over this GitHub; without one every call says so.
    pub fn new(github: Option<Arc<GitHub>>, catalogue: SharedCatalogue) -> Self {
        Self { github, catalogue }
    }
}

impl Tool for ReadFile {
    const NAME: &'static str = "read_file";
    // People review what comes into a repository, and `reviewed` keeps to its own branches and tags.
    const TRUSTED: &'static [&'static str] = &["path"];
    type Args = ReadFileArgs;
    type Output = FileRead;

    async fn run(&self, args: &Self::Args) -> Result<Seen<FileRead>, Failure> {
        let name = repository::of(&service::known(&self.catalogue, &args.service)?)?;
        let github = repository::github(&self.github)?;
        let path = if matches!(args.path.as_str(), "." | "/" | "") { "" } else { args.path.trim_end_matches('/') };
        if !path.is_empty() {
            repository::check_path(path)?;
        }
        let at = match &args.at {
            Some(at) => Some(reviewed(github, &name, at).await?),
            None => None,
        };
        let place = || {
            let at = args.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            format!("{:?} in {name}{at}", args.path)
        };
        let mut read = FileRead {
            repository: name.to_string(),
            path: args.path.clone(),
            at: args.at.clone(),
            kind: "file",
            count: 0,
            first: 1,
            lines: Vec::new(),
            bytes: 0,
        };
        let raw = match github.contents(&name, path, at.as_deref()).await? {
            None => {
                let parent = path.rsplit_once('/').map_or(".", |(parent, _)| parent);
                return Err(Failure::Tell(format!("there is no {}; read {parent:?} to see what there is", place())));
            }
            Some(Contents::Other(kind)) => {
                return Err(Failure::Tell(format!("{} is a {}, which cannot be read", place(), text::clean(&kind))));
            }
            Some(Contents::Folder(entries)) => {
                read.kind = "folder";
                read.count = entries.len();
                read.lines = entries.iter().take(ENTRIES).map(entry).collect();
                json!({ "folder": read.lines })
            }
            Some(Contents::File { bytes, size, sha }) => {
                let Some(bytes) = bytes else {
                    return Err(Failure::Tell(format!("{} has {size} bytes, which GitHub does not send", place())));
                };
                let whole = String::from_utf8(bytes)
                    .map_err(|_| Failure::Tell(format!("{} is no text ({size} bytes)", place())))?;
                read.bytes = size;
                read.choose(text::clean_lines(&whole), args)?;
                json!({ "blob": sha, "bytes": size, "first": read.first, "lines": read.lines })
            }
        };
        Ok(Seen { output: read, raw: service::raw(&raw) })
    }
}

/// A branch or tag of the repository, or a commit that its default branch holds. GitHub also answers for commits of forks and of
/// pull requests, which nobody has reviewed.
async fn reviewed(github: &GitHub, name: &RepositoryName, at: &str) -> Result<String, Failure> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./+@".contains(letter);
    let branch = at.strip_prefix("refs/heads/").or_else(|| at.strip_prefix("heads/")).unwrap_or(at);
    let fits = !branch.is_empty() && branch.len() <= 200 && branch.chars().all(plain) && !branch.contains("..");
    if !fits {
        return Err(Failure::Tell(format!(
            "the ref {at:?} is none; right would be a branch such as \"main\", a tag, or a commit"
        )));
    }
    for kind in ["heads", "tags"] {
        if let Some(sha) = github.reference(name, &format!("{kind}/{branch}")).await? {
            return Ok(sha);
        }
    }
    let commit = (7..=40).contains(&at.len()) && at.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit && github.holds(name, &github.repository(name).await?.default_branch, at).await? {
        return Ok(at.to_owned());
    }
    Err(Failure::Tell(format!("{name} has no branch or tag {at:?}, and its default branch holds no such commit")))
}

fn entry((name, kind): &(String, String)) -> String {
    let name = text::one_line(&text::clean(name), LINE);
    match kind.as_str() {
        "dir" => format!("{name}/"),
        "file" => name,
        other => format!("{name} ({})", text::clean(other)),
    }
}

impl FileRead {
    /// The lines asked for, as far as they fit.
    fn choose(&mut self, lines: Vec<String>, args: &ReadFileArgs) -> Result<(), Failure> {
        self.count = lines.len();
        let first = args.from_line.unwrap_or(1).max(1);
        self.first = usize::try_from(first).unwrap_or(usize::MAX);
        if self.first > self.count.max(1) {
            let what = format!("{:?} has {} lines; line {first} is past its end", self.path, self.count);
            return Err(Failure::Tell(what));
        }
        let most = usize::try_from(args.lines.unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(usize::MAX);
        let mut left = ANSWER;
        for line in lines.into_iter().skip(self.first - 1).take(most) {
            let line = text::cut(&line, LINE);
            if line.len() > left {
                break;
            }
            left -= line.len();
            self.lines.push(line);
        }
        Ok(())
    }
}

impl fmt::Display for FileRead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, path, count, first, .. } = self;
        let at = self.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
        if self.kind == "folder" {
            write!(out, "{repository} {path}{at}: a folder of {count}")?;
            for line in &self.lines {
                write!(out, "\n{line}")?;
            }
        } else {
            let last = first + self.lines.len() - usize::from(!self.lines.is_empty());
            write!(out, "{repository} {path}{at}: lines {first} to {last} of {count}, {} bytes", self.bytes)?;
            for (line, number) in self.lines.iter().zip(*first..) {
                write!(out, "\n{number:>5} {line}")?;
            }
        }
        let left_out = count - self.lines.len();
        if left_out > 0 {
            write!(out, "\n[{left_out} more are left out]")?;
        }
        Ok(())
    }
}
