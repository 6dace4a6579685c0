//! Memory as the settings want it: opened once.

use std::sync::Arc;

use anyhow::{Context, Result};
use memory::{EmbeddingOptions, Memory, MemoryOptions, Place, ServerOptions};
use tools::SharedClock;

use crate::config::Settings;

/// Memory as the settings want it; `None` where they want none.
///
/// # Errors
/// When another process has its folder, or an address is none.
pub(super) fn open(settings: &Settings, client: &reqwest::Client, clock: &SharedClock) -> Result<Option<Arc<Memory>>> {
    let set = &settings.memory;
    if !set.enabled {
        return Ok(None);
    }
    let place = if !set.url.is_empty() {
        Place::Server(ServerOptions {
            url: set.url.parse().context("[memory] url")?,
            api_key: set.api_key.clone().unwrap_or_default(),
            prefix: set.prefix.clone(),
            timeout: set.timeout,
            connect_timeout: set.connect_timeout,
        })
    } else {
        Place::Embedded { folder: settings.memory_folder(), reserve: set.reserve as u64 }
    };
    let options = MemoryOptions {
        embeddings: embeddings(settings, client, clock)?,
        threshold: set.threshold,
        nearness: set.embeddings.nearness,
        ..MemoryOptions::at(place)
    };
    let memory = Memory::open(options, tools::clean).context("[memory]")?;
    Ok(Some(Arc::new(memory)))
}

fn embeddings(settings: &Settings, client: &reqwest::Client, clock: &SharedClock) -> Result<Option<EmbeddingOptions>> {
    let set = &settings.memory.embeddings;
    if set.base_url.is_empty() {
        return Ok(None);
    }
    let (pausing, telling) = (Arc::clone(clock), Arc::clone(clock));
    Ok(Some(EmbeddingOptions {
        client: client.clone(),
        base_url: set.base_url.parse().context("[memory.embeddings] base_url")?,
        api_key: set.api_key.clone().unwrap_or_default(),
        model: set.model.clone(),
        timeout: set.timeout,
        retries: set.retries,
        longest_wait: set.longest_wait,
        answer_max: set.answer_max,
        pause: Arc::new(move |wait| {
            let clock = Arc::clone(&pausing);
            Box::pin(async move { clock.sleep(wait).await })
        }),
        now: Arc::new(move || telling.now()),
    }))
}
