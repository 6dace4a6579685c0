//! What the double holds and how it scores: IDF, cosine and reciprocal ranks by Qdrant's formulas.

use std::collections::{BTreeMap, HashMap};

use qdrant_client::qdrant::{
    Condition, Filter, NamedVectorsOutput, PointId, PointStruct, QueryPoints, RetrievedPoint, ScoredPoint, Value,
    VectorOutput, VectorsOutput, condition::ConditionOneOf, r#match::MatchValue, point_id::PointIdOptions,
    query::Variant, value::Kind, vector, vector_input, vector_output, vectors, vectors_output,
};
use tonic::Status;

/// One collection.
pub(crate) struct Held {
    dimensions: Option<usize>,
    points: BTreeMap<u64, PointStruct>,
}

fn number(id: &PointId) -> u64 {
    match id.point_id_options {
        Some(PointIdOptions::Num(id)) => id,
        Some(PointIdOptions::Uuid(_)) | None => panic!("only numbers are used"),
    }
}

fn vectors_of(point: &PointStruct) -> &HashMap<String, qdrant_client::qdrant::Vector> {
    match point.vectors.as_ref().and_then(|vectors| vectors.vectors_options.as_ref()) {
        Some(vectors::VectorsOptions::Vectors(named)) => &named.vectors,
        other => panic!("only named vectors are used, not {other:?}"),
    }
}

fn words_of(point: &PointStruct) -> HashMap<u32, f32> {
    match &vectors_of(point)["words"].vector {
        Some(vector::Vector::Sparse(words)) => {
            words.indices.iter().copied().zip(words.values.iter().copied()).collect()
        }
        other => panic!("words are sparse, not {other:?}"),
    }
}

fn meaning_of(point: &PointStruct) -> Option<&[f32]> {
    match &vectors_of(point).get("meaning")?.vector {
        Some(vector::Vector::Dense(meaning)) => Some(&meaning.data),
        other => panic!("meanings are dense, not {other:?}"),
    }
}

impl Held {
    pub(crate) fn new(dimensions: Option<usize>) -> Self {
        Self { dimensions, points: BTreeMap::new() }
    }

    pub(crate) fn put(&mut self, point: PointStruct) -> Result<(), Status> {
        if let (Some(expected), Some(meaning)) = (self.dimensions, meaning_of(&point))
            && meaning.len() != expected
        {
            let got = meaning.len();
            let why = format!(
                "Wrong input: Vector dimension error: expected dim: {expected}, got {got} for vector 'meaning'"
            );
            return Err(Status::invalid_argument(why));
        }
        self.points.insert(number(point.id.as_ref().unwrap()), point);
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: PointId) {
        self.points.remove(&number(&id));
    }

