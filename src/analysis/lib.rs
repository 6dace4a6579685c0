//! Understanding without a model: what a person would look for first, computed from numbers and lines that somebody else read.
//!
//! Invariant: pure. No I/O, no clock, no chance; the same input gives the same answer.

pub mod changes;
pub mod forecast;
pub mod patterns;
pub mod slo;
pub mod suspects;
