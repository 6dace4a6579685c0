//! Why a call was not done, in the words of the real engine.

/// Docker's status and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status; 304 says that it is so already.
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// It is so already.
    pub(crate) fn already() -> Self {
        Self::new(304, "")
    }

    pub(crate) fn no_container(name: &str) -> Self {
        Self::new(404, format!("No such container: {name}"))
    }

    pub(crate) fn no_network(name: &str) -> Self {
        Self::new(404, format!("network {name} not found"))
    }

    pub(crate) fn no_image(reference: &str) -> Self {
        Self::new(404, format!("No such image: {reference}"))
    }

    pub(crate) fn no_service(name: &str) -> Self {
        Self::new(404, format!("service {name} not found"))
    }
}
