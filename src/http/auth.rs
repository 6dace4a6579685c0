//! Who asks: bearer token or basic authentication, compared in constant time.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{SharedHttp, problem::Problem};
use crate::{guard::Person, incident::Who};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Send alerts, nothing else.
    Alertmanager,
    /// Read.
    Viewer,
    /// Read, ask, approve what the policy does not leave to approvers, stop and resume, send alerts.
    Operator,
    /// The same, and approve all.
    Approver,
}

impl Role {
    /// The role's word, as the policy has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

/// One caller's credentials.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The name that stands in the journal.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How it shows who it is.
    pub proof: Proof,
}

/// How a caller shows who it is.
#[derive(Debug, Clone)]
pub enum Proof {
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// `Authorization: Basic …` with the credential's name as the user.
    Basic(SecretString),
}

/// All credentials; none means that everybody who can reach the server is an operator (settings allow that on loopback only).
#[derive(Debug, Clone, Default)]
pub struct Credentials(pub Vec<Credential>);

/// Who asks, put into the request for handlers.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    role: Role,
    /// From where: an address.
    from: String,
}

impl Caller {
    /// The caller as somebody who answers a question.
    pub(crate) fn person(&self) -> Person {
        Person { name: self.name.clone(), role: self.role.word().to_owned(), from: self.from.clone() }
    }

    /// The caller as somebody who decides about the agent itself.
    pub(crate) fn who(&self, because: &str) -> Who {
        let because = tools::clean(because).chars().take(2_000).collect();
        Who { by: self.name.clone(), from: self.from.clone(), because }
    }
}

impl Credentials {
    fn caller(&self, headers: &HeaderMap, from: String) -> Option<Caller> {
        if self.0.is_empty() {
            return (loopback_host(headers) && !of_a_page(headers)).then(|| Caller {
                name: "anonymous".to_owned(),
                role: Role::Operator,
                from,
            });
        }
        let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, value) = given.split_once(' ')?;
        let found = if scheme.eq_ignore_ascii_case("bearer") {
            self.0.iter().find(|known| matches!(&known.proof, Proof::Bearer(token) if same(token, value.trim())))
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            let (user, password) = decoded.split_once(':')?;
            let fits = |known: &&Credential| {
                known.name == user && matches!(&known.proof, Proof::Basic(secret) if same(secret, password))
            };
            self.0.iter().find(fits)
        } else {
            None
        }?;
        Some(Caller { name: found.name.clone(), role: found.role, from })
    }
}

/// Hashes first, so that neither content nor length shows in the time it takes.
fn same(secret: &SecretString, given: &str) -> bool {
    Sha256::digest(secret.expose_secret()).ct_eq(&Sha256::digest(given)).into()
}

/// Without credentials only requests addressed to loopback count: a page in a browser cannot reach us by a name of its own.
fn loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let name = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a page of another site makes the request, in the browser of somebody on this machine: such a page needs no answer that it
/// can read to do harm. (Fetch standard, `Origin`; W3C Fetch Metadata.)
fn of_a_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let elsewhere = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let own = |origin: &str| {
        text("host").is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host))
    };
    elsewhere || text("origin").is_some_and(|origin| !own(origin))
}

/// Lets a request through if its caller may make it.
pub(crate) async fn guard(State(http): State<SharedHttp>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if matches!(path, "/health" | "/ready") {
        return next.run(request).await;
    }
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = from.map_or_else(|| "HTTP".to_owned(), |ConnectInfo(address)| address.ip().to_string());
    let Some(caller) = http.credentials.caller(request.headers(), from) else {
        http.metrics.refused();
        let detail = "credentials are needed: Authorization: Bearer TOKEN, or Basic; see [http] in the settings";
        return Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    };
    let wants_alerts = matches!(path, "/alerts" | "/webhook/alerts") && request.method() == Method::POST;
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let may = match caller.role {
        Role::Operator | Role::Approver => true,
        Role::Viewer => reads,
        Role::Alertmanager => wants_alerts,
    };
    if !may {
        let detail = format!("{} may not do this with its role", caller.name);
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
