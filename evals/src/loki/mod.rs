//! Loki's double: log lines in memory, asked in LogQL over Loki's own HTTP API.
//!
//! A query goes `http` → `parser` (text to `syntax`) → `log_query` or `metric` (over the `store`) → `answer`.
//! What it answers is checked against a real server's recorded answers, see `tests/loki`.

mod answer;
mod binary_operation;
mod error;
mod escape;
mod http;
mod json;
mod json_path;
mod label_filter;
mod labels;
mod level;
mod lexer;
mod lexer_literal;
mod line_filter;
mod log_query;
mod logfmt;
mod lookup;
mod matcher;
mod metric;
mod parameters;
mod parser;
mod parser_filter;
mod parser_metric;
mod parser_operator;
mod parser_pipeline;
mod parser_range;
mod parser_selector;
mod pattern;
mod pipeline;
mod push;
mod range_aggregation;
mod regexp;
mod regexp_syntax;
mod samples;
mod stage_parsers;
mod store;
mod syntax;
mod template;
mod token;
mod units;
mod vector_aggregation;
mod working_labels;

pub use http::router;
pub use store::LogStore;
