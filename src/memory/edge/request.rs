//! Points and questions in the embedded store's own types.

use qdrant_edge::{
    AnyVariants, Condition, FieldCondition, Filter as EdgeFilter, Fusion, JsonPath, Match, NamedQuery, Payload,
    PointId, PointStruct, PointStructPersisted, Prefetch, QueryEnum, QueryRequest, Range, ScoredPoint, ScoringQuery,
    ValueVariants, Vector, VectorInternal, VectorStructInternal, Vectors, WithPayloadInterface, WithVector,
    external::ordered_float::OrderedFloat,
};
use serde_json::Value;

use crate::{
    Filter, Indexed, MemoryError, Scored, Sparse,
    payload::{self, ANY, AT, MEANING, WORDS},
    store::Wanted,
};

/// How many of each order are fused, beside one that is wanted.
const FUSED: usize = 2;

pub(super) fn path(field: &str) -> Result<JsonPath, MemoryError> {
    field.parse().map_err(|()| MemoryError::Store(format!("{field} is no field")))
}

pub(super) fn number(id: &PointId) -> u64 {
    match id {
        PointId::NumId(id) => *id,
        // Not one of ours; its first half tells it from others.
        PointId::Uuid(id) => id.as_u64_pair().0,
    }
}

pub(super) fn to_stored(indexed: Indexed) -> Result<PointStructPersisted, MemoryError> {
    let Indexed { point, words, meaning } = indexed;
    let mut vectors = vec![(WORDS, sparse(words)?)];
    vectors.extend(meaning.map(|meaning| (MEANING, Vector::new_dense(meaning))));
    let fields = Value::Object(payload::of_point(&point));
    Ok(PointStruct::new(point.id, Vectors::new_named(vectors), fields).into())
}

fn sparse(words: Sparse) -> Result<Vector, MemoryError> {
    Vector::new_sparse(words.words, words.values).map_err(|error| MemoryError::Store(error.to_string()))
}

pub(super) fn from_stored(id: PointId, fields: Option<Payload>, vectors: Option<VectorStructInternal>) -> Indexed {
    let id = number(&id);
    let point = payload::to_point(id, &fields.map(|fields| fields.0).unwrap_or_default());
    let mut indexed = Indexed { point, words: Sparse::default(), meaning: None };
    let Some(VectorStructInternal::Named(vectors)) = vectors else { return indexed };
    for (name, vector) in vectors {
        match vector {
            VectorInternal::Sparse(vector) if name == WORDS => {
                indexed.words = Sparse::of(vector.indices.into_iter().zip(vector.values).collect())
            }
            VectorInternal::Dense(vector) if name == MEANING => indexed.meaning = Some(vector),
            VectorInternal::Dense(_) | VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => {}
        }
    }
    indexed
}

pub(super) fn scored(point: ScoredPoint) -> Scored {
    Scored { score: point.score, found: from_stored(point.id, point.payload, point.vector) }
}

/// `None` when every point is wanted.
pub(super) fn filter(filter: &Filter) -> Result<Option<EdgeFilter>, MemoryError> {
    let mut must = Vec::new();
    let fields = [
        ("service", &filter.service, filter.general),
        ("environment", &filter.environment, filter.general),
        ("kind", &filter.kind, false),
        ("source", &filter.source, false),
    ];
    for (field, wanted, general) in fields {
        let Some(wanted) = wanted else { continue };
        let matched = if general {
            let either = [wanted.clone(), ANY.to_owned()].into_iter().collect();
            Match::from(AnyVariants::Strings(either))
        } else {
            Match::from(ValueVariants::String(wanted.clone()))
        };
        must.push(Condition::Field(FieldCondition::new_match(path(field)?, matched)));
    }
    if filter.since.is_some() || filter.until.is_some() {
        let seconds = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| OrderedFloat(at.timestamp() as f64));
        let range = Range { gte: seconds(filter.since), lte: seconds(filter.until), lt: None, gt: None };
        must.push(Condition::Field(FieldCondition::new_range(path(AT)?, range)));
    }
    Ok((!must.is_empty()).then(|| EdgeFilter { must: Some(must), ..EdgeFilter::default() }))
}

fn by_words(words: Sparse) -> Result<ScoringQuery, MemoryError> {
    Ok(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(sparse(words)?.0, WORDS))))
}

pub(super) fn query(wanted: Wanted, hybrid: bool) -> Result<QueryRequest, MemoryError> {
    let Wanted { words, meaning, filter: wanted_filter, limit, fusion } = wanted;
    let filter = filter(&wanted_filter)?;
    let (prefetches, query, filter) = match meaning.filter(|_| hybrid) {
        None => (Vec::new(), by_words(words)?, filter),
        Some(meaning) => {
            let meaning =
                ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(VectorInternal::Dense(meaning), MEANING)));
            let prefetch = |query| Prefetch {
                prefetches: Vec::new(),
                query: Some(query),
                limit: FUSED * limit,
                params: None,
                filter: filter.clone(),
                score_threshold: None,
            };
            let fused = Fusion::Rrf { k: fusion as usize, weights: None };
            (vec![prefetch(by_words(words)?), prefetch(meaning)], ScoringQuery::Fusion(fused), None)
        }
    };
    Ok(QueryRequest {
        prefetches,
        query: Some(query),
        filter,
        score_threshold: None,
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(true),
        with_payload: WithPayloadInterface::Bool(true),
    })
}

/// The best point for one word, with its vector.
pub(super) fn one_word(word: u32) -> Result<QueryRequest, MemoryError> {
    let words = Sparse { words: vec![word], values: vec![1.0] };
    let wanted = Wanted { words, meaning: None, filter: Filter::default(), limit: 1, fusion: 1 };
    let mut request = query(wanted, false)?;
    request.with_payload = WithPayloadInterface::Bool(false);
    request.with_vector = WithVector::Selector(vec![WORDS.to_owned()]);
    Ok(request)
}
