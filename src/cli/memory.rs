//! `memory index|search|stats|export|import|forget`.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use memory::{Ask, Collection, Filter, Forget, Found as Hits, Imported, Memory, Progress};
use serde_json::json;
use tools::SystemClock;

use super::{
    Found,
    out::{Out, table},
};
use crate::{config::Settings, journal::Journal, parts::Parts};

#[derive(Args)]
pub(super) struct MemoryCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes memory hold the runbooks, documents and incidents as they are now.
    Index,
    /// Searches as the agent would.
    Search {
        /// Where.
        #[arg(value_enum)]
        what: What,
        /// What for, in words.
        words: Vec<String>,
        /// About this service only.
        #[arg(long)]
        service: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 5)]
        limit: usize,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says how much there is and where.
    Stats {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes everything as JSON lines, to standard output or a file.
    Export {
        /// The file.
        file: Option<PathBuf>,
    },
    /// Reads the incidents of another house that `export` wrote there; they stand beside this one's own.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Drops what `import` read.
    Forget {
        /// The name of the file that it was read from, without its folder.
        file: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Runbooks,
    Incidents,
    Documents,
}

impl What {
    fn collection(self) -> Collection {
        match self {
            Self::Runbooks => Collection::Runbooks,
            Self::Incidents => Collection::Incidents,
            Self::Documents => Collection::Documents,
        }
    }
}

impl MemoryCommand {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let journal = Journal::inspect(settings.journal.path.clone());
        let parts = Parts::join_with_memory(settings, Arc::new(SystemClock), journal)?;
        let Some(memory) = parts.memory.clone() else {
            bail!("there is no memory: [memory] enabled is false");
        };
        match self.command {
            Command::Index => index(&parts).await,
            Command::Search { what, words, service, limit, json } => {
                let filter = Filter { service, ..Filter::default() };
                let ask = Ask { text: words.join(" "), filter, limit };
                search(&memory, what.collection(), &ask, json).await
            }
            Command::Stats { json } => stats(&memory, json).await,
            Command::Export { file } => export(&memory, file).await,
            Command::Import { file } => import(&memory, file).await,
            Command::Forget { file } => {
                let gone = memory.forget(&Forget::Imported(file.clone())).await?;
                Out::new().line(&format!("{gone} incidents of {file} are forgotten"))?;
                Ok(Found::Well)
            }
        }
    }
}

async fn index(parts: &Parts) -> Result<Found> {
    let Some(keeper) = parts.keeper() else { return Ok(Found::Well) };
    let told = |collection: Collection, Progress { done, all }| {
        tracing::info!(collection = collection.name(), done, all, "indexing");
    };
    let mut out = Out::new();
    let mut found = Found::Well;
    for (collection, done) in keeper.index(&told).await? {
        out.line(&format!(
            "{}: {} documents, {} written, {} removed",
            collection.name(),
            done.documents,
            done.written,
            done.removed
        ))?;
        for bad in done.bad {
            found = Found::Wrong;
            out.line(&bad.to_string())?;
        }
    }
    if parts.settings.journal.path.exists() {
        // The policy may be about environments, which containers' labels say.
        parts.discover().await;
        let (written, removed) = keeper.all_incidents().await?;
        out.line(&format!("incidents: {written} written, {removed} removed"))?;
    }
    Ok(found)
}

async fn search(memory: &Memory, collection: Collection, ask: &Ask, as_json: bool) -> Result<Found> {
    let mut out = Out::new();
    let Hits { hits, closest, notes } = memory.search(collection, ask).await?;
    if as_json {
        out.json(&json!({ "hits": hits, "closest": closest, "notes": notes }))?;
        return Ok(Found::Well);
    }
    for note in notes {
        out.line(&note)?;
    }
    if hits.is_empty() {
        let closest = closest.map_or_else(String::new, |closest| format!(" (the closest is alike by {closest:.2})"));
        out.line(&format!("Nothing in memory is like this{closest}."))?;
    }
    for hit in hits {
        let first = hit.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        out.line(&format!("{:.2}  {}  {} {}\n      {first}", hit.likeness, hit.source, hit.title, hit.section))?;
    }
    Ok(Found::Well)
}

async fn stats(memory: &Memory, as_json: bool) -> Result<Found> {
    let mut out = Out::new();
    let stats = memory.stats().await?;
    if as_json {
        out.json(&json!({ "place": memory.place(), "collections": stats }))?;
        return Ok(Found::Well);
    }
    out.line(&memory.place())?;
    let mut rows = vec![["COLLECTION", "POINTS", "INDEX", ""].map(str::to_owned).to_vec()];
    rows.extend(stats.into_iter().map(|of| {
        let state = if of.fresh { "" } else { "made with other settings; `memory index` makes it anew" };
        vec![of.collection.name().to_owned(), of.points.to_string(), of.index.unwrap_or_default(), state.to_owned()]
    }));
    for line in table(&rows) {
        out.line(&line)?;
    }
    Ok(Found::Well)
}

async fn export(memory: &Memory, file: Option<PathBuf>) -> Result<Found> {
    match file {
        Some(path) => {
            let file = File::create(&path).with_context(|| path.display().to_string())?;
            let mut writer = BufWriter::new(file);
            let written = memory.export(&mut writer).await?;
            writer.flush()?;
            Out::new().line(&format!("{written} lines in {}", path.display()))?;
        }
        None => {
            memory.export(&mut std::io::stdout()).await?;
        }
    }
    Ok(Found::Well)
}

async fn import(memory: &Memory, file: PathBuf) -> Result<Found> {
    let name = file.display().to_string();
    let mut reader = BufReader::new(File::open(&file).with_context(|| name.clone())?);
    let Imported { incidents, own, of_files, bad } = memory.import(&name, &mut reader).await?;
    let mut out = Out::new();
    out.line(&format!("{incidents} incidents of {name}"))?;
    if own > 0 {
        out.line(&format!("{own} incidents are in memory already"))?;
    }
    if of_files > 0 {
        out.line(&format!(
            "{of_files} sections of runbooks and documents are left out: memory makes them from files; have [memory] documents name those"
        ))?;
    }
    for bad in &bad {
        out.line(&bad.to_string())?;
    }
    Ok(if bad.is_empty() { Found::Well } else { Found::Wrong })
}
