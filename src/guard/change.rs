//! Calls that change: judged, asked about where they must be, and written down before they run.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tools::{Catalogue, Effect, Failure, Touches, call_hash};

use super::{Facts, Guard, Judgement, Policy, judge, wrong};
use crate::{
    incident::{AnswerStatus, Approval, Around, Call, Event, Incident, PAGER, Reason, Verdict},
    journal::{Case, History, JournalError},
};

/// Everything that is known of a call before the journal is asked for the last time: what a verdict is made from, whole, so that
/// it can be made inside the journal's own transaction.
struct Docket {
    call: Call,
    hash: String,
    by: String,
    named: String,
    touches: Touches,
    catalogue: Arc<Catalogue>,
    needs: BTreeSet<String>,
    scope: Vec<String>,
    policy: Arc<Policy>,
    untrusted: Option<Reason>,
    /// After this moment silence is a no, where the policy says nothing.
    wait: TimeDelta,
    now: DateTime<Utc>,
}

impl Guard {
    pub(super) async fn change(&self, case: &mut Case, call: Call) -> Result<(), JournalError> {
        let named = match self.registry.target(&call.tool, &call.args) {
            Ok(target) => target.service,
            Err(failure) => return case.write(wrong(&call, &failure.to_string())).await,
        };
        if let Some(by) = case.incident().denied_by(&call.id) {
            let text = format!("not done: leave was refused by {by}");
            return case.write(vec![Event::answered(&call, text, AnswerStatus::Refused)]).await;
        }
        let docket = self.docket(case, call.clone(), named.clone());
        let history = self.journal.history(&named, docket.now).await?;
        // The world is not even looked at for a call that could never be.
        let early = docket.judge(case.incident(), &history, None);
        if matches!(early.verdict, Verdict::Refuse(_)) {
            return case.write(docket.refused(early)).await;
        }
        let before = match self.registry.before(&call.tool, &call.args).await {
            Ok(before) => before,
            Err(failure) => return case.write(vec![not_begun(&call, &failure)]).await,
        };
        let effect = match self.registry.effect(&call.tool, &call.args, &before) {
            Ok(effect) => effect,
            Err(failure) => return case.write(vec![not_begun(&call, &failure)]).await,
        };
        let around = match docket.touches {
            Touches::Service => self.around(case, &named).await,
            Touches::Alerts | Touches::Repository | Touches::People => Vec::new(),
        };
        let begin = before.clone();
        case.decide_change(&named, move |incident, history| docket.decide(incident, history, effect, begin, around))
            .await?;
        if case.incident().call(&call.id).is_some_and(|state| state.change.is_some()) {
            self.run(case, &call, &before).await?;
            self.settle(case, call).await?;
        }
        Ok(())
    }

    async fn run(&self, case: &mut Case, call: &Call, before: &Value) -> Result<(), JournalError> {
        let permit = self.mint.permit(&call.tool, &call.args);
        let done = self.registry.apply(permit, &call.tool, &call.args, before).await;
        let (ok, what) = match done {
            Ok(what) => (true, what),
            Err(failure) => (false, failure.to_string()),
        };
        case.write(vec![Event::ChangeDone { call: call.id.clone(), ok, what, found: false }]).await
    }

    fn docket(&self, case: &Case, call: Call, named: String) -> Docket {
        let catalogue = self.catalogue.load();
        let state = case.incident().call(&call.id);
        Docket {
            hash: call_hash(&call.tool, &call.args),
            by: state.map(|state| state.by.clone()).unwrap_or_default(),
            touches: self.registry.spec(&call.tool).and_then(|spec| spec.touches).unwrap_or(Touches::Service),
            needs: catalogue.dependencies(&named),
            scope: self.may_touch(case.incident()),
            policy: self.policy.load(),
            untrusted: self.untrusted(case, &call),
            wait: TimeDelta::from_std(self.options.approval_expires).unwrap_or(TimeDelta::MAX),
            now: self.clock.now(),
            catalogue,
            named,
            call,
        }
    }
}

