//! Memory as JSON lines, out and in again, and its figures.

use std::{
    collections::BTreeSet,
    io::{BufRead, Read, Write},
};

use serde::{Deserialize, Serialize};

use crate::{
    BadFile, Collection, Filter, Memory, MemoryError, Point, Remembered,
    incidents::{to_point, to_remembered},
    memory::{Current, PAGE},
};

/// Bytes of one line.
const LONGEST: u64 = 1 << 20;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    collection: Collection,
    point: Point,
}

/// The figures of one collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionStats {
    /// Which collection.
    pub collection: Collection,
    /// Its points; one a section or an incident.
    pub points: usize,
    /// Its index; `None` before the first.
    pub index: Option<String>,
    /// Whether the index was made with the present settings.
    pub fresh: bool,
}

impl Memory {
    /// Where memory is kept, for people.
    pub fn place(&self) -> String {
        self.store.place()
    }

    /// How much there is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stats(&self) -> Result<Vec<CollectionStats>, MemoryError> {
        let _reading = self.reading.read().await;
        let mut stats = Vec::new();
        for collection in Collection::ALL {
            stats.push(match self.current(collection).await? {
                None => CollectionStats { collection, points: 0, index: None, fresh: true },
                Some(Current { index, fresh }) => {
                    let points = self.store.count(&index).await?;
                    CollectionStats { collection, points, index: Some(index.name.to_string()), fresh }
                }
            });
        }
        Ok(stats)
    }

    /// Writes every point as a line, without vectors: they can be made again. Says how many.
    ///
    /// # Errors
    /// When the store or the writer fails.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<usize, MemoryError> {
        let _reading = self.reading.read().await;
        let mut written = 0;
        for collection in Collection::ALL {
            let Some(Current { index, .. }) = self.current(collection).await? else { continue };
            let mut after = None;
            loop {
                let (points, next) = self.store.page(&index, Filter::default(), after, PAGE, false).await?;
                for indexed in points {
                    let line = Line { collection, point: indexed.point };
                    let text = serde_json::to_string(&line).map_err(|error| MemoryError::Store(error.to_string()))?;
                    writeln!(out, "{text}").map_err(MemoryError::disk("the export"))?;
                    written += 1;
                }
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        out.flush().map_err(MemoryError::disk("the export"))?;
        Ok(written)
    }

    /// Reads the incidents of lines as [`Memory::export`] writes them, in place of those that were imported from a file of this name
    /// before. They stand beside those of this house's journal, whose numbers are others; those that are its own are left out, and so
    /// are runbooks and documents, since they are made from this house's own files. Lines that are none are told, the others are read.
    ///
    /// # Errors
    /// When the store, the embeddings endpoint or the reader fails.
    pub async fn import(&self, name: &str, mut lines: &mut (dyn BufRead + Send)) -> Result<Imported, MemoryError> {
        let _writing = self.writing.lock().await;
        let (mut done, mut number) = (Imported::default(), 0);
        let mut waiting = Vec::new();
        loop {
            let mut line = Vec::new();
            let length = (&mut lines).take(LONGEST).read_until(b'\n', &mut line).map_err(MemoryError::disk(name))?;
            if length == 0 {
                break;
            }
            number += 1;
            let mut is_bad = |what: String| done.bad.push(BadFile { file: name.to_owned(), line: number, what });
            if length as u64 == LONGEST && line.last() != Some(&b'\n') {
                skip_line(lines).map_err(MemoryError::disk(name))?;
                is_bad(format!("is longer than {LONGEST} bytes"));
                continue;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match read(&line) {
                Ok(Some(remembered)) => waiting.push(remembered),
                Ok(None) => done.of_files += 1,
                Err(what) => is_bad(what),
            }
            if waiting.len() >= PAGE {
                self.take_in(name, std::mem::take(&mut waiting), &mut done).await?;
            }
        }
        self.take_in(name, waiting, &mut done).await?;
        Ok(done)
    }

    /// Keeps incidents of another house, as clean as if they had been made here.
    async fn take_in(&self, name: &str, read: Vec<Remembered>, done: &mut Imported) -> Result<(), MemoryError> {
        if read.is_empty() {
            return Ok(());
        }
        let index = self.ready(Collection::Incidents, None).await?;
        let file = name.rsplit('/').next().unwrap_or(name);
        let mut both = Vec::new();
        for mut remembered in read {
            let own = to_point(&remembered, self.clean)?;
            remembered.from.get_or_insert_with(|| file.to_owned());
            both.push((own, to_point(&remembered, self.clean)?));
        }
        let ids = both.iter().flat_map(|(own, imported)| [own.id, imported.id]).collect();
        let there: BTreeSet<_> =
            self.store.get(&index, ids).await?.into_iter().map(|point| (point.id, point.hash)).collect();
        let is_there = |point: &Point| there.contains(&(point.id, point.hash.clone()));
        let all = both.len();
        both.retain(|(own, imported)| !is_there(own) && !is_there(imported));
        done.own += all - both.len();
        let points: Vec<_> = both.into_iter().map(|(_, imported)| imported).collect();
        done.incidents += points.len();
        self.add(&index, points).await
    }
}

/// What importing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Incidents that were kept.
    pub incidents: usize,
    /// Incidents that memory has already, of this house's journal or of an earlier import.
    pub own: usize,
    /// Sections of runbooks and documents, which were left out.
    pub of_files: usize,
    /// Lines that are none.
    pub bad: Vec<BadFile>,
}

/// A line's incident; `None` for a line of something else.
fn read(line: &[u8]) -> Result<Option<Remembered>, String> {
    let Line { collection, point } =
        serde_json::from_slice(line).map_err(|error| format!("is no line of an export: {error}"))?;
    if collection != Collection::Incidents {
        return Ok(None);
    }
    to_remembered(&point)
        .map(Some)
        .ok_or_else(|| "is an incident without `data`, or with another form of it".to_owned())
}

/// Reads on to the end of the line, keeping nothing.
fn skip_line(lines: &mut (dyn BufRead + Send)) -> std::io::Result<()> {
    loop {
        let (used, ended) = {
            let piece = lines.fill_buf()?;
            match piece.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (piece.len(), piece.is_empty()),
            }
        };
        lines.consume(used);
        if ended {
            return Ok(());
        }
    }
}
