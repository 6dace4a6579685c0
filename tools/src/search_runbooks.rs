//! `search_runbooks`: what people wrote down about an alert like this.

use std::sync::Arc;

use memory::{Collection, Memory};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Failure, Seen, Tool,
    recollection::{self, Documents},
    service,
};

/// Searches the house's runbooks by what an alert says and what was seen. Gives the section that fits best, or says that nothing is
/// like it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"query": "HighErrorRate: payments answers 5xx, connection pool exhausted", "service": "payments"}]))]
pub struct SearchRunbooksArgs {
    /// The alert's name and annotations and what was seen, in words.
    pub query: String,
    /// A service: runbooks about other services are left out.
    pub service: Option<String>,
    /// How many; 3 if not given, 10 at most.
    pub limit: Option<usize>,
}

/// Searches runbooks.
pub struct SearchRunbooks {
    memory: Option<Arc<Memory>>,
}

impl SearchRunbooks {
    /// A tool over this memory; without one every call says so.
    pub fn new(memory: Option<Arc<Memory>>) -> Self {
        Self { memory }
    }
}

impl Tool for SearchRunbooks {
    const NAME: &'static str = "search_runbooks";
    type Args = SearchRunbooksArgs;
    type Output = Documents;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Documents>, Failure> {
        let memory = recollection::memory(&self.memory)?;
        let limit = recollection::limit(args.limit);
        let output =
            recollection::documents(memory, Collection::Runbooks, &args.query, args.service.clone(), limit).await?;
        Ok(Seen { raw: service::raw(&output), output })
    }
}
