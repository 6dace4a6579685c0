//! The caps: numbers that hold for every change, and that rules can only make stricter.

use serde::Deserialize;

use super::{
    Says,
    units::{Bytes, Cores, Percent, Span},
};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// One table for all caps: name, type, what holds where nothing is said, and which of two is the stricter.
macro_rules! caps {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $stricter:expr;)*) => {
        /// Numbers that hold for every change.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Caps { $($(#[$doc])* pub $name: $type,)* }

        /// Some of the numbers, as a policy or one of its rules gives them.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct SomeCaps { $($(#[$doc])* pub $name: Option<$type>,)* }

        impl Default for Caps {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Caps {
            /// The same with these numbers in place of its own.
            #[must_use]
            pub fn replaced(mut self, by: &SomeCaps) -> Self {
                $(if let Some(number) = &by.$name { self.$name = number.clone(); })*
                self
            }

            /// Of each number the stricter of the two.
            pub fn narrow(&mut self, by: &SomeCaps) {
                $(if let Some(number) = &by.$name { self.$name = $stricter(self.$name.clone(), number.clone()); })*
            }
        }

        impl SomeCaps {
            /// Whether it says nothing.
            pub fn is_empty(&self) -> bool {
                true $(&& self.$name.is_none())*
            }
        }
    };
}

fn less<T: Ord>(one: T, other: T) -> T {
    one.min(other)
}

fn more<T: Ord>(one: T, other: T) -> T {
    one.max(other)
}

fn both(mut one: Vec<String>, other: Vec<String>) -> Vec<String> {
    one.extend(other);
    one
}

caps! {
    /// Changes that one incident may make.
    changes_an_incident: u32 = 3, less;
    /// Services that one incident may touch.
    services_an_incident: u32 = 2, less;
    /// Changes to one service within an hour, whatever the incidents.
    changes_a_service_an_hour: u32 = 4, less;
    /// Changes to all services together within an hour.
    changes_in_the_fleet_an_hour: u32 = 12, less;
    /// Changes that may be under way, from their beginning to the end of their proof.
    changes_at_the_same_time: u32 = 2, less;
    /// How long a service is left alone after a change.
    cool_down: Span = Span(MINUTE.saturating_mul(5)), more;
    /// Share of a service's replicas that may be out of service at once because of a change; rounded down.
    replicas_at_once: Percent = Percent(25), less;
    /// What a service with a single replica accepts: being out of service for the time of a change, or not.
    single_replica: Says = Says::Allow, more;
    /// Fewest replicas that a service is scaled to.
    scale_least: u64 = 1, more;
    /// Most replicas that a service is scaled to.
    scale_most: u64 = 10, less;
    /// How many times more, or fewer, replicas one step may bring.
    scale_factor: u64 = 2, less;
    /// The smallest memory limit that is set.
    memory_least: Bytes = Bytes(16 << 20), more;
    /// The largest memory limit that is set.
    memory_most: Bytes = Bytes(4 << 30), less;
    /// The smallest CPU limit that is set.
    cpus_least: Cores = Cores(100), more;
    /// The largest CPU limit that is set.
    cpus_most: Cores = Cores(4_000), less;
    /// Pull requests of one incident.
    pull_requests_an_incident: u32 = 1, less;
    /// Files that a pull request may touch.
    pull_request_files: u64 = 10, less;
    /// Lines that a pull request may change.
    pull_request_lines: u64 = 400, less;
    /// Paths that a pull request never touches.
    pull_request_never: Vec<String> = Vec::new(), both;
    /// Silences of one incident.
    silences_an_incident: u32 = 2, less;
    /// The longest silence.
    silence_longest: Span = Span(MINUTE.saturating_mul(120)), less;
    /// Messages to people of one incident.
    messages_an_incident: u32 = 6, less;
    /// For how long all checks must pass after a change; the settings' `[verify] hold` where that is longer.
    hold: Span = Span(std::time::Duration::ZERO), more;
}
