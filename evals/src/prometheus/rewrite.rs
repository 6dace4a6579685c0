//! Where the engine's PromQL differs from Prometheus's, the query is written anew before the engine sees it.
//!
//! - Functions and unary minus drop the metric's name in Prometheus; the engine keeps it: `sum without ()` drops it.
//! - A one-to-one match leaves only the labels it matched on; the engine keeps all of the left side's.
//! - A subquery is evaluated at whole multiples of its step; the engine begins at the range's start: range and offset are moved.
//! - Grouping by `__name__` is not known to the engine: it becomes one aggregation a metric, under [`NAME`].

use std::time::{Duration, UNIX_EPOCH};

use promql_parser::{
    label::{METRIC_NAME, MatchOp, Matcher},
    parser::{
        AggregateExpr, AtModifier, BinaryExpr, Call, Expr, LabelModifier, Offset, SubqueryExpr, VectorMatchCardinality,
        VectorSelector,
    },
};

use super::{bounds, error::ApiError, store::SeriesStore};

/// The label that carries a metric's name through the engine; it is shown as `__name__`.
pub(super) const NAME: &str = "__metric__";

/// Functions whose result keeps the metric's name, or has no labels at all.
const KEEP_NAME: [&str; 12] = [
    "last_over_time",
    "sort",
    "sort_desc",
    "sort_by_label",
    "sort_by_label_desc",
    "label_replace",
    "label_join",
    "scalar",
    "vector",
    "time",
    "absent",
    "absent_over_time",
];

/// Prometheus's step of a subquery that names none, in milliseconds.
const SUBQUERY_STEP: i64 = 60_000;

/// Writes the query for the engine, to be evaluated at `at` (milliseconds): only a subquery depends on it. `times` is how
/// often it will be evaluated.
///
/// # Errors
/// When Prometheus itself would refuse it on evaluation.
pub(super) fn rewrite(query: &Expr, store: &SeriesStore, at: i64, times: i64) -> Result<String, ApiError> {
    Rewriter { store, at, times }.expression(query)
}

/// Whether what is written depends on the time at which it is evaluated.
pub(super) fn depends_on_time(query: &Expr) -> bool {
    match query {
        Expr::Subquery(_) => true,
        Expr::Aggregate(aggregate) => depends_on_time(&aggregate.expr),
        Expr::Unary(unary) => depends_on_time(&unary.expr),
        Expr::Binary(binary) => depends_on_time(&binary.lhs) || depends_on_time(&binary.rhs),
        Expr::Paren(inner) => depends_on_time(&inner.expr),
        Expr::Call(call) => call.args.args.iter().any(|argument| depends_on_time(argument)),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => false,
    }
}

struct Rewriter<'a> {
    store: &'a SeriesStore,
    at: i64,
    times: i64,
}

