//! Containers that are removed, get another name or other limits.

use super::{
    change::Deed,
    container::Container,
    create::{invalid_name, is_name, taken},
    event::Event,
    limits::Limits,
    refusal::Refusal,
    state::State,
};
use crate::case::Action;

impl State {
    /// Removes a container.
    pub(crate) fn remove(&mut self, name: &str, force: bool) -> Result<(), Refusal> {
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        if container.running && !force {
            return Err(Refusal::new(
                409,
                format!(
                    "You cannot remove a running container {}. Stop the container before attempting removal or force remove",
                    container.id()
                ),
            ));
        }
        self.play();
        let before = self.facts(container.service());
        self.destroy(&container);
        self.done(&before, Deed::on(Action::Remove, &container));
        Ok(())
    }

    /// Ends a container, if it runs, and takes it out.
    pub(super) fn destroy(&mut self, container: &Container) {
        if container.running {
            self.happens(&container.name, Action::Kill, 9);
        }
        self.take_out(&container.name);
        let event = Event::new(container, self.now(), "destroy", [].into());
        self.tell(event);
    }

    /// Gives a container another name.
    pub(crate) fn name_anew(&mut self, name: &str, new: &str) -> Result<(), Refusal> {
        let new = new.trim_start_matches('/');
        if new.is_empty() {
            return Err(Refusal::new(400, "Neither old nor new names may be empty"));
        }
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        if container.name == new {
            return Err(Refusal::new(400, "Renaming a container with the same name as its current name"));
        }
        let failed =
            |status: u16, why: String| Err(Refusal::new(status, format!("Error when allocating new name: {why}")));
        if !is_name(new) {
            return failed(400, invalid_name(&format!("/{new}")));
        }
        if let Some(other) = self.container(new).filter(|other| other.name == new) {
            return failed(409, taken(new, other));
        }
        self.play();
        let deed = Deed { with: Some(new.to_owned()), ..Deed::on(Action::Rename, &container) };
        self.rename(&container.name, new);
        if let Some(renamed) = self.container(new).cloned() {
            let old = [("oldName".to_owned(), format!("/{}", container.name))].into();
            let event = Event::new(&renamed, self.now(), "rename", old);
            self.tell(event);
        }
        self.done_plainly(deed);
        Ok(())
    }

    /// Gives a container other limits.
    pub(crate) fn limit(&mut self, name: &str, limits: Limits) -> Result<(), Refusal> {
        limits.check(true)?;
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        let conflict = |why: &str| Refusal::new(409, format!("Cannot update container {}: {why}", container.id()));
        if limits.memory > container.limit("MemorySwap")
            && limits.memory_swap == 0
            && container.limit("MemorySwap") != -1
        {
            return Err(conflict(
                "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
            ));
        }
        if limits.nano_cpus > 0 && container.limit("CpuQuota") > 0 {
            return Err(conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"));
        }
        if limits.cpu_quota > 0 && container.limit("NanoCpus") > 0 {
            return Err(conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"));
        }
        self.play();
        let before = self.facts(container.service());
        let fields = [
            ("Memory", limits.memory),
            ("MemorySwap", limits.memory_swap),
            ("NanoCpus", limits.nano_cpus),
            ("CpuQuota", limits.cpu_quota),
        ];
        let Some(changed) = self.container_mut(&container.name) else {
            return Err(Refusal::no_container(name));
        };
        for (field, value) in fields.into_iter().filter(|(_, value)| *value != 0) {
            changed.set("/HostConfig", field, value.into());
        }
        let changed = changed.clone();
        let event = Event::new(&changed, self.now(), "update", [].into());
        self.tell(event);
        self.done(&before, Deed::on(Action::Update, &changed));
        Ok(())
    }
}
