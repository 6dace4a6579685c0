//! A Qdrant server in memory, over the real protocol: what `memory` asks of one, with ids and scores as the real one gives
//! them (IDF and reciprocal ranks by its formulas), its refusals in its own words, and failures on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use memory::ServerOptions;
use qdrant_client::qdrant::{self, collections_server, points_server, vectors_config::Config};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::engine::{Held, found, matches, ranked};

/// How every request fails.
#[derive(Clone, Default)]
pub(crate) enum Fault {
    /// Not at all.
    #[default]
    None,
    /// With this status.
    Status(Status),
    /// No answer comes.
    Silence,
    /// An answer of another form: fewer results than questions.
    Short,
}

#[derive(Default)]
struct State {
    collections: BTreeMap<String, Held>,
    aliases: BTreeMap<String, String>,
    indexed_fields: BTreeSet<String>,
    fault: Fault,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Double {
    state: Arc<Mutex<State>>,
    pub(crate) url: String,
}

pub(crate) const KEY: &str = "s3cret-key";

impl Double {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let double = Self { state: Arc::default(), url };
        let server = Server::builder()
            .add_service(points_server::PointsServer::new(double.clone()))
            .add_service(collections_server::CollectionsServer::new(double.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        double
    }

    pub(crate) fn options(&self) -> ServerOptions {
        ServerOptions {
            url: self.url.parse().unwrap(),
            api_key: KEY.into(),
            prefix: "house".into(),
            timeout: Duration::from_millis(800),
            connect_timeout: Duration::from_millis(800),
        }
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// The names of its collections.
    pub(crate) fn collections(&self) -> Vec<String> {
        self.state.lock().unwrap().collections.keys().cloned().collect()
    }

    pub(crate) fn indexed_fields(&self) -> Vec<String> {
        self.state.lock().unwrap().indexed_fields.iter().cloned().collect()
    }

    async fn let_in<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if request.metadata().get("api-key").is_none_or(|key| key != KEY) {
            return Err(Status::unauthenticated("Invalid API key or JWT"));
        }
        let fault = self.state.lock().unwrap().fault.clone();
        match fault {
            Fault::None | Fault::Short => Ok(()),
            Fault::Status(status) => Err(status),
            Fault::Silence => pending().await,
        }
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Held) -> Result<T, Status>) -> Result<T, Status> {
        let mut state = self.state.lock().unwrap();
        let name = state.aliases.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let held = state.collections.get_mut(&name);
        work(held.ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))?)
    }

    fn upserted(&self, asked: qdrant::UpsertPoints) -> Result<qdrant::PointsOperationResponse, Status> {
        assert_eq!(asked.wait, Some(true), "a write that is not waited for may be lost");
        self.with(&asked.collection_name, |held| {
            for point in asked.points {
                held.put(point)?;
            }
            Ok(Default::default())
        })
    }

    fn deleted(&self, asked: qdrant::DeletePoints) -> Result<qdrant::PointsOperationResponse, Status> {
        assert_eq!(asked.wait, Some(true));
        let selected = asked.points.and_then(|points| points.points_selector_one_of);
        let Some(qdrant::points_selector::PointsSelectorOneOf::Points(list)) = selected else {
            return Err(Status::unimplemented("by filter"));
        };
        self.with(&asked.collection_name, |held| {
            list.ids.into_iter().for_each(|id| held.remove(id));
            Ok(Default::default())
        })
    }

    fn got(&self, asked: qdrant::GetPoints) -> Result<qdrant::GetResponse, Status> {
        self.with(&asked.collection_name, |held| {
            let points = asked.ids.into_iter().filter_map(|id| held.get(&id));
            let result = points.map(|point| held.retrieved(point, false)).collect();
            Ok(qdrant::GetResponse { result, ..Default::default() })
        })
    }

    fn scrolled(&self, asked: qdrant::ScrollPoints) -> Result<qdrant::ScrollResponse, Status> {
        let limit = asked.limit.unwrap_or(10) as usize;
        let vectors = asked.with_vectors.is_some_and(|with| {
            with.selector_options == Some(qdrant::with_vectors_selector::SelectorOptions::Enable(true))
        });
        self.with(&asked.collection_name, |held| {
            let wanted: Vec<_> = held
                .from(asked.offset.as_ref())
                .filter(|point| matches(point, asked.filter.as_ref()))
                .take(limit + 1)
                .collect();
            let next_page_offset = wanted.get(limit).and_then(|point| point.id.clone());
            let result = wanted.into_iter().take(limit).map(|point| held.retrieved(point, vectors)).collect();
            Ok(qdrant::ScrollResponse { next_page_offset, result, ..Default::default() })
        })
    }

    fn counted(&self, asked: qdrant::CountPoints) -> Result<qdrant::CountResponse, Status> {
        self.with(&asked.collection_name, |held| {
            let result = Some(qdrant::CountResult { count: held.len() as u64 });
            Ok(qdrant::CountResponse { result, ..Default::default() })
        })
    }

    fn queried(&self, asked: qdrant::QueryPoints) -> Result<qdrant::QueryResponse, Status> {
        self.with(&asked.collection_name.clone(), |held| {
            let result = found(held, ranked(held, &asked)?);
            Ok(qdrant::QueryResponse { result, ..Default::default() })
        })
    }

    fn queried_all(&self, asked: qdrant::QueryBatchPoints) -> Result<qdrant::QueryBatchResponse, Status> {
        let mut result = asked
            .query_points
            .into_iter()
            .map(|query| Ok(qdrant::BatchResult { result: self.queried(query)?.result }))
            .collect::<Result<Vec<_>, Status>>()?;
        if matches!(self.state.lock().unwrap().fault, Fault::Short) {
            result.pop();
        }
        Ok(qdrant::QueryBatchResponse { result, ..Default::default() })
    }

    fn field_indexed(
        &self,
        asked: qdrant::CreateFieldIndexCollection,
    ) -> Result<qdrant::PointsOperationResponse, Status> {
        self.state.lock().unwrap().indexed_fields.insert(asked.field_name);
        Ok(Default::default())
    }

    fn created(&self, asked: qdrant::CreateCollection) -> Result<qdrant::CollectionOperationResponse, Status> {
        let sparse = asked.sparse_vectors_config.unwrap_or_default();
        let words = sparse.map.get("words").and_then(|words| words.modifier);
        assert_eq!(words, Some(qdrant::Modifier::Idf as i32), "IDF is the server's");
        let dimensions = asked.vectors_config.and_then(|config| config.config).map(|config| match config {
            Config::ParamsMap(map) => map.map["meaning"].size as usize,
            Config::Params(params) => params.size as usize,
        });
        let mut state = self.state.lock().unwrap();
        if state.collections.contains_key(&asked.collection_name) {
            let why = format!("Wrong input: Collection `{}` already exists!", asked.collection_name);
            return Err(Status::already_exists(why));
        }
        state.collections.insert(asked.collection_name, Held::new(dimensions));
        Ok(qdrant::CollectionOperationResponse { result: true, ..Default::default() })
    }

    fn dropped(&self, asked: qdrant::DeleteCollection) -> Result<qdrant::CollectionOperationResponse, Status> {
        let mut state = self.state.lock().unwrap();
        state.aliases.retain(|_, target| *target != asked.collection_name);
        let result = state.collections.remove(&asked.collection_name).is_some();
        Ok(qdrant::CollectionOperationResponse { result, ..Default::default() })
    }

    fn aliased(&self, asked: qdrant::ChangeAliases) -> Result<qdrant::CollectionOperationResponse, Status> {
        let mut state = self.state.lock().unwrap();
        for action in asked.actions {
            let Some(qdrant::alias_operations::Action::CreateAlias(create)) = action.action else {
                return Err(Status::unimplemented("only making"));
            };
            if !state.collections.contains_key(&create.collection_name) {
                let why = format!("Not found: Collection `{}` doesn't exist!", create.collection_name);
                return Err(Status::not_found(why));
            }
            state.aliases.insert(create.alias_name, create.collection_name);
        }
        Ok(qdrant::CollectionOperationResponse { result: true, ..Default::default() })
    }

    fn aliases(&self, _: qdrant::ListAliasesRequest) -> Result<qdrant::ListAliasesResponse, Status> {
        let state = self.state.lock().unwrap();
        let aliases = state.aliases.iter().map(|(alias_name, collection_name)| qdrant::AliasDescription {
            alias_name: alias_name.clone(),
            collection_name: collection_name.clone(),
        });
        Ok(qdrant::ListAliasesResponse { aliases: aliases.collect(), ..Default::default() })
    }

    fn listed(&self, _: qdrant::ListCollectionsRequest) -> Result<qdrant::ListCollectionsResponse, Status> {
        let collections = self.collections().into_iter().map(|name| qdrant::CollectionDescription { name }).collect();
        Ok(qdrant::ListCollectionsResponse { collections, ..Default::default() })
    }

    fn exists(&self, asked: qdrant::CollectionExistsRequest) -> Result<qdrant::CollectionExistsResponse, Status> {
        let exists = self.state.lock().unwrap().collections.contains_key(&asked.collection_name);
        Ok(qdrant::CollectionExistsResponse { result: Some(qdrant::CollectionExists { exists }), ..Default::default() })
    }
}

