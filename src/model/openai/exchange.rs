//! One attempt over HTTP: async-openai speaks the protocol, this keeps its bounds and finds out what went wrong.
//!
//! The client's own retries are left out with its transport: pauses belong to the clock, and a refusal's headers and body
//! are needed here.

use std::{
    error::Error,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_openai::{Client, config::Config, error::OpenAIError, middleware::HttpRequestFactory};
use futures::{Stream, StreamExt};
use reqwest::{Response, header::CONTENT_TYPE};
use tools::SharedClock;

use super::{
    OpenAiOptions,
    answer::{Collected, Piece},
    fault::{Fault, retry_after},
    provider::Provider,
    request::Request,
};

/// What of an answer is read, in bytes.
const MOST: usize = 4 * 1024 * 1024;
/// What of a refusal is read, in bytes.
const MOST_REFUSAL: usize = 64 * 1024;

/// Where a provider answers, and how it is asked.
pub(super) struct Endpoint {
    provider: Arc<Provider>,
    transport: Transport,
}

/// Sends requests and keeps the bounds.
#[derive(Clone)]
struct Transport {
    client: reqwest::Client,
    clock: SharedClock,
    timeout: Duration,
    host: String,
    /// What went wrong, told by the transport past the client's own errors, which know neither headers nor kinds.
    seen: Arc<Mutex<Option<Fault>>>,
}

impl Endpoint {
    pub(super) fn new(options: &OpenAiOptions, client: reqwest::Client, clock: SharedClock) -> Self {
        let url = &options.base_url;
        let host = url.host_str().unwrap_or("the server").to_owned();
        let host = url.port_or_known_default().map_or(host.clone(), |port| format!("{host}:{port}"));
        let provider = Arc::new(Provider::new(options));
        let transport = Transport { client, clock, timeout: options.timeout, host, seen: Arc::default() };
        Self { provider, transport }
    }

    /// Asks once.
    pub(super) async fn ask(&self, request: &Request<'_>) -> Result<Collected, Fault> {
        self.provider.check()?;
        // Each attempt has its own place for what went wrong, so that turns side by side do not mix theirs up.
        let transport = Transport { seen: Arc::default(), ..self.transport.clone() };
        let stream = request.stream;
        let service = tower::service_fn({
            let transport = transport.clone();
            move |factory| transport.clone().send(factory, stream)
        });
        let provider: Arc<dyn Config> = self.provider.clone();
        let client = Client::build(self.transport.client.clone(), provider).with_http_service(service);
        let asked = if stream { streamed(&client, request).await } else { whole(&client, request).await };
        asked.map_err(|error| match error {
            Failed::Fault(fault) => fault,
            Failed::Client(error) => transport.take().unwrap_or_else(|| of_client(error)),
        })
    }
}

enum Failed {
    Fault(Fault),
    Client(OpenAIError),
}

async fn whole(client: &Client<Arc<dyn Config>>, request: &Request<'_>) -> Result<Collected, Failed> {
    let piece: Piece = client.chat().create_byot(request).await.map_err(Failed::Client)?;
    let mut collected = Collected::default();
    collected.add(piece).map_err(Failed::Fault)?;
    collected.finished(false).map_err(Failed::Fault)
}

async fn streamed(client: &Client<Arc<dyn Config>>, request: &Request<'_>) -> Result<Collected, Failed> {
    let mut pieces = client.chat().create_stream_byot::<_, Piece>(request).await.map_err(Failed::Client)?;
    let mut collected = Collected::default();
    while let Some(piece) = pieces.next().await {
        collected.add(piece.map_err(Failed::Client)?).map_err(Failed::Fault)?;
    }
    collected.finished(true).map_err(Failed::Fault)
}

impl Transport {
    async fn send(self, factory: HttpRequestFactory, stream: bool) -> Result<Response, OpenAIError> {
        let mut request = factory.build().await?;
        *request.timeout_mut() = Some(self.timeout);
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.tell(self.fault(error))),
        };
        if !response.status().is_success() {
            let fault = self.refusal(response).await;
            return Err(self.tell(fault));
        }
        if !stream {
            let body = self.read(response).await?;
            return Ok(response_of(reqwest::Body::from(body)));
        }
        let json =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if json {
            // A server that does not stream answers in one piece; as a stream that is one event.
            let body = self.read(response).await?;
            let event = format!("data: {}\n\n", String::from_utf8_lossy(&body).replace(['\r', '\n'], " "));
            return Ok(response_of(reqwest::Body::from(event)));
        }
        Ok(response_of(reqwest::Body::wrap_stream(self.bounded(response))))
    }

    /// A whole body that is a chat completion.
    async fn read(&self, response: Response) -> Result<Vec<u8>, OpenAIError> {
        let mut body = Vec::new();
        let mut parts = std::pin::pin!(self.bounded(response));
        while let Some(part) = parts.next().await {
            body.extend_from_slice(&part.map_err(|error| OpenAIError::Boxed(Box::new(error)))?);
        }
        let fault = match serde_json::from_slice::<Piece>(&body) {
            Ok(piece) if piece.is_answer() => return Ok(body),
            Ok(_) => unreadable("it has no `choices`", &String::from_utf8_lossy(&body)),
            Err(error) => unreadable(&error.to_string(), &String::from_utf8_lossy(&body)),
        };
        Err(self.tell(fault))
    }

    /// The body, up to its bound.
    fn bounded(&self, response: Response) -> impl Stream<Item = Result<Vec<u8>, io::Error>> + Send + 'static {
        let transport = self.clone();
        let mut left = MOST;
        response.bytes_stream().map(move |part| match part {
            Ok(part) if part.len() <= left => {
                left -= part.len();
                Ok(part.to_vec())
            }
            Ok(_) => {
                let fault = Fault::TooLarge(format!("the answer is larger than {} MiB", MOST / 1024 / 1024));
                Err(io::Error::other(transport.tell(fault)))
            }
            Err(error) => Err(io::Error::other(transport.tell(transport.fault(error)))),
        })
    }

    async fn refusal(&self, response: Response) -> Fault {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), self.clock.now());
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(Ok(part)) = parts.next().await {
            body.extend(part.iter().take(MOST_REFUSAL.saturating_sub(body.len())));
            if body.len() >= MOST_REFUSAL {
                break;
            }
        }
        Fault::Status { status, body: String::from_utf8_lossy(&body).into_owned(), retry_after }
    }

    fn fault(&self, error: reqwest::Error) -> Fault {
        // The address may hold credentials.
        let error = error.without_url();
        if error.is_timeout() {
            return Fault::TimedOut(self.timeout);
        }
        if error.is_connect() {
            return Fault::Unreachable(format!("{} cannot be reached: {}", self.host, innermost(&error)));
        }
        Fault::BrokeOff(innermost(&error))
    }

    fn tell(&self, fault: Fault) -> OpenAIError {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        OpenAIError::InvalidArgument("see the fault beside it".to_owned())
    }

    fn take(&self) -> Option<Fault> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the client itself found wrong.
fn of_client(error: OpenAIError) -> Fault {
    if let OpenAIError::JSONDeserialize(error, text) = &error {
        return unreadable(&error.to_string(), text);
    }
    if let OpenAIError::Reqwest(error) = error {
        return Fault::Settings(format!("no request can be made: {}", innermost(&error.without_url())));
    }
    Fault::BrokeOff(error.to_string())
}

fn unreadable(why: &str, text: &str) -> Fault {
    Fault::Unreadable(format!("the answer is no chat completion ({why}); it begins with: {text}"))
}

fn response_of(body: reqwest::Body) -> Response {
    axum::http::Response::new(body).into()
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
