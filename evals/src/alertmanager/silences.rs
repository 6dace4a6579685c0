//! Silences: what Alertmanager keeps of them, and when they hold.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::matcher::Matcher;
use crate::{
    case::Labels,
    time::{from_milliseconds, rfc3339},
};

/// The most silences and changes that are kept; the oldest make room.
const MAXIMUM_KEPT: usize = 10_000;

/// Whether a silence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It holds.
    Active,
    /// It begins later.
    Pending,
    /// It is over.
    Expired,
}

/// A silence of the world's Alertmanager, as a test sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorldSilence {
    /// Its id.
    pub id: String,
    /// Whether it holds now.
    pub state: SilenceState,
    /// Its matchers, as the API tells them.
    pub matchers: Value,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// What was done to silences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceAction {
    /// A silence was made.
    Made,
    /// A silence was changed in place.
    Changed,
    /// A silence was ended.
    Expired,
}

/// Something that was done to a silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilenceChange {
    /// When, on the world's clock.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: SilenceAction,
    /// To which silence.
    pub id: String,
    /// For how many seconds it holds from then on.
    pub seconds: i64,
}

/// One silence.
#[derive(Debug, Clone)]
pub(super) struct Silence {
    pub(super) id: String,
    pub(super) matchers: Vec<Matcher>,
    pub(super) starts_at: i64,
    pub(super) ends_at: i64,
    pub(super) updated_at: i64,
    pub(super) created_by: String,
    pub(super) comment: String,
}

/// All silences.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    all: Vec<Silence>,
    changes: Vec<SilenceChange>,
    made: u64,
}

impl Silence {
    pub(super) fn state(&self, now: i64) -> SilenceState {
        if now < self.starts_at {
            SilenceState::Pending
        } else if now < self.ends_at {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }

    fn matchers(&self) -> Value {
        self.matchers.iter().map(Matcher::document).collect()
    }

    pub(super) fn document(&self, now: i64) -> Value {
        json!({
            "id": self.id,
            "status": { "state": self.state(now) },
            "updatedAt": rfc3339(self.updated_at),
            "comment": self.comment,
            "createdBy": self.created_by,
            "endsAt": rfc3339(self.ends_at),
            "matchers": self.matchers(),
            "startsAt": rfc3339(self.starts_at),
        })
    }

    /// Whether it can become `next` without being another silence.
    fn can_become(&self, next: &Self, now: i64) -> bool {
        let same = self.matchers.len() == next.matchers.len()
            && self.matchers.iter().zip(&next.matchers).all(|(one, other)| one.same(other));
        same && match self.state(now) {
            SilenceState::Active => self.starts_at / 1_000 == next.starts_at / 1_000 && next.ends_at >= now,
            SilenceState::Pending => next.starts_at >= now,
            SilenceState::Expired => false,
        }
    }
}

impl Silences {
    /// Makes a silence, or changes the one that it names; tells its id.
    pub(super) fn set(&mut self, mut silence: Silence, now: i64) -> Result<String, &'static str> {
        if !silence.id.is_empty() {
            let previous = self.all.iter_mut().find(|known| known.id == silence.id).ok_or("silence not found")?;
            silence.updated_at = now;
            if previous.can_become(&silence, now) {
                *previous = silence.clone();
                self.note(SilenceAction::Changed, &silence, now);
                return Ok(silence.id);
            }
            let previous = silence.id.clone();
            self.expire(&previous, now);
        }
        silence.starts_at = silence.starts_at.max(now);
        silence.updated_at = now;
        self.made += 1;
        silence.id = id(self.made);
        let made = silence.id.clone();
        self.note(SilenceAction::Made, &silence, now);
        self.all.push(silence);
        if self.all.len() > MAXIMUM_KEPT {
            self.all.remove(0);
        }
        Ok(made)
    }

    /// Ends a silence; `false` when there is none of that id.
    pub(super) fn expire(&mut self, id: &str, now: i64) -> bool {
        let Some(silence) = self.all.iter_mut().find(|known| known.id == id) else {
            return false;
        };
        match silence.state(now) {
            SilenceState::Expired => return true,
            SilenceState::Active => silence.ends_at = now,
            SilenceState::Pending => (silence.starts_at, silence.ends_at) = (now, now),
        }
        silence.updated_at = now;
        let silence = silence.clone();
        self.note(SilenceAction::Expired, &silence, now);
        true
    }

    pub(super) fn get(&self, id: &str) -> Option<&Silence> {
        self.all.iter().find(|known| known.id == id)
    }

    /// In Alertmanager's order: active by their end, pending by their beginning, then those that are over, the last first.
    pub(super) fn sorted(&self, now: i64) -> Vec<&Silence> {
        let mut all: Vec<_> = self.all.iter().collect();
        let key = |silence: &Silence| match silence.state(now) {
            SilenceState::Active => (0, silence.ends_at),
            SilenceState::Pending => (1, silence.starts_at),
            SilenceState::Expired => (2, -silence.ends_at),
        };
        all.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// The ids of the silences that silence an alert with these labels.
    pub(super) fn of_alert(&self, labels: &Labels, now: i64) -> Vec<&str> {
        let active = self.all.iter().filter(|silence| silence.state(now) == SilenceState::Active);
        let mut ids: Vec<_> =
            active.filter(|silence| silence.matches(labels)).map(|silence| silence.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    /// All silences as a test sees them, in the order in which they were made.
    pub(crate) fn seen(&self, now: i64) -> Vec<WorldSilence> {
        let seen = self.all.iter().map(|silence| WorldSilence {
            id: silence.id.clone(),
            state: silence.state(now),
            matchers: silence.matchers(),
            starts_at: from_milliseconds(silence.starts_at),
            ends_at: from_milliseconds(silence.ends_at),
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
        });
        seen.collect()
    }

    /// What was done to silences so far.
    pub(crate) fn changes(&self) -> Vec<SilenceChange> {
        self.changes.clone()
    }

    fn note(&mut self, action: SilenceAction, silence: &Silence, now: i64) {
        let seconds = (silence.ends_at - silence.starts_at.max(now)).max(0) / 1_000;
        if self.changes.len() >= MAXIMUM_KEPT {
            self.changes.remove(0);
        }
        self.changes.push(SilenceChange { at: from_milliseconds(now), action, id: silence.id.clone(), seconds });
    }
}

/// The id of the nth silence, in the form of a random UUID, and the same in each run.
fn id(nth: u64) -> String {
    let hash = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (first, second, third) = (hash >> 32, (hash >> 16) & 0xffff, hash & 0xfff);
    format!("{first:08x}-{second:04x}-4{third:03x}-a000-{nth:012x}")
}
