//! The names and numbers of replicas, as Compose gives them.

use std::collections::BTreeSet;

use super::{COMPOSE_NUMBER, COMPOSE_PROJECT, COMPOSE_SERVICE};
use crate::{
    generation::{label, name},
    reach::Container,
};

/// A name that ends with a number, such as "shop-web-3": what stands before the number, and the number.
pub(super) fn numbered(name: &str) -> Option<(&str, u64)> {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = name.strip_prefix(stem)?.parse().ok()?;
    (stem.len() > 1 && stem.ends_with(['-', '_', '.'])).then_some((stem, number))
}

/// The names that `count` more replicas get, with their numbers: what stands before the number is as in the names that there are.
/// `names` are those of all containers of the engine, whosever they are.
pub(crate) fn next_names(containers: &[Container], names: &BTreeSet<String>, count: u64) -> Vec<(String, u64)> {
    let stem = stem(containers);
    let taken: BTreeSet<u64> = containers.iter().filter_map(number).collect();
    let free = (1_u64..).filter(|number| !taken.contains(number));
    let named = free.map(|number| (format!("{stem}{number}"), number));
    named.filter(|(name, _)| !names.contains(name)).take(usize::try_from(count).unwrap_or(0)).collect()
}

/// The number of a replica: as Compose says, else as its name ends.
pub(crate) fn number(container: &Container) -> Option<u64> {
    let compose = label(container, COMPOSE_NUMBER).and_then(|number| number.parse().ok());
    compose.or_else(|| numbered(name(container)).map(|(_, number)| number))
}

fn stem(containers: &[Container]) -> String {
    let first = containers.first();
    if let Some((stem, _)) = containers.iter().find_map(|container| numbered(name(container))) {
        return stem.to_owned();
    }
    let compose =
        first.and_then(|container| Some((label(container, COMPOSE_PROJECT)?, label(container, COMPOSE_SERVICE)?)));
    match compose {
        Some((project, service)) => format!("{project}-{service}-"),
        None => format!("{}-", first.map(name).unwrap_or_default()),
    }
}
