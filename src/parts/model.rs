//! The chain of models, as the settings name them.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tools::SharedClock;

use crate::{
    config::{Provider, Settings},
    incident::{PAGER, TRIAGE},
    model::{Chain, OpenAi, OpenAiOptions, Price, RUNBOOK, RunbookModel, SharedModel},
    runbook::Library,
};

pub(super) fn model(
    settings: &Settings,
    client: &reqwest::Client,
    clock: &SharedClock,
    library: &Arc<Library>,
) -> Result<SharedModel> {
    let mut models: Vec<SharedModel> = Vec::new();
    let chain = &settings.model.chain;
    for (place, name) in chain.iter().enumerate() {
        if name == RUNBOOK {
            let (library, last) = (Arc::clone(library), place + 1 == chain.len());
            models.push(Arc::new(if last { RunbookModel::new(library) } else { RunbookModel::first(library) }));
            continue;
        }
        if matches!(name.as_str(), TRIAGE | PAGER) {
            bail!(
                "[model] chain names {name:?}, which is the agent's own name in the journal; call the provider another"
            );
        }
        let Some(provider) = settings.model.providers.get(name) else {
            bail!("[model] chain names {name:?}, and there is no [model.providers.{name}]");
        };
        models.push(Arc::new(OpenAi::new(options(name, provider)?, client.clone(), Arc::clone(clock))));
    }
    if models.is_empty() {
        bail!("[model] chain is empty; right would be chain = [\"runbook\"]");
    }
    Ok(Arc::new(Chain::new(models, Arc::clone(clock))))
}

fn options(name: &str, provider: &Provider) -> Result<OpenAiOptions> {
    Ok(OpenAiOptions {
        name: name.to_owned(),
        base_url: url::Url::parse(&provider.base_url).with_context(|| format!("[model.providers.{name}] base_url"))?,
        api_key: provider.api_key.clone().unwrap_or_default(),
        model: provider.model.clone(),
        temperature: provider.temperature,
        max_output_tokens: provider.max_output_tokens,
        context_window: provider.context_window,
        timeout: provider.timeout,
        retries: provider.retries,
        streaming: provider.streaming,
        parallel_tool_calls: provider.parallel_tool_calls,
        strict: provider.strict,
        price: Price {
            input_per_million: provider.price.input_per_million,
            cached_input_per_million: provider.price.cached_input_per_million,
            output_per_million: provider.price.output_per_million,
        },
    })
}
