//! `open_pr`: proposes a change of a service's files. People decide whether it is merged.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Check, Effect, Failure, Permit, SharedCatalogue, Target, Touches, Undo,
    proposal::{self, PlannedFile, ProposedFile},
    proposal_words::{body, branch_name, title},
    reach::{Commit, GitHub, NewPullRequest, PullRequest, Repository, RepositoryName},
    repository, service, text,
};

const LABEL: &str = "devops-agent";
/// The last line of a pull request that we closed ourselves; one without it was closed by people, and that is their answer.
const TAKEN_BACK: &str = "*Taken back by devops-agent: its checks did not pass. It may be proposed again.*";
/// Opens a pull request in the service's repository that changes these files, in one commit. People review and merge it; nothing
/// is deployed by it. Read each file first: `content` is its whole new text, not a patch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{
    "service": "payments",
    "title": "Raise the feature store's time-out to 400 ms",
    "body": "Reads take 120 ms at the 95th percentile; 40 ms cuts off a third of them.",
    "files": [{"path": "deploy/payments.env", "content": "FEATURE_STORE_TIMEOUT_MS=400\n"}],
    "reason": "a third of the reads end in a time-out since the last deployment"
}]))]
pub struct OpenPrArgs {
    /// A service of the catalogue; the repository is the one that the catalogue names.
    pub service: String,
    /// The title, on one line.
    pub title: String,
    /// What it changes and what to look at, in Markdown.
    pub body: String,
    /// The files, each with its whole new text.
    pub files: Vec<ProposedFile>,
    /// Why, with the evidence: people read it.
    pub reason: String,
}

/// Opens pull requests.
pub struct OpenPr {
    github: Option<Arc<GitHub>>,
    catalogue: SharedCatalogue,
}

/// The repository before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    repository: String,
    /// The default branch, its commit and that commit's tree.
    base: String,
    base_sha: String,
    base_tree: String,
    /// The branch for exactly these files.
    branch: String,
    /// What that branch points to, where there is one: a run that was cut off left it.
    branch_sha: Option<String>,
    /// A pull request from that branch that is open already.
    open: Option<u64>,
    files: Vec<PlannedFile>,
}

impl OpenPr {
    /// A tool over this GitHub; without one every call says so.
    pub fn new(github: Option<Arc<GitHub>>, catalogue: SharedCatalogue) -> Self {
        Self { github, catalogue }
    }

    fn at(&self, before: &Before) -> Result<(&GitHub, RepositoryName), Failure> {
        Ok((repository::github(&self.github)?, RepositoryName::parse(&before.repository)?))
    }

    /// What stands of this change now: the newest pull request that we did not take back, and the branch.
    async fn stands(&self, before: &Before) -> Result<Stands, Failure> {
        let (github, repository) = self.at(before)?;
        let pulls = github.pull_requests_from(&repository, &before.branch).await?;
        let branch = github.reference(&repository, &heads(&before.branch)).await?;
        Ok(Stands { pull: pulls.into_iter().find(|pull| !taken_back(pull)), branch })
    }

    /// Makes the branch point at our commit; one that a run cut off has left is taken over.
    async fn branch(&self, before: &Before, made: &Commit) -> Result<(), Failure> {
        let (github, repository) = self.at(before)?;
        let branch = &before.branch;
        let refused = |failure: Failure| match failure {
            Failure::Tell(why) => Failure::Tell(format!("the branch {branch} cannot be made: {why}")),
            Failure::Unreachable { .. } => failure,
        };
        if github.create_branch(&repository, branch, &made.sha).await.map_err(refused)? {
            return Ok(());
        }
        let Some(sha) = github.reference(&repository, &heads(branch)).await? else {
            return github.create_branch(&repository, branch, &made.sha).await.map_err(refused).map(drop);
        };
        let found = github.commit(&repository, &sha).await?;
        if !ours(&found, branch) {
            let what = format!("the branch {branch} is there already and holds what others wrote; it is left as it is");
            return Err(Failure::Tell(what));
        }
        if found.tree == made.tree && found.parents == made.parents {
            return Ok(());
        }
        github.move_branch(&repository, branch, &made.sha).await.map_err(refused)
    }
}

struct Stands {
    pull: Option<PullRequest>,
    branch: Option<String>,
}

