//! `silence_alert`: quiet for one known alert, for a known time.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{SubsecRound as _, TimeDelta};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Change, Check, Effect, Failure, Permit, SharedCatalogue, SharedClock, Target, Touches, Undo,
    led::service_of,
    reach::{ActiveAlert, Alertmanager, NewSilence, Silence, SilenceState},
    service,
    silence::{Before, BeforeAlert, CREATED_BY, name},
    text,
};

/// Alerts that one call silences at most.
const MOST: usize = 10;
/// Silences one firing alert of a service for some minutes: people get no more messages about it, and nothing is repaired. Right
/// while a cause is known and a person works on it, or during a repair that makes it fire; never to make an incident look over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "alert": "HighErrorRate", "minutes": 30, "reason": "a rollback is under way"}]))]
pub struct SilenceAlertArgs {
    /// A service of the catalogue.
    pub service: String,
    /// The alert's name, as list_alerts tells it.
    pub alert: String,
    /// For how many minutes; then it fires again by itself.
    #[schemars(range(min = 1))]
    pub minutes: u32,
    /// Why, in one sentence: people read it in Alertmanager.
    pub reason: String,
}

/// Silences alerts.
pub struct SilenceAlert {
    alertmanager: Option<Arc<Alertmanager>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

impl SilenceAlert {
    /// A tool over this Alertmanager; without one every call says so.
    pub fn new(alertmanager: Option<Arc<Alertmanager>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { alertmanager, catalogue, clock }
    }

    fn alertmanager(&self) -> Result<&Alertmanager, Failure> {
        let what = || Failure::Tell("Alertmanager is not configured ([alertmanager] url)".to_owned());
        self.alertmanager.as_deref().ok_or_else(what)
    }

    /// The alerts of that name whose labels lead to the service, or what fires instead.
    fn chosen<'a>(&self, args: &SilenceAlertArgs, alerts: &'a [ActiveAlert]) -> Result<Vec<&'a ActiveAlert>, Failure> {
        let catalogue = self.catalogue.load();
        let of_service: Vec<_> = alerts
            .iter()
            .filter(|alert| service_of(&alert.labels, &catalogue).is_some_and(|led| led.service == args.service))
            .collect();
        let chosen: Vec<_> = of_service.iter().copied().filter(|alert| name(alert) == args.alert).collect();
        if chosen.len() > MOST {
            let what = "alerts of that name fire for it: a person should silence them, or what makes them";
            return Err(Failure::Tell(format!("{} {what}; one call silences at most {MOST}", chosen.len())));
        }
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        let names: BTreeSet<_> =
            of_service.iter().map(|alert| text::one_line(&text::clean(name(alert)), 120)).collect();
        let instead =
            if names.is_empty() { "nothing".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") };
        let (asked, service) = (text::one_line(&text::clean(&args.alert), 120), &args.service);
        Err(Failure::Tell(format!("no alert {asked:?} fires for {service}; there fires: {instead}")))
    }

    fn comment(args: &SilenceAlertArgs) -> String {
        let reason = text::one_line(&text::clean(&args.reason), 400);
        format!("{reason} (made by devops-agent for {}; ends by itself)", args.service)
    }
}