impl Docket {
    fn judge(&self, incident: &Incident, history: &History, effect: Option<&Effect>) -> Judgement {
        let facts = Facts {
            tool: &self.call.tool,
            touches: self.touches,
            args: &self.call.args,
            named: &self.named,
            service: self.catalogue.get(&self.named),
            needs: &self.needs,
            scope: &self.scope,
            incident,
            history,
            effect,
            pages: self.touches == Touches::People && self.by == PAGER,
            untrusted: self.untrusted.as_ref(),
            now: self.now,
        };
        judge(&self.policy, &facts)
    }

    /// The events of the verdict, made in the journal's own transaction.
    fn decide(
        self,
        incident: &Incident,
        history: &History,
        effect: Effect,
        before: Value,
        around: Vec<Around>,
    ) -> Vec<Event> {
        let mut judgement = self.judge(incident, history, Some(&effect));
        let approval = incident.call(&self.call.id).and_then(|state| state.approval.as_ref());
        let approved = incident.call(&self.call.id).is_some_and(|state| state.approved(&self.hash))
            && approval.is_some_and(|approval| self.still_counts(approval, &judgement));
        if let Some(approval) = approval.filter(|approval| approved && approval.state != effect.state) {
            let reason = Reason::StateChanged { was: approval.state.clone(), is: effect.state.clone() };
            judgement.verdict = judgement.verdict.stricter(Verdict::Refuse(reason));
        }
        match &judgement.verdict {
            Verdict::Refuse(_) => self.refused(judgement),
            Verdict::Ask(_) if !approved => self.asked(judgement, effect),
            Verdict::Ask(_) | Verdict::Allow(_) => {
                let hold_seconds = judgement.caps.hold.seconds();
                let judged = self.judged(judgement);
                let (service, touches) = (self.named, self.touches);
                let begun =
                    Event::ChangeBegun { call: self.call, service, touches, effect, before, around, hold_seconds };
                vec![judged, begun]
            }
        }
    }

    /// Whether a yes is as much as is wanted now: it has not expired, and policy and time want no more than when it was asked for.
    fn still_counts(&self, approval: &Approval, judgement: &Judgement) -> bool {
        let wanted = &judgement.approval;
        approval.expires > self.now
            && approval.people >= wanted.people
            && approval.roles.iter().all(|role| wanted.roles.contains(role))
    }

    fn judged(&self, judgement: Judgement) -> Event {
        Event::Judged {
            call: self.call.id.clone(),
            tool: self.call.tool.clone(),
            verdict: judgement.verdict,
            by: self.by.clone(),
            weighed: judgement.weighed,
            policy: self.policy.hash.clone(),
        }
    }

    fn refused(&self, judgement: Judgement) -> Vec<Event> {
        let text = format!("not done: {}", judgement.verdict.reason());
        vec![self.judged(judgement), Event::answered(&self.call, text, AnswerStatus::Refused)]
    }

    fn asked(&self, judgement: Judgement, effect: Effect) -> Vec<Event> {
        let wait = judgement.approval.expires.and_then(|span| TimeDelta::from_std(span.0).ok());
        let wanted = Event::ApprovalWanted {
            call: self.call.clone(),
            hash: self.hash.clone(),
            verdict: judgement.verdict.clone(),
            expires: self.now + wait.map_or(self.wait, |wait| wait.min(self.wait)),
            effect,
            people: judgement.approval.people,
            roles: judgement.approval.roles.iter().cloned().collect(),
        };
        vec![self.judged(judgement), wanted]
    }
}

fn not_begun(call: &Call, failure: &Failure) -> Event {
    let status = match failure {
        Failure::Tell(_) => AnswerStatus::Wrong,
        Failure::Unreachable { system, .. } => AnswerStatus::Unreachable { system: *system },
    };
    Event::answered(call, format!("not begun, nothing was changed: {failure}"), status)
}