impl Change for OpenPr {
    const NAME: &'static str = "open_pr";
    const TOUCHES: Touches = Touches::Repository;
    const WORDS: &'static [&'static str] = &["title", "body", "reason"];
    type Args = OpenPrArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let name = repository::of(&service::known(&self.catalogue, &args.service)?)?;
        let github = repository::github(&self.github)?;
        proposal::check(&args.files)?;
        if title(args).is_empty() || args.reason.trim().is_empty() {
            return Err(Failure::Tell("title and reason have to say something: people decide by them".to_owned()));
        }
        let told = github.repository(&name).await?;
        writable(&name, &told)?;
        let base = told.default_branch;
        let Some(base_sha) = github.reference(&name, &heads(&base)).await? else {
            return Err(Failure::Tell(format!("{name} has no branch {base:?}, its default branch; is it empty?")));
        };
        let base_tree = github.commit(&name, &base_sha).await?.tree;
        let files = proposal::plan(github, &name, &base_tree, &args.files).await?;
        let branch = branch_name(args);
        let pulls = github.pull_requests_from(&name, &branch).await?;
        if let Some(decided) = pulls.iter().find(|pull| !pull.open() && !taken_back(pull)) {
            let how = if decided.merged_at.is_some() { "merged, and its change taken out again" } else { "closed" };
            let number = decided.number;
            return Err(Failure::Tell(format!(
                "just this was proposed as pull request #{number}, which people have {how}; propose something else"
            )));
        }
        let branch_sha = github.reference(&name, &heads(&branch)).await?;
        let open = pulls.iter().find(|pull| pull.open()).map(|pull| pull.number);
        Ok(Before { repository: name.to_string(), base, base_sha, base_tree, branch, branch_sha, open, files })
    }

    fn effect(&self, _: &Self::Args, before: &Before) -> Effect {
        let (added, removed) =
            before.files.iter().fold((0, 0), |(added, removed), file| (added + file.added, removed + file.removed));
        let paths: Vec<String> = before.files.iter().map(|file| file.path.clone()).collect();
        let (repository, named, count) = (&before.repository, paths.join(", "), paths.len());
        let says = match before.open {
            Some(number) => {
                format!("changes nothing: pull request #{number} of {repository} proposes just this already")
            }
            None => {
                let base = &before.base;
                format!("proposes {count} changed files to {repository} ({base}), +{added} -{removed} lines: {named}")
            }
        };
        let stand: Vec<_> = before.files.iter().map(PlannedFile::state).collect();
        Effect {
            says,
            state: format!("{repository} {} {}; {}", before.base, before.base_sha, stand.join("; ")),
            files: Some((paths, added + removed)),
            ..Effect::default()
        }
    }

    async fn apply(&self, _: Permit, args: &Self::Args, before: &Before) -> Result<String, Failure> {
        let (github, repository) = self.at(before)?;
        let find = || github.pull_requests_from(&repository, &before.branch);
        if let Some(pull) = find().await?.into_iter().find(PullRequest::open) {
            return Ok(format!("{} proposes just this and is open already; no second one was opened", link(&pull)));
        }
        let files: Vec<_> = before.files.iter().filter_map(|file| file.written(&args.files)).collect();
        let tree = github.create_tree(&repository, &before.base_tree, &files).await?;
        let message = format!("{}\n\n{}", title(args), trailer(&before.branch));
        let parents = vec![before.base_sha.clone()];
        let sha = github.create_commit(&repository, &message, &tree, &before.base_sha).await?;
        self.branch(before, &Commit { sha, tree, message, parents }).await?;
        let body = body(args);
        let new = NewPullRequest { title: &title(args), body: &body, head: &before.branch, base: &before.base };
        let Some(pull) = github.open_pull_request(&repository, &new).await? else {
            let open = find().await?.into_iter().find(PullRequest::open);
            return Ok(format!("{} is open already", open.as_ref().map_or_else(|| "one".to_owned(), link)));
        };
        // A label is a help for people, and not worth failing for.
        let labelled = github.add_labels(&repository, pull.number, &[LABEL]).await;
        let label = labelled.err().map(|failure| format!(" (without the label {LABEL}: {failure})"));
        Ok(format!("opened {}{}", link(&pull), label.unwrap_or_default()))
    }

    fn settles_within(&self, _: &Before) -> Duration {
        self.github.as_deref().map_or(Duration::ZERO, GitHub::timeout)
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let Stands { pull, branch } = self.stands(before).await?;
        Ok(match (pull, branch) {
            (Some(pull), _) => Some(format!("{} is {}", link(&pull), condition(&pull))),
            // A branch alone is no proposal, but it has to be taken back.
            (None, Some(sha)) if before.branch_sha.as_ref() != Some(&sha) => {
                Some(format!("the branch {} was made, but no pull request opened", before.branch))
            }
            (None, _) => None,
        })
    }

    async fn verify(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (github, repository) = self.at(before)?;
        let name = "the pull request is open".to_owned();
        let Some(pull) = self.stands(before).await?.pull else {
            return Ok(vec![Check { name, passed: false, found: format!("there is none from {}", before.branch) }]);
        };
        let found = format!("{} is {}", link(&pull), condition(&pull));
        let open = Check { name, passed: pull.open() || pull.merged_at.is_some(), found };
        let head = github.commit(&repository, &pull.head.sha).await?;
        let ours = Check {
            name: "its newest commit is ours".to_owned(),
            passed: ours(&head, &before.branch),
            found: text::one_line(&text::clean(&format!("{} {}", head.sha, head.message)), 160),
        };
        let touched = github.pull_request_files(&repository, pull.number).await?;
        let exactly = touched.len() == before.files.len()
            && before.files.iter().all(|file| {
                touched.iter().any(|seen| seen.filename == file.path && seen.sha.as_ref() == Some(&file.becomes))
            });
        let seen: Vec<_> = touched.iter().map(|file| format!("{} {}", file.status, file.filename)).collect();
        let files = Check {
            name: "it changes exactly the proposed files".to_owned(),
            passed: exactly,
            found: text::one_line(&text::clean(&seen.join(", ")), 300),
        };
        Ok(vec![open, ours, files])
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        let (github, repository) = self.at(before)?;
        if let Some(number) = before.open {
            return Ok(Undo::Nothing(format!("pull request #{number} was open before and stays as it was")));
        }
        let Stands { pull, branch } = self.stands(before).await?;
        if let Some(pull) = pull.as_ref().filter(|pull| pull.merged_at.is_some()) {
            return Ok(Undo::Nothing(format!("people have merged {}; only they can take that back", link(pull))));
        }
        if let Some(sha) = branch.as_ref().filter(|sha| before.branch_sha.as_ref() != Some(*sha))
            && !ours(&github.commit(&repository, sha).await?, &before.branch)
        {
            let what = format!("others have pushed to {}; branch and pull request are left to them", before.branch);
            return Err(Failure::Tell(what));
        }
        let mut done = Vec::new();
        if let Some(pull) = pull.filter(PullRequest::open) {
            let body = format!("{}\n\n{TAKEN_BACK}", pull.body.as_deref().unwrap_or_default());
            github.close_pull_request(&repository, pull.number, &body).await?;
            done.push(format!("closed {}", link(&pull)));
        }
        if branch != before.branch_sha {
            match &before.branch_sha {
                Some(sha) => github.move_branch(&repository, &before.branch, sha).await?,
                None => github.delete_branch(&repository, &before.branch).await?,
            }
            done.push(format!("took back the branch {}", before.branch));
        }
        if done.is_empty() {
            return Ok(Undo::Nothing("neither a branch nor a pull request was made".to_owned()));
        }
        Ok(Undo::Done(done.join("; ")))
    }

    async fn restored(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let Stands { pull, branch } = self.stands(before).await?;
        let open = pull.filter(PullRequest::open).map(|pull| pull.number);
        let told = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| format!("#{number}"));
        let shown = |sha: &Option<String>| sha.clone().unwrap_or_else(|| "not there".to_owned());
        Ok(vec![
            Check {
                name: format!("the open pull request of {} is as before: {}", before.branch, told(before.open)),
                passed: open == before.open,
                found: told(open),
            },
            Check {
                name: format!("the branch {} is as before: {}", before.branch, shown(&before.branch_sha)),
                passed: branch == before.branch_sha,
                found: shown(&branch),
            },
        ])
    }
}

