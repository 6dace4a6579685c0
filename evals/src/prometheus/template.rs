//! Annotations: as much of Go's templates as alerting rules mostly use.

use super::answer::number;
use crate::case::Labels;

/// A value to insert.
enum Expression<'a> {
    Label(&'a str),
    Value(Format),
}

enum Format {
    Plain,
    Percentage,
    /// Digits after the point.
    Fixed(usize),
}

/// Says what of a template is not understood.
pub(crate) fn check(template: &str) -> Result<(), String> {
    expand(template, &Labels::new(), 0.0).map(|_| ())
}

/// Fills `{{ $labels.x }}`, `{{ $value }}`, `{{ $value | humanizePercentage }}` and `{{ printf "%.2f" $value }}`.
pub(super) fn expand(template: &str, labels: &Labels, value: f64) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, behind) = after.split_once("}}").ok_or("`{{` without `}}`")?;
        text.push_str(before);
        match expression(inside)? {
            Expression::Label(name) => text.push_str(labels.get(name).map_or("", String::as_str)),
            Expression::Value(Format::Plain) => text.push_str(&number(value)),
            Expression::Value(Format::Percentage) => text.push_str(&percentage(value)),
            Expression::Value(Format::Fixed(digits)) => text.push_str(&format!("{value:.digits$}")),
        }
        rest = behind;
    }
    Ok(text + rest)
}

fn expression(inside: &str) -> Result<Expression<'_>, String> {
    let words: Vec<&str> = inside.split_whitespace().collect();
    let fixed =
        |format: &str| format.strip_prefix("\"%.")?.strip_suffix("f\"")?.parse().ok().filter(|digits| *digits < 20);
    match *words.as_slice() {
        ["$value"] => Ok(Expression::Value(Format::Plain)),
        ["$value", "|", "humanizePercentage"] => Ok(Expression::Value(Format::Percentage)),
        ["printf", format, "$value"] if fixed(format).is_some() => {
            Ok(Expression::Value(Format::Fixed(fixed(format).unwrap_or_default())))
        }
        [label] if label.starts_with("$labels.") => Ok(Expression::Label(label.trim_start_matches("$labels."))),
        _ => Err(format!(
            "`{{{{{inside}}}}}` is not understood; there are $labels.NAME, $value, $value | humanizePercentage and printf \"%.2f\" $value"
        )),
    }
}

/// Four significant digits, as Go's `%.4g%%`.
fn percentage(value: f64) -> String {
    let hundredfold = value * 100.0;
    if !hundredfold.is_finite() || hundredfold == 0.0 {
        return format!("{}%", number(hundredfold));
    }
    let digits = (3 - hundredfold.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let written = format!("{hundredfold:.digits$}");
    let short = if written.contains('.') { written.trim_end_matches('0').trim_end_matches('.') } else { &written };
    format!("{short}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_and_what_is_not_known_is_named() {
        let labels = Labels::from([("job".to_owned(), "api".to_owned())]);
        let expand = |template: &str| expand(template, &labels, 0.123_456);
        assert_eq!(expand("{{ $labels.job }}: {{ $value | humanizePercentage }}").as_deref(), Ok("api: 12.35%"));
        assert_eq!(expand("{{ printf \"%.2f\" $value }} {{$value}}").as_deref(), Ok("0.12 0.123456"));
        assert_eq!(percentage(0.05), "5%");
        assert!(expand("{{ query \"up\" }}").is_err_and(|error| error.contains("$labels.NAME")));
        assert!(expand("{{ $value").is_err());
    }
}
