//! `search_documents`: post-mortems, architecture notes, service pages: what the house knows.

use std::sync::Arc;

use memory::{Collection, Memory};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Failure, Seen, Tool,
    recollection::{self, Documents},
    service,
};

/// Searches post-mortems, architecture notes and service pages by words. Gives the section that fits best, or says that nothing is
/// like it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"query": "why payments keeps its own connection pool", "service": "payments"}]))]
pub struct SearchDocumentsArgs {
    /// What is looked for, in words.
    pub query: String,
    /// A service: documents about other services are left out.
    pub service: Option<String>,
    /// How many; 3 if not given, 10 at most.
    pub limit: Option<usize>,
}

/// Searches documents.
pub struct SearchDocuments {
    memory: Option<Arc<Memory>>,
}

impl SearchDocuments {
    /// A tool over this memory; without one every call says so.
    pub fn new(memory: Option<Arc<Memory>>) -> Self {
        Self { memory }
    }
}

impl Tool for SearchDocuments {
    const NAME: &'static str = "search_documents";
    type Args = SearchDocumentsArgs;
    type Output = Documents;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Documents>, Failure> {
        let memory = recollection::memory(&self.memory)?;
        let limit = recollection::limit(args.limit);
        let output =
            recollection::documents(memory, Collection::Documents, &args.query, args.service.clone(), limit).await?;
        Ok(Seen { raw: service::raw(&output), output })
    }
}