/// The methods of a service: those that are answered here, and those that nobody may ask for.
macro_rules! methods {
    ($($name:ident($asked:ident) -> $answer:ident $(= $how:ident)?;)*) => {$(
        fn $name<'life0, 'async_trait>(
            &'life0 self,
            request: Request<qdrant::$asked>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<qdrant::$answer>, Status>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                self.let_in(&request).await?;
                methods!(@ self, request, $($how)?)
            })
        }
    )*};
    (@ $self:ident, $request:ident, ) => {
        Err(Status::unimplemented(format!("{:?}", $request.into_inner())))
    };
    (@ $self:ident, $request:ident, $how:ident) => {
        $self.$how($request.into_inner()).map(Response::new)
    };
}

impl points_server::Points for Double {
    methods! {
        upsert(UpsertPoints) -> PointsOperationResponse = upserted;
        delete(DeletePoints) -> PointsOperationResponse = deleted;
        get(GetPoints) -> GetResponse = got;
        scroll(ScrollPoints) -> ScrollResponse = scrolled;
        count(CountPoints) -> CountResponse = counted;
        query(QueryPoints) -> QueryResponse = queried;
        query_batch(QueryBatchPoints) -> QueryBatchResponse = queried_all;
        create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = field_indexed;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

impl collections_server::Collections for Double {
    methods! {
        create(CreateCollection) -> CollectionOperationResponse = created;
        delete(DeleteCollection) -> CollectionOperationResponse = dropped;
        list(ListCollectionsRequest) -> ListCollectionsResponse = listed;
        update_aliases(ChangeAliases) -> CollectionOperationResponse = aliased;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse = aliases;
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = exists;
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse;
        update(UpdateCollection) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}
