//! `config`.

use anyhow::Result;
use clap::Args;

use super::{Found, out::Out};
use crate::config::{Loaded, PrintFormat};

#[derive(Args)]
pub(super) struct Config {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(super) fn run(&self, loaded: &Loaded) -> Result<Found> {
        let format = if self.json { PrintFormat::Json } else { PrintFormat::Toml };
        Out::new().text(&loaded.print(format))?;
        Ok(Found::Well)
    }
}
