//! Which images may be started: by registry, name, tag or digest.

use serde::Deserialize;

use super::pattern::Patterns;

/// Which images may be started. A reference is compared whole, in its long form: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// Only these.
    allowed: Patterns,
    /// Never these.
    never: Option<Patterns>,
}

impl Images {
    /// Why an image may not be started; `None` when it may.
    pub fn against(&self, image: &str) -> Option<String> {
        let whole = match whole(image) {
            Ok(whole) => whole,
            Err(what) => return Some(what),
        };
        if let Some(never) = self.never.as_ref().filter(|never| never.matches(&whole)) {
            return Some(format!("{whole} is one of the images that are never started: {never}"));
        }
        (!self.allowed.matches(&whole)).then(|| format!("{whole} is none of the allowed images: {}", self.allowed))
    }
}

/// The long form of a reference, as Docker itself completes it.
///
/// Source: <https://pkg.go.dev/github.com/distribution/reference>
fn whole(image: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    if image.is_empty() || image.len() > 512 || !image.chars().all(plain) || image.starts_with(['-', '/', '.']) {
        return Err(format!(
            "{image:?} is no reference of an image; right would be \"registry.example/team/app:1.4.2\""
        ));
    }
    // An image by its id has no registry.
    if image.starts_with("sha256:") {
        return Ok(image.to_owned());
    }
    let (host, path) = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
        Some(_) => ("docker.io", image.to_owned()),
        None => ("docker.io", format!("library/{image}")),
    };
    let tagged = path.contains('@') || path.rsplit('/').next().is_some_and(|last| last.contains(':'));
    Ok(if tagged { format!("{host}/{path}") } else { format!("{host}/{path}:latest") })
}

#[cfg(test)]
mod tests {
    use super::{Images, whole};

    #[test]
    fn a_reference_is_completed_as_docker_completes_it() {
        for (short, long) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("team/app:1", "docker.io/team/app:1"),
            ("ghcr.io/team/app", "ghcr.io/team/app:latest"),
            ("localhost:5000/app@sha256:ab", "localhost:5000/app@sha256:ab"),
        ] {
            assert_eq!(whole(short).unwrap(), long);
        }
        for wrong in ["", "a b", "nginx\u{0430}", "-v", "../x"] {
            assert!(whole(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn never_comes_before_allowed() {
        let images: Images = toml::from_str("allowed = \"ghcr.io/team/*\"\nnever = [\"*:latest\"]").unwrap();
        assert_eq!(images.against("ghcr.io/team/app:1"), None);
        assert!(images.against("ghcr.io/team/app").unwrap().contains("never started"));
        assert!(images.against("evil.example/team/app:1").unwrap().contains("none of the allowed"));
        assert_eq!(Images::default().against("app:1"), None);
    }
}
