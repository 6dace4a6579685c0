//! What the Swarm does by itself: tasks begun, ended and replaced until the world is as the specification says.

use super::{
    HISTORY, RESTART_DELAY, Service,
    service::{Progress, template},
    task::{Task, TaskState},
};
use crate::{
    case::Action,
    world::{health::Health, state::State},
};

impl State {
    /// When the Swarm has something to do next, if nothing else happens.
    pub(in crate::world) fn swarm_acts_at(&self) -> Option<i64> {
        let now = self.now();
        let services = self.swarm.as_ref()?.services.values();
        let moments = services.flat_map(|service| {
            let live = service.tasks.iter().filter(|task| task.wanted);
            let turns = live.filter_map(|task| self.by_id(&task.container)?.turns_at(now));
            turns.chain(service.retry.values().copied().filter(|at| *at > now)).collect::<Vec<_>>()
        });
        moments.min()
    }

    /// Does what the Swarm does at this moment.
    pub(in crate::world) fn orchestrate(&mut self) {
        let Some(mut swarm) = self.swarm.take() else {
            return;
        };
        let names: Vec<String> = swarm.services.keys().cloned().collect();
        for name in names {
            let version = swarm.version + 1;
            let Some(service) = swarm.services.get_mut(&name) else {
                continue;
            };
            let before = self.facts(&name);
            if self.reconcile(service, version) {
                swarm.version = version;
                self.done_later(&name, &before);
            }
        }
        self.swarm = Some(swarm);
    }

    /// Whether anything was done.
    fn reconcile(&mut self, service: &mut Service, version: u64) -> bool {
        let mut acted = self.look_after(service, version);
        acted |= self.answer_failure(service, version);
        acted |= self.end_surplus(service, version);
        acted |= self.fill_slots(service, version);
        acted |= self.complete(service, version);
        self.forget_tasks(service);
        acted
    }

    /// Tasks become what their containers are.
    fn look_after(&mut self, service: &mut Service, version: u64) -> bool {
        let now = self.now();
        let mut acted = false;
        for task in service.tasks.iter_mut().filter(|task| task.wanted && !task.ended()) {
            let container = self.by_id(&task.container).cloned();
            let health = container.as_ref().and_then(|container| container.health(now));
            let runs = container.as_ref().is_some_and(|container| container.running);
            if runs && health != Some(Health::Unhealthy) {
                let state = if health == Some(Health::Starting) { TaskState::Starting } else { TaskState::Running };
                acted |= state != task.state;
                task.turn(state, now);
                continue;
            }
            task.error = if runs {
                "task: non-zero exit (137): dockerexec: unhealthy container".to_owned()
            } else {
                let code = container.as_ref().map_or(137, |container| container.exit_code);
                format!("task: non-zero exit ({code})")
            };
            if let Some(container) = container.filter(|container| container.running) {
                self.happens(&container.name, Action::Kill, 9);
            }
            task.turn(TaskState::Failed, now);
            task.wanted = false;
            task.version = version;
            service.retry.insert(task.slot, now + RESTART_DELAY);
            if *task.template == *service.template {
                service.failed = Some(task.id.clone());
            }
            acted = true;
        }
        acted
    }

    /// What the specification says for an update of which a task failed.
    fn answer_failure(&mut self, service: &mut Service, version: u64) -> bool {
        let Some(failed) = service.failed.take() else {
            return false;
        };
        if !service.is_updating() {
            return false;
        }
        let now = self.now();
        let rolling_back = service.update.as_ref().is_some_and(|update| update.state == Progress::RollbackStarted);
        let why = |what: &str| format!("{what} due to failure or early termination of task {failed}");
        match (service.update_word("FailureAction"), rolling_back) {
            ("continue", false) => return false,
            ("rollback", false) if service.previous.is_some() => {
                if let Some(previous) = service.previous.take() {
                    service.spec = previous;
                    service.template = template(&service.spec);
                    service.retry.clear();
                    service.progress(Progress::RollbackStarted, why("update rolled back"), now);
                }
            }
            (_, false) => service.progress(Progress::Paused, why("update paused"), now),
            (_, true) => service.progress(Progress::RollbackPaused, why("rollback paused"), now),
        }
        service.version = version;
        true
    }

