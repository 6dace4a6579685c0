//! The one thread that writes. It gathers what waits into one commit: many writers share one fsync.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    path::Path,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot, watch};
use tools::SharedClock;

use super::{JournalError, JournalOptions, Lease, chain, history, outcome_word, store};
use crate::incident::{Entry, Event, Incident, IncidentId, OPERATIONS, OpenIncidents, Phase, can_be_read};

/// Writes gathered into one commit at most: bounds how long the first of them waits.
const GATHERED: usize = 512;

type Answer = Box<dyn FnOnce(Result<(), JournalError>) + Send>;
type Job = Box<dyn FnOnce(&mut Batch<'_>) -> (bool, Answer) + Send>;

/// Hands work to the writing thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    ended: watch::Receiver<bool>,
}

impl Writer {
    /// Takes the lock, opens the file, drops leases of a dead process, and starts the thread.
    pub(super) fn start(
        options: &JournalOptions,
        clock: SharedClock,
    ) -> Result<(Self, watch::Receiver<u64>), JournalError> {
        let lock = lock(&options.path)?;
        let connection = Connection::open(&options.path)
            .map_err(|error| JournalError::storage("opened", format!("{}: {error}", options.path.display())))?;
        store::prepare(&connection, &options.path)?;
        connection.execute("DELETE FROM leases", []).map_err(|error| JournalError::storage("opened", error))?;
        let mut state = State::load(&connection)?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(options.queue.max(1));
        let (changed, changes) = watch::channel(0);
        let (end, ended) = watch::channel(false);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                while let Some(first) = waiting.blocking_recv() {
                    let mut jobs = vec![first];
                    while jobs.len() < GATHERED
                        && let Ok(next) = waiting.try_recv()
                    {
                        jobs.push(next);
                    }
                    if commit(&connection, &mut state, &clock, jobs) {
                        changed.send_modify(|count| *count += 1);
                    }
                    if state.closing {
                        break;
                    }
                }
                // The file is let go before anyone is told that the journal is closed.
                drop((connection, lock));
                end.send_replace(true);
            })
            .map_err(|error| JournalError::storage("opened", error))?;
        Ok((Self { jobs, ended }, changes))
    }

    /// For a journal that is only read.
    pub(super) fn absent() -> (Self, watch::Receiver<u64>) {
        let (jobs, _) = mpsc::channel(1);
        let (_, ended) = watch::channel(true);
        let (_, changes) = watch::channel(0);
        (Self { jobs, ended }, changes)
    }

    /// Runs `work` inside the next commit; returns when that is on disk.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        let (job, answer) = job(work);
        self.jobs.send(job).await.map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The same, refused at once when too much waits.
    pub(super) async fn try_write<T, F>(&self, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        let (job, answer) = job(work);
        self.jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => JournalError::Busy,
            mpsc::error::TrySendError::Closed(_) => JournalError::Closed,
        })?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Ends the thread after what waits now is written.
    pub(super) async fn close(&self) {
        let closing = self
            .write(|batch| {
                batch.give_all_back()?;
                batch.state.closing = true;
                Ok(())
            })
            .await;
        if closing.is_ok() {
            let mut ended = self.ended.clone();
            // The sender lives in the thread: an error means that it has ended as well.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

fn job<T, F>(work: F) -> (Job, oneshot::Receiver<Result<T, JournalError>>)
where
    T: Send + 'static,
    F: FnOnce(&mut Batch<'_>) -> Result<T, JournalError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move |batch| {
        let done = work(batch);
        let keep = done.is_ok();
        let answer: Answer = Box::new(move |committed| {
            // Whoever asked may have gone away; what was written stays written.
            let _ = sender.send(committed.and(done));
        });
        (keep, answer)
    });
    (job, receiver)
}

