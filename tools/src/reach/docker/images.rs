//! Images: looked up here and in their registry, and pulled.

use std::time::Duration;

use bollard::{errors::Error, models::ImageInspect, query_parameters::CreateImageOptions};

use super::{Docker, failure, is_missing};
use crate::{Failure, text};

/// How long a pull may take in all.
const PULL: Duration = Duration::from_mins(5);

/// An image and what Docker says of it.
pub type Image = ImageInspect;

impl Docker {
    /// An image by reference or id, where the engine has it.
    ///
    /// # Errors
    /// `Tell` when the reference is none; else `Unreachable`.
    pub async fn image(&self, reference: &str) -> Result<Option<Image>, Failure> {
        check(reference)?;
        match self.client(self.timeout)?.inspect_image(reference).await.map_err(failure) {
            Ok(image) => Ok(Some(image)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the registry would give the image; nothing is pulled.
    ///
    /// # Errors
    /// `Tell` with what the registry says when it would not.
    pub(crate) async fn offered(&self, reference: &str) -> Result<(), Failure> {
        check(reference)?;
        let answer = self.client(self.timeout)?.inspect_registry_image(reference, None).await;
        answer.map(drop).map_err(|error| refused(reference, error))
    }

    /// Pulls an image.
    ///
    /// # Errors
    /// `Tell` with what the registry says; `Unreachable` when Docker itself does not answer, or not in time.
    pub(crate) async fn pull(&self, reference: &str) -> Result<(), Failure> {
        check(reference)?;
        let client = self.client(PULL)?;
        // Without a tag Docker would pull every one that there is.
        let named = reference.contains('@') || reference.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let options = CreateImageOptions {
            from_image: Some(reference.to_owned()),
            tag: (!named).then(|| "latest".to_owned()),
            ..Default::default()
        };
        let pull = async {
            let mut progress = std::pin::pin!(client.create_image(Some(options), None, None));
            while let Some(step) = futures::StreamExt::next(&mut progress).await {
                step.map_err(|error| refused(reference, error))?;
            }
            Ok(())
        };
        tokio::time::timeout(PULL, pull).await.unwrap_or_else(|_| {
            let why = format!("{reference} was not pulled within {} s", PULL.as_secs());
            Err(Failure::unreachable(crate::System::Docker, why))
        })
    }
}

/// The registry's own refusal, whichever way Docker hands it on, is no matter of reaching Docker.
fn refused(reference: &str, error: Error) -> Failure {
    let (Error::DockerResponseServerError { message, .. } | Error::DockerStreamError { error: message }) = &error
    else {
        return failure(error);
    };
    let why = text::one_line(&text::clean(message), 300);
    Failure::Tell(format!(
        "{reference} is not on the engine and its registry does not give it: {why}; right would be an image that is there, such as \"registry.example/team/app:1.4.2\""
    ))
}

/// A reference goes into a path: anything else than one is refused before it is sent.
fn check(reference: &str) -> Result<(), Failure> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    let whole = !reference.is_empty()
        && reference.len() <= 512
        && reference.chars().all(plain)
        && reference.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && !reference.split('/').any(|part| part.is_empty() || part.starts_with('.'));
    if whole {
        return Ok(());
    }
    let told = text::one_line(&text::clean(reference), 120);
    Err(Failure::Tell(format!(
        "{told:?} is no reference of an image; right would be \"registry.example/team/app:1.4.2\" or \"sha256:…\""
    )))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_a_reference_goes_into_a_path() {
        for right in ["nginx", "team/app:1", "host:5000/a/b@sha256:ab", "sha256:0123"] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for wrong in ["", "a b", "../containers", "a/../b", "a//b", "-v", "a?b=c", "a%2e", "a\nb"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
