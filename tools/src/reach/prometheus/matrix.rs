//! Thousands of series at once: read straight into numbers, without the tree of JSON values in between.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

use super::{Labels, Prometheus, seconds};
use crate::{Failure, System};

/// A series of many.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Plain {
    /// Its labels, `__name__` among them.
    #[serde(rename = "metric")]
    pub(crate) labels: Labels,
    /// Seconds since the epoch and value, oldest first; none of a native histogram, whose samples are no numbers.
    #[serde(rename = "values", default, deserialize_with = "numbers")]
    pub(crate) samples: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Plain>,
}

impl Prometheus {
    /// A query over time, as plain numbers.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub(crate) async fn matrix(
        &self,
        query: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        step_seconds: u32,
    ) -> Result<Vec<Plain>, Failure> {
        let parameters = [
            ("query", query.to_owned()),
            ("start", seconds(start)),
            ("end", seconds(end)),
            ("step", step_seconds.to_string()),
        ];
        let Answer { data } = self.http.get("api/v1/query_range", &parameters).await?;
        if data.kind != "matrix" {
            let why = format!("answers with result type {:?} where series over time were asked for", data.kind);
            return Err(Failure::unreachable(System::Prometheus, why));
        }
        Ok(data.result)
    }

    /// The labels of all series of a selector that had samples in this time.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub(crate) async fn series(
        &self,
        selector: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Vec<Labels>, Failure> {
        let parameters = [("match[]", selector.to_owned()), ("start", seconds(start)), ("end", seconds(end))];
        self.read(self.data("api/v1/series", &parameters).await?)
    }
}

/// Reads pairs of a moment and a number that is written as text.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(f64, f64)>, D::Error> {
    #[derive(Deserialize)]
    struct Pair(f64, Number);
    // Both are two numbers: the list is turned into the other where it is.
    let pairs = Vec::<Pair>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|Pair(at, Number(value))| (at, value)).collect())
}

/// A number written as text: JSON has no NaN.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number written as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                // Rust reads "+Inf" and "-Inf" as Prometheus writes them.
                Ok(Number(text.parse().unwrap_or(f64::NAN)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_text() {
        let text = r#"{"metric":{"__name__":"up"},"values":[[1.5,"2"],[2,"NaN"],[3,"-Inf"],[4,"+Inf"],[5,"x"]]}"#;
        let plain: Plain = serde_json::from_str(text).unwrap();
        let [(at, two), (_, nan), (_, least), (_, most), (_, odd)] = plain.samples[..] else { panic!("{plain:?}") };
        assert_eq!((at, two, least, most), (1.5, 2.0, f64::NEG_INFINITY, f64::INFINITY));
        assert!(nan.is_nan() && odd.is_nan());
        assert!(serde_json::from_str::<Plain>(r#"{"metric":{},"values":[[1,2]]}"#).is_err());
        let native =
            r#"{"metric":{"__name__":"a"},"histograms":[[1,{"count":"2","sum":"3","buckets":[[0,"1","2","2"]]}]]}"#;
        assert!(serde_json::from_str::<Plain>(native).unwrap().samples.is_empty());
    }
}
