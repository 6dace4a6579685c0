//! Behaviour at the door: one binary, so that it links once.

mod approvals;
mod broken;
mod chat;
mod crash;
mod imports;
mod intake;
mod serving;
mod stage;
mod worlds;
