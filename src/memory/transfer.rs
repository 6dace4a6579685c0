//! Memory as JSON lines, out and in again, and its figures.

use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::{
    BadFile, Collection, Filter, Memory, MemoryError, Point,
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

    /// Reads lines as [`Memory::export`] writes them, in place of points with the same id. Lines that are none are told,
    /// the others are read. `name` stands in what is told. Says how many were read.
    ///
    /// # Errors
    /// When the store, the embeddings endpoint or the reader fails.
    pub async fn import(
        &self,
        name: &str,
        mut lines: &mut (dyn BufRead + Send),
    ) -> Result<(usize, Vec<BadFile>), MemoryError> {
        let _writing = self.writing.lock().await;
        let (mut read, mut number, mut bad) = (0, 0, Vec::new());
        let mut waiting: Vec<(Collection, Point)> = Vec::new();
        loop {
            let mut line = Vec::new();
            let length = (&mut lines).take(LONGEST).read_until(b'\n', &mut line).map_err(MemoryError::disk(name))?;
            if length == 0 {
                break;
            }
            number += 1;
            if length as u64 == LONGEST && line.last() != Some(&b'\n') {
                skip_line(lines).map_err(MemoryError::disk(name))?;
                let what = format!("is longer than {LONGEST} bytes");
                bad.push(BadFile { file: name.to_owned(), line: number, what });
                continue;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.line(&line) {
                Ok(point) => waiting.push(point),
                Err(what) => bad.push(BadFile { file: name.to_owned(), line: number, what }),
            }
            if waiting.len() >= PAGE {
                read += self.take_in(std::mem::take(&mut waiting)).await?;
            }
        }
        read += self.take_in(waiting).await?;
        Ok((read, bad))
    }

    /// A line's point, as clean as if it had been made here.
    fn line(&self, line: &[u8]) -> Result<(Collection, Point), String> {
        let Line { collection, mut point } =
            serde_json::from_slice(line).map_err(|error| format!("is no line of an export: {error}"))?;
        if collection == Collection::Incidents {
            let remembered =
                to_remembered(&point).ok_or("is an incident without `data`, or with another form of it")?;
            return Ok((collection, to_point(&remembered, self.clean).map_err(|error| error.to_string())?));
        }
        let clean = self.clean;
        for text in [&mut point.title, &mut point.section, &mut point.keywords, &mut point.text, &mut point.source] {
            *text = clean(text);
        }
        if point.id == 0 {
            point.id = Point::id_of(collection, &point.source, 0);
        }
        point.data = None;
        Ok((collection, point))
    }

    async fn take_in(&self, points: Vec<(Collection, Point)>) -> Result<usize, MemoryError> {
        let read = points.len();
        for collection in Collection::ALL {
            let of_it: Vec<Point> =
                points.iter().filter(|(of, _)| *of == collection).map(|(_, point)| point.clone()).collect();
            if !of_it.is_empty() {
                let index = self.ready(collection, None).await?;
                self.add(&index, of_it).await?;
            }
        }
        Ok(read)
    }
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