    /// Tasks beyond the number of replicas end.
    fn end_surplus(&mut self, service: &mut Service, version: u64) -> bool {
        let replicas = service.replicas();
        let surplus: Vec<String> =
            service.tasks.iter().filter(|task| task.slot > replicas).map(|task| task.id.clone()).collect();
        for id in &surplus {
            self.end_task(service, id, version);
        }
        // Docker removes them and their containers at once.
        for task in service.tasks.iter().filter(|task| task.slot > replicas) {
            if let Some(container) = self.by_id(&task.container).cloned() {
                self.destroy(&container);
            }
        }
        service.tasks.retain(|task| task.slot <= replicas);
        !surplus.is_empty()
    }

    /// Each slot gets a task of the present template.
    fn fill_slots(&mut self, service: &mut Service, version: u64) -> bool {
        let now = self.now();
        let mut acted = false;
        let mut under_way = (1..=service.replicas()).filter(|slot| is_under_way(service, *slot)).count();
        for slot in 1..=service.replicas() {
            let may = service.retry.get(&slot).is_none_or(|at| *at <= now);
            let wanted = |task: &&Task| task.slot == slot && task.wanted;
            let present = service.tasks.iter().filter(wanted).find(|task| *task.template == *service.template).cloned();
            let old: Vec<String> = service
                .tasks
                .iter()
                .filter(wanted)
                .filter(|task| *task.template != *service.template)
                .map(|task| task.id.clone())
                .collect();
            match present {
                Some(task) if task.state == TaskState::Running => {
                    acted |= !old.is_empty();
                    old.iter().for_each(|id| self.end_task(service, id, version));
                }
                Some(_) => (),
                None if old.is_empty() && may => {
                    self.begin_task(service, slot, version);
                    acted = true;
                }
                None if !old.is_empty() && may && !service.is_paused() && under_way < service.parallelism() => {
                    under_way += 1;
                    if service.update_word("Order") != "start-first" {
                        old.iter().for_each(|id| self.end_task(service, id, version));
                    }
                    self.begin_task(service, slot, version);
                    acted = true;
                }
                None => (),
            }
        }
        acted
    }

    /// An update is complete when all slots have one running task of its template.
    fn complete(&mut self, service: &mut Service, version: u64) -> bool {
        let all = (1..=service.replicas()).all(|slot| {
            let mut live = service.tasks.iter().filter(|task| task.slot == slot && task.wanted);
            live.next().is_some_and(|task| task.state == TaskState::Running && *task.template == *service.template)
                && live.next().is_none()
        });
        if !all || !service.is_updating() {
            return false;
        }
        let rolled_back = service.update.as_ref().is_some_and(|update| update.state == Progress::RollbackStarted);
        let (state, message) = if rolled_back {
            (Progress::RollbackCompleted, "rollback completed")
        } else {
            (Progress::Completed, "update completed")
        };
        service.progress(state, message.to_owned(), self.now());
        service.version = version;
        true
    }

    fn end_task(&mut self, service: &mut Service, id: &str, version: u64) {
        let now = self.now();
        let Some(task) = service.tasks.iter_mut().find(|task| task.id == id) else {
            return;
        };
        task.wanted = false;
        task.version = version;
        if !task.ended() {
            task.turn(TaskState::Shutdown, now);
        }
        if let Some(container) = self.by_id(&task.container).filter(|container| container.running).cloned() {
            self.happens(&container.name, Action::Stop, 15);
        }
    }

    /// Of each slot's ended tasks only the last ones are remembered, with their containers.
    fn forget_tasks(&mut self, service: &mut Service) {
        for slot in 1..=service.replicas() {
            let ended: Vec<Task> =
                service.tasks.iter().filter(|task| task.slot == slot && task.ended()).cloned().collect();
            for task in ended.iter().take(ended.len().saturating_sub(HISTORY)) {
                if let Some(container) = self.by_id(&task.container).cloned() {
                    self.destroy(&container);
                }
                service.tasks.retain(|known| known.id != task.id);
            }
        }
    }
}

/// Whether a slot is being updated: its new task is not well yet.
fn is_under_way(service: &Service, slot: u64) -> bool {
    let of_slot = |task: &&Task| task.slot == slot && task.wanted;
    service
        .tasks
        .iter()
        .filter(of_slot)
        .any(|task| *task.template == *service.template && task.state != TaskState::Running)
}
