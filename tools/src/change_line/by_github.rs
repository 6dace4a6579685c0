//! What GitHub tells: commits with the files that they touch, merged pull requests, runs of workflows.

use analysis::changes::Kind as Nature;
use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::{ChangeLine, Kind, Whose, is_flag};
use crate::{
    Failure,
    list_changes::Told,
    reach::{CommitLine, GitHub, PullRequest, RepositoryName, TouchedFile, WorkflowRun},
    text,
};

/// Commits and pull requests whose files are asked for: each costs a request.
const COMMITS: usize = 10;
const PULL_REQUESTS: usize = 5;
/// Files told of one commit, and characters of its changed lines that are compared.
const FILES: usize = 3;
const LINES: usize = 4_000;

/// What GitHub tells; one list that fails does not hide the others. With `files` those are asked for as well.
pub(crate) async fn by_github(
    github: &GitHub,
    whose: Whose<'_>,
    repository: &RepositoryName,
    since: DateTime<Utc>,
    files: bool,
) -> Result<Told, Failure> {
    let branch = github.repository(repository).await?.default_branch;
    let (commits, merged, runs) = tokio::join!(
        github.commits_since(repository, &branch, since),
        github.merged_since(repository, &branch, since),
        github.workflow_runs_since(repository, &branch, since),
    );
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    match commits {
        Ok(commits) => {
            let asked = commits.iter().take(if files { COMMITS } else { 0 });
            let touched = join_all(asked.map(|commit| github.commit_files(repository, &commit.sha))).await;
            let touched = answered("files of commits", touched, &mut missing);
            let touched = touched.into_iter().map(Some).chain(std::iter::repeat(None));
            lines.extend(
                commits.iter().zip(touched).filter_map(|(one, files)| commit(whose, one, &branch, files.flatten())),
            );
        }
        Err(failure) => missing.push(format!("GitHub's commits: {failure}")),
    }
    match merged {
        Ok(merged) => {
            let asked = merged.iter().take(if files { PULL_REQUESTS } else { 0 });
            let touched = join_all(asked.map(|pull| github.pull_request_files(repository, pull.number))).await;
            let touched = answered("files of pull requests", touched, &mut missing);
            let touched = touched.into_iter().map(Some).chain(std::iter::repeat(None));
            lines.extend(merged.iter().zip(touched).filter_map(|(one, files)| {
                let names = files.flatten().into_iter().flatten().map(|file| file.filename).collect();
                pull_request(whose, one, names)
            }));
        }
        Err(failure) => missing.push(format!("GitHub's pull requests: {failure}")),
    }
    match runs {
        Ok(runs) => lines.extend(runs.iter().map(|one| run(whose, one))),
        Err(failure) => missing.push(format!("GitHub's workflow runs: {failure}")),
    }
    Ok((lines, missing))
}

/// What came of many questions; the failures are counted and the first is told.
fn answered<T>(what: &str, answers: Vec<Result<T, Failure>>, missing: &mut Vec<String>) -> Vec<Option<T>> {
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    if let Some(first) = failed.first() {
        missing.push(format!("GitHub's {what} ({} of {}): {first}", failed.len(), answers.len()));
    }
    answers.into_iter().map(Result::ok).collect()
}

fn commit(whose: Whose<'_>, commit: &CommitLine, branch: &str, files: Option<Vec<TouchedFile>>) -> Option<ChangeLine> {
    let message = commit.message.lines().next().unwrap_or_default();
    let files = files.unwrap_or_default();
    let names: Vec<_> = files.iter().map(|file| file.filename.clone()).collect();
    let what =
        format!("commit {} on {}: {}{}", short(&commit.sha), shown(branch, 60), shown(message, 120), touching(&names));
    let nature = if flags(&names) { Nature::Flag } else { Nature::Commit };
    let changed = files.iter().filter_map(|file| file.patch.as_deref()).map(changed_lines);
    let touches = [commit.message.clone()].into_iter().chain(names).chain(changed).collect();
    Some(ChangeLine::github(whose, commit.at?, (Kind::Commit, nature), what).touching(touches, true))
}

fn pull_request(whose: Whose<'_>, pull: &PullRequest, names: Vec<String>) -> Option<ChangeLine> {
    let what = format!("pull request #{} merged: {}{}", pull.number, shown(&pull.title, 120), touching(&names));
    let nature = if flags(&names) { Nature::Flag } else { Nature::Merge };
    let touches = [pull.title.clone(), pull.body.clone().unwrap_or_default()].into_iter().chain(names).collect();
    Some(ChangeLine::github(whose, pull.merged_at?, (Kind::PullRequest, nature), what).touching(touches, true))
}

fn run(whose: Whose<'_>, run: &WorkflowRun) -> ChangeLine {
    let name = shown(run.name.as_deref().unwrap_or("workflow"), 80);
    let ended = run.conclusion.as_deref().or(run.status.as_deref()).unwrap_or("unknown");
    let (ended, by) = (shown(ended, 30), shown(&run.event, 30));
    let what = format!("{name} run {} of {} by {by}: {ended}", run.run_number, short(&run.head_sha));
    ChangeLine::github(whose, run.updated_at, (Kind::WorkflowRun, Nature::Workflow), what)
}

/// The first files, as a part of a line.
fn touching(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let told: Vec<_> = names.iter().take(FILES).map(|name| shown(name, 80)).collect();
    let more = names.len().saturating_sub(FILES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(" (touches {}{more})", told.join(", "))
}

/// Whether all that is touched are flags.
fn flags(names: &[String]) -> bool {
    !names.is_empty() && names.iter().all(|name| is_flag(name))
}

/// The lines of a patch that were added or taken out.
fn changed_lines(patch: &str) -> String {
    let lines = patch.lines().filter(|line| line.starts_with(['+', '-']));
    text::cut(&lines.collect::<Vec<_>>().join("\n"), LINES)
}

fn shown(words: &str, most: usize) -> String {
    text::one_line(&text::clean(words), most)
}

fn short(sha: &str) -> String {
    text::clean(&sha.chars().take(7).collect::<String>())
}