    pub(crate) fn get(&self, id: &PointId) -> Option<&PointStruct> {
        self.points.get(&number(id))
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn from(&self, offset: Option<&PointId>) -> impl Iterator<Item = &PointStruct> {
        self.points.range(offset.map_or(0, number)..).map(|(_, point)| point)
    }

    pub(crate) fn retrieved(&self, point: &PointStruct, vectors: bool) -> RetrievedPoint {
        RetrievedPoint {
            id: point.id.clone(),
            payload: point.payload.clone(),
            vectors: vectors.then(|| output(point)),
            ..Default::default()
        }
    }
}

fn output(point: &PointStruct) -> VectorsOutput {
    let vectors = vectors_of(point).iter().map(|(name, vector)| {
        let vector = match vector.vector.clone().unwrap() {
            vector::Vector::Dense(dense) => vector_output::Vector::Dense(dense),
            vector::Vector::Sparse(sparse) => vector_output::Vector::Sparse(sparse),
            other => panic!("{other:?} is not used"),
        };
        (name.clone(), VectorOutput { vector: Some(vector), ..Default::default() })
    });
    let named = NamedVectorsOutput { vectors: vectors.collect() };
    VectorsOutput { vectors_options: Some(vectors_output::VectorsOptions::Vectors(named)) }
}

pub(crate) fn found(held: &Held, ranked: Vec<(u64, f32)>) -> Vec<ScoredPoint> {
    ranked
        .into_iter()
        .map(|(id, score)| {
            let point = &held.points[&id];
            let vectors = Some(output(point));
            ScoredPoint { id: point.id.clone(), payload: point.payload.clone(), score, vectors, ..Default::default() }
        })
        .collect()
}

/// Ids with their scores, best first.
pub(crate) fn ranked(held: &Held, asked: &QueryPoints) -> Result<Vec<(u64, f32)>, Status> {
    let limit = asked.limit.unwrap_or(10) as usize;
    let variant = asked.query.as_ref().and_then(|query| query.variant.as_ref());
    match variant {
        Some(Variant::Nearest(nearest)) => {
            Ok(nearest_to(held, nearest.variant.as_ref(), asked.using.as_deref(), asked.filter.as_ref(), limit))
        }
        Some(Variant::Rrf(rrf)) => {
            let k = rrf.k.expect("the constant is given") as f32;
            let mut scores: BTreeMap<u64, f32> = BTreeMap::new();
            for prefetch in &asked.prefetch {
                let Some(Variant::Nearest(nearest)) = prefetch.query.as_ref().and_then(|query| query.variant.as_ref())
                else {
                    return Err(Status::unimplemented("only nearest in a prefetch"));
                };
                let limit = prefetch.limit.unwrap_or(10) as usize;
                let by = nearest_to(
                    held,
                    nearest.variant.as_ref(),
                    prefetch.using.as_deref(),
                    prefetch.filter.as_ref(),
                    limit,
                );
                for (rank, (id, _)) in by.into_iter().enumerate() {
                    *scores.entry(id).or_default() += 1.0 / (k + rank as f32);
                }
            }
            Ok(best(scores.into_iter().collect(), limit))
        }
        other => Err(Status::unimplemented(format!("{other:?}"))),
    }
}

fn nearest_to(
    held: &Held,
    to: Option<&vector_input::Variant>,
    using: Option<&str>,
    filter: Option<&Filter>,
    limit: usize,
) -> Vec<(u64, f32)> {
    let wanted = held.points.iter().filter(|(_, point)| matches(point, filter));
    let scored: Vec<(u64, f32)> = match (to, using) {
        (Some(vector_input::Variant::Sparse(words)), Some("words")) => {
            let all: Vec<_> = held.points.values().map(words_of).collect();
            let idf = |word: u32| {
                let df = all.iter().filter(|words| words.contains_key(&word)).count() as f32;
                (1.0 + (all.len() as f32 - df + 0.5) / (df + 0.5)).ln()
            };
            let asked: Vec<_> =
                words.indices.iter().zip(&words.values).map(|(word, value)| (*word, idf(*word) * value)).collect();
            wanted
                .filter_map(|(id, point)| {
                    let has = words_of(point);
                    let shared = asked.iter().filter_map(|(word, weight)| Some(weight * has.get(word)?));
                    let scores: Vec<f32> = shared.collect();
                    (!scores.is_empty()).then(|| (*id, scores.iter().sum()))
                })
                .collect()
        }
        (Some(vector_input::Variant::Dense(meaning)), Some("meaning")) => {
            wanted.filter_map(|(id, point)| Some((*id, cosine(&meaning.data, meaning_of(point)?)))).collect()
        }
        other => panic!("{other:?} is not used"),
    };
    best(scored, limit)
}

fn best(mut scored: Vec<(u64, f32)>, limit: usize) -> Vec<(u64, f32)> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(limit);
    scored
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

pub(crate) fn matches(point: &PointStruct, filter: Option<&Filter>) -> bool {
    filter.is_none_or(|filter| {
        assert!(filter.should.is_empty() && filter.must_not.is_empty());
        filter.must.iter().all(|condition| holds(&point.payload, condition))
    })
}

fn holds(payload: &HashMap<String, Value>, condition: &Condition) -> bool {
    let Some(ConditionOneOf::Field(field)) = &condition.condition_one_of else { panic!("only fields are asked for") };
    let kind = payload.get(&field.key).and_then(|value| value.kind.as_ref());
    if let Some(range) = &field.range {
        let Some(Kind::IntegerValue(at)) = kind else { return false };
        return range.gte.is_none_or(|from| *at as f64 >= from) && range.lte.is_none_or(|to| *at as f64 <= to);
    }
    let Some(Kind::StringValue(text)) = kind else { return false };
    match field.r#match.as_ref().and_then(|wanted| wanted.match_value.as_ref()) {
        Some(MatchValue::Keyword(wanted)) => wanted == text,
        Some(MatchValue::Keywords(wanted)) => wanted.strings.contains(text),
        other => panic!("{other:?} is not used"),
    }
}