impl Change for SilenceAlert {
    const NAME: &'static str = "silence_alert";
    const TOUCHES: Touches = Touches::Alerts;
    type Args = SilenceAlertArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        service::known(&self.catalogue, &args.service)?;
        if args.minutes == 0 {
            return Err(Failure::Tell("`minutes` is 0; right would be at least 1".to_owned()));
        }
        if args.reason.trim().is_empty() {
            return Err(Failure::Tell(
                "`reason` is empty; right would be one sentence that people can judge by".to_owned(),
            ));
        }
        let alertmanager = self.alertmanager()?;
        let (alerts, _) = alertmanager.alerts().await?;
        let chosen = self.chosen(args, &alerts)?;
        let silences = alertmanager.silences().await?;
        // Alertmanager keeps milliseconds: the end is how a silence of this call is known again.
        let ends_at = (self.clock.now() + TimeDelta::minutes(i64::from(args.minutes))).trunc_subsecs(3);
        Ok(Before { alerts: chosen.iter().map(|alert| BeforeAlert::of(alert, &alerts, &silences)).collect(), ends_at })
    }

    fn effect(&self, args: &Self::Args, before: &Before) -> Effect {
        let names: Vec<_> = before.alerts.iter().map(BeforeAlert::says).collect();
        let state = before.alerts.iter().map(|alert| {
            let silenced = if before.covered(alert) { ", silenced by us" } else { "" };
            format!("{} {}{silenced}", alert.fingerprint, alert.state)
        });
        let (count, minutes) = (names.len(), args.minutes);
        let alerts = if count == 1 { "alert" } else { "alerts" };
        Effect {
            says: format!("silences {count} {alerts} for {minutes} min: {}", names.join("; ")),
            state: text::clean(&state.collect::<Vec<_>>().join("; ")),
            silence_seconds: Some(u64::from(minutes) * 60),
            ..Effect::default()
        }
    }

    async fn apply(&self, _: Permit, args: &Self::Args, before: &Before) -> Result<String, Failure> {
        let alertmanager = self.alertmanager()?;
        let silences = alertmanager.silences().await?;
        let (mut made, mut found) = (Vec::new(), Vec::new());
        for alert in &before.alerts {
            if let Some(silence) = before.holds(alert, &silences) {
                found.push(silence.id.clone());
                continue;
            }
            let silence = NewSilence {
                matchers: alert.matchers.clone(),
                starts_at: self.clock.now(),
                ends_at: before.ends_at,
                created_by: CREATED_BY.to_owned(),
                comment: Self::comment(args),
            };
            made.push(alertmanager.make_silence(&silence).await?);
        }
        let until = before.ends_at.format("%H:%M:%S UTC");
        let ids = |ids: &[String]| text::clean(&ids.join(", "));
        Ok(match (made.as_slice(), found.as_slice()) {
            ([], found) => format!("nothing to do: silenced until {until} or longer already by {}", ids(found)),
            (made, []) => format!("made {} until {until}: {}", count(made.len()), ids(made)),
            (made, found) => {
                let already = ids(found);
                format!("made {} until {until}: {}; there already: {already}", count(made.len()), ids(made))
            }
        })
    }

    fn settles_within(&self, before: &Before) -> Duration {
        let timeout = self.alertmanager.as_ref().map_or(Duration::ZERO, |alertmanager| alertmanager.timeout());
        if before.alerts.is_empty() { Duration::ZERO } else { timeout }
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let silences = self.alertmanager()?.silences().await?;
        let missing: Vec<_> = before.alerts.iter().filter(|alert| !before.covered(alert)).collect();
        let made = missing.iter().filter(|alert| before.made(alert, &silences).next().is_some()).count();
        Ok(match (made, missing.len()) {
            (_, 0) => Some("all of its silences were there already".to_owned()),
            (0, _) => None,
            (made, all) => Some(format!("{made} of {all} silences were made")),
        })
    }

    async fn verify(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let alertmanager = self.alertmanager()?;
        let (silences, (alerts, _)) = (alertmanager.silences().await?, alertmanager.alerts().await?);
        let mut checks = Vec::new();
        let mut ids = BTreeSet::new();
        for alert in &before.alerts {
            let silence = before.holds(alert, &silences);
            ids.extend(silence.map(|silence| silence.id.as_str()));
            let now = alerts.iter().find(|now| now.labels == alert.labels);
            let (passed, found) = match (silence, now) {
                (None, _) => (false, "no silence of ours holds long enough".to_owned()),
                (Some(silence), _) if silence.state() != SilenceState::Active => {
                    (false, "its silence begins later".to_owned())
                }
                (Some(silence), Some(now)) => {
                    (now.status.silenced_by.contains(&silence.id), format!("{}, {}", now.status.state, until(silence)))
                }
                (Some(silence), None) => (true, format!("it no longer fires, {}", until(silence))),
            };
            checks.push(Check { name: format!("{} is silenced", alert.says()), passed, found });
        }
        let others: Vec<_> = alerts
            .iter()
            .filter(|now| now.status.silenced_by.iter().any(|id| ids.contains(id.as_str())))
            .filter(|now| before.alerts.iter().all(|alert| alert.labels != now.labels))
            .map(|now| text::one_line(&text::clean(name(now)), 120))
            .collect();
        checks.push(Check {
            name: "nothing else is silenced by it".to_owned(),
            passed: others.is_empty(),
            found: if others.is_empty() { "no other alert".to_owned() } else { others.join(", ") },
        });
        Ok(checks)
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        let alertmanager = self.alertmanager()?;
        let silences = alertmanager.silences().await?;
        let mut expired = Vec::new();
        for silence in before.alerts.iter().flat_map(|alert| before.made(alert, &silences)) {
            alertmanager.expire_silence(&silence.id).await?;
            expired.push(silence.id.as_str());
        }
        Ok(if expired.is_empty() {
            Undo::Nothing("no silence was made, so there is none to end".to_owned())
        } else {
            Undo::Done(text::clean(&format!("ended {}: {}", count(expired.len()), expired.join(", "))))
        })
    }

    async fn restored(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let silences = self.alertmanager()?.silences().await?;
        let checks = before.alerts.iter().map(|alert| {
            let made = before.made(alert, &silences).next();
            Check {
                name: format!("{} has no silence of this call", alert.says()),
                passed: made.is_none(),
                found: made.map_or_else(|| "none".to_owned(), until),
            }
        });
        Ok(checks.collect())
    }
}

fn count(silences: usize) -> String {
    format!("{silences} {}", if silences == 1 { "silence" } else { "silences" })
}

fn until(silence: &Silence) -> String {
    format!(
        "silence {} until {}",
        text::one_line(&text::clean(&silence.id), 60),
        silence.ends_at.format("%H:%M:%S UTC")
    )
}