fn lock(path: &Path) -> Result<File, JournalError> {
    let beside = path.with_extension("lock");
    let failed = |error: &std::io::Error| JournalError::storage("opened", format!("{}: {error}", beside.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| JournalError::storage("opened", format!("{}: {error}", folder.display())))?;
    }
    let file =
        File::options().create(true).truncate(false).write(true).open(&beside).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Runs the jobs in one transaction and answers them after it; gives whether anything was written.
fn commit(connection: &Connection, state: &mut State, clock: &SharedClock, jobs: Vec<Job>) -> bool {
    let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
    let mut appended = false;
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    for job in jobs {
        let mut batch = Batch { connection, state, now: clock.now(), touched: Vec::new(), appended: false };
        let saved = batch.sql("SAVEPOINT job");
        let (keep, answer) = job(&mut batch);
        let keep = keep && saved.is_ok();
        appended |= keep && batch.appended;
        let touched = std::mem::take(&mut batch.touched);
        let _ = batch.sql(if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" });
        if !keep {
            touched.iter().for_each(|id| state.refresh(connection, *id));
        }
        answers.push(answer);
    }
    let done = begun.and_then(|()| connection.execute_batch("COMMIT"));
    let done = done.map_err(|error| JournalError::storage("written", error));
    if done.is_err() {
        let _ = connection.execute_batch("ROLLBACK");
        state.reload(connection);
    }
    for answer in answers {
        answer(done.clone());
    }
    appended && done.is_ok()
}

/// What the writing thread keeps in memory: the open incidents, and nothing of those that are over.
pub(super) struct State {
    cached: HashMap<IncidentId, (Incident, Vec<u8>)>,
    pub(super) open: OpenIncidents,
    pub(super) next_lease: i64,
    closing: bool,
}

impl State {
    fn load(connection: &Connection) -> Result<Self, JournalError> {
        let mut state = Self { cached: HashMap::new(), open: OpenIncidents::default(), next_lease: 1, closing: false };
        for id in store::open_incidents(connection)? {
            state.index_or_say(connection, id);
        }
        Ok(state)
    }

    fn index(&mut self, connection: &Connection, id: IncidentId) -> Result<(), JournalError> {
        let entries = store::entries(connection, id, 0, usize::MAX)?;
        let incident = Incident::replay(id, &entries);
        self.open.begin(id);
        for entry in &entries {
            if let Event::AlertJoined { alert, group_key, .. } = &entry.event {
                self.open.add(id, alert, group_key, incident.service.service(), entry.at);
            }
        }
        Ok(())
    }

    fn reload(&mut self, connection: &Connection) {
        let (next_lease, closing) = (self.next_lease, self.closing);
        self.cached.clear();
        if let Ok(fresh) = Self::load(connection) {
            *self = Self { next_lease, closing, ..fresh };
        }
    }

    /// Forgets what a job that was rolled back had done to an incident.
    fn refresh(&mut self, connection: &Connection, id: IncidentId) {
        self.cached.remove(&id);
        self.open.remove(id);
        let open =
            store::incident(connection, id).ok().flatten().is_some_and(|(known, _)| known.phase != Phase::Closed);
        if open {
            self.index_or_say(connection, id);
        }
    }

    /// One incident that cannot be read keeps no other from being worked on.
    fn index_or_say(&mut self, connection: &Connection, id: IncidentId) {
        if let Err(error) = self.index(connection, id) {
            tracing::error!(incident = id, %error, "an open incident cannot be read; its alerts may open another");
        }
    }
}

/// One job's view of the journal inside a commit.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a Connection,
    pub(super) state: &'a mut State,
    pub(super) now: DateTime<Utc>,
    touched: Vec<IncidentId>,
    appended: bool,
}

impl Batch<'_> {
    /// Opens an incident.
    pub(super) fn begin(&mut self, events: Vec<Event>, most: usize) -> Result<IncidentId, JournalError> {
        let open = self.state.open.len();
        if open >= most {
            return Err(JournalError::Full { open, most });
        }
        let now = store::micros(self.now);
        self.execute(
            "INSERT INTO incidents (title, phase, opened_at, updated_at, seq, head) VALUES ('', 'open', ?1, ?1, 0, ?2)",
            params![now, chain::GENESIS],
        )?;
        let id = u64::try_from(self.connection.last_insert_rowid()).unwrap_or_default();
        self.state.cached.insert(id, (Incident::new(id), chain::GENESIS.to_vec()));
        self.state.open.begin(id);
        self.touched.push(id);
        self.append(id, events)?;
        Ok(id)
    }

    /// The incident as it is now.
    pub(super) fn incident(&mut self, id: IncidentId) -> Result<&Incident, JournalError> {
        if !self.state.cached.contains_key(&id) {
            let found = store::incident(self.connection, id)?.ok_or(JournalError::NoSuchIncident(id))?;
            self.state.cached.insert(id, found);
        }
        self.state.cached.get(&id).map(|(incident, _)| incident).ok_or(JournalError::NoSuchIncident(id))
    }

    /// Appends events to an incident and brings its line in the list up to date.
    pub(super) fn append(&mut self, id: IncidentId, events: Vec<Event>) -> Result<Vec<Entry>, JournalError> {
        self.incident(id)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.touched.push(id);
        let Some((mut incident, mut head)) = self.state.cached.remove(&id) else {
            return Err(JournalError::NoSuchIncident(id));
        };
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            let entry = Entry { seq: incident.last_seq + 1, at: self.now, incident: id, event };
            head = self.insert(&entry, &head)?;
            incident.apply(&entry);
            entries.push(entry);
        }
        self.project(&incident, &head)?;
        self.appended = true;
        if incident.phase == Phase::Closed || id == OPERATIONS {
            self.state.open.remove(id);
        } else {
            self.state.cached.insert(id, (incident, head));
        }
        Ok(entries)
    }

    fn insert(&mut self, entry: &Entry, before: &[u8]) -> Result<Vec<u8>, JournalError> {
        let body = serde_json::to_string(&entry.event).map_err(|error| JournalError::storage("written", error))?;
        if !can_be_read(&body) {
            let what =
                format!("entry {} of incident {} is nested too deeply to be read again", entry.seq, entry.incident);
            return Err(JournalError::storage("written", what));
        }
        let at = store::micros(entry.at);
        let hash = chain::hash(before, entry.incident, entry.seq, at, &body).to_vec();
        self.execute(
            "INSERT INTO entries (incident, seq, at, type, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![entry.incident, entry.seq, at, entry.event.name(), body, hash],
        )?;
        history::project(self.connection, entry)?;
        Ok(hash)
    }

    fn project(&mut self, incident: &Incident, head: &[u8]) -> Result<(), JournalError> {
        if incident.id == OPERATIONS {
            return self.execute(
                "UPDATE incidents SET updated_at = ?2, seq = ?3, head = ?4 WHERE id = ?1",
                params![incident.id, store::micros(incident.updated_at), incident.last_seq, head],
            );
        }
        self.execute(
            "UPDATE incidents SET title = ?2, service = ?3, phase = ?4, outcome = ?5, updated_at = ?6, due = ?7, seq = ?8,
             head = ?9 WHERE id = ?1",
            params![
                incident.id,
                incident.title,
                incident.service.service(),
                store::phase_word(incident.phase),
                incident.outcome.map(outcome_word),
                store::micros(incident.updated_at),
                incident.due().map(store::micros),
                incident.last_seq,
                head,
            ],
        )
    }

    /// Whether the lease still holds.
    pub(super) fn held(&mut self, lease: &Lease) -> Result<(), JournalError> {
        let token: Option<i64> = self
            .connection
            .prepare_cached("SELECT token FROM leases WHERE incident = ?1")
            .and_then(|mut statement| {
                rusqlite::OptionalExtension::optional(statement.query_row([lease.incident()], |row| row.get(0)))
            })
            .map_err(|error| JournalError::storage("read", error))?;
        if token == Some(lease.token()) { Ok(()) } else { Err(JournalError::LeaseLost(lease.incident())) }
    }

    fn give_all_back(&mut self) -> Result<(), JournalError> {
        self.execute("DELETE FROM leases", [])
    }

    pub(super) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), JournalError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .map_err(|error| JournalError::storage("written", error))
    }

    fn sql(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.execute_batch(sql)
    }
}
