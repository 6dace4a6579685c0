//! Which containers are scraped, as they come and go.

use super::{container::Container, state::State};

impl State {
    /// Takes a container out, with what it wrote and what is scraped of it.
    pub(super) fn take_out(&mut self, name: &str) -> Option<Container> {
        let container = self.containers.remove(name)?;
        self.written.remove(name);
        if let Some(mut track) = self.tracks.remove(container.id()) {
            track.goes(self.now, &self.store);
            // The last track of a name stays: another container of the service may yet go on with it.
            if self.tracks_of(track.name()).is_empty() {
                self.tracks.insert(container.id().to_owned(), track);
            }
        }
        Some(container)
    }

    /// Gives a container another name, which is free.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let Some(mut container) = self.containers.remove(from) else {
            return;
        };
        if let Some(lines) = self.written.remove(from) {
            self.written.insert(to.to_owned(), lines);
        }
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.renamed(to);
        }
        container.rename(to);
        self.add(container);
    }

    /// A container was started: it is scraped again, or for the first time.
    pub(super) fn comes_up(&mut self, container: &Container) {
        let (now, service) = (self.now, container.service().to_owned());
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.comes_up(now);
        } else if let Some(other) = self.tracks.values().find(|track| track.name() == service) {
            let port = other.port().unwrap_or("80");
            let instance = format!("{}:{port}", container.address().unwrap_or(&container.name));
            let track = other.beside(&container.name, &instance, now);
            self.tracks.insert(container.id().to_owned(), track);
        }
        self.drop_replaced(&service);
    }

    pub(super) fn goes_down(&mut self, container: &Container) {
        let now = self.now;
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.goes_down(now);
        }
        self.drop_replaced(container.service());
    }

    /// What does not run, and is not missed, is scraped no more.
    fn drop_replaced(&mut self, service: &str) {
        let of_service = || self.containers.values().filter(|container| container.service() == service);
        let running = of_service().filter(|container| container.running).count() as u64;
        if running < self.wanted(service) {
            return;
        }
        for container in self.containers.values().filter(|one| one.service() == service && !one.running) {
            if let Some(track) = self.tracks.get_mut(container.id()).filter(|track| !track.is_gone()) {
                track.goes(self.now, &self.store);
            }
        }
    }
}
