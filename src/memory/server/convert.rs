//! Points and questions in the protocol's own types.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    Condition, DenseVector, Filter as ServerFilter, NamedVectors, PointId, PointStruct, PrefetchQueryBuilder, Query,
    QueryPoints, QueryPointsBuilder, Range, Rrf, ScoredPoint, SparseVector, Value, Vector, VectorInput, VectorsOutput,
    VectorsSelector, r#match::MatchValue, point_id, vector, vector_output, vectors_output,
};
use serde_json::Map;

use crate::{
    Filter, Indexed, Scored, Sparse,
    payload::{self, ANY, AT, MEANING, WORDS},
    store::Wanted,
};

/// How many of each order are fused, beside one that is wanted.
const FUSED: usize = 2;

pub(super) fn number(id: Option<PointId>) -> u64 {
    match id.and_then(|id| id.point_id_options) {
        Some(point_id::PointIdOptions::Num(id)) => id,
        // Not one of ours; 0 is none of ours either.
        Some(point_id::PointIdOptions::Uuid(_)) | None => 0,
    }
}

pub(super) fn to_stored(indexed: Indexed) -> PointStruct {
    let Indexed { point, words, meaning } = indexed;
    let mut vectors = NamedVectors::default().add_vector(WORDS, sparse(words));
    if let Some(meaning) = meaning {
        let dense = vector::Vector::Dense(DenseVector { data: meaning });
        vectors = vectors.add_vector(MEANING, Vector { vector: Some(dense), ..Vector::default() });
    }
    let fields: HashMap<String, Value> =
        payload::of_point(&point).into_iter().map(|(key, value)| (key, Value::from(value))).collect();
    PointStruct::new(point.id, vectors, fields)
}

fn sparse(words: Sparse) -> Vector {
    let sparse = vector::Vector::Sparse(SparseVector { indices: words.words, values: words.values });
    Vector { vector: Some(sparse), ..Vector::default() }
}

pub(super) fn from_stored(
    id: Option<PointId>,
    fields: HashMap<String, Value>,
    vectors: Option<VectorsOutput>,
) -> Indexed {
    let fields: Map<String, serde_json::Value> =
        fields.into_iter().map(|(key, value)| (key, value.into_json())).collect();
    let mut indexed =
        Indexed { point: payload::to_point(number(id), &fields), words: Sparse::default(), meaning: None };
    let Some(vectors_output::VectorsOptions::Vectors(named)) = vectors.and_then(|vectors| vectors.vectors_options)
    else {
        return indexed;
    };
    for (name, vector) in named.vectors {
        match vector.into_vector() {
            vector_output::Vector::Sparse(vector) if name == WORDS => {
                indexed.words = Sparse::of(vector.indices.into_iter().zip(vector.values).collect())
            }
            vector_output::Vector::Dense(vector) if name == MEANING => indexed.meaning = Some(vector.data),
            vector_output::Vector::Sparse(_)
            | vector_output::Vector::Dense(_)
            | vector_output::Vector::MultiDense(_) => {}
        }
    }
    indexed
}

pub(super) fn scored(point: ScoredPoint) -> Scored {
    Scored { score: point.score, found: from_stored(point.id, point.payload, point.vectors) }
}

/// `None` when every point is wanted.
pub(super) fn filter(filter: &Filter) -> Option<ServerFilter> {
    let mut must = Vec::new();
    let fields = [
        ("service", &filter.service, filter.general),
        ("environment", &filter.environment, filter.general),
        ("kind", &filter.kind, false),
        ("source", &filter.source, false),
    ];
    for (field, wanted, general) in fields {
        let Some(wanted) = wanted else { continue };
        must.push(if general {
            Condition::matches(field, vec![wanted.clone(), ANY.to_owned()])
        } else {
            // Said to be a keyword: the client takes a text with a space in it for a search in full text.
            Condition::matches(field, MatchValue::Keyword(wanted.clone()))
        });
    }
    if filter.since.is_some() || filter.until.is_some() {
        let seconds = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.timestamp() as f64);
        let range = Range { gte: seconds(filter.since), lte: seconds(filter.until), lt: None, gt: None };
        must.push(Condition::range(AT, range));
    }
    (!must.is_empty()).then(|| ServerFilter::must(must))
}

fn by_words(words: Sparse) -> Query {
    Query::new_nearest(VectorInput::new_sparse(words.words, words.values))
}

pub(super) fn query(collection: &str, wanted: Wanted) -> QueryPoints {
    let Wanted { words, meaning, filter: wanted_filter, limit, fusion } = wanted;
    let filter = filter(&wanted_filter);
    let mut query = QueryPointsBuilder::new(collection).limit(limit as u64).with_payload(true).with_vectors(true);
    let Some(meaning) = meaning else {
        query = query.query(by_words(words)).using(WORDS);
        return match filter {
            Some(filter) => query.filter(filter),
            None => query,
        }
        .into();
    };
    for (by, using) in [(by_words(words), WORDS), (Query::new_nearest(meaning), MEANING)] {
        let mut prefetch = PrefetchQueryBuilder::default().query(by).using(using).limit((FUSED * limit) as u64);
        if let Some(filter) = &filter {
            prefetch = prefetch.filter(filter.clone());
        }
        query = query.add_prefetch(prefetch);
    }
    query.query(Query::new_rrf(Rrf { k: Some(fusion), ..Rrf::default() })).into()
}

/// The best point for one word, with its vector.
pub(super) fn one_word(collection: &str, word: u32) -> QueryPoints {
    QueryPointsBuilder::new(collection)
        .query(Query::new_nearest(VectorInput::new_sparse(vec![word], vec![1.0])))
        .using(WORDS)
        .limit(1)
        .with_payload(false)
        .with_vectors(VectorsSelector { names: vec![WORDS.to_owned()] })
        .into()
}