/// Whether a proposal can be made there at all.
fn writable(name: &RepositoryName, told: &Repository) -> Result<(), Failure> {
    let no = |why: String| Err(Failure::Tell(format!("no pull request can be opened in {name}: {why}")));
    if !name.is(&told.full_name) {
        let now = text::one_line(&text::clean(&told.full_name), 200);
        return no(format!("it is called {now} now; set that in the catalogue"));
    }
    if told.archived || told.disabled {
        return no("it is archived or switched off, and nothing in it can be changed".to_owned());
    }
    if told.fork {
        return no("it is a fork; set the repository that it was made from in the catalogue".to_owned());
    }
    if told.permissions.is_some_and(|permissions| !permissions.push) {
        return no(
            "the `token` in [github] may not push there; it needs contents and pull requests to be writable".into()
        );
    }
    Ok(())
}

fn heads(branch: &str) -> String {
    format!("heads/{branch}")
}

/// The last line of our commits, by which they are known.
fn trailer(branch: &str) -> String {
    format!("Proposal: {branch}")
}

fn ours(commit: &Commit, branch: &str) -> bool {
    commit.message.trim_end().lines().last() == Some(trailer(branch).as_str())
}

fn taken_back(pull: &PullRequest) -> bool {
    !pull.open() && pull.body.as_deref().unwrap_or_default().trim_end().ends_with(TAKEN_BACK)
}

fn condition(pull: &PullRequest) -> &'static str {
    match (pull.open(), pull.merged_at) {
        (true, _) => "open",
        (false, Some(_)) => "merged",
        (false, None) => "closed",
    }
}

fn link(pull: &PullRequest) -> String {
    format!("pull request #{} ({})", pull.number, text::one_line(&text::clean(&pull.html_url), 200))
}
