//! What was said to whom, so that nobody is told the same twice.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Messages that are remembered as sent.
const REMEMBERED: usize = 1_024;
/// For how long the same message counts as said already.
const SAID_FOR: TimeDelta = TimeDelta::hours(1);

/// What this process has sent; shared by all who send.
#[derive(Default, Clone)]
pub(crate) struct Said(Arc<Mutex<VecDeque<Entry>>>);

struct Entry {
    key: String,
    to: String,
    /// `None` while it is being sent.
    at: Option<DateTime<Utc>>,
}

/// Whether a message may be sent now.
pub(crate) enum Begun {
    /// It was said already.
    Said,
    /// Another call is saying it.
    Busy,
    /// It may.
    Mine(Mine),
}

/// Leave to send one message to one receiver; given back when it was not taken.
pub(crate) struct Mine {
    said: Said,
    key: String,
    to: String,
}

impl Said {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this message may be sent to that receiver now.
    pub(crate) fn begin(&self, key: &str, to: &str, now: DateTime<Utc>) -> Begun {
        let mut entries = self.entries();
        entries.retain(|entry| entry.at.is_none_or(|at| now - at < SAID_FOR));
        match entries.iter().find(|entry| entry.key == key && entry.to == to) {
            Some(Entry { at: Some(_), .. }) => return Begun::Said,
            Some(Entry { at: None, .. }) => return Begun::Busy,
            None => {}
        }
        if entries.len() >= REMEMBERED {
            entries.pop_front();
        }
        entries.push_back(Entry { key: key.to_owned(), to: to.to_owned(), at: None });
        Begun::Mine(Mine { said: self.clone(), key: key.to_owned(), to: to.to_owned() })
    }

    /// When the receiver took the message.
    pub(crate) fn when(&self, key: &str, to: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let entries = self.entries();
        let at = entries.iter().find(|entry| entry.key == key && entry.to == to)?.at;
        at.filter(|at| now - *at < SAID_FOR)
    }
}

impl Mine {
    /// The receiver took it.
    pub(crate) fn done(&self, now: DateTime<Utc>) {
        let mut entries = self.said.entries();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key == self.key && entry.to == self.to) {
            entry.at = Some(now);
        }
    }
}

impl Drop for Mine {
    /// A call that was given up, or not taken, leaves nothing behind.
    fn drop(&mut self) {
        self.said.entries().retain(|entry| entry.at.is_some() || entry.key != self.key || entry.to != self.to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_said_once_and_again_when_it_was_not_taken_or_is_old() {
        let (said, now) = (Said::default(), DateTime::from_timestamp(1_795_455_500, 0).unwrap());
        let Begun::Mine(mine) = said.begin("k", "ops", now) else { panic!("it is new") };
        assert!(matches!(said.begin("k", "ops", now), Begun::Busy));
        assert!(matches!(said.begin("k", "pager", now), Begun::Mine(_)));
        drop(mine);
        let Begun::Mine(mine) = said.begin("k", "ops", now) else { panic!("it was not taken") };
        mine.done(now);
        drop(mine);
        assert_eq!(said.when("k", "ops", now), Some(now));
        assert!(matches!(said.begin("k", "ops", now), Begun::Said));
        assert!(matches!(said.begin("k", "ops", now + SAID_FOR), Begun::Mine(_)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (said, now) = (Said::default(), DateTime::from_timestamp(1_795_455_500, 0).unwrap());
        for index in 0..3_000 {
            let Begun::Mine(mine) = said.begin(&index.to_string(), "ops", now) else { panic!("it is new") };
            mine.done(now);
        }
        assert_eq!(said.entries().len(), REMEMBERED);
    }
}