impl Rewriter<'_> {
    fn expression(&self, expression: &Expr) -> Result<String, ApiError> {
        Ok(match expression {
            Expr::Aggregate(aggregate) => self.aggregate(aggregate)?,
            Expr::Unary(unary) => format!("(-1 * {})", self.operand(&unary.expr)?),
            Expr::Binary(binary) => self.binary(binary)?,
            Expr::Paren(inner) => format!("({})", self.expression(&inner.expr)?),
            Expr::Subquery(subquery) => self.subquery(subquery)?,
            Expr::Call(call) => self.call(call)?,
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::MatrixSelector(_) => {
                expression.to_string()
            }
            Expr::Extension(_) => return Err(ApiError::Execution("this expression is not supported".to_owned())),
        })
    }

    /// An operand in parentheses, so that precedence is never a question.
    fn operand(&self, expression: &Expr) -> Result<String, ApiError> {
        Ok(format!("({})", self.expression(expression)?))
    }

    fn subquery(&self, subquery: &SubqueryExpr) -> Result<String, ApiError> {
        let milliseconds = |duration: &Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let step = subquery.step.as_ref().map_or(SUBQUERY_STEP, milliseconds).max(1);
        let offset = match &subquery.offset {
            None => 0,
            Some(Offset::Pos(offset)) => milliseconds(offset),
            Some(Offset::Neg(offset)) => -milliseconds(offset),
        };
        let base = match &subquery.at {
            Some(AtModifier::At(time)) => time.duration_since(UNIX_EPOCH).map_or(0, |since| milliseconds(&since)),
            Some(AtModifier::Start | AtModifier::End) | None => self.at,
        };
        let over = (base - offset).rem_euclid(step);
        let range = (milliseconds(&subquery.range) - over).max(0) / step * step;
        let at = subquery.at.as_ref().map_or_else(String::new, |at| format!(" {at}"));
        let offset = offset + over;
        let sign = if offset < 0 { "-" } else { "" };
        let times = self.times.saturating_mul(range / step + 1);
        if times > bounds::MAXIMUM_EVALUATIONS {
            return Err(ApiError::Execution(bounds::TOO_MANY.to_owned()));
        }
        let inner = Rewriter { store: self.store, at: base - offset, times }.operand(&subquery.expr)?;
        Ok(format!("{inner}[{range}ms:{step}ms]{at} offset {sign}{}ms", offset.abs()))
    }

    fn call(&self, call: &Call) -> Result<String, ApiError> {
        let arguments: Vec<String> =
            call.args.args.iter().map(|argument| self.expression(argument)).collect::<Result<_, _>>()?;
        let text = format!("{}({})", call.func.name, arguments.join(", "));
        let vector = call.func.return_type == promql_parser::parser::value::ValueType::Vector;
        if !vector || KEEP_NAME.contains(&call.func.name) || call.args.args.is_empty() {
            return Ok(text);
        }
        if let Some(selector) = call.args.args.iter().find_map(|argument| selected(argument)) {
            self.check_unique(selector)?;
        }
        Ok(format!("sum without () ({text})"))
    }

    /// Without their names, two series of one label set could not be told apart: Prometheus refuses that.
    fn check_unique(&self, selector: &VectorSelector) -> Result<(), ApiError> {
        if selector.name.is_some() {
            return Ok(());
        }
        let mut seen = std::collections::BTreeSet::new();
        for (metric, labels) in self.store.list(i64::MIN, i64::MAX - 1) {
            if matches(selector, &metric, &labels) && !seen.insert(labels) {
                return Err(ApiError::Execution("vector cannot contain metrics with the same labelset".to_owned()));
            }
        }
        Ok(())
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<String, ApiError> {
        let operator = aggregate.op.to_string();
        let parameter = match &aggregate.param {
            Some(parameter) => format!("{}, ", self.expression(parameter)?),
            None => String::new(),
        };
        let write = |grouping: &str, inner: &str| format!("{operator}{grouping} ({parameter}{inner})");
        let inner = self.expression(&aggregate.expr)?;
        Ok(match &aggregate.modifier {
            None => write("", &inner),
            Some(LabelModifier::Exclude(labels)) => write(&format!(" without ({})", labels.labels.join(", ")), &inner),
            Some(LabelModifier::Include(labels)) if labels.labels.iter().any(|label| label == METRIC_NAME) => {
                let others: Vec<_> = labels.labels.iter().filter(|label| *label != METRIC_NAME).cloned().collect();
                let grouping = format!(" by ({})", others.join(", "));
                match selected(&aggregate.expr) {
                    Some(selector) => self.by_name(selector, |inner| write(&grouping, inner))?,
                    None => write(&grouping, &inner),
                }
            }
            Some(LabelModifier::Include(labels)) => write(&format!(" by ({})", labels.labels.join(", ")), &inner),
        })
    }

    /// One aggregation for each metric that the selector finds.
    fn by_name(&self, selector: &VectorSelector, write: impl Fn(&str) -> String) -> Result<String, ApiError> {
        let found = self
            .store
            .list(i64::MIN, i64::MAX - 1)
            .into_iter()
            .filter(|(metric, labels)| matches(selector, metric, labels));
        let names: std::collections::BTreeSet<String> = found.map(|(metric, _)| metric).collect();
        let of_one = |name: &String| {
            let mut one = selector.clone();
            one.name = Some(name.clone());
            one.matchers.matchers.retain(|matcher| matcher.name != METRIC_NAME);
            format!("label_replace({}, \"{NAME}\", \"{name}\", \"\", \"\")", write(&one.to_string()))
        };
        let all: Vec<String> = names.iter().map(of_one).collect();
        // Nothing found is an empty vector.
        Ok(if all.is_empty() { "vector(1) unless vector(1)".to_owned() } else { format!("({})", all.join(" or ")) })
    }

    fn binary(&self, binary: &BinaryExpr) -> Result<String, ApiError> {
        let (left, right) = (self.operand(&binary.lhs)?, self.operand(&binary.rhs)?);
        let Some(modifier) = &binary.modifier else {
            return Ok(format!("{left} {} {right}", binary.op));
        };
        let bool_word = if modifier.return_bool { " bool" } else { "" };
        let matching = match &modifier.matching {
            Some(LabelModifier::Include(labels)) => format!(" on ({})", labels.labels.join(", ")),
            Some(LabelModifier::Exclude(labels)) => format!(" ignoring ({})", labels.labels.join(", ")),
            None => String::new(),
        };
        let group = match &modifier.card {
            VectorMatchCardinality::ManyToOne(labels) => format!(" group_left ({})", labels.labels.join(", ")),
            VectorMatchCardinality::OneToMany(labels) => format!(" group_right ({})", labels.labels.join(", ")),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => String::new(),
        };
        let text = format!("{left} {}{bool_word}{matching}{group} {right}", binary.op);
        let one_to_one = modifier.card == VectorMatchCardinality::OneToOne;
        Ok(match &modifier.matching {
            Some(LabelModifier::Include(labels)) if one_to_one => {
                format!("(sum by ({}) ({text}))", labels.labels.join(", "))
            }
            Some(LabelModifier::Exclude(labels)) if one_to_one && !labels.labels.is_empty() => {
                format!("(sum without ({}) ({text}))", labels.labels.join(", "))
            }
            Some(_) | None => text,
        })
    }
}

/// The selector that an expression is, if it is nothing else.
fn selected(expression: &Expr) -> Option<&VectorSelector> {
    match expression {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        Expr::Paren(inner) => selected(&inner.expr),
        Expr::Aggregate(_)
        | Expr::Unary(_)
        | Expr::Binary(_)
        | Expr::Subquery(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Call(_)
        | Expr::Extension(_) => None,
    }
}

/// Whether a series is one that the selector selects.
pub(super) fn matches(selector: &VectorSelector, metric: &str, labels: &crate::case::Labels) -> bool {
    let holds = |matcher: &Matcher| {
        let value =
            if matcher.name == METRIC_NAME { metric } else { labels.get(&matcher.name).map_or("", String::as_str) };
        match &matcher.op {
            MatchOp::Equal => value == matcher.value,
            MatchOp::NotEqual => value != matcher.value,
            MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.is_match(value),
        }
    };
    selector.name.as_ref().is_none_or(|name| name == metric) && selector.matchers.matchers.iter().all(holds)
}
